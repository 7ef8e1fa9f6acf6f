"""Searching and storing embeddings: the only SQL about vectors.

Every vector has unit length, so the inner product is the cosine, and ``<#>`` (the negative inner product) is the
cheapest distance. A search names the model of its probe and is answered from one whole generation made with that model:
the live one, or for a moment after a change of model the one that was live when the probe was embedded.

Small generations are searched exactly. Large ones have a partial HNSW index over ``halfvec(512)`` (made by the
rebuild); its candidates are ranked again by the full vectors.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.db.faces import EMBEDDING_SIZE

Vector = NDArray[np.float32]

#: A probe travels as text. Whole numbers are written four times faster than decimals (0.05 instead of 0.2 ms for 512),
#: and 2**20 steps are as fine as float32 at the length of a unit vector's components.
_SCALE = 2**20
#: Photos that are fetched, best first, for each person that is wanted; more are fetched if they are too few people.
_PHOTOS_PER_PERSON = 16
_MIN_CANDIDATES = 64
_GROW = 8
#: From here on a gallery's size may be some seconds old.
_LARGE_PHOTOS = 10_000
_SIZE_SECONDS = 10.0
#: Candidates that HNSW keeps while it searches. pgvector's default is 40, and it would cap the rows as well.
EF_SEARCH = 200
#: Links of a node and candidates while building.
HNSW_M = 24
HNSW_EF_CONSTRUCTION = 128

_GENERATION = (
    "SELECT id, indexed FROM face_generations WHERE model = %(model)s AND state IN ('live', 'retired') "
    "ORDER BY state, activated_at DESC LIMIT 1"
)

_EXACT = f"""
WITH generation AS MATERIALIZED ({_GENERATION}),
near AS MATERIALIZED (
    SELECT user_id, photo_id, embedding <#> %(probe)s::vector AS distance FROM face_embeddings
    -- The first condition does not depend on a row: with an index, nothing is read here.
    WHERE (SELECT NOT indexed FROM generation) AND generation = (SELECT id FROM generation)
    ORDER BY distance LIMIT %(candidates)s
),
size AS MATERIALIZED (
    SELECT count(*) AS people, coalesce(sum(photos), 0)::bigint AS photos FROM (
        SELECT count(*) AS photos FROM face_embeddings
        WHERE %(count)s AND generation = (SELECT id FROM generation) GROUP BY user_id
    ) AS per_person
),
best AS (SELECT DISTINCT ON (user_id) * FROM near ORDER BY user_id, distance)
SELECT size.people, size.photos, (SELECT id FROM generation) AS generation, (SELECT indexed FROM generation) AS indexed,
    found.user_id, users.name, users.email, found.photo_id, found.distance
FROM size
LEFT JOIN (
    (SELECT * FROM best ORDER BY distance LIMIT %(top_k)s) AS found JOIN users ON users.id = found.user_id
) ON true
ORDER BY found.distance, found.user_id
"""  # noqa: S608 - constants only

_INDEXED = """
WITH near AS MATERIALIZED (
    SELECT user_id, photo_id, embedding FROM face_embeddings WHERE generation = {generation}
    ORDER BY embedding::halfvec({size}) <#> %(probe)s::halfvec({size}) LIMIT %(candidates)s
),
best AS (
    SELECT DISTINCT ON (user_id) user_id, photo_id, embedding <#> %(probe)s::vector AS distance FROM near
    ORDER BY user_id, distance
)
SELECT found.user_id, users.name, users.email, found.photo_id, found.distance
FROM (SELECT * FROM best ORDER BY distance LIMIT %(top_k)s) AS found JOIN users ON users.id = found.user_id
ORDER BY found.distance, found.user_id
"""

_SIZE = """
SELECT count(*) AS people, coalesce(sum(photos), 0)::bigint AS photos FROM (
    SELECT count(*) AS photos FROM face_embeddings WHERE generation = %(generation)s GROUP BY user_id
) AS per_person
"""


@dataclass(frozen=True, slots=True)
class PersonFound:
    """One enrolled person, by the photo that is most similar to the probe."""

    user_id: int
    name: str
    email: str
    photo_id: int
    #: cosine, -1 to 1
    similarity: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Who resembles a probe, and among how many they were found."""

    #: people and photos in the gallery that was searched
    people: int
    photos: int
    #: best first, one entry for each person
    people_found: list[PersonFound]


