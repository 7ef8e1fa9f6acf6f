"""/api/users."""

import pytest

from tests.api.test_problem import assert_problem

JOHN = {"name": "John Doe", "email": "john@email.com", "password": "secure123"}


def test_a_new_user_is_answered_without_the_password(client):
    response = client.post("/api/users", json=JOHN)
    assert response.status_code == 201
    assert response.headers["Location"] == "/api/users/1"
    assert response.json.keys() == {"id", "name", "email", "role", "created_at"}
    assert response.json["id"] == 1
    assert response.json["created_at"].endswith("Z")
    assert "secure123" not in response.text


def test_a_new_user_has_a_folder_and_a_deleted_one_has_none(client, app):
    folder = app.extensions["kenali"].settings.dataset_dir / "1"
    client.post("/api/users", json=JOHN)
    assert folder.is_dir()
    response = client.delete("/api/users/1")
    assert response.json == {"message": "User deleted"}
    assert not folder.exists()
    assert_problem(client.get("/api/users/1"), 404, "user_not_found")
    assert_problem(client.delete("/api/users/1"), 404, "user_not_found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"email": "a b@c.d"}, "email"),
        ({"email": "a@" + "b" * 300}, "email"),
        ({"password": "x"}, "password"),
        ({"password": 123456}, "password"),
    ],
)
def test_what_is_wrong_is_said_by_field(client, app, change, field):
    body = assert_problem(client.post("/api/users", json={**JOHN, **change}), 400, "invalid_input")
    assert field in body["errors"]
    assert client.get("/api/users").json == []
    assert list(app.extensions["kenali"].settings.dataset_dir.glob("[0-9]*")) == []


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_everything_that_is_wrong_is_said_at_once(client, password):
    wrong = {"name": "", "email": "nobody", "password": password}
    body = assert_problem(client.post("/api/users", json=wrong), 400, "invalid_input")
    assert body["errors"].keys() == {"name", "email", "password"}
    assert body["errors"]["password"] == "6 to 1024 characters are needed"
    client.post("/api/users", json=JOHN)
    body = assert_problem(client.put("/api/users/1", json=wrong), 400, "invalid_input")
    assert body["errors"].keys() == {"name", "email", "password"}


def test_an_address_is_taken_whatever_its_case(client):
    client.post("/api/users", json=JOHN)
    assert_problem(client.post("/api/users", json={**JOHN, "email": "JOHN@Email.com"}), 409, "email_taken")
    jane = client.post("/api/users", json={**JOHN, "email": "jane@email.com"}).json
    assert_problem(client.put(f"/api/users/{jane['id']}", json={"email": "John@email.com"}), 409, "email_taken")
    assert client.put("/api/users/1", json={"email": "JOHN@email.com"}).status_code == 200


def test_a_change_leaves_the_rest_as_it_is(client):
    client.post("/api/users", json=JOHN)
    changed = client.put("/api/users/1", json={"name": "Johnny"}).json
    assert (changed["name"], changed["email"]) == ("Johnny", "john@email.com")
    login = client.post("/api/auth/login-pass-verify", json={"email": JOHN["email"], "password": JOHN["password"]})
    assert login.status_code == 200


def test_lists_are_paged_bare_arrays(client):
    for number in range(5):
        client.post("/api/users", json={"name": f"User {number}", "email": f"u{number}@example.org"})
    first = client.get("/api/users?per_page=2")
    assert [user["id"] for user in first.json] == [1, 2]
    assert first.headers["X-Total-Count"] == "5"
    assert 'rel="next"' in first.headers["Link"]
    assert "page=2" in first.headers["Link"]
    last = client.get("/api/users?per_page=2&page=3")
    assert [user["id"] for user in last.json] == [5]
    assert "Link" not in last.headers
    assert client.get("/api/users?per_page=2&page=9").json == []


def test_a_search_finds_parts_of_name_and_address_and_nothing_else(client):
    client.post("/api/users", json=JOHN)
    client.post("/api/users", json={"name": "100% Jane_", "email": "jane@example.org"})
    assert [user["id"] for user in client.get("/api/users?q=JOHN").json] == [1]
    assert [user["id"] for user in client.get("/api/users?q=example.org").json] == [2]
    assert [user["id"] for user in client.get("/api/users?q=%25").json] == [2]
    assert client.get("/api/users?q=%00").json == []


def test_a_search_finds_an_id(client):
    for number in range(12):
        client.post("/api/users", json={"name": "Somebody", "email": f"{chr(97 + number)}@example.org"})
    assert [user["id"] for user in client.get("/api/users?q=1").json] == [1]
    assert [user["id"] for user in client.get("/api/users?q=%2012%20").json] == [12]
    for nobody in ("13", "9" * 18, "9" * 19, "9" * 30, "-1", "1.0", "\u0661"):
        assert client.get("/api/users", query_string={"q": nobody}).json == [], nobody


@pytest.mark.parametrize(
    ("mask", "fields"), [("id,name", {"id", "name"}), ("{email}", {"email"}), ("nothing", set()), ("*", None)]
)
def test_a_mask_cuts_the_answer(client, mask, fields):
    whole = client.post("/api/users", json=JOHN).json
    one = client.get("/api/users/1", headers={"X-Fields": mask}).json
    assert one.keys() == (whole.keys() if fields is None else fields)
    assert client.get("/api/users", headers={"X-Fields": mask}).json == [one]


def test_umlauts_and_other_scripts_are_kept(client):
    body = client.post("/api/users", json={"name": "Søren Müller 北京", "email": "süren@münchen.example"})
    assert body.json["name"] == "Søren Müller 北京"
    assert "北京".encode() in body.data
