"""/api/face, with real faces and the real dlib engine."""

from __future__ import annotations

import io

import pytest

from tests.api.test_problem import assert_problem
from tests.people import five_people
from tests.pictures import GROUP_PHOTO, jpeg


def file(data: bytes, name: str = "photo.jpg"):
    return (io.BytesIO(data), name)


def post(client, path, **fields):
    return client.post(path, data=fields, content_type="multipart/form-data")


@pytest.fixture
def gallery(client):
    """The first four people, enrolled from two photos each and trained; ids by place."""
    ids = []
    for place, person in enumerate(five_people()[:4]):
        user = client.post("/api/users", json={"name": f"Person {place}", "email": f"p{place}@example.org"}).json
        for light in (1.0, 1.15):
            answer = post(client, f"/api/photos/{user['id']}/upload", file=file(person.photo(light)))
            assert answer.json["face"]["detected"]
        ids.append(user["id"])
    assert client.post("/api/training/start", json={}).status_code == 200
    return ids


def test_everybody_who_is_enrolled_is_recognised(client, gallery):
    for place, user_id in enumerate(gallery):
        answer = post(client, "/api/face/predict", file=file(five_people()[place].photo(light=0.85, quality=80)))
        assert answer.status_code == 200
        data = answer.json["data"]
        assert answer.json["status"] == "success"
        assert (data["user_id"], data["name"], data["decision"]) == (user_id, f"Person {place}", "match")
        assert data["similarity"] >= data["threshold"]
        assert 0 <= data["confidence"] <= 100
        people = [person["user_id"] for person in data["all_predictions"]]
        assert len(people) == len(set(people)) == 4
        similarities = [person["similarity"] for person in data["all_predictions"]]
        assert similarities == sorted(similarities, reverse=True)
        assert client.get(f"/api/photos/{user_id}/{data['all_predictions'][0]['photo_id']}").status_code == 200


def test_before_anybody_is_trained_the_answer_says_what_to_do(client):
    answer = post(client, "/api/face/predict", file=file(five_people()[0].photo()))
    assert answer.json["status"] == "unknown"
    assert "/api/training/incremental" in answer.json["data"]["warnings"][0]


def test_who_is_enrolled_twice_is_ambiguous_and_the_answer_says_what_to_look_for(client, gallery):
    twin = client.post("/api/users", json={"name": "Person 0 again", "email": "again@example.org"}).json["id"]
    post(client, f"/api/photos/{twin}/upload", file=file(five_people()[0].photo()))
    assert client.post("/api/training/incremental", json={"user_id": twin}).status_code == 200
    answer = post(client, "/api/face/predict", file=file(five_people()[0].photo(light=0.9))).json
    assert (answer["status"], answer["data"]["decision"], answer["data"]["user_id"]) == ("ambiguous", "ambiguous", None)
    assert {person["user_id"] for person in answer["data"]["all_predictions"][:2]} == {gallery[0], twin}
    assert "enrolled twice" in answer["data"]["warnings"][0]


def test_somebody_who_is_not_enrolled_is_unknown(client, gallery):
    answer = post(client, "/api/face/predict", file=file(five_people()[4].photo()))
    assert answer.status_code == 200
    assert answer.json["status"] == "unknown"
    assert answer.json["data"]["user_id"] is None
    assert answer.json["data"]["name"] is None
    assert answer.json["data"]["decision"] == "unknown"
    assert len(answer.json["data"]["all_predictions"]) == 4


def test_before_anybody_is_enrolled_everybody_is_unknown(client):
    answer = post(client, "/api/face/predict", file=file(five_people()[0].photo()))
    assert answer.status_code == 200
    assert answer.json["status"] == "unknown"
    assert answer.json["data"]["all_predictions"] == []


def test_the_largest_of_several_faces_decides_and_the_answer_says_so(client, gallery):
    answer = post(client, "/api/face/predict", file=file(GROUP_PHOTO.read_bytes()))
    assert any("5 faces" in warning for warning in answer.json["data"]["warnings"])


def test_a_stricter_threshold_makes_a_match_unknown(client, gallery):
    photo = five_people()[0].photo(light=0.9)
    assert post(client, "/api/face/predict", file=file(photo)).json["data"]["decision"] == "match"
    strict = post(client, "/api/face/predict", file=file(photo), threshold="0.99999").json["data"]
    assert strict["decision"] == "unknown"
    assert strict["threshold"] == pytest.approx(0.99999, abs=1e-4)


