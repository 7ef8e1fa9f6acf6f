"""Reading pickled arrays without running what else a pickle may hold."""

from __future__ import annotations

import io
import pickle
from typing import Any, Final

import numpy as np

#: All that a pickle of NumPy arrays refers to, under the names of NumPy 1 and 2.
_ALLOWED: Final = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]  # noqa: SLF001
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]  # noqa: SLF001
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """The few functions that arrays are made with; anything else could be a program."""
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is no part of an array") from None


def load_arrays(data: bytes) -> Any:
    """What is pickled in `data`, if that is arrays in containers of Python's own.

    :raises pickle.UnpicklingError: it refers to something else, or is damaged.
    """
    try:
        return _ArraysOnly(io.BytesIO(data)).load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:
        # A damaged pickle raises anything: EOFError, ValueError, IndexError, MemoryError, TypeError …
        raise pickle.UnpicklingError(f"it is damaged ({type(error).__name__})") from error
