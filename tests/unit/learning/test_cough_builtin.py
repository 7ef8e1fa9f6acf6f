"""The built-in cough network: its collection, its scenes, its training and its file."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from app.engines.audio import decibels
from app.engines.cough.builtin import BuiltInNetwork
from app.errors import TrainingDataNotUsable
from app.learning.cough_builtin import FACTS_FILE, FOLDS, ONNX_FILE, in_noise, network, train, unseen_logits
from app.learning.cough_collection import Collection
from app.learning.cough_onnx import write_onnx
from app.learning.cough_scenes import STEPS, Scenes
from tests.unit.learning import coughs

ROOT = Path(__file__).parents[3]

#: Trains one step a member and kills itself in the third member.
KILLED = """
import os, signal, sys
from pathlib import Path
from app.learning.cough_builtin import train

def progress(step):
    if step.epoch == 3:
        os.kill(os.getpid(), signal.SIGKILL)

train(Path(sys.argv[1]), Path(sys.argv[2]), steps=1, progress=progress)
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
    return train(data, output, steps=1, progress=lambda step: members.append(step.epoch)), members


def test_no_group_is_in_two_folds_and_every_source_is_in_all(collection):
    folds = collection.folds(FOLDS)
    for group in {item.group for item in collection.items}:
        assert len({folds[row] for row, item in enumerate(collection.items) if item.group == group}) == 1
    for source in ("people", "world"):
        assert {folds[row] for row, item in enumerate(collection.items) if item.source == source} == set(range(FOLDS))


def test_more_folds_than_groups_cannot_be(collection):
    with pytest.raises(TrainingDataNotUsable, match="5 folds"):
        collection.folds(5)


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
    batch, again = Scenes(collection.items, 5).batch(40), Scenes(collection.items, 5).batch(40)
    np.testing.assert_array_equal(batch.windows, again.windows)
    assert batch.windows.shape == (40, 128, 256, 1)
    assert np.isfinite(batch.windows).all()
    assert batch.steps.shape == (40, STEPS)
    assert set(np.unique(batch.steps)) <= {-1.0, 0.0, 1.0}
    assert 8 <= batch.labels.sum() <= 32
    assert not (batch.steps[batch.labels == 0] != 0).any()


def test_a_training_that_was_killed_trains_only_the_members_that_are_missing(resumed):
    built, members = resumed
    assert sorted(set(members)) == [3, 4]
    assert {path.name for path in built.onnx.parent.iterdir()} == {ONNX_FILE, FACTS_FILE}


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


def test_each_recording_is_judged_by_the_member_that_never_heard_it(resumed):
    windows = np.random.default_rng(2).normal(size=(5, 128, 256, 1)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(resumed[0].onnx), providers=["CPUExecutionProvider"])
    members, logit = session.run(["members", "logit"], {"log_mel": windows})
    folds = np.array([0, 1, 2, 3, 0])
    found = unseen_logits(resumed[0].onnx, windows, folds)
    np.testing.assert_allclose(found, members[np.arange(5), folds], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logit[:, 0], members.mean(axis=1), rtol=1e-5, atol=1e-5)


def test_the_file_computes_what_the_trained_network_does(tmp_path):
    random = np.random.default_rng(3)
    model = network()
    # Statistics as after training: else folding them in would be no test.
    model.set_weights([np.abs(weight) + 0.1 * random.random(weight.shape) for weight in model.get_weights()])
    windows = random.normal(size=(3, 128, 256, 1)).astype(np.float32)
    write_onnx(tmp_path / "one.onnx", [model])
    session = onnxruntime.InferenceSession(str(tmp_path / "one.onnx"), providers=["CPUExecutionProvider"])
    frames = session.run(["frames"], {"log_mel": windows})[0]
    expected = model.predict_on_batch(windows)
    np.testing.assert_allclose(frames, expected, rtol=1e-3)


@pytest.mark.parametrize("ratio", [20.0, 5.0])
def test_noise_is_mixed_in_at_its_ratio(ratio):
    random = np.random.default_rng(6)
    sound, noise = random.normal(size=(2, 10_000)).astype(np.float32)
    added = in_noise(sound, noise[:3000] * 7, ratio) - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(added**2)) == pytest.approx(ratio, abs=0.01)
