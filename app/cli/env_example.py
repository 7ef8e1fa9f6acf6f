"""``python -m app.cli.env_example``: .env.example, written from the settings, so that it cannot fall behind."""

from __future__ import annotations

import sys
import textwrap
from enum import Enum
from pathlib import Path
from typing import Any

from app.config import Settings

HEADER = """\
# Every setting of Kenali with its default. Copy this file to .env and change what you need;
# environment variables win over .env. Written by `make env-example`.
"""


def _shown(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, Enum):
        return str(default.value)
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ",".join(default)
    return str(default) if not isinstance(default, Path) else default.as_posix()


def env_example() -> str:
    """The text of .env.example."""
    blocks = [HEADER]
    for name, field in Settings.model_fields.items():
        comment = textwrap.wrap(field.description or "", 110)
        blocks.append(
            "\n".join([*(f"# {line}" for line in comment), f"#{name.upper()}={_shown(field.default)}"]) + "\n"
        )
    return "\n".join(blocks)


if __name__ == "__main__":
    sys.stdout.write(env_example())
