"""X-Fields on every operation that shows it."""

import json

import pytest

from tests.api.test_problem import assert_problem

NAMED = {"name": "Ani", "email": "ani@email.com"}


def masked(client, mask, path="/api/users"):
    return client.get(path, headers={"X-Fields": mask})


@pytest.mark.parametrize(
    "mask", ["{", "}", "{id", "id{", "id}", ",id", "id,,name", "id{name}", "id{{", "\u00a0", "{" * 5000, "id{" * 5000]
)
def test_a_mask_that_cannot_be_applied_is_a_400(client, mask):
    body = assert_problem(masked(client, mask), 400, "invalid_input")
    assert body["errors"].keys() == {"X-Fields"}


def test_a_wrong_mask_is_refused_before_anything_is_done(client):
    refused = client.post("/api/users", json=NAMED, headers={"X-Fields": "id{"})
    assert_problem(refused, 400, "invalid_input")
    assert client.get("/api/users").json == []


def test_a_wrong_mask_is_a_400_for_head_too(client):
    assert client.head("/api/users", headers={"X-Fields": "{"}).status_code == 400


def test_a_wrong_mask_comes_after_the_question_who_is_asking(client):
    assert_problem(masked(client, "{", "/api/users/me"), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("mask", "keys"),
    [
        ("id", {"id"}),
        ("{id,name}", {"id", "name"}),
        (" id , name ", {"id", "name"}),
        ("nope", set()),
        ("nope{deeper},id", {"id"}),
        ("*", {"id", "name", "email", "role", "created_at"}),
    ],
)
def test_a_mask_cuts_the_answer_down(client, mask, keys):
    client.post("/api/users", json=NAMED)
    [user] = masked(client, mask).json
    assert user.keys() == keys


def _shape(schema, definitions):
    """Definition -> {member: its own shape, or None where there is nothing below}."""
    if "allOf" in schema:
        schema = schema["allOf"][0]
    if schema.get("type") == "array":
        return _shape(schema["items"], definitions)
    if "$ref" not in schema:
        return None
    model = definitions[schema["$ref"].rsplit("/", 1)[1]]
    return {name: _shape(member, definitions) for name, member in model["properties"].items()}


def _mask(shape):
    return ",".join(name if below is None else f"{name}{{{_mask(below)}}}" for name, below in shape.items())


def test_what_the_document_describes_can_be_asked_for_on_every_operation(app, client):
    """The mask that names every field of an answer, at every depth, is accepted wherever the header is documented."""
    from app.api.masks import check_mask

    document = client.get("/api/swagger.json").json
    views = {
        getattr(rule_view, verb).__apidoc__["id"]: getattr(rule_view, verb)
        for view in app.view_functions.values()
        if (rule_view := getattr(view, "view_class", None))
        for verb in ("get", "post", "put", "delete")
        if "id" in getattr(getattr(rule_view, verb, None), "__apidoc__", {})
    }
    checked = 0
    for item in document["paths"].values():
        for operation in (value for value in item.values() if isinstance(value, dict)):
            if not any(parameter.get("name") == "X-Fields" for parameter in operation.get("parameters", [])):
                continue
            good = next(answer for code, answer in operation["responses"].items() if code.startswith("2"))
            shape = _shape(good["schema"], document["definitions"])
            assert shape, operation["operationId"]
            with app.test_request_context(headers={"X-Fields": _mask(shape)}):
                check_mask(views[operation["operationId"]])
            checked += 1
    assert checked > 20, json.dumps(sorted(views))
