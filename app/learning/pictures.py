"""Folders of labelled pictures: found, checked, made into batches."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from app.engines.base import Image
from app.engines.breed.recipe import DEFAULT_INTERPOLATION, INTERPOLATIONS, SCALINGS
from app.engines.images import decode
from app.errors import KenaliError, TrainingDataNotUsable
from app.learning.batches import Seed, batches_of

#: Where Stanford Dogs, as Kaggle packs it, has its folders of breeds; the folder itself is tried first.
_INSIDE: Final = ("", "images/Images", "Images", "images")
#: ``n02085620-Chihuahua``: the number of ImageNet's synset, then the breed, which may hold hyphens itself (Shih-Tzu).
_SYNSET: Final = re.compile(r"n\d{8}-(?P<breed>.+)")
_ENDINGS: Final = frozenset({".jpg", ".jpeg", ".png"})
#: Larger files are no photos.
_MAX_BYTES: Final = 100_000_000
_MAX_PIXELS: Final = 100_000_000
#: Pictures that are decoded at the same time.
_THREADS: Final = 4

#: The source's augmentation. Its shear of 0.2 is taken as a slope: Keras reads it as a fifth of a degree, which no eye
#: can see.
_ROTATION_DEGREES: Final = 20.0
_SHIFT: Final = 0.2
_SHEAR: Final = 0.2
_ZOOM: Final = 0.2

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pictures:
    """What was found in a folder."""

    root: Path
    paths: tuple[Path, ...]
    #: the class of each path
    labels: tuple[str, ...]
    #: sha256 of each file: equal pictures must not be torn apart
    digests: tuple[str, ...]
    #: file (relative to `root`) -> why it is left out
    skipped: dict[str, str]

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the network's outputs."""
        return tuple(sorted(set(self.labels)))

    @property
    def fingerprint(self) -> str:
        """Changes when a picture is added, removed, changed, moved to another class or to another place in the order.

        The split goes by the order: a training that went on with another one would be tested with what it learnt from.
        """
        whole = hashlib.sha256()
        for label, digest in zip(self.labels, self.digests, strict=True):
            whole.update(f"{label}\0{digest}\n".encode())
        return whole.hexdigest()

    def one_hot(self) -> FloatArray:
        """Shape ``(pictures, classes)``."""
        position = {name: index for index, name in enumerate(self.classes)}
        return np.eye(len(position), dtype=np.float32)[[position[label] for label in self.labels]]


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a picture becomes an input; the server does the same with what ``model.json`` says (see `Recipe.prepare`)."""

    #: pixels on each side of the square that the whole picture is stretched to
    side: int
    #: a name in `SCALINGS`
    scaling: str

    def shrink(self, image: Image) -> Image:
        """RGB ``uint8``, shape ``(side, side, 3)``."""
        return np.asarray(
            PillowImage.fromarray(image).resize((self.side, self.side), INTERPOLATIONS[DEFAULT_INTERPOLATION])
        )

    def scale(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Bytes to what the network takes."""
        return SCALINGS[self.scaling](images.astype(np.float32))


def find_pictures(data: Path, *, checked: Callable[[int, int], None] | None = None) -> Pictures:
    """The pictures below `data`: one folder a class, or Stanford Dogs as it is unpacked. Each is decoded once.

    :param checked: told how many files of how many have been looked at.
    :raises TrainingDataNotUsable: no such folder, fewer than two classes, or two folders for one class.
    """
    root, folders = _class_folders(data)
    named = [(path, label) for label, folder in folders.items() for path in _files(folder)]
    paths, labels, digests = [], [], []
    skipped: dict[str, str] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        looked_at = pool.map(_look_at, (path for path, _ in named))
        for done, ((path, label), (digest, problem)) in enumerate(zip(named, looked_at, strict=True), 1):
            if problem is None:
                paths.append(path)
                labels.append(label)
                digests.append(digest)
            else:
                skipped[path.relative_to(root).as_posix()] = problem
            if checked is not None:
                checked(done, len(named))
    if len(set(labels)) < 2:  # noqa: PLR2004 - two classes are the least there is to tell apart
        first = "".join(f" The first: {name} ({why})" for name, why in list(skipped.items())[:1])
        raise TrainingDataNotUsable(
            f"Fewer than two folders in {root} hold pictures that can be read; {len(skipped)} files cannot.{first}"
        )
    return Pictures(root, tuple(paths), tuple(labels), tuple(digests), skipped)


