"""What kind of sound a file is, by its first bytes, before a decoder has seen it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.errors import UnsupportedAudio

KINDS_IN_WORDS: Final = "WAV, MP3, OGG, FLAC, M4A/AAC or WebM"

_ID3_HEADER: Final = 10
#: Tags, one behind the other.
_MAX_ID3: Final = 10
_SYNC: Final = 0xFF
#: MPEG audio: 11 set bits, version not reserved, layer III, bit rate and sample rate not reserved.
_MPEG_RESERVED_VERSION: Final = 0b01
_MPEG_LAYER_3: Final = 0b01
_MPEG_BAD_BITRATE: Final = 0b1111
_MPEG_BAD_RATE: Final = 0b11


@dataclass(frozen=True, slots=True)
class Kind:
    """A container that is read: by which demuxer, and which codecs may be in it. No others are ever opened."""

    #: as an answer names it.
    name: str
    #: libavformat's name of the demuxer.
    demuxer: str
    #: libavcodec's names of the decoders.
    decoders: tuple[str, ...]


_PCM: Final = (
    "pcm_u8",
    "pcm_s16le",
    "pcm_s24le",
    "pcm_s32le",
    "pcm_f32le",
    "pcm_f64le",
    "pcm_alaw",
    "pcm_mulaw",
)
_MP3: Final = ("mp3float", "mp3")
_XIPH: Final = ("vorbis", "opus", "libopus", "flac")

WAV: Final = Kind("WAV", "wav", (*_PCM, "adpcm_ms", "adpcm_ima_wav", *_MP3))
MP3: Final = Kind("MP3", "mp3", _MP3)
OGG: Final = Kind("OGG", "ogg", (*_XIPH, "speex"))
FLAC: Final = Kind("FLAC", "flac", ("flac",))
M4A: Final = Kind("M4A", "mov", ("aac", "alac", *_MP3, "opus", "libopus", "flac"))
AAC: Final = Kind("AAC", "aac", ("aac",))
WEBM: Final = Kind("WebM", "matroska", ("opus", "libopus", "vorbis"))


def kind_of(data: bytes) -> Kind:
    """Which of the kinds a file is; UnsupportedAudio if none of them."""
    if not data:
        raise UnsupportedAudio("The file is empty.")
    found = _by_signature(data) or _by_sync(data[_after_id3(data) :])
    if found is None:
        raise UnsupportedAudio(f"This is not a {KINDS_IN_WORDS} recording.")
    return found


def _by_signature(data: bytes) -> Kind | None:
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        return WAV
    if data.startswith(b"OggS"):
        return OGG
    if data.startswith(b"fLaC"):
        return FLAC
    if data[4:8] == b"ftyp":
        return M4A
    if data.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in data[:64]:
        return WEBM
    return None


def _after_id3(data: bytes) -> int:
    """Where the sound begins behind ID3v2 tags, of which taggers leave several; a size is written in 7 bits a byte."""
    start = 0
    for _ in range(_MAX_ID3):
        if not data.startswith(b"ID3", start) or len(data) < start + _ID3_HEADER:
            break
        size = 0
        for byte in data[start + 6 : start + _ID3_HEADER]:
            size = size << 7 | byte & 0x7F
        start += size + _ID3_HEADER
    return start


def _by_sync(data: bytes) -> Kind | None:
    if data.startswith(b"fLaC"):
        return FLAC
    head = data.lstrip(b"\0")[:4]  # taggers leave room
    if len(head) < 4 or head[0] != _SYNC or head[1] & 0xE0 != 0xE0:  # noqa: PLR2004 - a frame's header
        return None
    if head[1] & 0xF6 == 0xF0:  # noqa: PLR2004 - ADTS: 12 set bits, layer 0
        return AAC
    version, layer = head[1] >> 3 & 0b11, head[1] >> 1 & 0b11
    sane = version != _MPEG_RESERVED_VERSION and head[2] >> 4 != _MPEG_BAD_BITRATE
    sane = sane and head[2] >> 2 & 0b11 != _MPEG_BAD_RATE
    return MP3 if sane and layer == _MPEG_LAYER_3 else None
