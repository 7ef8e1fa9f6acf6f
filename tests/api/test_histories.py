"""Deleting many entries: whose they are is never left to chance. Both histories are one code; breeds stand for both."""

from __future__ import annotations

import pytest

from app.db import BreedEntry
from app.services.history import Picture
from tests.api.test_problem import assert_problem


class People:
    """Two people, an admin, and what each of them and a guest have asked."""

    def __init__(self, app):
        self.services = app.extensions["kenali"]
        self.client = app.test_client()
        self.ids, self.headers, self.entries = {}, {}, {}
        for name in ("anna", "budi", "boss"):
            user = self.services.users.create(name, f"{name}@example.org", "secure123")
            self.ids[name] = user.id
        self.services.admins.promote("boss@example.org")
        for name in self.ids:
            token = self.services.tokens.open(self.ids[name], "password").access_token
            self.headers[name] = {"Authorization": f"Bearer {token}"}
        for name in ("anna", "budi", "boss", "guest"):
            self.entries[name] = [self.ask(name) for _ in range(2)]

    def ask(self, name) -> int:
        entry = BreedEntry(
            user_id=self.ids.get(name),
            filename="a.jpg",
            prediction="pug",
            confidence=0.5,
            processing_time_seconds=0.1,
            model="m@0",
            top=[],
        )
        return self.services.breed_history.record(entry, Picture(b"jpeg", "jpg")).id

    def left(self) -> set[str]:
        """Whose entries are still there."""
        with self.services.sessions() as session:
            there = {entry.id for entry in session.query(BreedEntry)}
        return {name for name, ids in self.entries.items() if there & set(ids)}

    def files(self) -> int:
        folder = self.services.settings.history_dir
        return sum(path.is_file() for path in folder.rglob("*"))

    def delete(self, query="", by=None, **headers):
        return self.client.delete(f"/api/breed/history{query}", headers={**self.headers.get(by, {}), **headers})


@pytest.fixture
def people(make_app):
    return People(make_app(access_mode="token"))


def assert_only(people, *gone):
    """Whose entries are gone, with their pictures and nobody else's."""
    everybody = {"anna", "budi", "boss", "guest"}
    assert people.left() == everybody - set(gone)
    assert people.files() == 2 * (4 - len(gone))


# --- whose


def test_people_delete_their_own(people):
    answer = people.delete(by="anna")
    assert answer.status_code == 200
    assert answer.json == {"message": "2 entries deleted", "deleted": 2}
    assert_only(people, "anna")
    assert people.delete(by="anna").json == {"message": "0 entries deleted", "deleted": 0}


def test_an_admin_who_names_nobody_deletes_their_own(people):
    assert people.delete(by="boss").json["deleted"] == 2
    assert_only(people, "boss")


def test_an_admin_may_name_somebody_or_the_guests(people):
    assert people.delete(f"?user_id={people.ids['budi']}", by="boss").json["deleted"] == 2
    assert people.delete("?user_id=guest", by="boss").json["deleted"] == 2
    assert_only(people, "budi", "guest")


@pytest.mark.parametrize("whose", ["budi", "guest"])
def test_nobody_else_may(people, whose):
    answer = people.delete(f"?user_id={people.ids.get(whose, whose)}", by="anna")
    assert_problem(answer, 403, "not_permitted")
    assert_only(people)


def test_naming_oneself_is_the_same_as_naming_nobody(people):
    assert people.delete(f"?user_id={people.ids['anna']}", by="anna").json["deleted"] == 2
    assert_only(people, "anna")


def test_guests_delete_nothing(people):
    assert_problem(people.delete(), 401, "not_authenticated")
    assert_only(people)


def test_a_program_must_say_whose(people):
    key = people.services.api_keys.create("robot", ["breed"]).key
    assert_problem(people.delete(**{"X-API-Key": key}), 400, "invalid_input")
    assert_only(people)
    assert people.delete("?user_id=guest", **{"X-API-Key": key}).json["deleted"] == 2
    reader = people.services.api_keys.create("reader", ["breed:read"]).key
    assert_problem(people.delete("?user_id=guest", **{"X-API-Key": reader}), 403, "not_permitted")
    assert_only(people, "guest")


def test_in_local_mode_nobody_in_particular_must_say_whose_too(make_app):
    people = People(make_app())
    assert_problem(people.delete(), 400, "invalid_input")
    assert_only(people)
    assert people.delete(by="anna").json["deleted"] == 2
    assert people.delete("?user_id=guest").json["deleted"] == 2
    assert_only(people, "anna", "guest")


# --- which


def test_ids_narrow_it_down_and_never_reach_others(people):
    mine, theirs = people.entries["anna"], people.entries["budi"]
    assert people.delete(f"?ids={mine[0]},{theirs[0]},999999,{2**63}", by="anna").json["deleted"] == 1
    assert people.delete(f"?ids={mine[0]}", by="anna").json["deleted"] == 0
    assert people.left() == {"anna", "budi", "boss", "guest"}
    assert people.files() == 7


def test_an_admin_may_name_entries(people):
    wanted = [people.entries[name][0] for name in ("anna", "budi", "guest")]
    query = f"?ids={wanted[0]}&ids={wanted[1]},{wanted[2]}"
    assert people.delete(query, by="boss").json["deleted"] == 3
    budi = people.ids["budi"]
    assert people.delete(f"?user_id={budi}&ids={','.join(map(str, range(1, 9)))}", by="boss").json["deleted"] == 1
    assert people.left() == {"anna", "boss", "guest"}


@pytest.mark.parametrize(
    "query",
    [
        "?ids=",
        "?ids=1,",
        "?ids=x",
        "?ids=-1",
        "?ids=\u0661",
        "?ids=" + "1," * 1000 + "1",
        "?ids=" + "9" * 99,
        "?id=1",
        "?user=2",
        "?user_id=x",
        "?user_id=-1",
        "?page=1",
    ],
)
def test_a_slip_of_the_pen_deletes_nothing(people, query):
    assert_problem(people.delete(query, by="boss"), 400, "invalid_input")
    assert_only(people)


def test_the_mask_cuts_the_answer_down(people):
    assert people.delete(by="anna", **{"X-Fields": "deleted"}).json == {"deleted": 2}


def test_the_list_can_be_of_guests_only(people):
    listed = people.client.get("/api/breed/history?user_id=guest", headers=people.headers["boss"])
    assert [entry["id"] for entry in listed.json] == people.entries["guest"][::-1]
    assert listed.headers["X-Total-Count"] == "2"
    mine = people.client.get("/api/breed/history?user_id=guest", headers=people.headers["anna"])
    assert [entry["user_id"] for entry in mine.json] == [people.ids["anna"]] * 2, (
        "people see their own whatever they ask"
    )


def test_the_history_of_coughs_is_deleted_in_the_same_way(people):
    assert people.client.delete("/api/cough/history", headers=people.headers["anna"]).json["deleted"] == 0
    assert_only(people)
