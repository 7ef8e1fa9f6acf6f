"""Tables, one module per aggregate, and everything that is PostgreSQL."""

from app.db.accounts import ApiKey, LoginSession, SignInFailures
from app.db.base import Base, db, utc_now
from app.db.drive import DriveFace, DriveFile, DriveFileState, DriveSearch, DriveSearchFile, DriveSearchState
from app.db.event_people import Bookmark, DownloadState, EventDownload, Identity, Selfie
from app.db.events import Event, EventFace, EventImage, EventStatistics, EventVisit, ImageState
from app.db.faces import FaceEmbedding, FaceGeneration, GenerationState
from app.db.history import BreedEntry, CoughEntry, HistoryEntry
from app.db.installation import Installation
from app.db.photos import Photo
from app.db.training import JobKind, JobState, TrainingJob
from app.db.users import Role, User

__all__ = [
    "ApiKey",
    "Base",
    "Bookmark",
    "BreedEntry",
    "CoughEntry",
    "DownloadState",
    "DriveFace",
    "DriveFile",
    "DriveFileState",
    "DriveSearch",
    "DriveSearchFile",
    "DriveSearchState",
    "Event",
    "EventDownload",
    "EventFace",
    "EventImage",
    "EventStatistics",
    "EventVisit",
    "FaceEmbedding",
    "FaceGeneration",
    "GenerationState",
    "HistoryEntry",
    "Identity",
    "ImageState",
    "Installation",
    "JobKind",
    "JobState",
    "LoginSession",
    "Photo",
    "Role",
    "Selfie",
    "SignInFailures",
    "TrainingJob",
    "User",
    "db",
    "utc_now",
]
