"""Fetching weights: all of them, checked, or nothing."""

from app.engines.download.progress import Progress, log_progress, silent, terminal_progress
from app.engines.download.transfer import USUAL_LIMITS, Expected, Limits, fetch
from app.engines.download.workplace import workplace

__all__ = [
    "USUAL_LIMITS",
    "Expected",
    "Limits",
    "Progress",
    "fetch",
    "log_progress",
    "silent",
    "terminal_progress",
    "workplace",
]
