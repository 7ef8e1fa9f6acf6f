"""A user's own Keras model, with its own classes: the source's ``cough_classifier_model.h5``, or one trained here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from app.engines.audio import FRAMES, MELS, SAMPLE_RATE, Decibels, Padding, Samples, window
from app.engines.beside_model import class_names, is_figure, read_json, writable
from app.engines.cough.base import NON_COUGH, CoughAnswer, CoughModelInfo, Segment
from app.engines.cough.stretch_windows import segment, stretches_and_windows
from app.engines.keras_serving import load_keras_model
from app.errors import ModelNotUsable

#: In MODELS_DIR. The description, which may be missing, is what a training calls ``model.json``.
STEM: Final = "cough_classifier_model"
ENDINGS: Final = (".h5", ".keras")
DESCRIPTION: Final = f"{STEM}.json"
#: The source's, in its order.
SOURCE_CLASSES: Final = ("dry", NON_COUGH, "wet")

#: A stretch in which a cough is more likely than not is shown.
_SEGMENT_THRESHOLD: Final = 0.5


#: A sentence for people.
Shown = Annotated[str, AfterValidator(writable)]


class Description(BaseModel):
    """``cough_classifier_model.json``; without one, a model is taken for the source's own."""

    model_config = ConfigDict(frozen=True)

    classes: tuple[str, ...] = Field(SOURCE_CLASSES, min_length=2, max_length=1000)
    #: what short recordings are filled up with, see `app.engines.audio.log_mel`.
    padding: Padding = "silence"
    licence: Shown = "your own model"
    source: Shown = "your own model"
    test_set: dict[str, Any] | None = None

    @property
    def accuracy(self) -> str:
        """One sentence."""
        figure = (self.test_set or {}).get("balanced_accuracy")
        return f"balanced accuracy {figure} on its own test set" if is_figure(figure) else "not known"


#: The source pads the finished spectrogram with ``np.pad``, as far as can be told.
_OF_THE_SOURCE: Final = Description(classes=SOURCE_CLASSES, padding="zeros")


def find(models_dir: Path) -> Path | None:
    """The user's model, if there is one."""
    candidates = [models_dir / (STEM + ending) for ending in ENDINGS]
    return next((path for path in candidates if path.is_file()), None)


class OwnModel:
    """Keeps `CoughClassifier`."""

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        """
        :param path: what `find` found.

        ModelNotUsable if it does not load, or does not fit the front end or its list of classes.
        """
        self._description = description = read_description(path.with_name(DESCRIPTION))
        classes = description.classes
        self._model = load_keras_model(path, input_shape=(MELS, FRAMES, 1), classes=len(classes), threads=threads)
        self.info = CoughModelInfo(
            name=path.name,
            fingerprint=self._model.fingerprint,
            classes=classes,
            built_in=False,
            licence=description.licence,
            source=description.source,
            accuracy=description.accuracy,
        )

    def classify(self, spectrogram: Decibels, samples: Samples) -> CoughAnswer:
        """The most probable class of the first window, and where the coughs are."""
        scores = self._model(window(spectrogram, padding=self._description.padding))[0]
        prediction = self.info.classes[int(scores.argmax())]
        return CoughAnswer(
            prediction=prediction,
            scores={name: float(score) for name, score in zip(self.info.classes, scores, strict=True)},
            segments=[] if prediction == NON_COUGH else self._segments(samples, prediction),
        )

    def _segments(self, samples: Samples, prediction: str) -> list[Segment]:
        stretches, windows = stretches_and_windows(samples, self._description.padding)
        answers = self._model(windows)
        classes = self.info.classes
        if NON_COUGH in classes:
            scores = 1.0 - answers[:, classes.index(NON_COUGH)]
        else:
            scores = answers[:, classes.index(prediction)]
        seconds = len(samples) / SAMPLE_RATE
        found = [
            segment(stretch, float(np.clip(score, 0, 1)), seconds)
            for stretch, score in zip(stretches, scores, strict=True)
        ]
        return [part for part in found if part.score >= _SEGMENT_THRESHOLD] or [max(found, key=lambda part: part.score)]


def read_description(path: Path) -> Description:
    """What is beside the model; ModelNotUsable if it makes no sense."""
    try:
        found = Description.model_validate(read_json(path))
    except FileNotFoundError:
        return _OF_THE_SOURCE
    except ValidationError as error:
        where = ", ".join(".".join(map(str, problem["loc"])) or "the whole" for problem in error.errors())
        raise ModelNotUsable(f"{path.name} cannot be used: {where}.") from error
    class_names(found.classes)
    return found