def test_top_k_limits_the_list_and_not_the_decision(client, gallery):
    photo = five_people()[0].photo(light=0.9)
    whole = post(client, "/api/face/predict", file=file(photo)).json["data"]
    one = post(client, "/api/face/predict", file=file(photo), top_k="1").json["data"]
    assert len(one["all_predictions"]) == 1
    assert (one["decision"], one["margin"]) == (whole["decision"], whole["margin"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("top_k", "0"), ("top_k", "101"), ("top_k", "x"), ("top_k", "1e9"), ("threshold", "nan"), ("threshold", "2")],
)
def test_a_wrong_argument_is_named(client, field, value):
    answer = post(client, "/api/face/predict", file=file(five_people()[0].photo()), **{field: value})
    assert field in assert_problem(answer, 400, "invalid_input")["errors"]


@pytest.mark.parametrize("path", ["/api/face/predict", "/api/face/detect"])
def test_no_file_is_a_400(client, path):
    assert_problem(client.post(path), 400, "missing_file")
    assert_problem(post(client, path, file=file(b"", "")), 400, "missing_file")
    assert_problem(post(client, path, file=file(b"", "empty.jpg")), 400, "unsupported_image")
    assert_problem(post(client, path, file=file(b"no picture")), 400, "unsupported_image")


def test_a_picture_without_a_face_is_a_422(client, gallery):
    assert_problem(post(client, "/api/face/predict", file=file(jpeg())), 422, "no_face_found")
    assert (
        "file2"
        in assert_problem(
            post(client, "/api/face/compare", file1=file(five_people()[0].photo()), file2=file(jpeg())),
            422,
            "no_face_found",
        )["errors"]
    )


def test_detection_lists_every_face_the_largest_first(client):
    answer = post(client, "/api/face/detect", file=file(GROUP_PHOTO.read_bytes())).json
    assert answer["count"] == len(answer["faces"]) == 5
    areas = [face["box"]["w"] * face["box"]["h"] for face in answer["faces"]]
    assert areas == sorted(areas, reverse=True)
    assert all(len(face["landmarks"]) == 5 for face in answer["faces"])
    assert post(client, "/api/face/detect", file=file(jpeg())).json == {"count": 0, "faces": []}


def test_two_pictures_of_one_person_match_and_of_two_people_do_not(client):
    one, other = five_people()[0], five_people()[1]
    same = post(client, "/api/face/compare", file1=file(one.photo()), file2=file(one.photo(0.85, 0.8))).json
    assert same["match"] is True
    assert same["similarity"] >= same["threshold"]
    different = post(client, "/api/face/compare", file1=file(one.photo()), file2=file(other.photo())).json
    assert different["match"] is False
    assert different["confidence"] < same["confidence"]


def test_a_mask_reaches_into_the_answer(client, gallery):
    answer = client.post(
        "/api/face/predict",
        data={"file": file(five_people()[0].photo())},
        headers={"X-Fields": "status,data{user_id,all_predictions{name}}"},
    )
    assert answer.json == {
        "status": "success",
        "data": {"user_id": gallery[0], "all_predictions": answer.json["data"]["all_predictions"]},
    }
    assert all(person.keys() == {"name"} for person in answer.json["data"]["all_predictions"])


def test_the_model_page_tells_licence_threshold_and_gallery(client, gallery):
    model = client.get("/api/face/model").json
    assert model["name"] == "dlib"
    assert "public domain" in model["licence"].lower()
    assert model["commercial_use"] is True
    assert model["dimensions"] == 128
    assert (model["gallery_size"], model["embeddings"], model["pinned"]) == (4, 8, True)
    assert -1 <= model["threshold"] <= 1
    assert model["index"] == {"kind": "exact", "recall": 1.0, "measured_probes": 0}


def test_a_deleted_user_is_found_no_more(client, gallery):
    client.delete(f"/api/users/{gallery[0]}")
    data = post(client, "/api/face/predict", file=file(five_people()[0].photo())).json["data"]
    assert gallery[0] not in [person["user_id"] for person in data["all_predictions"]]
    assert data["user_id"] is None


def test_a_deleted_photo_is_found_no_more(client, gallery):
    photos = client.get(f"/api/photos/{gallery[0]}").json
    client.delete(f"/api/photos/{gallery[0]}/{photos[0]['id']}")
    data = post(client, "/api/face/predict", file=file(five_people()[0].photo())).json["data"]
    assert data["all_predictions"][0]["photo_id"] == photos[1]["id"]
