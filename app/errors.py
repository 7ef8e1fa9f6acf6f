"""What can go wrong, one class per case.

The first line of a class's docstring is the message a client reads, unless the raiser says more. `status` is the
HTTP status and `code` the stable word of the one error body. Nothing in here knows HTTP beyond that number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class KenaliError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Mapping[str, str] | None = None,
        retry_after_seconds: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """
        :param detail: what to tell the client; the class's own message if omitted.
        :param errors: field name -> what is wrong with it.
        :param retry_after_seconds: becomes the ``Retry-After`` header.
        :param extra: further members of the error body (``{"match": False}``).
        """
        doc = (type(self).__doc__ or "").strip().splitlines()
        self.detail = detail or (doc[0] if doc else self.code)
        self.errors = dict(errors) if errors else None
        self.retry_after_seconds = retry_after_seconds
        self.extra = dict(extra or {})
        super().__init__(self.detail)


# --- requests


class InvalidInput(KenaliError):
    """The request is not valid: see errors."""

    status = 400
    code = "invalid_input"


class MissingFile(KenaliError):
    """No file was sent: add one as multipart/form-data."""

    status = 400
    code = "missing_file"


class IdempotencyKeyReused(KenaliError):
    """Another file was uploaded under this Idempotency-Key: give each upload a key of its own."""

    status = 422
    code = "idempotency_key_reused"


class ServerBusy(KenaliError):
    """Too much is asked at the same time: try again in a moment."""

    status = 503
    code = "server_busy"


class HostNotAllowed(KenaliError):
    """This server answers to 127.0.0.1 and localhost; add another name of it to ALLOWED_HOSTS."""

    status = 403
    code = "host_not_allowed"


class OriginNotAllowed(KenaliError):
    """A page of another site tried to call this server: open its own pages instead, or use token mode."""

    status = 403
    code = "origin_not_allowed"


# --- users and photos


class UserNotFound(KenaliError):
    """There is no such user."""

    status = 404
    code = "user_not_found"


class EmailTaken(KenaliError):
    """Another user has this email address: use another one."""

    status = 409
    code = "email_taken"


class PhotoNotFound(KenaliError):
    """There is no such photo."""

    status = 404
    code = "photo_not_found"


class PhotoFileMissing(KenaliError):
    """The photo's file is not on disk any more; delete the photo and upload it again."""

    status = 404
    code = "photo_file_missing"


class UnsupportedImage(KenaliError):
    """This is not a JPEG or PNG picture that can be read: save it as JPEG and try again."""

    status = 400
    code = "unsupported_image"


class ImageTooSmall(KenaliError):
    """The picture is too small: at least 32 pixels on each side are needed."""

    status = 400
    code = "image_too_small"


class ImageTooLarge(KenaliError):
    """The picture is too large: make it smaller and try again."""

    status = 413
    code = "image_too_large"


class RequestTooLarge(KenaliError):
    """The request is too large: send fewer or smaller files at once."""

    status = 413
    code = "request_too_large"


class NoPhotoAccepted(KenaliError):
    """None of the files could be taken: see errors."""

    status = 400
    code = "no_photo_accepted"


class StorageFull(KenaliError):
    """The disk is full: free some space and try again."""

    status = 507
    code = "storage_full"


class StorageUnavailable(KenaliError):
    """The photo could not be stored: the folder cannot be written to. The log says why."""

    status = 503
    code = "storage_unavailable"


# --- faces


class NoFaceFound(KenaliError):
    """No face was found: use a sharp, well-lit photo that shows the whole face, upright and from the front."""

    status = 422
    code = "no_face_found"


class NoUsablePhotos(KenaliError):
    """The user has no photo with a usable face: upload some first."""

    status = 422
    code = "no_usable_photos"


class NotEnrolled(KenaliError):
    """This user has no trained face yet: upload photos and train first."""

    status = 409
    code = "not_enrolled"


class ModelNotUsable(KenaliError):
    """The model cannot be used."""

    status = 503
    code = "model_not_usable"


class ModelBusy(KenaliError):
    """Too many pictures are being looked at right now: try again in a moment."""

    status = 503
    code = "model_busy"


class ModelDownloadFailed(KenaliError):
    """The model could not be downloaded."""

    status = 503
    code = "model_download_failed"


class NoEarlierGallery(KenaliError):
    """There is no earlier gallery to go back to."""

    status = 409
    code = "no_earlier_gallery"


# --- recordings


class UnsupportedAudio(KenaliError):
    """This is not a WAV, MP3, OGG, FLAC, M4A/AAC or WebM recording that can be read."""

    status = 400
    code = "unsupported_audio"


