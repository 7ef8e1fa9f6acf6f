"""Memory of pictures goes back to the system when they are done with.

glibc keeps freed blocks below a limit that it raises by itself, up to 32 MB, for the thread that freed them. Pillow
unpacks into blocks of 16 MB: after a few large pictures on several threads a server held 7 GB that nobody used, and
without that 1.5 (4 threads, 49 megapixels).
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

#: mallopt(3)
_M_MMAP_THRESHOLD: Final = -3
#: Blocks of this size and more are mapped by themselves, and unmapped when they are freed.
_THRESHOLD_BYTES: Final = 4 * 1024 * 1024
_M_TRIM_THRESHOLD: Final = -1
#: Setting the one above fixes this one at 128 KB: every small picture's buffers would go back to the system and be
#: fetched again, page by page, for the next one.
_TRIM_BYTES: Final = 32 * 1024 * 1024


def give_memory_back() -> bool:
    """Set it for this process; whether the C library is one that can be told."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL(None)
        return bool(libc.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES) and libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES))
    except (AttributeError, OSError):  # musl
        return False
