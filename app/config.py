"""Settings: every variable that Kenali reads, typed, described and validated.

Values come from the environment and from ``.env``, without a prefix. `Settings` is frozen: what the
program runs with is decided once, at start.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.errors import SettingsNotUsable
from app.validation import problems

#: Addresses that only this machine can reach.
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class AccessMode(StrEnum):
    """Who may call: everybody on this machine, or holders of a token."""

    LOCAL = "local"
    TOKEN = "token"  # noqa: S105 - the name of a mode


class Settings(BaseSettings):
    """What an operator can set. The order here is the order of ``.env.example``."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True
    )

    # --- server
    host: str = Field("127.0.0.1", description="Address to listen on. Anything but loopback needs ACCESS_MODE=token.")
    port: int = Field(5000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    server_threads: int = Field(16, ge=1, le=64, description="Requests answered at the same time.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")

    # --- where things live
    database_url: str = Field(
        "", description="postgresql://… with pgvector 0.8 or newer; empty runs the embedded PostgreSQL."
    )
    instance_dir: Path = Field(Path("instance"), description="Embedded database, secrets and caches.")
    dataset_dir: Path = Field(Path("dataset"), description="Stored photos, one folder for each user.")
    history_dir: Path = Field(
        Path("static/history_images"), description="Pictures of the breed and cough histories, under random names."
    )
    events_dir: Path | None = Field(
        None,
        description="Photos of events, under random names and never served as they are; empty: INSTANCE_DIR/events.",
    )
    models_dir: Path = Field(Path("models"), description="Weights: downloaded packs and your own.")

    # --- faces
    face_model: str = Field(
        "auto",
        description="auto, a pack's name (buffalo_l, buffalo_m, buffalo_s, buffalo_sc, antelopev2), "
        "the folder of a pack, or dlib.",
    )
    face_model_url: str = Field(
        "https://github.com/deepinsight/insightface/releases/download/model-zoo/",
        description="Where packs are downloaded from: <FACE_MODEL_URL><pack>.zip.",
    )
    target_fpir: float = Field(
        0.01,
        gt=0,
        lt=0.5,
        description="Share of strangers that 1:N recognition may take for somebody enrolled; sets the threshold.",
    )
    face_login: bool = Field(default=True, description="Whether signing in with a face is offered.")
    face_liveness: Literal["off"] = Field(
        "off", description="Check that a login photo shows a living face. Only off is available so far."
    )
    breed_model: Literal["auto", "squeezenet"] = Field(
        "auto",
        description="Which model names breeds where there is none of your own. auto: EfficientNetV2B0, downloaded once "
        "after start (29 MB) if WARM_MODELS is on, else the built-in one. squeezenet: the built-in one, no download.",
    )
    breed_model_url: str = Field(
        "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/",
        description="Where EfficientNetV2B0 is downloaded from: <BREED_MODEL_URL>efficientnetv2-b0.h5.",
    )
    breed_dog_gate: bool = Field(
        default=True, description="Whether the built-in network says beside your own breed model what is no dog."
    )
    warm_models: bool = Field(default=True, description="Load the models right after start, in the background.")
    model_threads: int = Field(0, ge=0, le=64, description="Threads inside one model call; 0 takes every core.")
    model_concurrency: int = Field(2, ge=1, le=32, description="Model calls that run at the same time.")
    model_queue: int = Field(32, ge=0, le=1000, description="Requests that may wait for the model; more get 503.")

    # --- uploads
    max_upload_mb: int = Field(20, ge=1, le=500, description="Largest picture that is accepted, in MB.")
    max_request_mb: int = Field(200, ge=1, le=2000, description="Largest request that is accepted, in MB.")
    max_image_megapixels: int = Field(50, ge=1, le=500, description="Largest picture that is decoded, in megapixels.")
    max_audio_mb: int = Field(5, ge=1, le=100, description="Largest recording that is accepted, in MB.")

    # --- breed and cough histories
    history_guests: int = Field(
        10_000, ge=1, le=10_000_000, description="Newest entries of guests that each history keeps; older ones go."
    )

    # --- events
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#]+)?$",
        description="https://name of this server, for links and QR codes of events; empty takes that of the request.",
    )
    event_link: str = Field(
        "/events?event={id}",
        pattern=r"^(/[^/\s]\S*|[a-z][a-z0-9+.-]*:\S+)$",
        description="Where the link of an event leads, a page or an app's own scheme; {id} and {share_code} are known.",
    )

    download_hours: int = Field(24, ge=1, le=720, description="How long a ZIP file of an event's photos is kept.")
    download_max_mb: int = Field(4000, ge=1, le=1_000_000, description="Largest ZIP file that is made, in MB.")

    # --- who may call
    access_mode: AccessMode = Field(
        AccessMode.LOCAL, description="local: no credentials, loopback only. token: JWT or API key."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Further Host names accepted in local mode, separated by commas."
    )
    access_token_minutes: int = Field(15, ge=1, le=1440, description="Life of an access token.")
    refresh_token_days: int = Field(30, ge=1, le=365, description="Life of a refresh token.")
    lockout_failures: int = Field(5, ge=1, le=100, description="Failed sign-ins before an account is locked.")
    lockout_minutes: int = Field(15, ge=1, le=1440, description="How long a locked account stays locked.")
    password_cost: int = Field(
        12, ge=4, le=16, description="bcrypt's work factor for passwords; each step doubles the work."
    )

    # --- Google
    google_client_id: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="OAuth client ids, separated by commas: the web client's first, then those of apps. "
        "Empty: no Google sign-in.",
    )
    google_client_secret: str = Field("", repr=False, description="Secret of the first client; for server auth codes.")
    google_redirect_uri: str = Field(
        "",
        description="Redirect URI that server auth codes are made with: empty for Android and iOS, "
        "postmessage for the pop-up in a browser.",
    )
    google_sign_up: bool = Field(
        default=True, description="Whether a Google account that nobody has here gets a new account (role user)."
    )
    google_api_key: str = Field("", repr=False, description="API key for public Drive folders. Empty: no Drive search.")
    google_drive_max_files: int = Field(
        10_000, ge=1, le=100_000, description="Pictures of a Drive folder and its subfolders that are searched."
    )
    google_authorize_url: str = Field(
        "https://accounts.google.com/o/oauth2/v2/auth", description="Google's page that asks people who they are."
    )
    google_token_url: str = Field("https://oauth2.googleapis.com/token", description="Where auth codes are exchanged.")
    google_jwks_url: str = Field(
        "https://www.googleapis.com/oauth2/v3/certs", description="Keys that Google signs id tokens with."
    )
    google_tokeninfo_url: str = Field(
        "https://oauth2.googleapis.com/tokeninfo", description="Tells whom an access token was made for."
    )
    google_userinfo_url: str = Field(
        "https://openidconnect.googleapis.com/v1/userinfo", description="Tells whose an access token is."
    )
    google_drive_url: str = Field("https://www.googleapis.com/drive/v3", description="The Drive API.")

    # --- jobs
    run_worker: bool = Field(
        default=True, description="Run a job worker inside the server; off if flask worker runs elsewhere."
    )
    job_wait_seconds: int = Field(
        600, ge=1, le=3600, description="How long a training request waits for its job before it answers 202."
    )

    @field_validator(
        "google_authorize_url",
        "google_token_url",
        "google_jwks_url",
        "google_tokeninfo_url",
        "google_userinfo_url",
        "google_drive_url",
    )
    @classmethod
    def _encrypted(cls, value: str) -> str:
        """Secrets are sent there."""
        parts = urlsplit(value)
        if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
            return value.rstrip("/")
        raise ValueError("https is needed, except on this machine")

    @field_validator("allowed_hosts", "google_client_id", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("instance_dir", "dataset_dir", "history_dir", "models_dir", "events_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

    @model_validator(mode="after")
    def _local_means_loopback(self) -> Settings:
        if self.access_mode is AccessMode.LOCAL and self.host not in LOOPBACK_HOSTS:
            msg = (
                f"HOST={self.host} can be reached from other machines, and ACCESS_MODE=local asks nobody who they are. "
                "Set ACCESS_MODE=token, or HOST=127.0.0.1."
            )
            raise ValueError(msg)
        return self

    @property
    def embedded_database(self) -> bool:
        """Whether Kenali runs its own PostgreSQL."""
        return not self.database_url

    @property
    def events_root(self) -> Path:
        """The folder of the events' photos."""
        return self.events_dir or self.instance_dir / "events"

    @property
    def download_max_bytes(self) -> int:
        """The largest ZIP file in bytes."""
        return self.download_max_mb * 1_000_000

    @property
    def max_upload_bytes(self) -> int:
        """Largest single picture, in bytes."""
        return self.max_upload_mb * 1_000_000

    @property
    def max_audio_bytes(self) -> int:
        """Largest recording, in bytes."""
        return self.max_audio_mb * 1_000_000

    @property
    def max_request_bytes(self) -> int:
        """Largest request body, in bytes."""
        return self.max_request_mb * 1_000_000


def load_settings() -> Settings:
    """The settings of the environment and ``.env``; SettingsNotUsable, in one line, if one of them makes no sense."""
    try:
        return Settings()
    except ValidationError as error:
        found = {name.upper(): problem for name, problem in problems(error, "settings").items()}
        raise SettingsNotUsable("; ".join(f"{name}: {problem}" for name, problem in found.items())) from None
