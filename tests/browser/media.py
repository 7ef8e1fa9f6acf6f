"""What Chromium's fake camera and microphone play: made from the pictures inside the insightface wheel."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image as PillowImage

from tests.pictures import PORTRAIT
from tests.recordings import bursts, wav

FRAME_SIZE = (640, 480)
#: Chromium plays the frames over and over, 30 a second.
FRAMES = 30
MICROPHONE_RATE = 48_000
MICROPHONE_SECONDS = 6.0


def camera_file(folder: Path, portrait: bytes | None = None) -> Path:
    """A Motion JPEG of one person who moves a little."""
    person = PillowImage.open(io.BytesIO(portrait) if portrait else PORTRAIT).convert("RGB")
    height = FRAME_SIZE[1]
    person = person.resize((round(person.width * height / person.height), height), PillowImage.Resampling.LANCZOS)
    path = folder / "camera.mjpeg"
    with path.open("wb") as file:
        for frame in range(FRAMES):
            picture = PillowImage.new("RGB", FRAME_SIZE, (148, 158, 162))
            shift = abs(frame - FRAMES // 2)
            picture.paste(person, ((FRAME_SIZE[0] - person.width) // 2 + shift, 0))
            picture.save(file, "JPEG", quality=90)
    return path


def microphone_file(folder: Path) -> Path:
    """A recording with a burst of noise each second; Chromium plays it over and over."""
    path = folder / "microphone.wav"
    starts = [0.5 + second for second in range(round(MICROPHONE_SECONDS))]
    path.write_bytes(wav(bursts(*starts, seconds=MICROPHONE_SECONDS, rate=MICROPHONE_RATE), MICROPHONE_RATE))
    return path