class AudioTooLarge(KenaliError):
    """The recording is too large: 5 MB are allowed."""

    status = 413
    code = "audio_too_large"


class AudioTooShort(KenaliError):
    """The recording is too short."""

    status = 422
    code = "audio_too_short"


class AudioTooQuiet(KenaliError):
    """There is nothing to hear in this recording: check the microphone and hold it closer."""

    status = 422
    code = "audio_too_quiet"


# --- jobs


class JobNotFound(KenaliError):
    """There is no such job."""

    status = 404
    code = "job_not_found"


class JobAlreadyFinished(KenaliError):
    """The job is finished; it cannot be cancelled any more."""

    status = 409
    code = "job_already_finished"


class RebuildUnderWay(KenaliError):
    """Another full rebuild is under way: wait for it, or cancel it."""

    status = 409
    code = "rebuild_under_way"


class WorkerDied(KenaliError):
    """The job was given up: the program that worked on it died several times."""

    status = 500
    code = "worker_died"


class JobFailed(KenaliError):
    """The job failed: its error says why."""

    status = 500
    code = "job_failed"


class JobCancelled(KenaliError):
    """The job was cancelled."""

    status = 409
    code = "job_cancelled"


# --- who may call


class NotAuthenticated(KenaliError):
    """Sign in first: this call needs a token of POST /api/auth/login-pass-verify, or an API key."""

    status = 401
    code = "not_authenticated"


class TokenInvalid(KenaliError):
    """The token is not valid any more: sign in again."""

    status = 401
    code = "token_invalid"


class TokenExpired(KenaliError):
    """The token has expired: refresh it or sign in again."""

    status = 401
    code = "token_expired"


class InvalidCredentials(KenaliError):
    """Wrong email or password."""

    status = 401
    code = "invalid_credentials"


class FaceNotMatched(KenaliError):
    """The face does not match this user: try a sharp photo from the front, or the password."""

    status = 401
    code = "face_not_matched"


class NotPermitted(KenaliError):
    """You may not do this."""

    status = 403
    code = "not_permitted"


class FaceLoginDisabled(KenaliError):
    """Signing in with a face is switched off on this server."""

    status = 403
    code = "face_login_disabled"


class AccountLocked(KenaliError):
    """Too many failed attempts: the account is locked for a while."""

    status = 429
    code = "account_locked"


class ApiKeyNotFound(KenaliError):
    """There is no API key with this prefix."""

    status = 404
    code = "api_key_not_found"


class LastAdmin(KenaliError):
    """This is the last admin: make somebody else an admin first."""

    status = 409
    code = "last_admin"


class SecretNotUsable(KenaliError):
    """The signing secret cannot be used."""

    status = 503
    code = "secret_not_usable"


# --- learning


class TrainingDataNotUsable(KenaliError):
    """Nothing can be learnt from this folder."""

    status = 400
    code = "training_data_not_usable"


class TrainingNotResumable(KenaliError):
    """The folder holds a training that was started with other data or settings."""

    status = 409
    code = "training_not_resumable"


# --- breeds and coughs


class HistoryEntryNotFound(KenaliError):
    """There is no such entry in the history."""

    status = 404
    code = "history_entry_not_found"


class HeatMapNotAvailable(KenaliError):
    """This model has no feature maps that a heat map could be drawn from."""

    status = 404
    code = "heat_map_not_available"


class ModelNotInUse(KenaliError):
    """Another model gave this answer than the one that is in use now, which cannot explain it."""

    status = 409
    code = "model_not_in_use"


class NoSelfie(KenaliError):
    """There is no selfie of you yet: upload one with POST /api/users/me/selfie, or send one along."""

    status = 409
    code = "no_selfie"


class SelfieNotFound(KenaliError):
    """There is no selfie of you."""

    status = 404
    code = "selfie_not_found"


class SelfieInUse(KenaliError):
    """You are hidden from an event by this selfie: end that first, or replace the selfie."""

    status = 409
    code = "selfie_in_use"


class SeveralFaces(KenaliError):
    """There are several faces: use a picture of yourself alone."""

    status = 422
    code = "several_faces"


class DifferentPeople(KenaliError):
    """These selfies do not seem to be of one person: send pictures of yourself alone."""

    status = 422
    code = "different_people"


class FaceNotClear(KenaliError):
    """The face cannot be seen clearly: use a sharp, well-lit picture from the front."""

    status = 422
    code = "face_not_clear"


# --- Google


class GoogleNotConfigured(KenaliError):
    """Google is not set up on this server: see docs/google.md."""

    status = 503
    code = "google_not_configured"


