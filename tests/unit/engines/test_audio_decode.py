"""Bytes to samples: every kind that the contract names, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from app.engines.audio import MAX_SECONDS, SAMPLE_RATE, decode
from app.errors import AudioTooLarge, UnsupportedAudio
from tests.recordings import ENCODERS, encode, encoded, recording, tone, wav, wav_of

MAX_BYTES = 5_000_000


def read(data: bytes):
    return decode(data, max_bytes=MAX_BYTES)


def loudest_hz(samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax()) * SAMPLE_RATE / len(samples)


@pytest.mark.parametrize("kind", ENCODERS)
def test_every_kind_is_read_at_its_own_pitch_and_length(kind):
    found = read(recording(kind, 2.0))
    assert found.kind == kind
    assert found.sample_rate == ENCODERS[kind][2]
    assert found.seconds == pytest.approx(2.0, abs=0.1)  # lossy encoders pad
    assert loudest_hz(found.samples) == pytest.approx(440, abs=2)
    assert not found.longer


@pytest.mark.parametrize("kind", ENCODERS)
def test_channels_are_mixed(kind):
    stereo = encoded(kind, tone(1.0, rate=ENCODERS[kind][2]), channels=2)
    found = read(stereo)
    assert found.channels == 2
    assert loudest_hz(found.samples) == pytest.approx(440, abs=2)
    assert np.abs(found.samples).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("container", "encoder", "rate", "kind"),
    [
        ("ipod", "alac", 44_100, "M4A"),
        ("webm", "libopus", 24_000, "WebM"),
        ("wav", "pcm_u8", 8_000, "WAV"),
        ("wav", "pcm_s24le", 96_000, "WAV"),
        ("wav", "pcm_s32le", 192_000, "WAV"),
        ("wav", "pcm_f32le", 48_000, "WAV"),
        ("wav", "pcm_f64le", 48_000, "WAV"),
        ("wav", "pcm_mulaw", 8_000, "WAV"),
        ("wav", "pcm_alaw", 8_000, "WAV"),
        ("wav", "adpcm_ms", 22_050, "WAV"),
        ("mp3", "libmp3lame", 16_000, "MP3"),
    ],
)
def test_usual_codecs_and_rates_are_read(container, encoder, rate, kind):
    found = read(encode(container, encoder, rate, tone(1.0, rate=rate)))
    assert found.kind == kind
    assert found.seconds == pytest.approx(1.0, abs=0.1)
    assert loudest_hz(found.samples) == pytest.approx(440, abs=2)


def test_tags_and_room_before_the_sound_do_no_harm():
    plain = recording("MP3")
    tagged = encoded("MP3", tone(1.0, rate=44_100), title="Ä" * 300)
    assert tagged.startswith(b"ID3")
    assert read(tagged).kind == read(plain).kind == "MP3"
    bare = plain[plain.index(b"\xff\xfb") :]
    assert read(tagged[: tagged.index(b"\xff\xfb")] + plain).kind == "MP3"  # two tags, one by each program
    assert read(bare).kind == read(b"\0" * 100 + bare).kind == "MP3"


def test_only_the_first_ten_seconds_are_decoded():
    found = read(wav(tone(12.0, rate=8_000), 8_000))
    assert len(found.samples) == MAX_SECONDS * SAMPLE_RATE
    assert found.longer
    assert not read(wav(tone(10.0, rate=8_000), 8_000)).longer


def test_what_is_cut_off_is_read_as_far_as_it_goes():
    for kind in ENCODERS.keys() - {"M4A"}:  # an MP4 has its table of contents at its end
        data = recording(kind, 2.0)
        assert 0.5 < read(data[: len(data) * 2 // 3]).seconds < 2.0, kind


def test_resampling_and_length_are_those_of_librosa():
    librosa = pytest.importorskip("librosa")
    for rate in (8_000, 11_025, 16_000, 22_050, 44_100, 48_000):
        sound = tone(1.2345, rate=rate)
        ours = read(wav(sound, rate)).samples
        theirs = librosa.resample(np.round(sound * 32_767) / np.float32(32_768), orig_sr=rate, target_sr=SAMPLE_RATE)
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_clipping_is_counted_before_channels_are_mixed():
    loud = np.clip(tone(1.0, peak=2.0), -1, 1)
    both = np.stack([loud, np.zeros_like(loud)], axis=1)
    assert read(wav(both)).clipped == pytest.approx(1 / 3, abs=0.01)  # two thirds of one of two channels
    assert read(wav(tone(1.0))).clipped == 0


@pytest.mark.parametrize("channels", [1, 2])
def test_16_bits_come_back_exactly_however_many_pieces_they_come_in(channels):
    steps = np.random.default_rng(2).integers(-32_768, 32_768, (70_001, channels))
    found = read(wav_of(steps.astype("<i2").tobytes(), SAMPLE_RATE, channels=channels))
    np.testing.assert_array_equal(found.samples, (steps / 32_768).mean(axis=1).astype(np.float32))
    assert found.clipped == pytest.approx(np.mean(np.abs(steps) >= 32_766))


def test_a_value_that_is_no_sound_is_found_in_the_last_piece_too():
    sound = tone(3.0)
    sound[-1] = np.nan
    with pytest.raises(UnsupportedAudio):
        read(wav(sound, form=3, bits=32))


def test_floats_that_hold_integers_are_brought_back_to_scale():
    found = read(wav(tone(1.0) * 32_768, form=3, bits=32))
    assert np.abs(found.samples).max() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_values_that_are_no_sound_are_refused(value):
    for bits in (32, 64):
        sound = tone(1.0)
        sound[100] = value
        with pytest.raises(UnsupportedAudio):
            read(wav(sound, form=3, bits=bits))


def test_values_too_large_for_32_bits_are_refused():
    with pytest.raises(UnsupportedAudio):
        read(wav(np.full(9_000, 1e300), form=3, bits=64))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 1000,
        b"RIFF",
        b"RIFF\0\0\0\0AVI LIST",
        b"RIFF\xff\xff\xff\xffWAVE",
        b"OggS" + b"\0" * 100,
        b"fLaC" + b"\xff" * 100,
        b"\0\0\0\x20ftypM4A " + b"\0" * 100,
        b"\x1a\x45\xdf\xa3" + b"\xff" * 100,
        b"\xff\xfb\x90\x00",
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
        b"\xff\xd8\xff\xe0" + b"\0" * 100,
        b"\x89PNG\r\n\x1a\n",
        b"%PDF-1.7",
        b"#EXTM3U\nhttp://127.0.0.1/x\n",
        b"concat:/etc/passwd",
        wav_of(b"", 22_050),
        wav_of(bytes(100), 0),
        wav_of(bytes(100), 1_000),
        wav_of(bytes(100), 4_000_000_000),
        wav_of(bytes(1000), 22_050, channels=0),
        wav_of(bytes(1000), 22_050, channels=9),
        wav_of(bytes(1000), 22_050, channels=65_535),
        wav_of(bytes(1000), 22_050, form=0x1234),
        wav_of(bytes(1000), 22_050, form=0x50),  # MPEG layer I or II
    ],
)
def test_what_is_no_recording_is_refused(data):
    with pytest.raises(UnsupportedAudio):
        read(data)


@pytest.mark.parametrize(("container", "encoder"), [("mp4", "mpeg4"), ("webm", "libvpx")])
def test_a_film_without_sound_is_refused(container, encoder):
    import io

    import av

    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(encoder, rate=10)
        stream.width = stream.height = 64
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        output.mux(stream.encode(None))
    with pytest.raises(UnsupportedAudio):
        read(target.getvalue())


def test_a_codec_that_is_not_on_the_list_is_never_opened():
    # AC-3 in an MP4 and AMR are things FFmpeg would read; we do not.
    with pytest.raises(UnsupportedAudio):
        read(encode("mp4", "ac3", 48_000, tone(1.0, rate=48_000)))


def test_more_bytes_than_allowed_are_refused_before_anything_is_read():
    with pytest.raises(AudioTooLarge, match="5 MB"):
        read(b"\0" * (MAX_BYTES + 1))


def test_matroska_that_is_no_webm_is_refused():
    with pytest.raises(UnsupportedAudio):
        read(encode("matroska", "libopus", 48_000, tone(1.0, rate=48_000)))
