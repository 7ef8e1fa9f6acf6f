"""Loading models ahead of their first use, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final

from app.errors import KenaliError

log = logging.getLogger(__name__)

#: Longest wait for the model that is being loaded when the program ends: TensorFlow takes some seconds.
_PATIENCE_SECONDS: Final = 30.0


class WarmUp:
    """One model after the other, so that no first request waits for all of them."""

    def __init__(self, loads: Mapping[str, Callable[[], object]], *, afterwards: Callable[[], object]) -> None:
        """
        :param loads: name of the model, for the log -> loads it; a KenaliError is a line there.
        :param afterwards: may take minutes; the end of the program does not wait for it.
        """
        self._loads = loads
        self._afterwards = afterwards
        self._stopping = threading.Event()
        self._loading = threading.Lock()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="warm-up", daemon=True).start()

    def stop(self) -> None:
        """Load nothing more, and wait for what is being loaded.

        A thread that is inside of a model's own code when the interpreter goes ends the program with an abort.
        """
        self._stopping.set()
        if self._loading.acquire(timeout=_PATIENCE_SECONDS):
            self._loading.release()

    def _run(self) -> None:
        for name, load in self._loads.items():
            with self._loading:
                if self._stopping.is_set():
                    return
                try:
                    load()
                except KenaliError as error:
                    log.warning("The %s model is not ready: %s", name, error.detail)
        if not self._stopping.is_set():
            self._afterwards()
