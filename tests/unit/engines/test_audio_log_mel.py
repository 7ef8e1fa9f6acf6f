"""The front end: equal to librosa's, and of the contract's shape."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from app.engines.audio import (
    FRAMES,
    MAX_SECONDS,
    MELS,
    SAMPLE_RATE,
    decibels,
    front_end,
    loud_stretches,
    runs,
    spectrogram_png,
    window,
)
from tests.recordings import bursts, tone

SOUNDS = {
    "tone": tone(3.0),
    "bursts": bursts(0.5, 1.5),
    "noise": np.random.default_rng(0).standard_normal(SAMPLE_RATE * 2).astype(np.float32) * 0.1,
    "click": np.eye(1, SAMPLE_RATE, 700, dtype=np.float32)[0],
    "ten seconds": bursts(*range(10), seconds=10.0),
    "a fifth of a second": tone(0.2),
    "shorter than a frame": tone(0.01),
}


@pytest.mark.filterwarnings("ignore:n_fft=2048 is too large")
@pytest.mark.parametrize("name", SOUNDS)
def test_decibels_are_those_of_librosa(name):
    librosa = pytest.importorskip("librosa")
    sound = SOUNDS[name]
    mel = librosa.feature.melspectrogram(y=sound, sr=SAMPLE_RATE, n_mels=128, n_fft=2048, hop_length=512)
    theirs = librosa.power_to_db(mel, ref=np.max)
    ours = decibels(sound)
    assert ours.dtype == np.float32
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=0.01)


@pytest.mark.parametrize("name", SOUNDS)
def test_the_front_end_has_the_contracts_shape_and_scale(name):
    found = front_end(SOUNDS[name])
    assert found.shape == (1, 128, 256, 1)
    assert found.dtype == np.float32
    assert found.mean() == pytest.approx(0, abs=1e-4)
    assert found.std() == pytest.approx(1, abs=1e-4)


def test_only_ten_seconds_are_looked_at():
    long = bursts(1.0, 11.0, seconds=13.0)
    np.testing.assert_array_equal(decibels(long), decibels(long[: MAX_SECONDS * SAMPLE_RATE]))


def test_padding_is_silence_or_zero_decibels():
    short = decibels(tone(1.0))
    silence, zeros = window(short)[0, :, :, 0], window(short, padding="zeros")[0, :, :, 0]
    assert (silence[:, short.shape[1] :] == silence.min()).all()
    assert (zeros[:, short.shape[1] :] == zeros.max()).all()


def test_a_window_begins_where_it_is_asked_for():
    spectrogram = decibels(bursts(1.0, seconds=10.0))
    later = window(spectrogram, 100)
    cut = spectrogram[:, 100 : 100 + FRAMES]
    np.testing.assert_allclose(later[0, :, :, 0], (cut - cut.mean()) / cut.std(), atol=1e-3)


def test_silence_gives_a_window_of_zeros():
    assert not front_end(np.zeros(SAMPLE_RATE * 6, np.float32)).any()


def test_the_picture_has_a_pixel_for_each_frame_and_band():
    spectrogram = decibels(tone(1.0, 2000.0))
    picture = cv2.imdecode(np.frombuffer(spectrogram_png(spectrogram), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (MELS, spectrogram.shape[1], 3)
    brightest = picture.sum(axis=2).mean(axis=1).argmax()
    assert brightest == pytest.approx(MELS - 1 - spectrogram.mean(axis=1).argmax(), abs=1)


def test_loud_stretches_are_where_the_bursts_are():
    found = [(start * 512 / SAMPLE_RATE, end * 512 / SAMPLE_RATE) for start, end in loud_stretches(bursts(0.5, 2.0))]
    assert [start for start, _ in found] == pytest.approx([0.5, 2.0], abs=0.05)
    assert all(0.1 < end - start < 0.4 for start, end in found)


def test_a_steady_sound_is_one_stretch():
    assert loud_stretches(tone(1.0)) == [(0, 44)]


def test_no_more_than_eight_stretches_are_looked_at():
    assert len(loud_stretches(bursts(*np.arange(0.2, 9.8, 0.6), seconds=10.0))) == 8


def test_runs_are_joined_over_short_gaps():
    marked = np.array([1, 1, 0, 1, 0, 0, 0, 1], bool)
    assert runs(marked, join=0) == [(0, 2), (3, 4), (7, 8)]
    assert runs(marked, join=1) == [(0, 4), (7, 8)]
    assert runs(marked, join=3) == [(0, 8)]
    assert runs(np.zeros(3, bool), join=3) == []