class GoogleUnavailable(KenaliError):
    """Google cannot be reached at the moment: try again."""

    status = 503
    code = "google_unavailable"


class GoogleTokenRejected(KenaliError):
    """Google does not vouch for this: sign in with Google again."""

    status = 401
    code = "google_token_rejected"


class GoogleEmailUnverified(KenaliError):
    """Google has not verified the email address of this account: verify it there first."""

    status = 401
    code = "google_email_unverified"


class GoogleAccountConflict(KenaliError):
    """The address belongs to an account here that is bound to another Google account."""

    status = 409
    code = "google_account_conflict"


class AddressNotConfirmed(KenaliError):
    """An account here has this address, but nobody confirmed that it is theirs: see the message."""

    status = 409
    code = "address_not_confirmed"


class LastWayIn(KenaliError):
    """This Google account is the only way to sign in to the account: set a password first."""

    status = 409
    code = "last_way_in"


class SignUpClosed(KenaliError):
    """There is no account with this address, and this server makes no new ones."""

    status = 403
    code = "sign_up_closed"


class TooManyFailures(KenaliError):
    """Too many failed attempts from this address: wait a moment."""

    status = 429
    code = "too_many_failures"


class InvalidDriveUrl(KenaliError):
    """This is not the link of a Google Drive folder: copy it with Share, Copy link."""

    status = 400
    code = "invalid_drive_url"


class DriveFolderNotFound(KenaliError):
    """The folder does not exist or is not public: share it with anyone who has the link."""

    status = 404
    code = "drive_folder_not_found"


class DriveQuotaExceeded(KenaliError):
    """Google allows no more requests for today: try again tomorrow."""

    status = 503
    code = "drive_quota_exceeded"


class DriveFileNotReadable(KenaliError):
    """Google does not hand out this file."""

    status = 404
    code = "drive_file_not_readable"


class DriveSearchNotFound(KenaliError):
    """There is no such search."""

    status = 404
    code = "drive_search_not_found"


class TooManySearches(KenaliError):
    """Some of your searches are still under way: wait for them, or delete them."""

    status = 429
    code = "too_many_searches"


# --- events


class EventNotFound(KenaliError):
    """There is no such event."""

    status = 404
    code = "event_not_found"


class EventImageNotFound(KenaliError):
    """There is no such photo."""

    status = 404
    code = "image_not_found"


class WrongEventPassword(KenaliError):
    """This is not the password of the event: ask whoever invited you."""

    status = 403
    code = "wrong_event_password"


class EventAccessRequired(KenaliError):
    """Open the event first: send its password to POST /api/events/<id>/access and the token as X-Event-Token."""

    status = 403
    code = "event_access_required"


class EventTokenInvalid(KenaliError):
    """The event token is not valid here any more: open the event again with its password."""

    status = 403
    code = "event_token_invalid"


class EventTokenExpired(KenaliError):
    """The event token has expired: open the event again with its password."""

    status = 403
    code = "event_token_expired"


class MediaLinkInvalid(KenaliError):
    """The address of this picture is not valid any more: load the page again."""

    status = 403
    code = "media_link_invalid"


class MediaLinkExpired(KenaliError):
    """The address of this picture has expired: load the page again."""

    status = 403
    code = "media_link_expired"


class DownloadNotFound(KenaliError):
    """There is no such download, or it has expired: ask for a new one."""

    status = 404
    code = "download_not_found"


class DownloadNotReady(KenaliError):
    """The download is not ready yet, or it failed: its state says which."""

    status = 409
    code = "download_not_ready"


class RangeNotSatisfiable(KenaliError):
    """The file has no such part: it is shorter."""

    status = 416
    code = "range_not_satisfiable"


class DownloadTooLarge(KenaliError):
    """These are too many photos for one download: choose fewer, or the smaller size."""

    status = 422
    code = "download_too_large"


class TooManyDownloads(KenaliError):
    """Some of your downloads are still being made: wait for them, or delete them."""

    status = 429
    code = "too_many_downloads"


# --- operations


class SettingsNotUsable(KenaliError):
    """A setting makes no sense."""

    status = 503
    code = "settings_not_usable"


class NotReady(KenaliError):
    """Some part of the program cannot do its work: see errors."""

    status = 503
    code = "not_ready"


# --- the database


class DatabaseUnavailable(KenaliError):
    """The database cannot be reached."""

    status = 503
    code = "database_unavailable"


class DatabaseNotUsable(KenaliError):
    """The database cannot be used."""

    status = 503
    code = "database_not_usable"
