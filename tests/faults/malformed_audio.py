"""More than 200 malformed recordings, the same ones at every run."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from functools import cache

import numpy as np

from tests.recordings import ENCODERS, encoded, tone, wav, wav_of

#: name of the case, content
Case = tuple[str, bytes]


@cache
def _whole() -> dict[str, bytes]:
    return {kind: encoded(kind, tone(0.6, rate=rate), title="a tone") for kind, (_, _, rate) in ENCODERS.items()}


def _truncated() -> Iterator[Case]:
    for kind, data in _whole().items():
        for cut in range(10):
            yield f"{kind} cut to {cut}/10", data[: len(data) * cut // 10]
        for missing in (1, 3):
            yield f"{kind} without its last {missing}", data[:-missing]
        for start in (4, 12, 40):
            yield f"{kind} from byte {start}", data[start:]


def _flipped() -> Iterator[Case]:
    rng = random.Random(20_260_101)
    for kind, data in _whole().items():
        for number in range(12):
            damaged = bytearray(data)
            # The first ones hit the header, where it hurts most, but leave what says which kind it is.
            reach = min(300, len(data)) if number < 8 else len(data)
            for _ in range(rng.randint(1, 16)):
                damaged[rng.randrange(12, reach)] ^= 1 << rng.randrange(8)
            yield f"{kind} with flipped bits {number}", bytes(damaged)
        for number in range(3):
            at, length = rng.randrange(20, len(data)), rng.randrange(50, 2000)
            yield f"{kind} with noise inside {number}", data[:at] + rng.randbytes(length) + data[at:]


def _headers() -> Iterator[Case]:
    sound = bytes(range(256)) * 40
    for rate in (0, 1, 3_999, 192_001, 2**31, 2**32 - 1):
        yield f"wav at {rate} Hz", wav_of(sound, rate)
    for channels in (0, 9, 255, 65_535):
        yield f"wav of {channels} channels", wav_of(sound, 22_050, channels=channels)
    for bits in (0, 1, 7, 64, 255, 65_528):
        yield f"wav of {bits} bits", wav_of(sound, 22_050, bits=bits)
    for form in (0, 2, 0x50, 0xFFFE, 0xFFFF, 0x2000, 0x674F):
        yield f"wav of form {form:#x}", wav_of(sound, 22_050, form=form)
    for size in (0, 1, 2**31 - 1, 2**32 - 1):
        whole = wav(tone(0.5))
        yield f"wav that says it has {size} bytes", whole[:4] + struct.pack("<I", size) + whole[8:]
        at = whole.index(b"data") + 4
        yield f"wav whose sound says {size} bytes", whole[:at] + struct.pack("<I", size) + whole[at + 4 :]
    for kind, value in (("nan", np.nan), ("infinity", np.inf), ("huge", 3e38)):
        yield f"wav of {kind}", wav(np.full(9_000, value, np.float32), form=3, bits=32)
    yield "wav without sound", wav_of(b"", 22_050)
    yield "wav of half a sample", wav_of(b"\0", 22_050)
    yield "wav of silence", wav_of(bytes(40_000), 22_050)
    yield "wav without a form", b"RIFF\x20\0\0\0WAVEdata\x10\0\0\0" + bytes(16)
    yield "wav of 20000 chunks", b"RIFF\xff\xff\xff\x7fWAVE" + b"junk\0\0\0\0" * 20_000
    yield "mp4 in mp4 in mp4", b"\0\0\0\x20ftypM4A " + b"\0\0\x10\0moov\0\0\x0f\xf8trak" * 200
    yield "mp4 with an endless box", b"\0\0\0\x20ftypM4A \0\0\0\0isomiso2\0\0\0\0moov" + bytes(200)
    yield "mp4 with a box of 2^64", b"\0\0\0\x14ftypM4A \0\0\0\0isom\0\0\0\x01moov" + b"\xff" * 8
    yield (
        "webm of unknown sizes",
        b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + bytes(99),
    )
    yield "flac with a huge picture", b"fLaC\x86\xff\xff\xff" + bytes(1000)
    yield "flac of 0 Hz", b"fLaC\x80\0\0\x22" + bytes(34)
    yield "ogg of empty pages", (b"OggS\0\2" + bytes(20) + b"\0") * 2000
    yield "id3 without sound", b"ID3\4\0\0\0\0\x07\x76" + bytes(1014)
    yield "id3 in id3", b"ID3\4\0\0\0\0\0\x0a" * 5000
    yield "mp3 of one frame", b"\xff\xfb\x90\x00" + bytes(413)
    yield "mp3 of layer II", b"\xff\xfd\x90\x00" + bytes(413)
    yield "adts of one frame", b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(10)


def _disguised() -> Iterator[Case]:
    sound = wav(tone(0.5))
    yield from {
        "nothing": b"",
        "one byte": b"R",
        "text": b"hello, I am a cough",
        "zeros": bytes(5000),
        "html": b"<html><script>alert(1)</script>",
        "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "concat script": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 1 RTP/AVP 0\n",
        "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(500),
        "zip": b"PK\x03\x04" + bytes(500),
        "avi": b"RIFF\0\1\0\0AVI LIST" + bytes(500),
        "aiff": b"FORM\0\1\0\0AIFFCOMM" + bytes(500),
        "amr": b"#!AMR\n" + bytes(500),
        "midi": b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + bytes(100),
        "wav behind zeros": bytes(64) + sound,
        "wav behind text": b"hello" + sound,
        "ogg that is a wav": b"OggS" + sound,
        "flac that is a wav": b"fLaC" + sound,
        "wav that is an ogg": b"RIFF\0\1\0\0WAVE" + b"OggS" * 100,
        "random": random.Random(1).randbytes(10_000),
        "mp3 sync and noise": b"\xff\xfb\x90\x00" + random.Random(2).randbytes(10_000),
        "too large": sound + bytes(5_000_001),
    }.items()


def malformed_recordings() -> list[Case]:
    """Every case."""
    return [case for make in (_truncated, _flipped, _headers, _disguised) for case in make()]