def augment(image: Image, random: np.random.Generator) -> Image:
    """Turn, shift, shear, zoom and mirror by chance; what comes in at the edges repeats them."""
    rows, columns = image.shape[:2]
    angle = np.deg2rad(random.uniform(-_ROTATION_DEGREES, _ROTATION_DEGREES))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, random.uniform(-_SHEAR, _SHEAR)], [0.0, 1.0]])
    zoom = np.diag(random.uniform(1 - _ZOOM, 1 + _ZOOM, size=2))
    mirror = np.diag([random.choice([-1.0, 1.0]), 1.0])
    linear = turn @ shear @ zoom @ mirror
    centre = np.array([(columns - 1) / 2, (rows - 1) / 2])
    shift = random.uniform(-_SHIFT, _SHIFT, size=2) * (columns, rows)
    matrix = np.column_stack([linear, centre + shift - linear @ centre])
    turned = cv2.warpAffine(image, matrix, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def batches(
    pictures: Pictures,
    rows: npt.NDArray[np.int64],
    preparation: Preparation,
    *,
    batch_size: int,
    augment_with: int | None = None,
) -> Any:
    """Batches of these rows for Keras: inputs ``(n, side, side, 3)`` and one-hot targets.

    :param augment_with: as `app.learning.batches.batches_of` has it.
    """

    def load(chosen: Sequence[int], seeds: Sequence[Seed] | None) -> FloatArray:
        return preparation.scale(_load([pictures.paths[row] for row in chosen], preparation, seeds))

    return batches_of(rows, pictures.one_hot(), load, batch_size=batch_size, augment_with=augment_with)


def _load(paths: Sequence[Path], preparation: Preparation, seeds: Sequence[Seed] | None) -> npt.NDArray[np.uint8]:
    def load(position: int) -> Image:
        image = preparation.shrink(_decode(paths[position].read_bytes()))
        return image if seeds is None else augment(image, np.random.default_rng(seeds[position]))

    with ThreadPoolExecutor(_THREADS) as pool:
        return np.stack(list(pool.map(load, range(len(paths)))))


def _class_folders(data: Path) -> tuple[Path, dict[str, Path]]:
    """The folder that holds the folders of the classes, and those by the name of the class."""
    if not data.is_dir():
        raise TrainingDataNotUsable(f"There is no folder {data}.")
    for inside in _INSIDE:
        root = data / inside
        if not root.is_dir():
            continue
        # Jupyter keeps a folder of its own beside the others, with copies of what was looked at.
        found = (folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith("."))
        folders = sorted(folder for folder in found if _files(folder))
        if folders:
            return root, _by_class(folders)
    raise TrainingDataNotUsable(f"{data} holds no folders of pictures: one folder for each class is needed.")


def _by_class(folders: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders:
        match = _SYNSET.fullmatch(folder.name)
        name = match["breed"] if match else folder.name
        if name in found:
            raise TrainingDataNotUsable(f"Two folders stand for {name}: {found[name].name} and {folder.name}.")
        found[name] = folder
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS and not path.name.startswith(".")
    )


def _look_at(path: Path) -> tuple[str, str | None]:
    """Sha256, and what is wrong with it."""
    try:
        data = path.read_bytes()
        _decode(data)
    except OSError as error:
        return "", f"it cannot be read: {error.strerror}"
    except KenaliError as error:
        return "", error.detail
    return hashlib.sha256(data).hexdigest(), None


def _decode(data: bytes) -> Image:
    return decode(data, max_bytes=_MAX_BYTES, max_pixels=_MAX_PIXELS)
