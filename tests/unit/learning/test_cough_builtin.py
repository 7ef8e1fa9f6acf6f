"""The built-in cough network: its collection, its scenes, its training and its file."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from app.engines.audio import decibels, window
from app.engines.cough.builtin import BuiltInNetwork
from app.errors import TrainingDataNotUsable
from app.learning.cough_builtin import CARD_FILE, FACTS_FILE, LOWEST_BANDS, ONNX_FILE, _levelled, network, train
from app.learning.cough_collection import Collection
from app.learning.cough_evaluation import (
    balanced_accuracy,
    examine,
    in_noise,
    interval,
    member_logits,
    unheard_with,
    unseen_logits,
)
from app.learning.cough_onnx import write_onnx
from app.learning.cough_scenes import SCENE_FRAMES, SCENE_STEPS, Scenes, powers_of
from app.learning.cough_synthetic import KINDS, made_up
from app.learning.cough_versions import _CODECS, _encoded, as_recorded_elsewhere
from tests.unit.learning import coughs

ROOT = Path(__file__).parents[3]
#: Of a training in small: two networks each.
PARTS = 3
MEMBERS = PARTS * len(LOWEST_BANDS)

#: Trains one step a member and kills itself in the last but one of six.
KILLED = """
import os, signal, sys
from pathlib import Path
from app.learning.cough_builtin import train

def progress(step):
    if step.epoch == 5:
        os.kill(os.getpid(), signal.SIGKILL)

