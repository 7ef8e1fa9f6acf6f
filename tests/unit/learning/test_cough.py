"""flask train cough, from recordings to a model that is served."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.engines.audio import decibels, decode
from app.engines.cough.own_model import DESCRIPTION, OwnModel
from app.errors import ModelNotUsable, TrainingDataNotUsable, TrainingNotResumable
from app.learning.cough import MODEL_FILE, Choices, in_noise, train
from app.learning.recordings import find_recordings
from app.learning.split import split
from tests.unit.learning import coughs

ROOT = Path(__file__).parents[3]
SMALL = Choices(batch_size=8, epochs=2)
WRITTEN = {MODEL_FILE, "class_indices.json", "model.json", "report.html"}

#: Trains as `SMALL` says and kills itself in the middle of the second epoch.
KILLED = """
import os, signal, sys
from pathlib import Path
from app.learning.cough import Choices, train

def progress(step):
    if (step.epoch, step.batch) == (2, 1):
        os.kill(os.getpid(), signal.SIGKILL)

train(Path(sys.argv[1]), Path(sys.argv[2]), Choices(batch_size=8, epochs=2), progress=progress)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """One folder a class, a folder a person in it."""
    return coughs.folders(tmp_path_factory.mktemp("coughs"))


@pytest.fixture(scope="module")
def resumed(data, tmp_path_factory):
    """A training that was killed in its second epoch and started again; the epochs that were trained then."""
    output = tmp_path_factory.mktemp("trained")
    done = subprocess.run([sys.executable, "-c", KILLED, data, output], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert json.loads((output / "training" / "state.json").read_text())["epochs_done"] == 1
    with pytest.raises(TrainingNotResumable, match="seed"):
        train(data, output, Choices(batch_size=8, epochs=2, seed=1))
    epochs = []
    return train(data, output, SMALL, progress=lambda step: epochs.append(step.epoch)), epochs


def test_a_killed_training_goes_on_with_the_epoch_it_was_in(resumed):
    trained, epochs = resumed
    assert set(epochs) == {2}
    assert trained.epochs == 2
    assert {path.name for path in trained.folder.iterdir()} == WRITTEN
    assert set(trained.in_noise) == {20.0, 10.0, 5.0}


def test_weights_that_are_none_leave_nothing_behind(data, tmp_path):
    with pytest.raises(ModelNotUsable, match="there is no file"):
        train(data, tmp_path / "out", Choices(weights=str(tmp_path / "none.keras")))
    assert not (tmp_path / "out").exists()


def test_the_result_is_served_with_its_own_classes(resumed, data, tmp_path):
    folder = resumed[0].folder
    shutil.copy(folder / MODEL_FILE, tmp_path / MODEL_FILE)
    shutil.copy(folder / "model.json", tmp_path / DESCRIPTION)
    model = OwnModel(tmp_path / MODEL_FILE)
    assert model.info.classes == ("dry", "non-cough", "wet")
    sound = decode((data / "dry" / "persondry0" / "0.wav").read_bytes(), max_bytes=10**6).samples
    answer = model.classify(decibels(sound), sound)
    assert answer.prediction in model.info.classes
    assert sum(answer.scores.values()) == pytest.approx(1, abs=1e-3)


def test_what_is_written_says_how_it_came_about(resumed):
    folder = resumed[0].folder
    assert json.loads((folder / "class_indices.json").read_text()) == {"0": "dry", "1": "non-cough", "2": "wet"}
    assert json.loads((folder / "model.json").read_text())["kind"] == "cough"
    report = (folder / "report.html").read_text()
    assert "Balanced accuracy with noise at 10 dB" in report
    assert "no group in two of them" in report


def test_no_person_is_in_two_parts(data):
    found = find_recordings(data)
    parts = split(found.labels, found.groups)
    groups = [{found.groups[row] for row in rows} for rows in (parts.train, parts.validation, parts.test)]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]


def test_coughvid_is_trained_and_an_earlier_training_is_taken_over(resumed, tmp_path):
    data = coughs.coughvid(tmp_path / "coughvid")
    choices = Choices(weights=str(resumed[0].folder / MODEL_FILE), batch_size=8, epochs=1)
    trained = train(data, tmp_path / "out", choices)
    assert trained.evaluation.classes == ("dry", "non-cough", "wet")
    assert "COUGHVID" in (tmp_path / "out" / "report.html").read_text()


def test_a_manifest_is_trained(tmp_path):
    trained = train(coughs.manifest(tmp_path / "data"), tmp_path / "out", Choices(batch_size=8, epochs=1))
    assert trained.evaluation.classes == ("cough", "non-cough")


def test_foreign_weights_are_refused(data, tmp_path):
    (tmp_path / "weights.keras").write_bytes(b"none")
    with pytest.raises(ModelNotUsable, match="does not hold"):
        train(data, tmp_path / "out", Choices(weights=str(tmp_path / "weights.keras")))
    with pytest.raises(ModelNotUsable, match="no file"):
        train(data, tmp_path / "out2", Choices(weights="imagenet"))


def test_too_few_people_are_said_before_anything_is_trained(tmp_path):
    with pytest.raises(TrainingDataNotUsable, match="at least 3 groups"):
        train(coughs.folders(tmp_path / "data", people=2), tmp_path / "out", SMALL)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("noise_db", [20.0, 5.0])
def test_noise_is_mixed_in_at_its_ratio(noise_db):
    random = np.random.default_rng(4)
    sound = np.full((128, 200), -80, np.float32)
    sound[:, 50:150] = random.uniform(-20, 0, (128, 100)).astype(np.float32)
    hiss = random.uniform(0.5, 1.5, (128, 1000)).astype(np.float32)
    mixed = 10 ** (in_noise(sound, hiss, noise_db, np.random.default_rng(1)) / 10)
    before = 10 ** (sound / 10)
    noise = mixed[:, :50].mean()  # where there was silence; decibels are relative to the loudest point of the mix
    found = 10 * np.log10(before.mean() / before.max() * mixed.max() / noise) if noise > 0 else None
    assert found == pytest.approx(noise_db, abs=1.5)
