"""Pictures: bytes to pixels, defensively; pixels to the stored crop; pixels to JPEG."""

from app.engines.images.crop import STORED_SIZE, Crop, encode_jpeg, face_crop, resize_whole
from app.engines.images.decode import MAX_ASPECT, MIN_SIDE, Enough, decode
from app.engines.images.renditions import THUMB_SIDE, WEB_SIDE, Stripped, encode_for_screens, fitted, strip

__all__ = [
    "MAX_ASPECT",
    "MIN_SIDE",
    "STORED_SIZE",
    "THUMB_SIDE",
    "WEB_SIDE",
    "Crop",
    "Enough",
    "Stripped",
    "decode",
    "encode_for_screens",
    "encode_jpeg",
    "face_crop",
    "fitted",
    "resize_whole",
    "strip",
]