@dataclass(frozen=True, slots=True)
class NewEmbedding:
    """An embedding to be stored."""

    user_id: int
    photo_id: int
    #: shape (512,), unit length
    vector: Vector
    #: 0 to 1
    quality: float


@dataclass(frozen=True, slots=True)
class _Size:
    """People and photos of a generation."""

    generation: int
    people: int
    photos: int


class _Sizes:
    """Sizes of large galleries, for a few seconds.

    Counting takes as long as the exact search itself (0.3 microseconds a photo), and one person more or less among
    thousands changes no threshold. Small galleries are counted at each search.
    """

    def __init__(self) -> None:
        self._known: dict[object, tuple[float, _Size]] = {}

    def find(self, gallery: object) -> _Size | None:
        """What is known, unless it is too old."""
        until, size = self._known.get(gallery, (0.0, None))
        return size if time.monotonic() < until else None

    def remember(self, gallery: object, size: _Size) -> _Size:
        """Keep the size of a gallery, if it is large."""
        if size.photos >= _LARGE_PHOTOS:
            self._known[gallery] = (time.monotonic() + _SIZE_SECONDS, size)
        return size


_sizes = _Sizes()


def search(session: Session, model: str, probe: Vector, *, top_k: int) -> SearchResult:
    """The people whose best photo is most similar to the probe.

    One round trip, unless the gallery is large enough for an index.

    :param model: `FaceModelInfo.key` of the engine that made the probe.
    :param probe: shape (512,), unit length.
    """
    connection = session.connection()
    parameters = {"model": model, "probe": _whole_numbers(probe), "top_k": top_k}
    candidates = max(_MIN_CANDIDATES, _PHOTOS_PER_PERSON * top_k)
    gallery = (connection.engine.url, model)
    size = _sizes.find(gallery)
    while True:
        rows = connection.exec_driver_sql(_EXACT, {**parameters, "candidates": candidates, "count": size is None}).all()
        people, photos, generation, indexed = rows[0][:4]
        if size is None:
            size = _sizes.remember(gallery, _Size(generation, people, photos))
        elif size.generation != generation:
            size = None  # swapped since it was counted
            continue
        if indexed:
            return _search_indexed(session, size, probe, top_k=top_k)
        found = [_person(row[4:], _SCALE) for row in rows if row[4] is not None]
        if len(found) >= min(top_k, size.people) or candidates >= size.photos:
            return SearchResult(size.people, size.photos, found)
        # A few people with very many photos took all the places.
        candidates *= _GROW


def _search_indexed(session: Session, size: _Size, probe: Vector, *, top_k: int) -> SearchResult:
    connection = session.connection()
    people, photos = size.people, size.photos
    # A partial index is only used if the query spells out its condition.
    statement = _INDEXED.format(generation=int(size.generation), size=EMBEDDING_SIZE)
    candidates = max(_MIN_CANDIDATES, _PHOTOS_PER_PERSON * top_k)
    while True:
        connection.exec_driver_sql(
            f"SET LOCAL hnsw.ef_search = {min(1000, max(EF_SEARCH, candidates))}; "
            "SET LOCAL hnsw.iterative_scan = relaxed_order"
        )
        rows = connection.exec_driver_sql(
            statement, {"probe": _decimals(probe), "candidates": candidates, "top_k": top_k}
        ).all()
        found = [_person(row, 1) for row in rows]
        if len(found) >= min(top_k, people) or candidates >= photos:
            return SearchResult(people, photos, found)
        candidates *= _GROW


def best_similarity(session: Session, model: str, user_id: int, probe: Vector) -> float | None:
    """Cosine of the probe and that user's most similar photo; None if the user is not enrolled with this model."""
    distance = (
        session.connection()
        .exec_driver_sql(
            f"WITH generation AS ({_GENERATION}) SELECT min(embedding <#> %(probe)s::vector) FROM face_embeddings "  # noqa: S608
            "WHERE generation = (SELECT id FROM generation) AND user_id = %(user_id)s",
            {"model": model, "probe": _whole_numbers(probe), "user_id": user_id},
        )
        .scalar_one()
    )
    return None if distance is None else -distance / _SCALE


