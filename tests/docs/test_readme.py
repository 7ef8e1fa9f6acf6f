"""README.md and README.id.md say the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH, INDONESIAN = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.id.md"))


def test_both_have_the_same_commands_and_answers():
    blocks = re.compile(r"```(?:bash|json)\n.*?```", re.DOTALL)
    assert blocks.findall(INDONESIAN) == blocks.findall(ENGLISH)


def test_both_name_the_same_commands_in_their_text():
    commands = re.compile(r"`(?:make|flask|pip|python) [^`]+`")
    # The layout of the code is told in English only.
    users_part = ENGLISH.partition("## How the code is laid out")[0]
    assert sorted(commands.findall(INDONESIAN)) == sorted(commands.findall(users_part))


def test_both_show_the_same_pictures():
    pictures = re.compile(r"!\[[^]]+\]\(([^)]+)\)")
    assert pictures.findall(INDONESIAN) == pictures.findall(ENGLISH)
    assert len(pictures.findall(ENGLISH)) == 4


@pytest.mark.parametrize("text", [ENGLISH, INDONESIAN], ids=["en", "id"])
def test_what_is_linked_is_there(text):
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []
