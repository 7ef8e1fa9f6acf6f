"""Builds everything once: database, storage, engines, services. The result lives in ``app.extensions["kenali"]``."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from flask_migrate import Migrate
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db import BreedEntry, CoughEntry, connect, migrate
from app.db.base import db
from app.db.embedded import EmbeddedPostgres
from app.db.session import make_sessions
from app.db.watch import DatabaseWatch
from app.engines.audio import decode as decode_audio
from app.engines.breed.registry import BreedEngines
from app.engines.cough import CoughModels
from app.engines.face.gate import Gate
from app.engines.face.registry import FaceEngines
from app.engines.images import decode
from app.engines.images.memory import give_memory_back
from app.jobs.queue import JobQueue
from app.jobs.worker import WorkerThread
from app.services.access import AccessService, ApiKeyService
from app.services.admins import AdminService
from app.services.auth import AuthService
from app.services.breed import BreedService
from app.services.cough import CoughService
from app.services.events.access import EventAccess
from app.services.events.activity import EventActivity
from app.services.events.bookmarks import Bookmarks
from app.services.events.downloads import EventDownloads
from app.services.events.events import EventService
from app.services.events.files import EventFiles
from app.services.events.find_my_face import FindMyFace
from app.services.events.images import EventImageService
from app.services.events.indexing import EventIndexing
from app.services.events.memory import EventMemory
from app.services.events.people import EventPeople
from app.services.events.zip_files import DownloadRunner
from app.services.gallery import Gallery
from app.services.gallery_memory import GalleryMemory
from app.services.google.drive import DriveClient
from app.services.google.drive_pictures import DrivePictures
from app.services.google.drive_run import DriveSearchRunner
from app.services.google.drive_searches import DriveSearches
from app.services.google.http import GoogleHttp
from app.services.google.identity import GoogleClient, GoogleIdentities
from app.services.google.sign_in import GoogleSignIn
from app.services.health import HealthService, database_ping, disk_ping
from app.services.history import History, Pictures
from app.services.lockout import Lockout
from app.services.passwords import Passwords
from app.services.photos import PhotoService
from app.services.privacy import PrivacyService
from app.services.recognition import RecognitionService
from app.services.secrets import instance_secret
from app.services.selfies import Selfies
from app.services.sweep import Sweep
from app.services.tokens import TokenService
from app.services.training import TrainingService
from app.services.user_folders import UserFolders
from app.services.users import UserService
from app.services.warm_up import WarmUp
from app.storage.local import LocalStorage

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Container:
    """Everything that is built once. Frozen: what runs is decided at start."""

    settings: Settings
    postgres: EmbeddedPostgres | None
    watch: DatabaseWatch
    engine: Engine
    sessions: sessionmaker[Session]
    face_engines: FaceEngines
    gallery: Gallery
    users: UserService
    photos: PhotoService
    sweep: Sweep
    training: TrainingService
    recognition: RecognitionService
    history_pictures: Pictures
    breed_engines: BreedEngines
    breed_history: History[BreedEntry]
    cough_history: History[CoughEntry]
    breed: BreedService
    cough: CoughService
    event_files: EventFiles
    event_access: EventAccess
    events: EventService
    event_images: EventImageService
    event_indexing: EventIndexing
    event_downloads: EventDownloads
    download_runner: DownloadRunner
    event_people: EventPeople
    selfies: Selfies
    find_my_face: FindMyFace
    bookmarks: Bookmarks
    event_activity: EventActivity
    tokens: TokenService
    access: AccessService
    api_keys: ApiKeyService
    admins: AdminService
    auth: AuthService
    google: GoogleSignIn
    google_http: GoogleHttp
    drive: DriveClient
    drive_searches: DriveSearches
    drive_pictures: DrivePictures
    privacy: PrivacyService
    health: HealthService
    worker: WorkerThread
    warm_up: WarmUp

    def start(self) -> None:
        """Sweep and clean up, then start the worker and the warm-up. Requests are answered meanwhile."""
        give_memory_back()
        self.watch.start()
        self.sweep.run()
        self.history_pictures.sweep()
        self.event_files.sweep()
        self.drive_searches.remove_orphans()
        self.tokens.clean()
        if self.settings.run_worker:
            self.worker.start()
        if self.settings.warm_models:
            self.warm_up.start()

    def stop(self) -> None:
        """End the worker and let go of the database."""
        self.warm_up.stop()
        self.worker.stop()
        self.watch.stop()
        self.health.stop()
        self.recognition.stop()
        self.breed.stop()
        self.google_http.close()
        self.drive.close()
        self.engine.dispose()
        if self.postgres:
            self.postgres.stop()


def build(app: Flask, settings: Settings, face_engines: FaceEngines | None = None) -> Container:
    """Start or reach the database, migrate it, and build the services; KenaliError with one clear line otherwise."""
    secret = instance_secret(settings.instance_dir)
    postgres, engine = _database(app, settings)
    sessions = make_sessions(engine)

    storage = LocalStorage(settings.dataset_dir)
    pictures = Pictures(sessions, LocalStorage(settings.history_dir))
    event_files = EventFiles(sessions, LocalStorage(settings.events_root))
    face_engines = face_engines or FaceEngines(settings)
    gallery = Gallery(sessions, face_engines, settings)
    decode_picture = partial(
        decode, max_bytes=settings.max_upload_bytes, max_pixels=settings.max_image_megapixels * 1_000_000
    )
    queue = JobQueue(engine)
    selfies = Selfies(sessions, gallery, event_files, decode_picture)
    drive = DriveClient(settings.google_drive_url, settings.google_api_key, max_file_bytes=settings.max_upload_bytes)
    drive_searches = DriveSearches(
        sessions,
        gallery,
        decode_picture,
        selfies.find,
        queue.enqueue_drive_search,
        configured=drive.configured,
    )
    event_memory = EventMemory(sessions)
    folders = UserFolders(
        storage,
        also_remove=[
            *(pictures.remove_person, event_files.remove_person, drive_searches.remove_person),
            event_memory.remove_person,
        ],
    )
    training = TrainingService(sessions, gallery, storage, enqueue=queue.enqueue, models_dir=settings.models_dir)
    recognition = RecognitionService(
        sessions,
        gallery,
        GalleryMemory(engine, sessions),
        decode_picture,
        target_fpir=settings.target_fpir,
        threads=settings.server_threads,
    )

    breed_history = History(sessions, pictures, BreedEntry, guests_kept=settings.history_guests)
    cough_history = History(sessions, pictures, CoughEntry, guests_kept=settings.history_guests)
    breed_gate = Gate(inside=settings.model_concurrency, waiting=settings.model_queue)
    breed_engines = BreedEngines(settings)
    breed = BreedService(breed_engines, breed_history, pictures, decode_picture, breed_gate)
    cough = CoughService(
        CoughModels(settings.models_dir, threads=settings.model_threads),
        cough_history,
        partial(decode_audio, max_bytes=settings.max_audio_bytes),
        Gate(inside=settings.model_concurrency, waiting=settings.model_queue),
    )

    passwords = Passwords(cost=settings.password_cost)
    tokens = TokenService(
        sessions,
        secret.key("tokens"),
        access_life=timedelta(minutes=settings.access_token_minutes),
        refresh_life=timedelta(days=settings.refresh_token_days),
    )
    lockout = Lockout(sessions, limit=settings.lockout_failures, life=timedelta(minutes=settings.lockout_minutes))
    users = UserService(sessions, folders, passwords, leaving=event_files.files_of_guests)
    google_http = GoogleHttp()
    google = GoogleSignIn(
        sessions,
        GoogleIdentities(_google_client(settings), google_http),
        tokens,
        users.add,
        sign_up=settings.google_sign_up,
        threads=settings.server_threads,
    )
    event_access = EventAccess(sessions, passwords, lockout, secret.key("events"))
    events = EventService(sessions, event_access, event_files, passwords, gallery, on_deleted=event_memory.forget)
    event_indexing = EventIndexing(sessions, gallery, event_files, decode_picture, queue.enqueue_images)
    runner = DriveSearchRunner(
        sessions,
        gallery,
        drive,
        decode_picture,
        queue.enqueue_drive_search,
        max_files=settings.google_drive_max_files,
        max_file_bytes=settings.max_upload_bytes,
    )
    event_images = EventImageService(sessions, event_access, event_files, decode_picture, queue.enqueue_images)
    download_runner = DownloadRunner(
        sessions,
        event_files,
        event_images.open_file,
        queue.enqueue_download,
        max_bytes=settings.download_max_bytes,
        life=timedelta(hours=settings.download_hours),
    )
    find_my_face = FindMyFace(sessions, event_access, gallery, selfies, event_memory)
    event_people = EventPeople(sessions, event_access, gallery, find_my_face.hidden_from, queue.enqueue_people)
    worker = WorkerThread(queue, training, event_indexing, runner, downloads=download_runner, people=event_people)
    sweep = Sweep(sessions, storage)
    return Container(
        settings=settings,
        postgres=postgres,
        watch=DatabaseWatch(engine, postgres.revive if postgres else None),
        engine=engine,
        sessions=sessions,
        face_engines=face_engines,
        gallery=gallery,
        users=users,
        photos=PhotoService(sessions, storage, gallery.active_engine, decode_picture),
        sweep=sweep,
        training=training,
        recognition=recognition,
        history_pictures=pictures,
        breed_engines=breed_engines,
        breed_history=breed_history,
        cough_history=cough_history,
        breed=breed,
        cough=cough,
        event_files=event_files,
        event_access=event_access,
        events=events,
        event_images=event_images,
        event_indexing=event_indexing,
        event_downloads=EventDownloads(
            sessions, event_access, event_files, queue.enqueue_download, max_bytes=settings.download_max_bytes
        ),
        download_runner=download_runner,
        event_people=event_people,
        selfies=selfies,
        find_my_face=find_my_face,
        bookmarks=Bookmarks(sessions, event_access, events),
        event_activity=EventActivity(sessions, events),
        tokens=tokens,
        access=AccessService(sessions, tokens, mode=settings.access_mode),
        api_keys=ApiKeyService(sessions),
        admins=AdminService(sessions, users.create),
        auth=AuthService(sessions, tokens, passwords, lockout, recognition, face_login=settings.face_login),
        google=google,
        google_http=google_http,
        drive=drive,
        drive_searches=drive_searches,
        drive_pictures=DrivePictures(
            sessions,
            drive,
            lambda data, enough: decode_picture(data, enough=enough),
            threads=settings.server_threads,
        ),
        privacy=PrivacyService(sessions, users.delete),
        health=HealthService(
            {
                "database": database_ping(sessions),
                "disk": disk_ping(settings.dataset_dir),
                "events": event_files.ping,
                "face_model": gallery.ping,
                "breed_model": breed.ping,
                "cough_model": cough.ping,
                "history": pictures.ping,
                "jobs": worker.ping,
                "photos": sweep.ping,
            }
        ),
        worker=worker,
        warm_up=WarmUp(
            # The first one says which it is, and its licence, when it is loaded.
            {"face": gallery.active_engine, "breed": breed.warm, "cough": cough.warm},
            # It may take minutes, and until then the built-in network answers.
            afterwards=breed_engines.improve,
        ),
    )


def _google_client(settings: Settings) -> GoogleClient:
    return GoogleClient(
        client_ids=settings.google_client_id,
        client_secret=settings.google_client_secret,
        redirect_uri=settings.google_redirect_uri,
        authorize_url=settings.google_authorize_url,
        token_url=settings.google_token_url,
        jwks_url=settings.google_jwks_url,
        tokeninfo_url=settings.google_tokeninfo_url,
        userinfo_url=settings.google_userinfo_url,
    )


def _database(app: Flask, settings: Settings) -> tuple[EmbeddedPostgres | None, Engine]:
    postgres = EmbeddedPostgres(settings.instance_dir) if settings.embedded_database else None
    url = postgres.start() if postgres else settings.database_url
    app.config["SQLALCHEMY_DATABASE_URI"] = connect.normalise(url)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = connect.engine_options(settings.server_threads)
    db.init_app(app)
    Migrate(app, db, directory=str(migrate.MIGRATIONS))
    with app.app_context():
        engine = db.engine
    connect.prepare(engine)
    server = connect.check(engine)
    if migrate.upgrade(engine):
        log.info("The database was brought up to date.")
    log.info("PostgreSQL %s, pgvector %s%s", server.postgres, server.pgvector, " (embedded)" if postgres else "")
    return postgres, engine
