"""Where bytes live."""

from app.storage.base import InvalidKey, Sink, Storage, TooManyBytes, check_writable, is_temporary
from app.storage.local import LocalStorage

__all__ = ["InvalidKey", "LocalStorage", "Sink", "Storage", "TooManyBytes", "check_writable", "is_temporary"]
