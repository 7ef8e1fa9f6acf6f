"""Fitting goes on where it was killed, as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.errors import TrainingNotResumable
from app.learning.fitting import fit, load, quiet_tensorflow
from app.learning.progress import silent
from app.learning.run_folder import RunFolder, State

ROOT = Path(__file__).parents[3]
EPOCHS = 4


class Killed(Exception):
    """What a test raises in place of a kill."""


@pytest.fixture(scope="module")
def keras():
    quiet_tensorflow()
    import keras

    return keras


def data(keras):
    class Noise(keras.utils.PyDataset):
        """Other numbers in every epoch, the same for everybody who asks for that epoch."""

        epoch = 0

        def __len__(self):
            return 3

        def __getitem__(self, batch):
            random = np.random.default_rng((self.epoch, batch))
            inputs = random.normal(size=(8, 6)).astype(np.float32)
            return inputs, np.eye(2, dtype=np.float32)[(inputs.sum(axis=1) > 0).astype(int)]

    random = np.random.default_rng(99)
    checked = random.normal(size=(20, 6)).astype(np.float32)
    return Noise(), (checked, np.eye(2, dtype=np.float32)[(checked.sum(axis=1) > 0).astype(int)])


def model(keras):
    keras.utils.set_random_seed(7)
    layers = [
        keras.layers.Input((6,)),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(2, activation="softmax"),
    ]
    made = keras.Sequential(layers)
    made.compile(optimizer=keras.optimizers.Adam(0.01), loss="categorical_crossentropy", metrics=["accuracy"])
    return made


def train(keras, folder, *, epochs=EPOCHS, progress=silent):
    run = RunFolder.open(folder, {"seed": 7})
    batches, validation = data(keras)
    best = fit(model(keras), batches, validation, run=run, epochs=epochs, progress=progress)
    return run, best


def figures(run):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in run.state.history]


def killed_in(epoch, batch):
    def progress(step):
        if (step.epoch, step.batch, step.complete) == (epoch, batch, False):
            raise Killed

    return progress


@pytest.fixture(scope="module")
def uninterrupted(keras, tmp_path_factory):
    return train(keras, tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(("epoch", "batch"), [(2, 1), (4, 3)])
def test_a_killed_training_ends_with_the_figures_and_weights_of_one_that_was_not(
    keras, tmp_path, uninterrupted, epoch, batch
):
    whole, expected = uninterrupted
    with pytest.raises(Killed):
        train(keras, tmp_path / "killed", progress=killed_in(epoch, batch))
    resumed, got = train(keras, tmp_path / "killed")
    assert figures(resumed) == figures(whole)
    assert len(figures(resumed)) == EPOCHS
    for one, other in zip(expected.get_weights(), got.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_counters_of_early_stopping_and_of_the_rate_survive(keras, tmp_path):
    with pytest.raises(Killed):
        train(keras, tmp_path, progress=killed_in(3, 1))
    before = RunFolder.open(tmp_path, {"seed": 7}).state
    before.memory["stop"].update(wait=9, best=-1.0)
    before.memory["rate"].update(wait=4, best=2.0)
    run = RunFolder.open(tmp_path, {"seed": 7})
    run.record(before, load(run.checkpoint(before.last)).save)
    run, _ = train(keras, tmp_path, epochs=9)
    assert run.state.stopped
    assert run.state.epochs_done == 3
    assert load(run.checkpoint(run.state.last)).optimizer.learning_rate.numpy() == pytest.approx(0.005)


def test_the_best_epoch_by_validation_accuracy_is_given_back(keras, uninterrupted):
    run, best = uninterrupted
    _, (inputs, targets) = data(keras)
    _, accuracy = best.evaluate(inputs, targets, verbose=0)
    assert accuracy == pytest.approx(max(row["val_accuracy"] for row in run.state.history))


def test_only_the_checkpoints_that_count_are_kept(keras, tmp_path):
    run, _ = train(keras, tmp_path, epochs=3)
    kept = {path.name for path in (tmp_path / "training").glob("*.keras")}
    assert kept == {run.state.last, run.state.best}
    run.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_cut_off_by_a_kill_is_never_read(keras, tmp_path):
    train(keras, tmp_path, epochs=1)
    (tmp_path / "training" / "being-written-epoch-0002.keras").write_bytes(b"half")
    (tmp_path / "training" / "being-written-state.json").write_text('{"epochs_do')
    run, _ = train(keras, tmp_path, epochs=2)
    assert run.state.epochs_done == 2
    assert not list((tmp_path / "training").glob("being-written-*"))


def test_other_settings_do_not_go_on_with_what_was_learnt_unless_it_starts_afresh(tmp_path):
    settings = tmp_path / "training" / "settings.json"
    RunFolder.open(tmp_path, {"seed": 7, "data": "nothing learnt yet"})
    run = RunFolder.open(tmp_path, {"seed": 7, "data": "a"})
    assert json.loads(settings.read_text())["data"] == "a"
    run.record(State(epochs_done=1), lambda path: path.write_bytes(b"a checkpoint"))
    with pytest.raises(TrainingNotResumable, match="data"):
        RunFolder.open(tmp_path, {"seed": 7, "data": "b"})
    RunFolder.open(tmp_path, {"seed": 7, "data": "b"}, fresh=True)
    assert json.loads(settings.read_text())["data"] == "b"


def test_a_training_that_could_not_begin_leaves_nothing_and_one_that_did_stays(tmp_path):
    RunFolder.open(tmp_path / "out", {}).abandon()
    assert not (tmp_path / "out").exists()
    run = RunFolder.open(tmp_path / "out", {})
    run.record(State(epochs_done=1), lambda path: path.write_bytes(b"a checkpoint"))
    run.abandon()
    assert RunFolder.open(tmp_path / "out", {}).resumes


@pytest.mark.parametrize("damage", ["state.json", "epoch-0001.keras"])
def test_a_damaged_folder_is_told(tmp_path, damage):
    run = RunFolder.open(tmp_path, {})
    run.record(State(epochs_done=1), lambda path: path.write_bytes(b"a checkpoint"))
    (tmp_path / "training" / damage).unlink()
    if damage == "state.json":
        (tmp_path / "training" / damage).write_text("{")
    with pytest.raises(TrainingNotResumable, match="start afresh"):
        RunFolder.open(tmp_path, {})


def test_two_processes_do_not_train_in_one_folder_and_a_dead_one_does_not_count(tmp_path):
    code = (
        "import sys; from pathlib import Path; from app.learning.run_folder import RunFolder;"
        "RunFolder.open(Path(sys.argv[1]), {}); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"open\n"
        for fresh in (False, True):
            with pytest.raises(TrainingNotResumable, match=f"Another process .{other.pid}"):
                RunFolder.open(tmp_path, {}, fresh=fresh)
        other.stdin.close()
    RunFolder.open(tmp_path, {})
