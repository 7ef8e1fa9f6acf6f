"""The folder of one training: what it was started with, how far it is, its checkpoints.

A training that was killed goes on where its last whole epoch ended. Every file is written beside its place and moved
there, and `state.json`, which names the checkpoints that count, is written after them: at every moment the folder
holds one consistent state, whenever the program dies.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import psutil

from app.errors import TrainingNotResumable

#: Inside the output folder; it holds what only an unfinished training needs.
_UNFINISHED: Final = "training"
#: The last but one file of a finished training: how its model is fed.
RECIPE_FILE: Final = "model.json"
#: Which process trains here.
_OWNER: Final = "owner.json"
_SETTINGS: Final = "settings.json"
_STATE: Final = "state.json"


@dataclass(slots=True)
class State:
    """After how many epochs the training stands, and what its callbacks remember."""

    epochs_done: int = 0
    #: one mapping an epoch: loss, accuracy, val_loss, val_accuracy, learning_rate, seconds
    history: list[dict[str, float]] = field(default_factory=list)
    #: the checkpoint to go on from, and the one that was best so far
    last: str | None = None
    best: str | None = None
    best_figure: float | None = None
    #: counters of early stopping and of the learning rate, by callback
    memory: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: where the random generators inside the model (dropout) stand, which a checkpoint does not hold
    seeds: list[list[int]] = field(default_factory=list)
    #: no further epoch is wanted
    stopped: bool = False


class RunFolder:
    """An unfinished training below an output folder."""

    def __init__(self, output: Path, settings: Mapping[str, Any]) -> None:
        """See `open`."""
        self.output = output
        self.settings = dict(settings)
        self._folder = output / _UNFINISHED
        self.state = self._read_state()

    @classmethod
    def open(cls, output: Path, settings: Mapping[str, Any], *, fresh: bool = False) -> Self:
        """Begin a training in `output`, or go on with the one that stopped there.

        :param settings: everything that decides the result, the data included: plain JSON.
        :param fresh: throw an unfinished training away instead.
        :raises TrainingNotResumable: the unfinished training was started with other settings, one is finished, or
            another process is at it.
        """
        folder = output / _UNFINISHED
        if fresh:
            _occupy(folder, output)
            shutil.rmtree(folder, ignore_errors=True)
        elif not folder.exists() and (output / RECIPE_FILE).exists():
            raise TrainingNotResumable(
                f"{output} holds a finished training: start afresh to replace it, or choose another folder."
            )
        folder.mkdir(parents=True, exist_ok=True)
        _occupy(folder, output)
        wanted = json.loads(json.dumps(settings))
        found = _read_json(folder / _SETTINGS)
        if found is None or not (folder / _STATE).exists():
            write_json(folder / _SETTINGS, wanted)
        elif found != wanted:
            differing = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
            raise TrainingNotResumable(
                f"An unfinished training in {output} was started with other settings ({', '.join(differing)}). "
                "Give them again to go on with it, start afresh, or choose another folder."
            )
        return cls(output, wanted)

    @property
    def resumes(self) -> bool:
        """Whether something was learnt here before."""
        return self.state.last is not None

    def checkpoint(self, name: str | None) -> Path | None:
        """The path of a checkpoint named in the state."""
        return None if name is None else self._folder / name

    def record(self, state: State, save: Callable[[Path], None]) -> None:
        """Save a checkpoint of this epoch, then the state that names it, then drop the ones no longer named.

        :param save: writes the checkpoint to the path it is given.
        """
        name = f"epoch-{state.epochs_done:04d}.keras"
        written = self._folder / f"being-written-{name}"
        save(written)
        _to_disk(written)
        written.replace(self._folder / name)
        state.last = name
        if state.best is None:
            state.best = name
        write_json(self._folder / _STATE, asdict(state))
        self.state = state
        for path in self._folder.glob("*.keras"):
            if path.name not in (state.last, state.best):
                path.unlink()

    def abandon(self) -> None:
        """Leave nothing behind where nothing was learnt."""
        if not self.resumes:
            shutil.rmtree(self._folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # there is something else in it
                self.output.rmdir()

    def finish(self) -> None:
        """Everything has been written to the output folder: the unfinished state is not needed any more."""
        shutil.rmtree(self._folder)

    def _read_state(self) -> State:
        found = _read_json(self._folder / _STATE)
        if found is None:
            return State()
        state = State(**found)
        if not all((self._folder / name).is_file() for name in (state.last, state.best) if name):
            raise TrainingNotResumable(f"A checkpoint is missing in {self._folder}: start afresh.")
        return state


def _occupy(folder: Path, output: Path) -> None:
    """Note that this process trains here, unless another one that is alive does."""
    if not folder.is_dir():
        return
    try:
        owner = json.loads((folder / _OWNER).read_text(encoding="utf-8"))
        # A process id is used again; together with the time of its start it is not.
        alive = psutil.Process(owner["pid"]).create_time() == owner["started"]
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        alive = False
    if alive and owner["pid"] != os.getpid():
        raise TrainingNotResumable(f"Another process ({owner['pid']}) trains in {output}: wait for it or stop it.")
    write_json(folder / _OWNER, {"pid": os.getpid(), "started": psutil.Process().create_time()})


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def write_json(path: Path, content: object) -> None:
    """Write, whole or not at all."""
    written = path.with_name(f"being-written-{path.name}")
    with written.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise TrainingNotResumable(f"{path} cannot be read: start afresh.") from error
