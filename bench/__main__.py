"""``python -m bench``: the measurements there are, and how to run each."""

from __future__ import annotations

import ast
from pathlib import Path

for script in sorted(Path(__file__).parent.glob("*.py")):
    if script.name.startswith("_"):
        continue
    doc = ast.get_docstring(ast.parse(script.read_text())) or ""
    print(f"python -m bench.{script.stem:<24} {doc.splitlines()[0] if doc else ''}")
