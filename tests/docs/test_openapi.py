"""The document behind Swagger UI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator

ROOT = Path(__file__).parents[2]
METHODS = {"get", "post", "put", "delete", "patch"}


@pytest.fixture
def document(client):
    document = client.get("/api/swagger.json").json
    assert "error" not in document, document
    assert len(document["paths"]) > 15
    return document


def operations(document):
    return {
        (method, path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_the_document_is_valid(document):
    OpenAPIV2SpecValidator(document).validate()


def test_operation_ids_are_stable_words_and_unique(document):
    ids = [operation["operationId"] for operation in operations(document).values()]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if not name.replace("_", "").isalpha() or name != name.lower()] == []


def test_every_operation_says_what_it_does_and_who_may_call(document):
    for key, operation in operations(document).items():
        assert operation.get("summary"), key
        assert operation.get("description"), key
        assert operation.get("x-access"), key
        assert operation.get("tags"), key


def test_every_operation_lists_an_answer_with_a_schema_and_its_errors(document):
    for key, operation in operations(document).items():
        good = [code for code in operation["responses"] if code.startswith("2")]
        assert good, key
        errors = [response for code, response in operation["responses"].items() if code[0] in "45"]
        assert errors or operation["operationId"] in {"health", "cough_status"}, key
        assert all(response.get("schema", {}).get("$ref") == "#/definitions/Problem" for response in errors), key


def test_the_methods_of_a_path_come_in_the_same_order_at_every_start(document):
    order = ["get", "post", "put", "delete"]
    for path, item in document["paths"].items():
        methods = [method for method in item if method in METHODS]
        assert methods == sorted(methods, key=order.index), path


def test_each_error_is_shown_with_an_example_of_its_own(document):
    for key, operation in operations(document).items():
        for code, response in operation["responses"].items():
            if code[0] in "45" and operation["operationId"] != "health":
                example = response["examples"]["application/json"]
                assert example["status"] == int(code), key
                assert example["code"] in response["description"], key


def test_the_mask_is_explained_wherever_it_is_taken(document):
    masks = [p for o in operations(document).values() for p in o.get("parameters", []) if p["name"] == "X-Fields"]
    assert len(masks) > 20
    assert all("data{name}" in mask["description"] for mask in masks)


def test_every_field_of_a_model_has_an_example_or_a_model_of_its_own(document):
    without = [
        f"{name}.{field}"
        for name, model in document["definitions"].items()
        for field, schema in model["properties"].items()
        if not {"example", "$ref", "allOf", "enum"} & schema.keys() and "$ref" not in schema.get("items", {})
    ]
    assert without == []


def test_the_committed_document_is_the_one_that_is_served(document):
    committed = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert committed == document, "run: make openapi"
