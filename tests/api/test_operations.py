"""/api/health and /metrics."""

from app.errors import ModelNotUsable
from tests.api.test_problem import assert_problem


def test_health_tells_of_every_part(client):
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json["live"] is True
    parts = {part["name"]: part for part in answer.json["parts"]}
    assert parts.keys() == {
        "database",
        "disk",
        "face_model",
        "breed_model",
        "cough_model",
        "events",
        "history",
        "jobs",
        "photos",
    }
    assert parts["database"]["facts"]["postgresql"].split(".")[0].isdecimal()
    assert all(part["ok"] for part in parts.values()), parts
    assert client.get("/api/health/ready").status_code == 200


def test_a_part_that_is_ill_makes_the_program_unready_but_not_dead(client, app, monkeypatch):
    monkeypatch.setattr("app.services.health.LOW_DISK_BYTES", 10**18)
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert (answer.json["ready"], answer.json["status"]) == (False, "degraded")
    body = assert_problem(client.get("/api/health/ready"), 503, "not_ready")
    assert body["errors"].keys() == {"disk"}


def test_a_face_model_that_cannot_be_had_is_told_before_anybody_is_enrolled(make_app, dlib_engines, monkeypatch):
    def choose() -> str:
        raise ModelNotUsable("no-such-pack is not installed.")

    monkeypatch.setattr(dlib_engines, "choose", choose)
    client = make_app().test_client()
    assert_problem(client.get("/api/face/model"), 503, "model_not_usable")
    [part] = [part for part in client.get("/api/health").json["parts"] if part["name"] == "face_model"]
    assert part["ok"] is False
    assert "no-such-pack" in part["detail"]
    assert_problem(client.get("/api/health/ready"), 503, "not_ready")


def test_strangers_of_token_mode_learn_no_details(make_app):
    client = make_app(access_mode="token").test_client()
    answer = client.get("/api/health").json
    assert answer["live"] is True
    assert all(part["detail"] is None and part["facts"] == {} for part in answer["parts"])
    assert_problem(client.get("/metrics"), 401, "not_authenticated")


def test_metrics_count_requests_by_route_and_not_by_path(client):
    client.get("/api/users/1")
    client.get("/api/users/2")
    text = client.get("/metrics").text
    assert 'route="/api/users/<int:user_id>",status="404"' in text
    assert "/api/users/1" not in text