def is_enrolled(session: Session, model: str, user_id: int) -> bool:
    """Whether the user has an embedding of this model in the gallery."""
    return bool(
        session.connection()
        .exec_driver_sql(
            f"WITH generation AS ({_GENERATION}) SELECT EXISTS (SELECT 1 FROM face_embeddings "  # noqa: S608
            "WHERE generation = (SELECT id FROM generation) AND user_id = %(user_id)s)",
            {"model": model, "user_id": user_id},
        )
        .scalar_one()
    )


def gallery_size(session: Session, generation: int) -> tuple[int, int]:
    """People and photos of a generation."""
    people, photos = session.connection().exec_driver_sql(_SIZE, {"generation": generation}).one()
    return people, photos


def delete_user(session: Session, generation: int, user_id: int) -> None:
    """Remove a user's embeddings from one generation."""
    session.connection().exec_driver_sql(
        "DELETE FROM face_embeddings WHERE generation = %(generation)s AND user_id = %(user_id)s",
        {"generation": generation, "user_id": user_id},
    )


def delete_photos(session: Session, generation: int, photo_ids: Sequence[int]) -> None:
    """Remove the embeddings of some photos from one generation."""
    session.connection().exec_driver_sql(
        "DELETE FROM face_embeddings WHERE generation = %(generation)s AND photo_id = ANY(%(photo_ids)s::bigint[])",
        {"generation": generation, "photo_ids": list(photo_ids)},
    )


def copy_missing(session: Session, *, source: int, target: int) -> int:
    """Copy what one generation has and another of the same model lacks; how many were copied."""
    return (
        session.connection()
        .exec_driver_sql(
            "INSERT INTO face_embeddings (user_id, photo_id, model, generation, embedding, quality) "
            "SELECT user_id, photo_id, model, %(target)s, embedding, quality FROM face_embeddings AS s "
            "WHERE generation = %(source)s AND NOT EXISTS (SELECT 1 FROM face_embeddings AS t "
            "WHERE t.generation = %(target)s AND t.photo_id = s.photo_id)",
            {"source": source, "target": target},
        )
        .rowcount
    )


# --- many at once: PostgreSQL's binary COPY, whose rows have one length here and are therefore numpy records

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_VECTOR_FIELD = [("vector_length", ">i4"), ("dimensions", ">i2"), ("unused", ">i2"), ("vector", ">f4", EMBEDDING_SIZE)]
_VECTOR_BYTES = 4 + 4 * EMBEDDING_SIZE


def insert(session: Session, generation: int, model: str, rows: Sequence[NewEmbedding]) -> None:
    """Store embeddings. The photos must exist and be locked against deletion (`FOR KEY SHARE`)."""
    if not rows:
        return
    key = model.encode()
    record = np.dtype(
        [
            ("fields", ">i2"),
            *(item for name in ("user_id", "photo_id") for item in ((f"{name}_length", ">i4"), (name, ">i8"))),
            ("model_length", ">i4"),
            ("model", f"S{len(key)}"),
            ("generation_length", ">i4"),
            ("generation", ">i8"),
            *_VECTOR_FIELD,
            ("quality_length", ">i4"),
            ("quality", ">f8"),
        ]
    )
    data = np.zeros(len(rows), dtype=record)
    data["fields"] = 6
    for name in ("user_id", "photo_id", "generation", "quality"):
        data[f"{name}_length"] = 8
    data["user_id"] = [row.user_id for row in rows]
    data["photo_id"] = [row.photo_id for row in rows]
    data["model_length"], data["model"] = len(key), key
    data["generation"] = generation
    data["vector_length"], data["dimensions"] = _VECTOR_BYTES, EMBEDDING_SIZE
    data["vector"] = np.stack([row.vector for row in rows])
    data["quality"] = [row.quality for row in rows]
    with _cursor(session) as cursor:
        cursor.copy_expert(
            "COPY face_embeddings (user_id, photo_id, model, generation, embedding, quality) "
            "FROM STDIN (FORMAT binary)",
            io.BytesIO(_SIGNATURE + data.tobytes() + _TRAILER),
        )


