"""What the worker can do: a task is one call into a service."""

from __future__ import annotations

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job

from app.services.events.indexing import EventIndexing
from app.services.events.people import EventPeople
from app.services.events.zip_files import DownloadRunner
from app.services.google.drive_run import DriveSearchRunner
from app.services.training import TrainingService
from app.services.training_jobs import JobInterrupted

#: Name of the task in the queue's table: it must stay, or queued jobs are not understood after an update.
TRAIN = "train"
QUEUE = "training"
INDEX_IMAGE = "index_image"
EVENTS_QUEUE = "events"
DRIVE_SEARCH = "drive_search"
DRIVE_QUEUE = "drive"
MAKE_DOWNLOAD = "make_download"
DOWNLOADS_QUEUE = "downloads"
COUNT_PEOPLE = "count_people"
PEOPLE_QUEUE = "event_people"
#: Keys of the services in the worker's context.
TRAINING = "training"
INDEXING = "indexing"
DRIVE = "drive"
DOWNLOADS = "downloads"
PEOPLE = "people"

#: Queue -> how many of its jobs run at the same time. Training: one rebuild at most (its lock), so that one place is
#: always free for people who wait for their own. Each queue has places of its own: a thousand photos of an event keep
#: nobody's training waiting.
#: Of Drive one picture at a time: the memory of a worker stays flat.
#: Downloads are the disk's work; two, so that a small one need not wait for a large one. Of the events whose people are
#: counted one at a time: it may take hundreds of MB.
PLACES = {QUEUE: 2, EVENTS_QUEUE: 2, DRIVE_QUEUE: 1, DOWNLOADS_QUEUE: 2, PEOPLE_QUEUE: 1}

#: The database was away, say: after 1, 2, 4, 8 ... seconds, at most 30, for about two minutes in all.
_MAX_ATTEMPTS = 8
_LONGEST_PAUSE_SECONDS = 30


class TryAgain(BaseRetryStrategy):
    """At once after a shutdown, with growing pauses after an error, up to a limit."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to try again, if at all."""
        if isinstance(exception, JobAborted):
            return RetryDecision(retry_in={"seconds": 0})
        if job.attempts >= _MAX_ATTEMPTS:
            return None
        return RetryDecision(retry_in={"seconds": min(2**job.attempts, _LONGEST_PAUSE_SECONDS)})


def train(context: JobContext, job_id: int) -> None:
    """Run a training job."""
    training: TrainingService = context.additional_context[TRAINING]
    try:
        training.run(job_id, context.should_abort)
    except JobInterrupted:
        raise JobAborted from None


def index_image(context: JobContext, image_id: int) -> None:
    """Look at one photo of an event."""
    if context.should_abort():
        raise JobAborted
    indexing: EventIndexing = context.additional_context[INDEXING]
    indexing.run(image_id)


def drive_search(context: JobContext, search_id: int) -> None:
    """Work on a search of a Drive folder."""
    drive: DriveSearchRunner = context.additional_context[DRIVE]
    try:
        drive.run(search_id, context.should_abort)
    except JobInterrupted:
        raise JobAborted from None


def make_download(context: JobContext, download_id: int) -> None:
    """Write a ZIP file of photos."""
    downloads: DownloadRunner = context.additional_context[DOWNLOADS]
    try:
        downloads.run(download_id, context.should_abort)
    except JobInterrupted:
        raise JobAborted from None


def count_people(context: JobContext, event_id: int) -> None:
    """Count the people on the photos of an event."""
    people: EventPeople = context.additional_context[PEOPLE]
    try:
        people.run(event_id, context.should_abort)
    except JobInterrupted:
        raise JobAborted from None


def make_app(connector: BaseConnector) -> App:
    """Procrastinate's App with every task."""
    app = App(connector=connector)
    app.task(name=TRAIN, queue=QUEUE, pass_context=True, retry=TryAgain())(train)
    app.task(name=INDEX_IMAGE, queue=EVENTS_QUEUE, pass_context=True, retry=TryAgain())(index_image)
    app.task(name=DRIVE_SEARCH, queue=DRIVE_QUEUE, pass_context=True, retry=TryAgain())(drive_search)
    app.task(name=MAKE_DOWNLOAD, queue=DOWNLOADS_QUEUE, pass_context=True, retry=TryAgain())(make_download)
    app.task(name=COUNT_PEOPLE, queue=PEOPLE_QUEUE, pass_context=True, retry=TryAgain())(count_people)
    return app
