"""Serving a Keras model that a user trained: loaded once, checked, run through a compiled forward.

``.keras`` and ``.h5`` files are read, those of Keras 2 included. TensorFlow takes seconds to import, so nothing here
imports it before a model is loaded. A file is data, never a program: what would run code while loading (a pickled
Lambda layer) is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines import keras_2, keras_files
from app.engines.keras_files import unusable
from app.errors import ModelNotUsable

logger = logging.getLogger(__name__)

Batch = NDArray[np.float32]

_ENDINGS: Final = {"keras": (".keras",), "h5": (".h5", ".hdf5")}
#: Networks with more weights than this are not frozen, see `_compile`.
_MAX_FROZEN: Final = 5_000_000
#: How far probabilities may be from adding up to one (float32, a thousand classes).
_SUM_TOLERANCE: Final = 1e-3
_SPATIAL_RANK: Final = 4

# TensorFlow is set up once in a process, and Keras keeps global state while it builds a model.
_lock = threading.Lock()


class KerasModel:
    """A loaded model. Thread-safe: one instance serves every request."""

    def __init__(self, path: Path, model: Any, forward: Callable[[Batch], Batch]) -> None:
        """Use `load_keras_model`."""
        self.path = path
        #: without the batch: ``(224, 224, 3)``, ``(128, 256, 1)``.
        self.input_shape: tuple[int, ...] = tuple(model.input_shape[1:])
        #: numbers in one answer.
        self.classes: int = int(model.output_shape[-1])
        #: first 8 hex digits of the file's sha256.
        self.fingerprint: str = _fingerprint(path)
        self._model = model
        self._forward = forward
        self._attention: Callable[[Batch, int], Batch] | None = None

    def __call__(self, batch: Batch) -> Batch:
        """Probabilities, float32, shape ``(n, classes)``, of a float32 batch of shape ``(n, *input_shape)``."""
        return self._forward(batch)

    def attention(self, batch: Batch, answer: int) -> Batch | None:
        """Grad-CAM of one input, shape ``(1, *input_shape)``, for one class: ``(rows, columns)`` from 0 to 1.

        From Selvaraju et al., "Grad-CAM" (2017): the last feature maps, weighted by the mean gradient of the class, and
        of that what speaks for it. None if the model has no feature maps.
        """
        with _lock:
            if self._attention is None:
                self._attention = _grad_cam(self._model) or _nothing
        found = self._attention(batch, answer)
        return found if found.size else None


def load_keras_model(
    path: Path,
    *,
    input_shape: Sequence[int] | None = None,
    classes: int | None = None,
    threads: int = 0,
) -> KerasModel:
    """Read a model, check that it is what is expected, and run it once.

    :param input_shape: what it must take, without the batch; None accepts any fixed shape.
    :param classes: how many numbers it must answer with; None accepts any.
    :param threads: inside one call, 0 for every core; the first model of a process decides.

    ModelNotUsable says what is wrong with the file.
    """
    kind = keras_files.check(path)
    return _serve(
        path, lambda keras: _read(keras, path, kind), input_shape=input_shape, classes=classes, threads=threads
    )


def load_keras_weights(
    path: Path,
    build: Callable[[Any], Any],
    *,
    input_shape: Sequence[int] | None = None,
    classes: int | None = None,
    threads: int = 0,
) -> KerasModel:
    """The same for a file that holds weights only.

    :param build: Keras -> the network that they belong to.
    """
    if keras_files.check(path) != "h5":
        raise unusable(path, "weights of a known network come as an .h5 file")

    def filled(keras: Any) -> Any:
        model = build(keras)
        model.load_weights(path)
        return model

    return _serve(path, filled, input_shape=input_shape, classes=classes, threads=threads)


def _serve(
    path: Path,
    make: Callable[[Any], Any],
    *,
    input_shape: Sequence[int] | None,
    classes: int | None,
    threads: int,
) -> KerasModel:
    with _lock:
        keras = _start_tensorflow(threads)
        try:
            model = make(keras)
        except ModelNotUsable:
            raise
        except MemoryError as error:
            raise unusable(path, "there is not enough memory for it") from error
        except keras_2.NotReadable as error:
            raise unusable(path, str(error)) from error
        except Exception as error:
            # Keras raises whatever its parts raise: KeyError, ValueError, OSError, TypeError of a foreign layer.
            raise unusable(path, f"Keras cannot read it ({_in_short(error)})") from error
        _check_shape(path, model, input_shape, classes)
        try:
            forward = _compile(model)
            answer = forward(np.zeros((1, *model.input_shape[1:]), np.float32))
        except Exception as error:
            raise unusable(path, f"it does not run ({_in_short(error)})") from error
    _check_answer(path, answer)
    loaded = KerasModel(path, model, forward)
    logger.info("Loaded %s: %s -> %d classes", path.name, loaded.input_shape, loaded.classes)
    return loaded


def _start_tensorflow(threads: int) -> Any:
    # Before the import: TensorFlow prints its build flags and the CPU's features otherwise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ModelNotUsable(f"TensorFlow cannot be imported: {_in_short(error)}.") from error
    # RuntimeError: it runs already, with the numbers of the first model.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    import keras

    return keras


def _read(keras: Any, path: Path, kind: keras_files.Kind) -> Any:
    if keras_2.is_of_keras_2(path, kind):
        return keras_2.read(path, kind)
    # Keras 3 goes by the name, and would say something misleading.
    if path.suffix not in _ENDINGS[kind]:
        raise unusable(path, f"its content is that of a {_ENDINGS[kind][0]} file: rename it")
    # No compile: optimiser and losses are for training, and are what most often fails to load.
    # safe_mode: a Lambda layer is a pickled program.
    return keras.models.load_model(path, compile=False, safe_mode=True)


def _check_shape(path: Path, model: Any, input_shape: Sequence[int] | None, classes: int | None) -> None:
    takes, gives = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if not isinstance(takes, tuple) or not isinstance(gives, tuple):
        raise unusable(path, "it must have one input and one output")
    if any(not isinstance(side, int) for side in (*takes[1:], *gives[1:])) or len(gives) != 2:  # noqa: PLR2004
        raise unusable(path, f"it takes {takes} and gives {gives}, where fixed sizes and (batch, classes) are needed")
    if input_shape is not None and takes[1:] != tuple(input_shape):
        raise unusable(path, f"it takes {takes[1:]}, and {tuple(input_shape)} is needed")
    if classes is not None and gives[-1] != classes:
        raise unusable(path, f"it tells {gives[-1]} classes apart, and the list of classes has {classes}")


def _check_answer(path: Path, answer: Batch) -> None:
    if not np.isfinite(answer).all() or answer.min() < 0 or answer.max() > 1 + _SUM_TOLERANCE:
        raise unusable(path, "its answers are no probabilities: its last layer must be softmax or sigmoid")
    if answer.shape[-1] > 1 and abs(float(answer.sum()) - 1) > _SUM_TOLERANCE:
        raise unusable(path, "its answers do not add up to 1: its last layer must be softmax")


def _compile(model: Any) -> Callable[[Batch], Batch]:
    """The forward pass as one TensorFlow function.

    The weights of a small network are frozen into it, which lets TensorFlow fold batch normalisation into the
    convolutions, once: a third of the time of a MobileNetV2. It also copies them some twenty times over while it does
    so: the source's network (ResNet50V2 and 50 million weights behind it, 0.3 GB) took 6.8 GB and 30 s to load like
    that, and takes 2.1 GB without.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    signature = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    traced = tf.function(lambda batch: model(batch, training=False)).get_concrete_function(signature)
    if sum(math.prod(weights.shape) for weights in model.weights) > _MAX_FROZEN:
        return lambda batch: np.asarray(traced(tf.constant(batch, tf.float32)))
    frozen = convert_variables_to_constants_v2(traced)
    return lambda batch: np.asarray(frozen(tf.constant(batch, tf.float32))[0])


