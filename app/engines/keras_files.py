"""Model files as data: what kind they are, and whether they keep to themselves.

A ``.keras`` file is a zip archive with a configuration and weights in HDF5; an ``.h5`` file is HDF5 alone. Both formats
can name other files, or unpack into more than a machine holds. Keras refuses much of that by itself since 3.13; what is
refused here does not depend on its version.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

from app.errors import ModelNotUsable

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]

Kind = Literal["keras", "h5"]

CONFIG_FILE: Final = "config.json"
METADATA_FILE: Final = "metadata.json"
WEIGHTS_FILE: Final = "model.weights.h5"
#: Where layers keep vocabularies and the like; those of networks for pictures and sounds have none.
_ASSETS: Final = "assets"

#: An installation takes minutes at most.
_STALE_SECONDS: Final = 86_400

#: How the two begin.
_ZIP_MAGIC: Final = b"PK\x03\x04"
HDF5_MAGIC: Final = b"\x89HDF\r\n\x1a\n"
#: Loading takes about the file's size in memory; ResNet50V2 with the source's head is 0.3 GB.
MAX_BYTES: Final = 2_000_000_000
#: A configuration is some hundred kB.
_MAX_JSON_BYTES: Final = 50_000_000
#: Groups and arrays in a file; the largest networks of Keras, with the state of their training, have some 10 000.
_MAX_OBJECTS: Final = 100_000


def unusable(path: Path, what: str) -> ModelNotUsable:
    """The error that says what is wrong with a file."""
    return ModelNotUsable(f"The model {path.name} cannot be used: {what}.")


def check(path: Path) -> Kind:
    """What kind of file it is; ModelNotUsable if it is none, or one that does not keep to itself."""
    kind = _kind(path)
    try:
        if kind == "keras":
            _check_archive(path)
        with opened_weights(path, kind) as file:
            _check_hdf5(path, file)
    except ModelNotUsable:
        raise
    except Exception as error:
        # A damaged file makes h5py and zipfile raise anything: OSError, KeyError, ValueError, RuntimeError, TypeError …
        raise unusable(
            path, f"it is damaged ({type(error).__name__}: {str(error).partition(chr(10))[0][:200]})"
        ) from error
    return kind


@contextmanager
def opened_weights(path: Path, kind: Kind) -> Iterator[h5py.File]:
    """The HDF5 inside a file that was found to be of this kind."""
    import h5py

    if kind == "h5":
        with h5py.File(path, "r") as file:
            yield file
        return
    # In memory: a member of an archive can only be read from its beginning, and HDF5 goes back and forth.
    with zipfile.ZipFile(path) as archive:
        weights = io.BytesIO(archive.read(WEIGHTS_FILE))
    with h5py.File(weights, "r") as file:
        yield file


def read_member(path: Path, name: str) -> bytes:
    """A small member of a ``.keras`` file; KeyError if there is none."""
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(name).file_size > _MAX_JSON_BYTES:
            raise unusable(path, f"its {name} is too large to be one")
        return archive.read(name)


def only_model(folder: Path, named: Path | None) -> Path:
    """The model in a folder: under the source's name (`named`), or the only one there; ModelNotUsable otherwise."""
    if named is not None:
        return named
    found = sorted(path for path in folder.iterdir() if path.suffix in {".keras", ".h5"} and path.is_file())
    if len(found) != 1:
        raise ModelNotUsable(f"There must be one .keras or .h5 file in {folder}, and there are {len(found)}.")
    return found[0]


@contextmanager
def workplace_in(models_dir: Path, prefix: str) -> Iterator[Path]:
    """A folder beside the models, so that the last step is a rename; one that a kill left there goes after a day."""
    models_dir.mkdir(parents=True, exist_ok=True)
    for left in models_dir.glob(f"{prefix}*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=models_dir) as name:
        yield Path(name)


def _kind(path: Path) -> Kind:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise unusable(path, f"it is larger than {MAX_BYTES} bytes")
        with path.open("rb") as file:
            head = file.read(len(HDF5_MAGIC))
    except OSError as error:
        raise unusable(path, f"it cannot be read ({error.strerror})") from error
    if head.startswith(_ZIP_MAGIC) and zipfile.is_zipfile(path):
        return "keras"
    if head == HDF5_MAGIC:
        return "h5"
    raise unusable(path, "it is neither a .keras nor an HDF5 file, or only a part of one")


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    names = [member.filename for member in members]
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or ":" in name:
            raise unusable(path, f"it wants to write outside its folder ({name!a})")
    if len(set(names)) != len(names):
        raise unusable(path, "it holds two members of one name")
    needed = {CONFIG_FILE, METADATA_FILE, WEIGHTS_FILE}
    for name in needed - set(names):
        raise unusable(path, f"it holds no {name}")
    strange = [name for name in names if name not in needed and PurePosixPath(name).parts[0] != _ASSETS]
    if strange:
        raise unusable(path, f"it holds what no model has ({strange[0]!a})")
    if sum(member.file_size for member in members) > MAX_BYTES:
        raise unusable(path, f"it unpacks to more than {MAX_BYTES} bytes")


def _check_hdf5(path: Path, file: h5py.File) -> None:
    """Every array lies in this very file, and all of them fit into memory."""
    import h5py

    groups: list[Any] = [file]
    seen = set()
    bytes_in_all = 0
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise unusable(path, f"it refers to something elsewhere ({name[:80]!a})")
            found = group[name]
            place = h5py.h5o.get_info(found.id).addr
            if place in seen:
                raise unusable(path, f"it holds {name[:80]!a} in two places")
            seen.add(place)
            if len(seen) > _MAX_OBJECTS:
                raise unusable(path, f"it holds more than {_MAX_OBJECTS} arrays")
            if isinstance(found, h5py.Group):
                groups.append(found)
            elif isinstance(found, h5py.Dataset):
                if found.is_virtual or found.external:
                    raise unusable(path, f"it takes an array from another file ({name[:80]!a})")
                bytes_in_all += found.nbytes
                if bytes_in_all > MAX_BYTES:
                    raise unusable(path, f"its arrays are larger than {MAX_BYTES} bytes")
