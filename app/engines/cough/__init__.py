"""Is this a cough, and which kind: a user's own Keras model, or the built-in network."""

from app.engines.cough.base import NOTICE, CoughAnswer, CoughClassifier, CoughModelInfo, Segment
from app.engines.cough.registry import CoughModels

__all__ = ["NOTICE", "CoughAnswer", "CoughClassifier", "CoughModelInfo", "CoughModels", "Segment"]
