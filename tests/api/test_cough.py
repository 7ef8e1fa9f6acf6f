"""/api/cough: the contract's fields, what is refused, the history."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest
from PIL import Image as PillowImage

from app.engines.cough import NOTICE, CoughModels
from app.services.cough import CoughService
from tests.api.test_problem import assert_problem
from tests.forms import form
from tests.recordings import ENCODERS, bursts, encoded, tone, wav
from tests.tiny_cough import save_keras, write_tiny

COUGH = wav(bursts(0.5, 2.0))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def with_tiny(monkeypatch, tiny, tmp_path):
    """Every service listens with the tiny network instead of the one that is shipped."""
    monkeypatch.setattr(CoughModels.__init__, "__kwdefaults__", {"threads": 0, "built_in": tiny})


@pytest.fixture
def client(with_tiny, app):
    return app.test_client()


def predict(client, data=COUGH, name="cough.wav", **options):
    return client.post("/api/cough/predict", **form(("file", name, data)), **options)


# --- status


def test_the_status_is_the_sources_and_tells_the_model(client):
    answer = client.get("/api/cough").json
    assert answer["status"] == "Cough Classifier API is running."
    assert answer["model"]["classes"] == ["cough", "non-cough"]
    assert answer["model"]["built_in"] is True
    assert answer["problem"] is None
    assert answer["notice"] == NOTICE


# --- predict


def test_a_cough_is_answered_as_the_contract_says(client):
    response = predict(client, name="my cough.wav")
    assert response.status_code == 200
    answer = response.json
    assert answer["filename"] == "my cough.wav"
    assert answer["prediction"] == "cough"
    assert re.fullmatch(r"\d{1,3}\.\d\d%", answer["confidence"])
    assert answer["raw_scores"].keys() == {"cough", "non-cough"}
    assert answer["raw_scores"]["cough"] == answer["confidence"]
    assert answer["processing_time_seconds"] > 0
    assert [round(part["start"]) for part in answer["segments"]] == [0, 2]
    assert all(part["start"] < part["end"] <= 3 and 0 < part["score"] <= 1 for part in answer["segments"])
    assert answer["quality"] == {
        "ok": True,
        "reasons": [],
        "duration_seconds": 3.0,
        "loudness_dbfs": pytest.approx(-12, abs=6),
        "clipped": 0,
    }
    assert answer["warnings"] == []
    assert answer["kind"] == "WAV"
    assert answer["notice"] == NOTICE


def test_no_cough_has_no_segments(client):
    answer = predict(client, wav(tone(3.0))).json
    assert answer["prediction"] == "non-cough"
    assert answer["segments"] == []


@pytest.mark.parametrize("kind", ENCODERS)
def test_what_a_file_is_its_content_says(client, kind):
    rate = ENCODERS[kind][2]
    response = predict(client, encoded(kind, bursts(0.5, rate=rate)), name="not-what-it-says.jpg")
    assert response.json["kind"] == kind
    assert response.json["prediction"] == "cough"


def test_the_spectrogram_is_a_picture_at_its_address(client):
    url = predict(client).json["spectrogram_url"]
    response = client.get(url)
    assert response.status_code == 200
    assert response.content_type == "image/png"
    assert PillowImage.open(io.BytesIO(response.data)).size == (130, 128)  # 3 s, 128 bands


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "unsupported_audio"),
        (b"hello", 400, "unsupported_audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), 400, "unsupported_audio"),
        (COUGH[:40], 400, "unsupported_audio"),
        (wav(tone(0.1)), 422, "audio_too_short"),
        (wav(np.zeros(22_050, np.float32)), 422, "audio_too_quiet"),
        (COUGH + bytes(5_000_000), 413, "audio_too_large"),
    ],
)
def test_what_cannot_be_listened_to_is_refused_and_leaves_nothing(client, app, tmp_path, data, status, code):
    assert_problem(predict(client, data), status, code)
    assert client.get("/api/cough/history").json == []
    assert not [path for path in (tmp_path / "history_images").rglob("*") if path.is_file()]


def test_a_file_is_needed(client):
    assert_problem(client.post("/api/cough/predict"), 400, "missing_file")


def test_a_doubtful_recording_is_answered_with_advice(client):
    answer = predict(client, wav(np.clip(40 * bursts(0.5), -1, 1))).json
    assert answer["quality"]["ok"] is False
    assert answer["quality"]["reasons"] == ["clipped"]
    assert "further away" in answer["warnings"][0]


def test_the_mask_cuts_the_answer_down(client):
    mask = {"X-Fields": "prediction,segments{start},quality{ok}"}
    answer = predict(client, headers=mask).json
    assert answer.keys() == {"prediction", "segments", "quality"}
    assert all(part.keys() == {"start"} for part in answer["segments"])
    assert answer["quality"] == {"ok": True}
    assert predict(client, headers={"X-Fields": "raw_scores"}).json["raw_scores"].keys() == {"cough", "non-cough"}


# --- history


def test_the_history_is_newest_first_and_paged(client):
    for name in ("a.wav", "b.wav", "c.wav"):
        predict(client, name=name)
    response = client.get("/api/cough/history?per_page=2")
    assert [entry["filename"] for entry in response.json] == ["c.wav", "b.wav"]
    assert response.headers["X-Total-Count"] == "3"
    assert 'rel="next"' in response.headers["Link"]
    entry = response.json[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", entry["timestamp"])
    assert entry["prediction"] == "cough"
    assert entry["confidence"].endswith("%")
    assert entry["processing_time_seconds"] > 0
    assert len(entry["segments"]) == 2
    assert entry["user_id"] is None
    assert entry["model"].startswith("tiny@")
    assert entry["notice"] == NOTICE
    masked = client.get("/api/cough/history", headers={"X-Fields": "id,segments{start}"}).json
    assert [each.keys() for each in masked] == [{"id", "segments"}] * 3


def test_the_history_as_csv(client):
    predict(client, name="=cmd.wav")
    predict(client, name="hüsteln, laut.wav")
    response = client.get("/api/cough/history?format=csv")
    assert response.content_type == "text/csv; charset=utf-8"
    assert "attachment" in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"))))
    assert list(rows[0]) == ["timestamp", "filename", "prediction", "confidence", "processing_time_seconds", "notice"]
    assert {row["notice"] for row in rows} == {NOTICE}
    assert [row["filename"] for row in rows] == ["hüsteln, laut.wav", "'=cmd.wav"]


@pytest.mark.parametrize("query", ["format=xml", "user_id=-1", "user_id=x", "page=0", f"user_id={'9' * 50}"])
def test_a_strange_query_is_refused(client, query):
    assert_problem(client.get(f"/api/cough/history?{query}"), 400, "invalid_input")


def test_a_deleted_entry_takes_its_picture_along(client, tmp_path):
    answer = predict(client).json
    assert client.delete(f"/api/cough/history/{answer['id']}").status_code == 200
    assert_problem(client.delete(f"/api/cough/history/{answer['id']}"), 404, "history_entry_not_found")
    assert client.get("/api/cough/history").json == []
    assert client.get(answer["spectrogram_url"]).status_code == 404
    assert not [path for path in (tmp_path / "history_images").rglob("*") if path.is_file()]


def test_people_see_and_delete_their_own_entries_only(with_tiny, make_app):
    app = make_app(access_mode="token")
    client, services = app.test_client(), app.extensions["kenali"]
    headers = {}
    for name in ("anna", "bert"):
        user = services.users.create(name, f"{name}@email.com", "secure123")
        headers[name] = {"Authorization": f"Bearer {services.tokens.open(user.id, 'password').access_token}"}
    hers = predict(client, headers=headers["anna"]).json["id"]
    predict(client)  # a guest
    assert [entry["id"] for entry in client.get("/api/cough/history", headers=headers["anna"]).json] == [hers]
    assert client.get("/api/cough/history?user_id=1", headers=headers["bert"]).json == []
    assert_problem(client.get("/api/cough/history"), 401, "not_authenticated")
    response = client.delete(f"/api/cough/history/{hers}", headers=headers["bert"])
    assert_problem(response, 404, "history_entry_not_found")
    assert client.delete(f"/api/cough/history/{hers}", headers=headers["anna"]).status_code == 200


# --- a user's own model, usable or not


def test_a_users_model_answers_with_its_classes(client, tmp_path):
    save_keras(tmp_path / "models" / "cough_classifier_model.keras")
    assert client.get("/api/cough").json["model"]["built_in"] is False
    answer = predict(client).json
    assert answer["raw_scores"].keys() == {"dry", "non-cough", "wet"}
    assert answer["notice"] == NOTICE


def test_a_broken_model_is_a_503_and_a_line_in_health(client, tmp_path):
    (tmp_path / "models").mkdir(exist_ok=True)
    (tmp_path / "models" / "cough_classifier_model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    assert_problem(predict(client), 503, "model_not_usable")
    status = client.get("/api/cough").json
    assert status["model"] is None
    assert "cough_classifier_model.h5" in status["problem"]
    parts = {part["name"]: part for part in client.get("/api/health").json["parts"]}
    assert parts["cough_model"]["ok"] is False
    assert "cough_classifier_model.h5" in parts["cough_model"]["detail"]


def test_warming_up_loads_what_the_first_recording_needs(with_tiny, make_app):
    app = make_app()
    service: CoughService = app.extensions["kenali"].cough
    assert service.ping().detail == "not loaded yet"
    service.warm()
    assert service.ping().facts["built_in"] is True
