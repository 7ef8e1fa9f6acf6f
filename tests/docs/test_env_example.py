"""The example of the settings is true."""

from pathlib import Path

from app.cli.env_example import env_example
from app.config import Settings

ROOT = Path(__file__).parents[2]


def test_env_example_is_what_the_settings_say():
    assert (ROOT / ".env.example").read_text() == env_example(), "run: make env-example"


def test_every_setting_says_what_it_is_for():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_values_of_env_example_are_the_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uncommented = "\n".join(
        line.removeprefix("#")
        for line in env_example().splitlines()
        if line.startswith("#") and "=" in line.split(" ")[0]
    )
    (tmp_path / ".env").write_text(uncommented)
    assert Settings().model_dump() == Settings(_env_file=None).model_dump()
