"""Pictures: bytes to pixels, defensively; pixels to the stored crop; pixels to JPEG."""

from app.engines.images.crop import STORED_SIZE, Crop, encode_jpeg, face_crop, resize_whole
from app.engines.images.decode import MAX_ASPECT, MIN_SIDE, Enough, decode

__all__ = [
    "MAX_ASPECT",
    "MIN_SIDE",
    "STORED_SIZE",
    "Crop",
    "Enough",
    "decode",
    "encode_jpeg",
    "face_crop",
    "resize_whole",
]
