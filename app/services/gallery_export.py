"""``models/face_db.npy``: the gallery for other programs.

One NumPy file without pickle, one record for each embedding, ordered by user and photo:
``user_id`` int64, ``name`` text, ``photo_id`` int64, ``model`` text (name@fingerprint), ``embedding`` float32 (512,).

    gallery = numpy.load("models/face_db.npy")
    similarity = gallery["embedding"] @ probe
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.db import User, vectors
from app.db.faces import EMBEDDING_SIZE
from app.errors import StorageFull, StorageUnavailable

FILENAME = "face_db.npy"


def export_gallery(sessions: sessionmaker[Session], generation: int, model: str, folder: Path) -> Path:
    """Write the file; whoever reads it meanwhile sees the old one or the new one, whole."""
    with sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        users, photos, embeddings = vectors.read_all(session, generation)
        names = {row.id: row.name for row in session.execute(select(User.id, User.name))}
    path = folder / FILENAME
    _write(path, _records(users, photos, embeddings, names, model))
    return path


def _records(
    users: NDArray[np.int64],
    photos: NDArray[np.int64],
    embeddings: NDArray[np.float32],
    names: dict[int, str],
    model: str,
) -> NDArray[np.void]:
    longest = max((len(name) for name in names.values()), default=1)
    records = np.zeros(
        len(users),
        dtype=[
            ("user_id", np.int64),
            ("name", f"U{longest}"),
            ("photo_id", np.int64),
            ("model", f"U{len(model)}"),
            ("embedding", np.float32, (EMBEDDING_SIZE,)),
        ],
    )
    records["user_id"] = users
    records["name"] = [names[user_id] for user_id in users.tolist()]
    records["photo_id"] = photos
    records["model"] = model
    records["embedding"] = embeddings
    return records


def _write(path: Path, records: NDArray[np.void]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".face_db-", suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            try:
                np.save(file, records, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
                temporary.chmod(0o600)  # faces are personal data
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"The gallery was rebuilt, but the disk is too full for {path.name}.") from error
        raise StorageUnavailable(f"The gallery was rebuilt, but {path.name} cannot be written.") from error