def read_all(session: Session, generation: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """User ids (n,), photo ids (n,) and vectors (n, 512) of a generation, ordered by user and photo."""
    record = np.dtype(
        [
            ("fields", ">i2"),
            *(item for name in ("user_id", "photo_id") for item in ((f"{name}_length", ">i4"), (name, ">i8"))),
            *_VECTOR_FIELD,
        ]
    )
    buffer = io.BytesIO()
    with _cursor(session) as cursor:
        cursor.copy_expert(
            "COPY (SELECT user_id, photo_id, embedding FROM face_embeddings "  # noqa: S608 - an integer
            f"WHERE generation = {int(generation)} ORDER BY user_id, photo_id) TO STDOUT (FORMAT binary)",
            buffer,
        )
    body = buffer.getbuffer()[len(_SIGNATURE) : -len(_TRAILER)]
    data = np.frombuffer(body, dtype=record)
    return data["user_id"].astype(np.int64), data["photo_id"].astype(np.int64), data["vector"].astype(np.float32)


# --- the index of a large generation


def index_name(generation: int) -> str:
    """Name of the partial index over one generation."""
    return f"hnsw_face_embeddings_{int(generation)}"


def build_index(engine: Engine, generation: int) -> None:
    """Build the HNSW index of a generation without keeping writers waiting."""
    drop_index(engine, generation)  # an interrupted build leaves an invalid one
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql(
            f"CREATE INDEX CONCURRENTLY {index_name(generation)} ON face_embeddings "
            f"USING hnsw ((embedding::halfvec({EMBEDDING_SIZE})) halfvec_ip_ops) "
            f"WITH (m = {HNSW_M}, ef_construction = {HNSW_EF_CONSTRUCTION}) WHERE generation = {int(generation)}"
        )
        connection.exec_driver_sql("RESET statement_timeout")


def drop_index(engine: Engine, generation: int) -> None:
    """Remove the index of a generation, if there is one."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {index_name(generation)}")


def measure_recall(session: Session, generation: int, *, probes: int) -> tuple[float, int]:
    """Share of probes whose best match the index finds, and the number of probes.

    Probes are photos of people with several: the question is which of the *other* photos is nearest, which is what a
    search for that person would have to answer.
    """
    connection = session.connection()
    size = EMBEDDING_SIZE
    connection.exec_driver_sql(
        f"SET LOCAL statement_timeout = 0; SET LOCAL hnsw.ef_search = {EF_SEARCH}; "
        "SET LOCAL hnsw.iterative_scan = relaxed_order"
    )
    chosen = connection.exec_driver_sql(
        "SELECT photo_id FROM face_embeddings AS e WHERE generation = %(generation)s AND EXISTS (SELECT 1 FROM "
        "face_embeddings AS o WHERE o.generation = e.generation AND o.user_id = e.user_id AND o.photo_id <> e.photo_id)"
        " ORDER BY hashint8(photo_id) LIMIT %(probes)s",
        {"generation": generation, "probes": probes},
    ).scalars()
    hits, total = 0, 0
    for photo_id in chosen.all():
        values = {"photo_id": photo_id, "candidates": _MIN_CANDIDATES}
        probe = (
            f"(SELECT embedding FROM face_embeddings WHERE generation = {int(generation)} "  # noqa: S608 - an integer
            "AND photo_id = %(photo_id)s)"
        )
        exact = connection.exec_driver_sql(
            f"SELECT photo_id FROM face_embeddings WHERE generation = {int(generation)} "  # noqa: S608
            f"AND photo_id <> %(photo_id)s ORDER BY (embedding <#> {probe}) + 0 LIMIT 1",
            values,
        ).scalar()
        near = connection.exec_driver_sql(
            f"SELECT photo_id FROM face_embeddings WHERE generation = {int(generation)} "  # noqa: S608
            f"ORDER BY embedding::halfvec({size}) <#> ({probe})::halfvec({size}) LIMIT %(candidates)s",
            values,
        ).scalars()
        hits += exact in set(near.all())
        total += 1
    return (hits / total if total else 1.0), total


def refresh_statistics(engine: Engine) -> None:
    """After many rows have come and gone: plans and index-only scans depend on it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM (ANALYZE) face_embeddings")
        connection.exec_driver_sql("RESET statement_timeout")


# --- how values travel


def _whole_numbers(vector: Vector) -> str:
    return str(np.rint(vector * _SCALE).astype(np.int64).tolist())


def _decimals(vector: Vector) -> str:
    return str([round(value, 8) for value in vector.tolist()])


def _person(row: Sequence[Any], scale: int) -> PersonFound:
    user_id, name, email, photo_id, distance = row
    return PersonFound(user_id, name, email, photo_id, similarity=-distance / scale)


def _cursor(session: Session) -> Any:
    return session.connection().connection.cursor()
