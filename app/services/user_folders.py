"""The folder ``dataset/<user_id>/`` of each user, and what else is filed under a user's id."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from app.storage import Storage

logger = logging.getLogger(__name__)


class UserFolders:
    """Makes and removes users' folders in the storage."""

    def __init__(self, storage: Storage, *, also_remove: Sequence[Callable[[int], None]] = ()) -> None:
        """:param also_remove: each removes what is kept of this user elsewhere."""
        self._storage = storage
        self._also_remove = also_remove

    def make(self, user_id: int) -> None:
        """Make the user's folder; one that exists stays."""
        self._storage.make_folder(str(user_id))

    def remove(self, user_id: int) -> None:
        """Remove the user's folder with everything in it; what resists is left for the next start's sweep."""
        try:
            self._storage.delete_prefix(str(user_id))
        except OSError:
            logger.exception("The folder of user %d could not be removed", user_id)
        for remove in self._also_remove:
            remove(user_id)
