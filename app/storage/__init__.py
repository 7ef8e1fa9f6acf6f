"""Where bytes live."""

from app.storage.base import InvalidKey, Storage, is_temporary
from app.storage.local import LocalStorage

__all__ = ["InvalidKey", "LocalStorage", "Storage", "is_temporary"]
