"""What is wrong with a value is said in words for people."""

import pytest
from pydantic import BaseModel, Field, ValidationError

from app.api.parsing import JsonBody
from app.api.schemas import auth, me, training, users
from app.config import Settings
from app.validation import problems


class Sample(BaseModel):
    name: str = Field(min_length=1, max_length=3)
    age: int = Field(ge=18)
    ids: list[int] = Field([1, 2], min_length=2, max_length=3)


def said(model, **values):
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return problems(caught.value, "body")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"age": 18}, {"name": "this is needed"}),
        ({"age": 18, "name": ""}, {"name": "this must not be empty"}),
        ({"age": 18, "name": "long"}, {"name": "at most 3 characters are allowed"}),
        ({"age": "x", "name": 1}, {"name": "text is needed", "age": "a whole number is needed"}),
        ({"age": 17, "name": "A"}, {"age": "18 is the least"}),
        ({"age": 18, "name": "A", "ids": [1] * 4}, {"ids": "at most 3 entries are allowed"}),
        ({"age": 18, "name": "A", "ids": [1]}, {"ids": "at least 2 entries are needed"}),
    ],
)
def test_each_field_is_told_what_it_needs(values, told):
    assert said(Sample, **values) == told


def test_nothing_a_person_sends_is_answered_in_pydantics_words():
    """Every body and every setting, with values of every wrong kind."""
    assert all((auth, me, training, users))  # imported, so that their bodies are known
    models = [*JsonBody.__subclasses__(), Settings]
    assert len(models) > 5
    for model in models:
        for value in (None, "", "x" * 5000, -1, 10**30, 1.5, [], {}, "\x00", "\ud800"):
            try:
                # What the environment says of a setting is text.
                sent = str(value) if model is Settings else value
                model.model_validate(dict.fromkeys(model.model_fields, sent))
            except ValidationError as error:
                text = str(problems(error, "body"))
                assert "Input should" not in text, text
                assert "validation" not in text, text
