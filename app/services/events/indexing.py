"""Looking for faces on the photos of events: one job for each photo, in the background.

A look replaces the faces of its photo in one transaction with the photo's state, so that whatever is there belongs to
exactly one complete look. It holds a mark, the photo's ``attempts``: a look that was only thought to be dead finds out
when it stores, and stores nothing.

Photos find their way back into the queue by themselves: after a killed worker (the queue takes its jobs back), after
jobs got lost (`requeue`), after a change of the face model, and when a model that was missing is there again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from sqlalchemy import Select, delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from app.db import Event, EventFace, EventImage, ImageState
from app.db.connect import database_went_away
from app.engines.face.look import Look, look_at
from app.errors import JobFailed, KenaliError, ModelDownloadFailed, ModelNotUsable, WorkerDied
from app.services.events.files import EventFiles, Size
from app.services.events.images import Decode, EnqueueImages, queue_again
from app.services.gallery import Gallery

logger = logging.getLogger(__name__)

#: A photo whose worker died this often is given up: it is probably what kills it.
MAX_ATTEMPTS: Final = 5
#: Photos that go back into the queue in one transaction.
_ROWS_AT_ONCE: Final = 500
#: No fault of the photo: it is looked at again as soon as the model can be had.
_MODEL_TROUBLE: Final = (ModelNotUsable.code, ModelDownloadFailed.code)


class EventIndexing:
    """Looks at photos of events."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        gallery: Gallery,
        files: EventFiles,
        decode: Decode,
        enqueue: EnqueueImages,
        *,
        on_stored: Callable[[int], None] = lambda _: None,
    ) -> None:
        """
        :param gallery: tells which face model is in use.
        :param on_stored: is told the id of an event whose faces have changed, after the commit.
        """
        self._sessions = sessions
        self._gallery = gallery
        self._files = files
        self._decode = decode
        self._enqueue = enqueue
        self._on_stored = on_stored

    def run(self, image_id: int) -> None:
        """Look at one photo. Called by the worker, again if an earlier attempt died.

        Raises the driver's errors when the database goes away: the queue tries again. Every other failure is written
        to the photo.
        """
        image = self._begin(image_id)
        if image is None:
            return
        try:
            engine = self._gallery.engine_for_jobs()
            seen = look_at(engine, self._decode(self._files.read_image(image, Size.ORIGINAL)))
            self._store(image, engine.info.key, seen)
        except KenaliError as error:
            self._fail(image, error)
        except Exception as error:
            if database_went_away(error):
                raise
            logger.exception("Photo %d of event %d could not be looked at", image_id, image.event_id)
            self._fail(image, JobFailed())

    def requeue(self) -> int:
        """Put photos back into the queue that would otherwise wait for ever; how many. Called now and then."""
        return self._requeue_lost() + self._requeue_outdated()

    # --- one look

    def _begin(self, image_id: int) -> EventImage | None:
        """The photo, with this attempt's mark; None if there is nothing (more) to do."""
        with self._sessions.begin() as session:
            image = session.scalar(
                update(EventImage)
                .where(EventImage.id == image_id, EventImage.state == ImageState.QUEUED)
                .values(attempts=EventImage.attempts + 1)
                .returning(EventImage)
            )
        if image is not None and image.attempts > MAX_ATTEMPTS:
            self._fail(image, WorkerDied())
            return None
        return image

    def _store(self, image: EventImage, model: str, seen: Look) -> None:
        rows = seen.rows(event_id=image.event_id, image_id=image.id, model=model)
        with self._sessions.begin() as session:
            if not _holds(session, image):
                return
            session.execute(delete(EventFace).where(EventFace.image_id == image.id))
            if rows:
                session.execute(insert(EventFace), rows)
            session.execute(
                update(EventImage)
                .where(EventImage.id == image.id)
                .values(
                    state=ImageState.INDEXED.value,
                    failure=None,
                    faces=len(rows),
                    model=model,
                    attempts=0,
                    indexed_at=func.clock_timestamp(),
                )
            )
        self._on_stored(image.event_id)

    def _fail(self, image: EventImage, error: KenaliError) -> None:
        """Say that the photo cannot be looked at. What an earlier look has found stays: the file never changes."""
        logger.warning("Photo %d of event %d: %s", image.id, image.event_id, error.detail)
        with self._sessions.begin() as session:
            if not _holds(session, image):
                return
            session.execute(
                update(EventImage)
                .where(EventImage.id == image.id)
                .values(state=ImageState.FAILED.value, failure=error.code, attempts=0)
            )

    # --- back into the queue

    def _requeue_lost(self) -> int:
        """Photos that are to be looked at, and that the queue does not know."""
        lost = select(EventImage.id).where(
            EventImage.state == ImageState.QUEUED,
            text(
                "NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS queued "
                "WHERE queued.id = event_images.queue_job_id AND queued.status IN ('todo', 'doing'))"
            ),
        )
        return self._requeue(lost)

    def _requeue_outdated(self) -> int:
        """Photos that another face model has looked at, or that failed for want of one."""
        with self._sessions() as session:
            models = session.scalars(select(EventImage.model).where(EventImage.model.is_not(None)).distinct()).all()
            waiting = session.scalar(select(func.count()).where(EventImage.failure.in_(_MODEL_TROUBLE)))
        if not models and not waiting:
            return 0  # no photos: the model need not be loaded for them
        try:
            key = self._gallery.engine_for_jobs().info.key
        except KenaliError:
            return 0  # it is still missing
        if set(models) <= {key} and not waiting:
            return 0
        outdated = or_(
            (EventImage.state == ImageState.INDEXED) & (EventImage.model != key),
            EventImage.failure.in_(_MODEL_TROUBLE),
        )
        count = self._requeue(select(EventImage.id).where(outdated))
        if count:
            logger.warning("%d photos of events are looked at again, with %s", count, key)
        return count

    def _requeue(self, query: Select[int]) -> int:
        queued = 0
        while True:
            with self._sessions.begin() as session:
                # Several workers may look at the same moment: each takes others.
                ids = session.scalars(
                    query.order_by(EventImage.id).limit(_ROWS_AT_ONCE).with_for_update(skip_locked=True)
                ).all()
                queue_again(session, self._enqueue, ids)
            queued += len(ids)
            if len(ids) < _ROWS_AT_ONCE:
                return queued


def _holds(session: Session, image: EventImage) -> bool:
    """Hold event and photo until the commit; whether this attempt still owns the photo."""
    held = select(Event.id).where(Event.id == image.event_id).with_for_update(read=True, key_share=True)
    if session.scalar(held) is None:
        return False
    owned = (
        select(EventImage.id)
        .where(
            EventImage.id == image.id,
            EventImage.attempts == image.attempts,
            EventImage.state == ImageState.QUEUED,
        )
        .with_for_update()
    )
    return session.scalar(owned) is not None