def _with_maps(model: Any) -> Any:
    """The model with its last feature maps as a further output, before its answer; None if it has none.

    Found by going back from the answer, from layer to layer. A layer's own ``output`` may belong to another graph: that
    of a network inside the network (ResNet50V2 in a Sequential, as the source builds it), or one from before loading.
    """
    import keras

    tensor = model.outputs[0]
    while tensor is not model.inputs[0]:
        if len(tensor.shape) == _SPATIAL_RANK and min(tensor.shape[1:3]) > 1:
            return keras.Model(model.inputs, [tensor, model.outputs[0]])
        layer, node, _ = tensor._keras_history  # noqa: SLF001 - Keras tells this in no other way
        taken = layer._inbound_nodes[node].input_tensors  # noqa: SLF001 - the same
        if not taken:
            break
        tensor = taken[0]
    return None


def _grad_cam(model: Any) -> Callable[[Batch, int], Batch] | None:
    import tensorflow as tf

    both = _with_maps(model)
    if both is None:
        return None

    def explain(batch: Any, answer: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(batch)
            features, scores = both(batch, training=False)
            # Of the logarithm: a probability near one has hardly a gradient left.
            score = tf.math.log(scores[0, answer] + 1e-12)
        weights = tf.reduce_mean(tape.gradient(score, features)[0], axis=(0, 1))
        heat = tf.nn.relu(tf.reduce_sum(features[0] * weights, axis=-1))
        return tf.math.divide_no_nan(heat, tf.reduce_max(heat))

    signature = [tf.TensorSpec((1, *model.input_shape[1:]), tf.float32), tf.TensorSpec((), tf.int32)]
    compiled = tf.function(explain, input_signature=signature)

    def attention(batch: Batch, answer: int) -> Batch:
        heat: Batch = compiled(tf.constant(batch, tf.float32), tf.constant(answer, tf.int32)).numpy()
        return heat

    return attention


def _nothing(_: Batch, __: int) -> Batch:
    return np.zeros((0, 0), np.float32)


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]


def _in_short(error: Exception) -> str:
    """The first line, not the page that Keras writes below it."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line[:200]}"
