"""Listing the folder of a Drive search. Every page is stored as it comes: what ends anywhere goes on there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, sessionmaker

from app.db import DriveFile, DriveFileState, DriveSearchFile
from app.errors import DriveFolderNotFound, GoogleUnavailable, ImageTooLarge, JobFailed, UnsupportedImage, WorkerDied
from app.services.google.drive import DriveClient, DriveItem, DrivePage, PageTokenRefused
from app.services.google.drive_attempt import Attempt
from app.services.google.drive_searches import hold_folder

#: Kinds that the decoder reads; others are listed as skipped and never fetched.
READABLE: Final = frozenset({"image/jpeg", "image/png"})
#: Subfolders are followed this deep, and this many of them: a folder may be endless by its shortcuts.
MAX_DEPTH: Final = 10
MAX_FOLDERS: Final = 1000
#: Pages of one folder: a list that never ends must not keep us for ever.
MAX_PAGES: Final = 1000
#: Times that a folder is listed from its beginning because Drive forgot where it was.
MAX_RESTARTS: Final = 3
#: Failures that another search may find mended.
_PASSING: Final = (GoogleUnavailable.code, WorkerDied.code, JobFailed.code)


#: What is still to be listed, as it is stored with the search: id, key, depth, token, done, pages of each folder.
Folders = list[dict[str, Any]]


class DriveListing:
    """Lists folders and makes their pictures part of a search."""

    def __init__(
        self, sessions: sessionmaker[Session], drive: DriveClient, *, max_files: int, max_file_bytes: int
    ) -> None:
        """
        :param max_files: pictures of one folder that are searched.
        :param max_file_bytes: larger ones are not even fetched.
        """
        self._sessions = sessions
        self._drive = drive
        self._max_files = max_files
        self._max_file_bytes = max_file_bytes

    def list(self, attempt: Attempt) -> None:
        """List the folder and those in it, from where an earlier attempt was.

        DriveFolderNotFound, GoogleUnavailable and what else `DriveClient` raises; JobInterrupted, TakenOver.
        """
        folders = attempt.search.pending
        if folders is None:
            return
        if attempt.search.folder_name is None:
            self._open(attempt, folders)
        known = {folder["id"] for folder in folders}
        restarts = 0
        while (folder := next((entry for entry in folders if not entry["done"]), None)) is not None:
            attempt.check()
            try:
                page = self._drive.children(folder["id"], folder["key"], folder["token"], pause=attempt.pause)
            except PageTokenRefused:
                restarts += 1
                if restarts > MAX_RESTARTS:
                    raise GoogleUnavailable("Google Drive lost its place in the folder again and again.") from None
                folder["token"] = None
                continue
            except DriveFolderNotFound:
                if folder["depth"] == 0:
                    raise
                page = DrivePage([], None)  # a shortcut to what is private, or gone meanwhile
            folder["token"] = page.next_token
            folder["pages"] = folder.get("pages", 0) + 1
            folder["done"] = page.next_token is None or folder["pages"] >= MAX_PAGES
            if self._take(attempt, folder, page, folders, known):
                break
        with self._sessions.begin() as session:
            attempt.hold(session, pending=None, analysed=attempt.analysed)

    def _open(self, attempt: Attempt, folders: Folders) -> None:
        """Look at the folder itself: whether it is one, and what it is called."""
        root = folders[0]
        found = self._drive.item(root["id"], root["key"], pause=attempt.pause)
        if found.target_id is not None:
            found = self._drive.item(found.target_id, found.target_key, pause=attempt.pause)
        if not found.is_folder:
            raise DriveFolderNotFound("The link leads to a file: share the folder that it is in.")
        root["id"], root["key"] = found.id, found.resource_key or root["key"]
        with self._sessions.begin() as session:
            attempt.hold(session, folder_name=found.name, pending=folders)

    def _take(
        self, attempt: Attempt, folder: dict[str, Any], page: DrivePage, folders: Folders, known: set[str]
    ) -> bool:
        """Store a page: pictures to look at, folders to list; whether there are as many pictures as are searched."""
        truncated = False
        pictures: dict[str, DriveItem] = {}
        for shown in page.items:
            item = self._resolved(attempt, shown)
            if item is None:
                continue
            if item.is_image:
                pictures[item.id] = item
            elif item.is_folder and item.id not in known:
                if folder["depth"] >= MAX_DEPTH or len(folders) >= MAX_FOLDERS:
                    truncated = True
                    continue
                known.add(item.id)
                folders.append(
                    {
                        "id": item.id,
                        "key": item.resource_key,
                        "depth": folder["depth"] + 1,
                        "token": None,
                        "done": False,
                    }
                )
        with self._sessions.begin() as session:
            hold_folder(session, attempt.search.folder_id)
            listed = session.scalars(select(func.count()).where(DriveSearchFile.search_id == attempt.search.id)).one()
            room = self._max_files - listed
            wanted = list(pictures.values())[: max(room, 0)]
            full = len(pictures) > room
            linked = self._link(session, attempt, wanted)
            attempt.hold(
                session,
                pending=folders,
                listed=listed + linked,
                fruitless_attempts=0,
                **({"truncated": True} if truncated or full else {}),
            )
        return full

    def _resolved(self, attempt: Attempt, item: DriveItem) -> DriveItem | None:
        """What a shortcut leads to, the item itself otherwise; None if that cannot be read."""
        if item.target_id is None:
            return item
        attempt.check()
        try:
            return self._drive.item(item.target_id, item.target_key, pause=attempt.pause)
        except DriveFolderNotFound:
            return None

    def _link(self, session: Session, attempt: Attempt, pictures: Sequence[DriveItem]) -> int:
        """Make pictures part of the search, those known from other searches as they are; how many are new to it."""
        if not pictures:
            return 0
        row = DriveFile
        rows = [
            {
                "folder_id": attempt.search.folder_id,
                "file_id": item.id,
                "name": item.name,
                "version": item.version,
                "model": attempt.search.model,
                "size_bytes": item.size_bytes,
                "resource_key": item.resource_key,
                **self._first_state(item),
            }
            for item in pictures
        ]
        new = upsert(row).values(rows)
        again = row.failure.in_(_PASSING)
        ids = session.scalars(
            new.on_conflict_do_update(
                index_elements=[row.folder_id, row.file_id, row.version, row.model],
                set_={
                    "name": new.excluded.name,
                    "resource_key": new.excluded.resource_key,
                    "state": case((again, DriveFileState.LISTED.value), else_=row.state),
                    "attempts": case((again, 0), else_=row.attempts),
                    "failure": case((again, None), else_=row.failure),
                },
            ).returning(row.id)
        ).all()
        links = upsert(DriveSearchFile).values([{"search_id": attempt.search.id, "file_id": found} for found in ids])
        return len(session.scalars(links.on_conflict_do_nothing().returning(DriveSearchFile.file_id)).all())

    def _first_state(self, item: DriveItem) -> dict[str, Any]:
        """What can be said of a picture before it is fetched."""
        failure = None
        if item.mime not in READABLE:
            failure = UnsupportedImage.code
        elif item.size_bytes is not None and item.size_bytes > self._max_file_bytes:
            failure = ImageTooLarge.code
        state = DriveFileState.LISTED if failure is None else DriveFileState.SKIPPED
        return {"state": state.value, "failure": failure}
