"""Every `flask` command that the documents name exists, with its options."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from flask import Flask

from app.cli import register_commands

ROOT = Path(__file__).parents[2]
GUIDES = ("README.md", "README.id.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
#: Flask-Migrate's, which is registered elsewhere.
OTHERS = {"db"}


def commands_in(text: str) -> list[list[str]]:
    """The words behind ``flask --app run`` up to the end of the line, of the code or of a comment."""
    return [found.split() for found in re.findall(r"flask --app run ([^`#\n|]+)", text)]


@pytest.fixture(scope="module")
def root() -> click.Group:
    app = Flask("documented")
    register_commands(app)
    return app.cli


def resolved(command: click.Command, words: list[str]) -> None:
    """Fails where the words lead to no command, or to an option that it does not have."""
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands, f"{command.name} has no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("guide", GUIDES)
def test_the_commands_that_a_guide_names_exist(root, guide):
    for words in commands_in((ROOT / guide).read_text(encoding="utf-8")):
        if words[0] not in OTHERS:
            resolved(root, words)


def test_there_are_commands_to_look_at():
    named = {
        " ".join(words[:2]) for guide in GUIDES for words in commands_in((ROOT / guide).read_text(encoding="utf-8"))
    }
    assert {"train breed", "train cough", "breed use", "cough use", "face use", "admin create"} <= named


def test_a_command_that_does_not_exist_would_be_noticed(root):
    for words in (["train", "cats"], ["train", "cough", "--datta", "x"]):
        with pytest.raises(AssertionError):
            resolved(root, words)
