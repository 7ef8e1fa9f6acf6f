"""A face engine behind a gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from app.engines.base import Embeddings, Face, FaceEngine, FaceModelInfo, Image


class GatedFaceEngine:
    """The engine itself; each call first takes a place, so a burst of requests cannot pile up in it."""

    def __init__(self, engine: FaceEngine, enter: Callable[[], AbstractContextManager[None]]) -> None:
        """:param enter: `Gate.enter` or `Gate.wait`."""
        self._engine = engine
        self._enter = enter

    @property
    def info(self) -> FaceModelInfo:
        """Name, licence and dimensions of the model."""
        return self._engine.info

    def detect(self, image: Image) -> list[Face]:
        """Every face of the picture, the largest first. Raises ModelBusy when the queue is full."""
        with self._enter():
            return self._engine.detect(image)

    def embed(self, image: Image, faces: Sequence[Face]) -> Embeddings:
        """Embeddings of the given faces of one picture. Raises ModelBusy when the queue is full."""
        with self._enter():
            return self._engine.embed(image, faces)

    def embed_many(self, items: Sequence[tuple[Image, Face]]) -> Embeddings:
        """The same for faces of different pictures. Raises ModelBusy when the queue is full."""
        with self._enter():
            return self._engine.embed_many(items)
