"""The three layouts of labelled recordings."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from app.errors import TrainingDataNotUsable
from app.learning.recordings import coughvid_label, find_recordings
from tests.unit.learning import coughs


def test_folders_of_classes_keep_people_together(tmp_path):
    found = find_recordings(coughs.folders(tmp_path, people=3))
    assert found.classes == ("dry", "non-cough", "wet")
    assert Counter(found.labels) == {"dry": 6, "non-cough": 6, "wet": 6}
    assert len(set(found.groups)) == 9
    assert all(spectrogram.shape[0] == 128 for spectrogram in found.spectrograms)


def test_a_file_right_in_the_folder_of_its_class_is_a_group_by_its_content(tmp_path):
    coughs.write(tmp_path / "dry" / "a.wav", "dry", np.random.default_rng(1))
    coughs.write(tmp_path / "wet" / "a.wav", "wet", np.random.default_rng(1))
    (tmp_path / "dry" / "copy.wav").write_bytes((tmp_path / "dry" / "a.wav").read_bytes())
    found = find_recordings(tmp_path)
    groups = dict(zip(found.files, found.groups, strict=True))
    assert groups["dry/a.wav"] == groups["dry/copy.wav"] != groups["wet/a.wav"]


def test_coughvid_takes_what_physicians_agree_on_and_what_is_surely_no_cough(tmp_path):
    found = find_recordings(coughs.coughvid(tmp_path))
    assert found.layout == "COUGHVID"
    assert Counter(found.labels) == {"dry": 6, "wet": 6, "non-cough": 6}
    assert found.unlabelled == 3
    assert len(set(found.groups)) == 18


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"cough_type_1": "dry", "cough_type_2": "wet", "cough_type_3": "wet"}, "wet"),
        ({"cough_type_1": "dry", "cough_type_2": "wet"}, None),
        ({"quality_1": "no_cough", "cough_detected": "0.9"}, "non-cough"),
        ({"quality_1": "good", "cough_type_1": "unknown", "cough_detected": "0.1"}, None),
        ({"cough_detected": "0.1"}, "non-cough"),
        ({"cough_detected": "0.5"}, None),
        ({"cough_detected": ""}, None),
    ],
)
def test_a_label_is_the_majority_of_the_physicians(row, label):
    assert coughvid_label(row) == label


def test_a_manifest_gives_labels_and_groups(tmp_path):
    found = find_recordings(coughs.manifest(tmp_path))
    assert found.classes == ("cough", "non-cough")
    assert set(found.groups) == {f"{source}:{group}" for source in ("people", "world") for group in range(4)}


def test_a_row_without_a_label_is_no_class(tmp_path):
    table = coughs.manifest(tmp_path) / "manifest.csv"
    before = find_recordings(tmp_path)
    head, first, *rest = table.read_text().splitlines()
    row = dict(zip(head.split(","), first.split(","), strict=True)) | {"label": " "}
    table.write_text("\n".join([head, ",".join(row.values()), *rest]) + "\n")
    found = find_recordings(tmp_path)
    assert (found.classes, found.unlabelled) == (before.classes, 1)


def test_a_manifest_cannot_name_files_elsewhere(tmp_path):
    (tmp_path / "manifest.csv").write_text("file,label,group\n../../etc/passwd,cough,a\n")
    with pytest.raises(TrainingDataNotUsable, match="outside"):
        find_recordings(tmp_path)


def test_what_cannot_be_heard_is_left_out_with_the_reason(tmp_path):
    coughs.folders(tmp_path, people=2, each=1)
    (tmp_path / "dry" / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "wet" / "text.mp3").write_bytes(b"no sound")
    found = find_recordings(tmp_path)
    assert set(found.skipped) == {"dry/broken.wav", "wet/text.mp3"}
    assert len(found.files) == 6


@pytest.mark.parametrize(
    "table", ["", "uuid\n", "file,label\nx,y\n"], ids=["empty", "no column of the detector", "no group"]
)
def test_a_table_without_its_columns_says_so(tmp_path, table):
    (tmp_path / ("manifest.csv" if table.startswith("file") else "metadata_compiled.csv")).write_text(table)
    with pytest.raises(TrainingDataNotUsable, match="has no column"):
        find_recordings(tmp_path)


def test_an_empty_folder_says_which_layouts_there_are(tmp_path):
    with pytest.raises(TrainingDataNotUsable, match="COUGHVID"):
        find_recordings(tmp_path)
    with pytest.raises(TrainingDataNotUsable, match="no folder"):
        find_recordings(tmp_path / "absent")


def test_the_fingerprint_follows_content_and_labels(tmp_path):
    root = coughs.folders(tmp_path, people=2, each=1)
    before = find_recordings(root).fingerprint
    assert find_recordings(root).fingerprint == before
    alone = (root / "dry" / "persondry0" / "0.wav").rename(root / "dry" / "0.wav")
    assert find_recordings(root).fingerprint != before  # the split goes by people
    alone.rename(root / "wet" / "moved.wav")
    assert find_recordings(root).fingerprint != before
