"""The folder ``dataset/<user_id>/`` of each user."""

from __future__ import annotations

import logging

from app.storage import Storage

logger = logging.getLogger(__name__)


class UserFolders:
    """Makes and removes users' folders in the storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def make(self, user_id: int) -> None:
        """Make the user's folder; one that exists stays."""
        self._storage.make_folder(str(user_id))

    def remove(self, user_id: int) -> None:
        """Remove the user's folder with everything in it; what resists is left for the next start's sweep."""
        try:
            self._storage.delete_prefix(str(user_id))
        except OSError:
            logger.exception("The folder of user %d could not be removed", user_id)
