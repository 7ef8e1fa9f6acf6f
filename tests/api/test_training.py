"""/api/training, with real faces, the real dlib engine and the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import update

from app.db import TrainingJob
from tests.api.test_problem import assert_problem
from tests.forms import form
from tests.people import five_people
from tests.pictures import jpeg


@pytest.fixture
def trained(client):
    """Two people with two photos each, and a photo without a face."""
    for place in range(2):
        client.post("/api/users", json={"name": f"Person {place}", "email": f"p{place}@example.org"})
        files = [("files", f"{light}.jpg", five_people()[place].photo(light)) for light in (1.0, 1.15)]
        assert client.post(f"/api/photos/{place + 1}/upload/multiple", **form(*files)).status_code == 201
    return client


def test_training_one_user_answers_as_documented(trained):
    response = trained.post("/api/training/incremental", json={"user_id": 1})
    assert response.status_code == 200
    body = response.json
    assert (body["success"], body["message"], body["state"]) == (True, "Embeddings built for user 1", "succeeded")
    data = body["data"]
    assert (data["user_id"], data["faces_processed"], data["embeddings_created"]) == (1, 2, 2)
    assert data["processing_time_seconds"] > 0
    assert data["timestamp"].endswith("Z")
    assert data["skipped"] == []


def test_training_again_has_nothing_to_do_and_says_so(trained):
    trained.post("/api/training/incremental", json={"user_id": 1})
    body = trained.post("/api/training/incremental", json={"user_id": 1}).json
    assert body["message"] == "Nothing to do: every photo of user 1 is trained already"
    assert (body["data"]["embeddings_created"], body["data"]["embeddings_total"]) == (0, 2)
    forced = trained.post("/api/training/incremental", json={"user_id": 1, "force": True}).json
    assert forced["data"]["embeddings_created"] == 2


def test_a_photo_without_a_face_is_listed(trained):
    trained.post("/api/photos/1/upload", **form(("file", "wall.jpg", jpeg(300, 300))))
    data = trained.post("/api/training/incremental", json={"user_id": 1}).json["data"]
    assert [(photo["photo_id"], photo["filename"], photo["code"]) for photo in data["skipped"]] == [
        (5, "wall.jpg", "no_face_found")
    ]


def test_a_full_rebuild_answers_as_documented_and_exports_the_gallery(trained, app):
    response = trained.post("/api/training/start", json={})
    assert response.status_code == 200
    assert response.json["message"] == "Face database built successfully"
    data = response.json["data"]
    assert (data["num_data"], data["num_classes"], data["total_faces"]) == (4, 2, 4)
    assert data["training_time_minutes"] == round(data["training_time_seconds"] / 60, 2)
    assert data["model_path"].endswith("face_db.npy")
    gallery = np.load(app.extensions["kenali"].settings.models_dir / "face_db.npy", allow_pickle=False)
    assert gallery["user_id"].tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "user_id"), ({"user_id": "one"}, "user_id"), ({"user_id": 0}, "user_id"), ({"user_id": 2**63}, "user_id")],
)
def test_what_is_wrong_is_said_by_field(client, body, field):
    problem = assert_problem(client.post("/api/training/incremental", json=body), 400, "invalid_input")
    assert field in problem["errors"]


def test_an_unknown_user_and_one_without_usable_photos_are_told(client):
    assert_problem(client.post("/api/training/incremental", json={"user_id": 99}), 404, "user_not_found")
    client.post("/api/users", json={"name": "Nobody", "email": "nobody@example.org"})
    assert_problem(client.post("/api/training/incremental", json={"user_id": 1}), 422, "no_usable_photos")
    client.post("/api/photos/1/upload", **form(("file", "wall.jpg", jpeg(300, 300))))
    assert_problem(client.post("/api/training/incremental", json={"user_id": 1}), 422, "no_usable_photos")
    assert_problem(client.post("/api/training/start", json={}), 422, "no_usable_photos")


def test_who_does_not_want_to_wait_gets_the_address_of_the_job(trained, app):
    response = trained.post("/api/training/incremental", json={"user_id": 1}, headers={"Prefer": "respond-async"})
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async"
    assert response.json["data"] is None
    app.extensions["kenali"].training.wait(response.json["job_id"], 30)
    job = trained.get(response.headers["Location"]).json
    assert (job["state"], job["kind"], job["user_id"]) == ("succeeded", "incremental", 1)
    assert job["progress"]["done"] == job["progress"]["total"] == 2
    assert job["incremental"]["embeddings_created"] == 2
    assert job["rebuild"] is None
    assert job["error"] is None


def test_a_wait_that_takes_too_long_answers_the_address_too(make_app):
    app = make_app(job_wait_seconds=1)  # its worker does not run
    client = app.test_client()
    client.post("/api/users", json={"name": "Anna", "email": "anna@example.org"})
    client.post("/api/photos/1/upload", **form(("file", "a.jpg", five_people()[0].photo())))
    response = client.post("/api/training/incremental", json={"user_id": 1})
    assert (response.status_code, response.headers["Location"]) == (202, "/api/training/jobs/1")
    assert (response.json["state"], response.json["success"]) == ("queued", True)
    own = client.post("/api/training/incremental", json={"user_id": 1}, headers={"Prefer": "wait=0"})
    assert own.headers["Preference-Applied"] == "wait=0"


def test_a_failed_job_keeps_its_reason(client):
    client.post("/api/users", json={"name": "Nobody", "email": "nobody@example.org"})
    client.post("/api/photos/1/upload", **form(("file", "wall.jpg", jpeg(300, 300))))
    client.post("/api/training/incremental", json={"user_id": 1})
    job = client.get("/api/training/jobs/1").json
    assert (job["state"], job["error"]["code"]) == ("failed", "no_usable_photos")


def test_jobs_are_listed_newest_first_in_pages(trained):
    for user_id in (1, 2, 1):
        trained.post("/api/training/incremental", json={"user_id": user_id})
    response = trained.get("/api/training/jobs?per_page=2")
    assert [job["id"] for job in response.json] == [3, 2]
    assert response.headers["X-Total-Count"] == "3"
    assert 'rel="next"' in response.headers["Link"]


def test_a_queued_job_is_cancelled_and_a_finished_one_cannot_be(make_app):
    app = make_app()
    client = app.test_client()
    client.post("/api/users", json={"name": "Anna", "email": "anna@example.org"})
    client.post("/api/photos/1/upload", **form(("file", "a.jpg", five_people()[0].photo())))
    client.post("/api/training/start", json={}, headers={"Prefer": "respond-async"})
    assert client.delete("/api/training/jobs/1").json["state"] == "cancelled"
    assert_problem(client.delete("/api/training/jobs/1"), 409, "job_already_finished")
    assert_problem(client.get("/api/training/jobs/99"), 404, "job_not_found")
    assert_problem(client.delete("/api/training/jobs/99"), 404, "job_not_found")


def test_status_tells_who_is_trained_and_with_which_model(trained):
    empty = trained.get("/api/training/status").json
    assert (empty["model"], empty["users"][0]["due"]) == (None, True)
    trained.post("/api/training/incremental", json={"user_id": 1})
    status = trained.get("/api/training/status").json
    assert status["model"] == "dlib"
    assert [(user["user_id"], user["embeddings"], user["due"]) for user in status["users"]] == [
        (1, 2, False),
        (2, 0, True),
    ]
    page = trained.get("/api/training/status?page=2&per_page=1")
    assert [user["user_id"] for user in page.json["users"]] == [2]
    assert page.headers["X-Total-Count"] == "2"


def test_status_of_some_users_alone(trained):
    trained.post("/api/users", json={"name": "Third", "email": "third@example.org"})

    def ids(query):
        answer = trained.get(f"/api/training/status?user_id={query}")
        found = [user["user_id"] for user in answer.json["users"]]
        assert answer.headers["X-Total-Count"] == str(len(found))
        return found

    assert ids("2") == [2]
    assert ids("3,1,1") == [1, 3]
    assert ids("7,999999999999999999") == []
    assert ids("") == [1, 2, 3]
    for wrong in ("x", "1,", "-1", "1.5", "9" * 19, "\u0661", ",".join(["1"] * 201)):
        body = assert_problem(
            trained.get("/api/training/status", query_string={"user_id": wrong}), 400, "invalid_input"
        )
        assert "user_id" in body["errors"], wrong


def test_status_of_those_who_are_due(trained):
    def due(query=""):
        answer = trained.get(f"/api/training/status?due=true{query}")
        found = [user["user_id"] for user in answer.json["users"]]
        assert all(user["due"] for user in answer.json["users"])
        return found, answer.headers["X-Total-Count"]

    trained.post("/api/users", json={"name": "Without photos", "email": "third@example.org"})
    assert due() == ([1, 2], "2")
    assert due("&per_page=1&page=2") == ([2], "2")
    trained.post("/api/training/incremental", json={"user_id": 1})
    trained.post("/api/photos/1/upload", **form(("file", "wall.jpg", jpeg())))
    assert due() == ([2], "1")
    trained.post("/api/training/start", json={})
    assert due() == ([], "0")
    trained.post("/api/photos/1/upload", **form(("file", "new.jpg", five_people()[0].photo(light=0.7))))
    assert due() == ([1], "1")
    assert due("&user_id=2") == ([], "0")
    assert len(trained.get("/api/training/status?due=false").json["users"]) == 3
    body = assert_problem(trained.get("/api/training/status?due=perhaps"), 400, "invalid_input")
    assert "due" in body["errors"]


def test_a_photo_without_a_face_does_not_make_training_due(trained):
    trained.post("/api/users", json={"name": "Third", "email": "third@example.org"})
    trained.post("/api/photos/3/upload", **form(("file", "wall.jpg", jpeg())))
    user = trained.get("/api/training/status?user_id=3").json["users"][0]
    assert (user["photos"], user["missing"], user["without_face"], user["due"]) == (1, 1, 1, False)
    assert_problem(trained.post("/api/training/incremental", json={"user_id": 3}), 422, "no_usable_photos")


def test_the_mask_cuts_the_answer(trained):
    answer = trained.post(
        "/api/training/incremental", json={"user_id": 1}, headers={"X-Fields": "data{embeddings_created}"}
    )
    assert answer.json == {"data": {"embeddings_created": 2}}


def test_a_deleted_user_is_not_found_any_more(trained, app):
    trained.post("/api/training/start", json={})
    trained.delete("/api/users/1")
    status = trained.get("/api/training/status").json
    assert [user["user_id"] for user in status["users"]] == [2]
    assert app.extensions["kenali"].gallery.summary().people == 1


def test_a_person_sees_their_own_jobs_and_nobody_elses(make_app):
    app = make_app(access_mode="token")
    services, client = app.extensions["kenali"], app.test_client()
    headers = []
    for place in range(2):
        user = services.users.create(f"Person {place}", f"p{place}@example.org", "secure123")
        headers.append({"Authorization": f"Bearer {services.tokens.open(user.id, 'password').access_token}"})
        client.post(
            f"/api/photos/{user.id}/upload",
            headers=headers[place],
            **form(("file", "a.jpg", five_people()[place].photo())),
        )
        client.post(
            "/api/training/incremental",
            json={"user_id": user.id},
            headers={**headers[place], "Prefer": "respond-async"},
        )
    with services.sessions.begin() as session:
        session.execute(update(TrainingJob).where(TrainingJob.id == 2).values(requested_by=None))
    assert [job["id"] for job in client.get("/api/training/jobs", headers=headers[0]).json] == [1]
    assert client.get("/api/training/jobs/1", headers=headers[0]).status_code == 200
    assert_problem(client.get("/api/training/jobs/2", headers=headers[0]), 404, "job_not_found")
    assert_problem(client.delete("/api/training/jobs/2", headers=headers[0]), 404, "job_not_found")
    users = client.get("/api/training/status", headers=headers[0]).json["users"]
    assert [user["user_id"] for user in users] == [1]
    assert_problem(client.post("/api/training/start", json={}, headers=headers[0]), 403, "not_permitted")