train(Path(sys.argv[1]), Path(sys.argv[2]), steps=1, parts=3, progress=progress)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two sources of four groups each."""
    return coughs.manifest(tmp_path_factory.mktemp("collection"))


@pytest.fixture(scope="module")
def collection(data):
    return Collection.read(data)


@pytest.fixture(scope="module")
def resumed(data, tmp_path_factory):
    """A training that was killed and started again; the members that were trained then."""
    output = tmp_path_factory.mktemp("built")
    done = subprocess.run([sys.executable, "-c", KILLED, data, output], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    members = []
    return train(data, output, steps=1, parts=PARTS, progress=lambda step: members.append(step.epoch)), members


@pytest.mark.parametrize("members", [2, 4, 7])
def test_no_group_is_torn_apart_and_every_member_misses_a_share_of_every_source(collection, members):
    unheard = collection.unheard(members)
    assert unheard.shape == (len(collection.items), members)
    assert unheard.any(axis=1).all()
    for group in {item.group for item in collection.items}:
        of_group = unheard[[item.group == group for item in collection.items]]
        assert (of_group == of_group[0]).all()
    for source in ("people", "world"):
        of_source = unheard[[item.source == source for item in collection.items]]
        assert of_source.any(axis=0).all()
        assert not of_source.all(axis=0).any()


def test_all_networks_of_a_part_miss_the_same(collection):
    once, twice = collection.unheard(7), collection.unheard(7, 2)
    np.testing.assert_array_equal(twice, np.concatenate([once, once], axis=1))


def test_where_people_and_members_are_as_many_each_member_misses_one(collection):
    people = {item.group: unheard for item, unheard in zip(collection.items, collection.unheard(4), strict=True)}
    assert all(unheard.sum() == 1 for unheard in people.values())


def test_a_source_of_one_group_cannot_be_examined(tmp_path):
    with pytest.raises(TrainingDataNotUsable, match="is one group"):
        Collection.read(coughs.manifest(tmp_path, groups=1)).unheard(PARTS)


def test_noise_is_nothing_that_a_judging_member_has_heard(collection):
    unheard = collection.unheard(7)
    for row in range(len(collection.items)):
        others = unheard_with(row, collection, unheard)
        assert others
        assert collection.items[row] not in others
        rows = [index for index, item in enumerate(collection.items) if any(item is other for other in others)]
        assert unheard[rows][:, unheard[row]].all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label,kind,source,group\nx.flac,maybe,a,b,c\n", "line 2"),
        ("file,label,kind,source,group\nabsent.flac,cough,a,b,c\n", "cannot be read"),
        ("file,label\nx.flac,cough\n", "no column"),
        ("file,label,kind,source,group\n", "both coughs and other sounds"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path, text, message):
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(TrainingDataNotUsable, match=message):
        Collection.read(tmp_path)


def test_scenes_are_the_same_for_the_same_seed_and_marked_where_a_cough_is(collection):
    others = powers_of({kind: sounds[:2] for kind, sounds in made_up(1).items()})
    batch, again = (Scenes(collection.items, 5, made_up=others).batch(200) for _ in range(2))
    np.testing.assert_array_equal(batch.pictures, again.pictures)
    assert batch.pictures.shape == (200, 128, SCENE_FRAMES, 1)
    assert np.isfinite(batch.pictures).all()
    np.testing.assert_allclose(batch.pictures.mean(axis=(1, 2, 3)), 0, atol=1e-4)
    assert batch.steps.shape == (200, SCENE_STEPS)
    assert set(np.unique(batch.steps)) <= {-1.0, 0.0, 1.0}
    assert 70 <= batch.labels.sum() <= 130
    assert not (batch.steps[batch.labels == 0] != 0).any()


def test_what_is_made_up_is_the_same_for_the_same_seed_and_can_be_heard():
    sounds, again = made_up(2), made_up(2)
    assert tuple(sounds) == KINDS
    for kind, several in sounds.items():
        assert len(several) >= 20
        for sound, other in zip(several, again[kind], strict=True):
            np.testing.assert_array_equal(sound, other)
            assert np.abs(sound).max() == pytest.approx(0.8)
            assert 0.1 < len(sound) / 22_050 < 6


@pytest.mark.parametrize(("name", "container", "rates", "bit_rates"), _CODECS)
def test_every_codec_gives_back_about_what_went_in(name, container, rates, bit_rates):
    tone = (0.5 * np.sin(2 * np.pi * 500 * np.arange(22_050) / 22_050)).astype(np.float32)
    for rate in rates:
        heard = _encoded(tone, name, container, rate, bit_rates[0])
        assert len(tone) <= len(heard) < len(tone) + 4000
        spectrum = np.abs(np.fft.rfft(heard[4000:18_000]))
        assert np.argmax(spectrum) * 22_050 / 14_000 == pytest.approx(500, abs=5)
        assert np.sqrt(np.mean(heard[4000:18_000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.25)


def test_a_recording_from_elsewhere_is_another_one_for_each_draw_and_still_sound(collection):
    random = np.random.default_rng(4)
    samples = collection.items[0].samples
    versions = [as_recorded_elsewhere(samples, random) for _ in range(12)]
    assert len({version.tobytes() for version in versions}) >= 8
    for version in versions:
        assert np.isfinite(version).all()
        assert 0.5 * len(samples) < len(version) < 3 * len(samples)
        assert np.abs(version).max() > 0.1 * np.abs(samples).max()


def test_a_training_that_was_killed_trains_only_the_members_that_are_missing(resumed):
    built, members = resumed
    assert sorted(set(members)) == [5, 6]
    assert {path.name for path in built.onnx.parent.iterdir()} == {ONNX_FILE, FACTS_FILE, CARD_FILE}


def test_what_is_written_is_served(resumed, tmp_path):
    built = resumed[0]
    facts = json.loads(built.facts.read_text())
    assert facts["onnx_sha256"] == hashlib.sha256(built.onnx.read_bytes()).hexdigest()
    sound = np.random.default_rng(1).normal(scale=0.1, size=40_000).astype(np.float32)
    # After one step of training nothing need point the right way, and the server refuses a calibration that does not.
    facts["calibration"] = {"slope": 1.0, "intercept": 0.0}
    (tmp_path / FACTS_FILE).write_text(json.dumps(facts))
    (tmp_path / ONNX_FILE).write_bytes(built.onnx.read_bytes())
    served = BuiltInNetwork(tmp_path)
    assert served.info.classes == ("cough", "non-cough")
    assert sum(served.classify(decibels(sound), sound).scores.values()) == pytest.approx(1)


def test_each_recording_is_judged_by_the_members_that_never_heard_it(resumed):
    windows = np.random.default_rng(2).normal(size=(3, 128, 256, 1)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(resumed[0].onnx), providers=["CPUExecutionProvider"])
    members, logit = session.run(["members", "logit"], {"log_mel": windows})
    assert members.shape == (3, MEMBERS)
    unheard = np.zeros((3, MEMBERS), bool)
    unheard[0, 2] = unheard[1, [0, 4]] = unheard[2, 5] = True
    expected = [members[0, 2], members[1, [0, 4]].mean(), members[2, 5]]
    np.testing.assert_allclose(unseen_logits(resumed[0].onnx, windows, unheard), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logit[:, 0], members.mean(axis=1), rtol=1e-5, atol=1e-5)


def test_the_card_and_the_facts_say_what_the_examination_found(resumed, collection):
    built = resumed[0]
    examined = examine(built.onnx, collection, PARTS, len(LOWEST_BANDS))
    card, facts = built.card.read_text(), json.loads(built.facts.read_text())
    assert built.balanced_accuracy == examined.accuracy(None)
    for noise, name in ((None, "none"), (10.0, "10 dB")):
        low, high = examined.accuracy_interval(noise)
        said = f"{examined.accuracy(noise):.3f} ({low:.3f} to {high:.3f})"
        assert f"| {name} | {said} |" in card
        assert said in facts["accuracy"]
    assert facts["calibration"]["slope"] == pytest.approx(examined.slope, abs=1e-4)
    assert max(map(len, card.splitlines())) <= 140


def test_the_calibration_of_a_recording_does_not_depend_on_its_own_group(resumed, collection):
    calibration = examine(resumed[0].onnx, collection, PARTS, 2).judge.calibration
    unheard = collection.unheard(PARTS, 2)
    same = (unheard == unheard[0]).all(axis=1)
    # Turned round, the recordings of one group would change a calibration that was fitted on them.
    turned = tuple(replace(item, cough=not item.cough) if own else item
                   for item, own in zip(collection.items, same, strict=True))  # fmt: skip
    again = examine(resumed[0].onnx, replace(collection, items=turned), PARTS, 2).judge.calibration
    np.testing.assert_allclose(again[same], calibration[same])
    assert not np.allclose(again[~same], calibration[~same])


def test_an_interval_is_wider_when_whole_groups_fail_together(collection):
    labels = collection.labels
    groups = sorted({item.group for item in collection.items if item.cough})
    together = labels & np.array([item.group != groups[0] for item in collection.items])
    low, high = interval(together, collection.items)
    assert low < balanced_accuracy(together, labels) < high
    assert interval(labels, collection.items) == (1, 1)


def test_level_and_silence_around_a_sound_do_not_change_how_it_is_looked_at():
    import keras

    inputs = keras.Input((128, 256, 1))
    levelled = keras.Model(inputs, _levelled(inputs))
    random = np.random.default_rng(8)
    sound = random.uniform(-80, -1, size=(128, 20)).astype(np.float32)
    sound[5, 5], sound[6, 6] = 0, -80
    twice = np.concatenate([sound, sound, np.full((128, 60), -30, np.float32)], axis=1)
    alone, among_others = levelled.predict_on_batch(np.concatenate([window(sound), window(twice)]))
    np.testing.assert_allclose(alone[:, :20], among_others[:, :20], atol=1e-4)
    # 20 dB are one; what is 60 dB below the loudest point, or more, is -1.5.
    np.testing.assert_allclose(alone[:, :20, 0], sound.clip(-60) / 20 + 1.5, atol=1e-4)
    assert alone[:, 20:] == pytest.approx(-1.5, abs=1e-4)


def test_the_file_computes_what_the_trained_network_does(tmp_path):
    random = np.random.default_rng(3)
    models = [network(lowest_band=lowest) for lowest in (0, 8, 0)]
    # Statistics as after training: else folding them in would be no test.
    for model in models:
        model.set_weights([np.abs(weight) + 0.1 * random.random(weight.shape) for weight in model.get_weights()])
    windows = random.normal(size=(3, 128, 256, 1)).astype(np.float32)
    write_onnx(tmp_path / "three.onnx", models)
    session = onnxruntime.InferenceSession(str(tmp_path / "three.onnx"), providers=["CPUExecutionProvider"])
    frames = session.run(["frames"], {"log_mel": windows})[0]
    expected = np.mean([model.predict_on_batch(windows) for model in models], axis=0)
    np.testing.assert_allclose(frames, expected, rtol=1e-3)


def test_the_second_network_of_each_part_does_not_listen_to_rumble(resumed):
    random = np.random.default_rng(9)
    pictures = random.normal(size=(2, 128, 256, 1)).astype(np.float32)
    with_rumble = pictures.copy()
    with_rumble[:, :8] += 5
    elsewhere = pictures.copy()
    elsewhere[:, 8:16] += 5
    as_is, low, higher = (member_logits(resumed[0].onnx, some) for some in (pictures, with_rumble, elsewhere))
    np.testing.assert_array_equal(as_is[:, PARTS:], low[:, PARTS:])
    assert (as_is[:, :PARTS] != low[:, :PARTS]).any(axis=0).all()
    assert not np.allclose(as_is, higher)


def test_members_of_a_training_with_other_settings_are_not_taken_over(data, tmp_path):
    """An unfinished one left them there."""

    def stop(step):
        raise KeyboardInterrupt

    trained = []
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path, steps=2, parts=2, lowest_bands=(8,), progress=lambda step: step.epoch == 2 and stop(step))
    train(data, tmp_path, steps=1, parts=2, lowest_bands=(8,), progress=lambda step: trained.append(step.epoch))
    assert sorted(set(trained)) == [1, 2]


@pytest.mark.parametrize("ratio", [20.0, 5.0])
def test_noise_is_mixed_in_at_its_ratio(ratio):
    random = np.random.default_rng(6)
    sound, noise = random.normal(size=(2, 10_000)).astype(np.float32)
    added = in_noise(sound, noise[:3000] * 7, ratio) - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(added**2)) == pytest.approx(ratio, abs=0.01)
