"""python run.py: database, migrations, models, server. Nothing else."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def _fail(message: str) -> NoReturn:
    sys.exit(f"Kenali cannot start: {message}")


try:
    from app import create_app
    from app.config import AccessMode, load_settings
    from app.errors import KenaliError
    from app.logs import log_to_terminal
except ModuleNotFoundError as error:
    _fail(f"{error.name} is not installed. Run: pip install -r requirements.txt   (or: make run)")

log = logging.getLogger("kenali")


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    # Said at once: what is under way may take seconds to end, and waitress keeps the exception to itself.
    log.info("Stopping, as soon as what is under way has come to an end")
    raise SystemExit(0)


def _watch_signals() -> None:
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job is not meant by Ctrl-C
        signal.signal(signal.SIGINT, _stop)


def main() -> None:
    """Start everything, serve until a signal, stop everything."""
    try:
        settings = load_settings()
    except KenaliError as error:
        _fail(error.detail)
    log_to_terminal(settings.log_level)
    for chatty in ("alembic", "procrastinate", "waitress.queue"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    _watch_signals()

    from app.api.waitress_server import make_server

    try:
        app = create_app(settings)
    except KenaliError as error:
        _fail(error.detail)
    except ImportError as error:
        if ".so" not in str(error):
            raise
        _fail(f"a system library is missing ({error}). On Debian: sudo apt-get install -y libgl1 libglib2.0-0")
    services = app.extensions["kenali"]
    try:
        try:
            server = make_server(app, settings)
        except OSError as error:
            # Somebody else's port, or an address that this machine does not have.
            wrong = "HOST" if error.errno == errno.EADDRNOTAVAIL else "PORT"
            told = f"({error.strerror}). Set {wrong} to another one."
            _fail(f"{settings.host}:{settings.port} cannot be listened on {told}")
        except ValueError:  # waitress, of a name that leads nowhere
            _fail(f"HOST={settings.host} is neither an address nor a name of this machine.")
        services.start()
        if settings.access_mode is AccessMode.TOKEN and not services.admins.list():
            log.warning("There is no admin yet. Make the first one with: flask --app run admin create")
        port = getattr(server, "effective_port", settings.port)
        log.info("Kenali answers at http://%s:%s (Swagger UI: /api/docs)", settings.host, port)
        server.run()
    finally:
        services.stop()


def _leave() -> NoReturn:
    """End without the interpreter's own shutdown: everything is stopped and stored.

    A model that is still being loaded in the background cannot be stopped; when it logs a line at that moment, Python
    aborts ("could not acquire lock for <_io.BufferedWriter name='<stderr>'> at interpreter shutdown").
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
    _leave()
