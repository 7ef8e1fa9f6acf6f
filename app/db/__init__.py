"""Tables, one module per aggregate, and everything that is PostgreSQL."""

from app.db.accounts import ApiKey, LoginSession, SignInFailures
from app.db.base import Base, db, utc_now
from app.db.faces import FaceEmbedding, FaceGeneration, GenerationState
from app.db.history import BreedEntry, CoughEntry, HistoryEntry
from app.db.installation import Installation
from app.db.photos import Photo
from app.db.training import JobKind, JobState, TrainingJob
from app.db.users import Role, User

__all__ = [
    "ApiKey",
    "Base",
    "BreedEntry",
    "CoughEntry",
    "FaceEmbedding",
    "FaceGeneration",
    "GenerationState",
    "HistoryEntry",
    "Installation",
    "JobKind",
    "JobState",
    "LoginSession",
    "Photo",
    "Role",
    "SignInFailures",
    "TrainingJob",
    "User",
    "db",
    "utc_now",
]
