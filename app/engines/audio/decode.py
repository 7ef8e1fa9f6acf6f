"""WAV, MP3, OGG, FLAC, M4A, AAC and WebM bytes to samples, whoever sent them.

What a file is, its content says, never its name or the type a client claims. libav (PyAV) is told which demuxer to use
and which decoders it may open; it sees bytes in memory, never a path or an address. Only the first 10 s are decoded:
that is all the classifiers look at, and it bounds what a small file can unpack to.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines.audio.header import WAV, Kind, kind_of
from app.errors import AudioTooLarge, UnsupportedAudio

if TYPE_CHECKING:
    import av

#: The contract's front end: what is decoded is this long at most, at this rate, mono.
SAMPLE_RATE: Final = 22_050
MAX_SECONDS: Final = 10

#: Telephones record at 8 kHz, studios at 192 kHz; 4 kHz still holds the body of a cough.
MIN_RATE: Final = 4_000
MAX_RATE: Final = 192_000
#: 7.1 surround.
MAX_CHANNELS: Final = 8
#: A WAV's header says what is in it; a few frames are enough to see that it is so.
_WAV_PROBE_BYTES: Final = "4096"
#: Packets without a single sample, before the file is given up: real ones start with a handful of priming packets.
_MAX_BARREN_PACKETS: Final = 1_000
#: Lossy decoders overshoot 1 a little. Far above it are floats that hold 16- or 32-bit integers.
_OVERSHOOT: Final = 4.0
#: Frames are looked at together until they have so many values: a frame of 46 ms by itself costs as much as a dozen of
#: them, and what is much larger than a processor's cache costs more again.
_AT_ONCE_VALUES: Final = 16_384
#: The scale of 32-bit integers.
_LARGEST: Final = 2.0**31

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recording:
    """The first 10 s of a recording."""

    #: float32, shape (n,), 22 050 Hz mono, -1 to 1.
    samples: Samples
    #: ``WAV``, ``M4A``, …
    kind: str
    #: libav's name of the codec.
    codec: str
    #: of the file, before it was converted.
    sample_rate: int
    channels: int
    #: whether the file goes on after the first 10 s.
    longer: bool
    #: share of the samples (before mixing channels) that sit at the limit of the scale.
    clipped: float

    @property
    def seconds(self) -> float:
        """Length of what was decoded."""
        return len(self.samples) / SAMPLE_RATE


def decode(data: bytes, *, max_bytes: int) -> Recording:
    """The first 10 s of a recording, mono, 22 050 Hz.

    :raises AudioTooLarge: more bytes than allowed.
    :raises UnsupportedAudio: none of the kinds, an unusual codec, cut off before the first sound, or damaged.
    """
    if len(data) > max_bytes:
        raise AudioTooLarge(f"The file is too large: {max_bytes / 1_000_000:g} MB are allowed.")
    kind = kind_of(data)
    try:
        return _decode(data, kind)
    except MemoryError as error:
        raise AudioTooLarge("The recording is too large for this machine.") from error
    except UnsupportedAudio:
        raise
    except Exception as error:
        # libav's errors are OSError, ValueError, EOFError, RuntimeError, … by their number.
        raise UnsupportedAudio("The recording is damaged and cannot be read.") from error


def _decode(data: bytes, kind: Kind) -> Recording:
    import av

    options = {"codec_whitelist": ",".join(kind.decoders), "format_whitelist": kind.demuxer}
    if kind is WAV:
        # Otherwise the whole sound is searched for other formats in disguise, which takes longer than reading it.
        options["probesize"] = _WAV_PROBE_BYTES
    # Names in the file may be in any encoding; they are not looked at.
    source = io.BytesIO(data)
    with av.open(source, mode="r", format=kind.demuxer, options=options, metadata_errors="replace") as container:
        if not container.streams.audio:
            raise UnsupportedAudio("There is no sound in this file.")
        stream = container.streams.audio[0]
        codec = stream.codec_context
        if codec is None or codec.codec.name not in kind.decoders:
            raise UnsupportedAudio(f"The sound in this {kind.name} file is in a form that is not read.")
        codec.thread_count = 1
        pieces = _Pieces(max_seconds=MAX_SECONDS)
        for frame in _frames(container, stream):
            pieces.add(frame)
            if pieces.complete:
                break
        return pieces.finish(kind, codec.codec.name)


def _frames(container: av.container.InputContainer, stream: Any) -> Iterator[av.AudioFrame]:
    """Every frame of the stream. What is damaged after sound has been heard ends the recording there."""
    import av

    barren, heard = 0, False
    packets = container.demux(stream)
    for _ in itertools.count():
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except av.error.FFmpegError:
            if heard:
                return
            barren += 1
            frames = []
            if barren > _MAX_BARREN_PACKETS:
                raise
        barren = 0 if frames else barren + 1
        if barren > _MAX_BARREN_PACKETS:
            return
        for frame in frames:
            heard = True
            yield frame


class _Pieces:
    """Frames as they come, mixed to mono."""

    def __init__(self, *, max_seconds: int) -> None:
        self._max_seconds = max_seconds
        self._rate = 0
        self._channels = 0
        #: as they came, not looked at yet
        self._waiting: list[NDArray[Any]] = []
        self._waiting_values = 0
        self._format, self._planar = "", False
        self._mono: list[Samples] = []
        self._length = 0
        self._values = 0
        self._clipped = 0

    @property
    def complete(self) -> bool:
        """Whether one sample more than is needed is there."""
        return self._length > self._max_seconds * self._rate > 0

    def add(self, frame: av.AudioFrame) -> None:
        """Check a frame against the first one, and mix it."""
        rate, channels = frame.sample_rate, frame.layout.nb_channels
        if not self._rate:
            _check(rate, channels)
            self._rate, self._channels = rate, channels
        elif (rate, channels) != (self._rate, self._channels):
            raise UnsupportedAudio("The recording changes its sample rate or channels half-way.")
        if frame.format.name != self._format or self._waiting_values > _AT_ONCE_VALUES:
            self._mix()
            self._format, self._planar = frame.format.name, frame.format.is_planar
        values = frame.to_ndarray()
        self._waiting.append(values)
        self._waiting_values += values.size
        self._length += frame.samples

    def _mix(self) -> None:
        """Check the values that came, count those at the limit, and mix the channels."""
        if not self._waiting:
            return
        together = np.concatenate(self._waiting, axis=1)
        self._waiting.clear()
        self._waiting_values = 0
        values = _to_float(together, planar=self._planar, channels=self._channels)
        sizes = np.abs(values)
        if not (sizes <= _LARGEST).all():  # nor if it is no number
            raise UnsupportedAudio("The recording is damaged: it holds values that are no sound.")
        self._clipped += int(np.count_nonzero(sizes >= _FULL_SCALE))
        self._values += values.size
        mono = values[0] if len(values) == 1 else values.mean(axis=0, dtype=np.float64)
        self._mono.append(np.asarray(mono, np.float32))

    def finish(self, kind: Kind, codec: str) -> Recording:
        """Cut to length, resample, and describe."""
        self._mix()
        if not self._length:
            raise UnsupportedAudio("There is no sound in this file.")
        mono = np.concatenate(self._mono)
        wanted = self._max_seconds * self._rate
        longer, mono = len(mono) > wanted, mono[:wanted]
        peak = float(np.abs(mono).max())
        if peak > _OVERSHOOT:
            mono /= np.float32(peak)
        return Recording(
            samples=_resample(mono, self._rate),
            kind=kind.name,
            codec=codec,
            sample_rate=self._rate,
            channels=self._channels,
            longer=longer,
            clipped=self._clipped / self._values,
        )


#: The largest value of 16 bits, a hair lower: what a converter writes when it runs out of range.
_FULL_SCALE: Final = 32_766 / 32_768


def _check(rate: int, channels: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UnsupportedAudio(f"A sample rate of {rate} Hz is not read; {MIN_RATE} to {MAX_RATE} Hz are.")
    if not 1 <= channels <= MAX_CHANNELS:
        raise UnsupportedAudio(f"{channels} channels are not read; 1 to {MAX_CHANNELS} are.")


def _to_float(values: NDArray[Any], *, planar: bool, channels: int) -> NDArray[Any]:
    """The samples of a frame as floats, -1 to 1, shape (channels, n)."""
    values = values if planar else values.reshape(-1, channels).T
    if values.dtype.kind == "f":
        return values
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128.0) / 128.0
    if values.dtype == np.int16:  # exact, and half the size of what follows
        return values.astype(np.float32) / np.float32(32_768)
    return values.astype(np.float64) / -float(np.iinfo(values.dtype).min)


def _resample(mono: Samples, rate: int) -> Samples:
    if rate == SAMPLE_RATE:
        return mono
    import soxr

    # Quality and length are those of librosa.load.
    resampled = np.asarray(soxr.resample(mono, rate, SAMPLE_RATE, quality="HQ"), np.float32)
    length = math.ceil(len(mono) * SAMPLE_RATE / rate)
    return np.pad(resampled[:length], (0, max(0, length - len(resampled))))
