"""Every sentence that the API may say to a person, read out of the source, so that the interface can translate it.

An f-string becomes a message with numbered gaps: ``f"There is no user with the id {user_id}."`` is
``There is no user with the id {0}.``; `core/errors.js` finds it again by its fixed parts.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app import errors

APP = Path(__file__).parents[1]

#: Modules whose errors, advice and notices reach people through the API. What only an operator reads in the log or
#: the terminal stays English.
SOURCES = (
    "errors.py",
    "validation.py",
    "api/*.py",
    "api/schemas/*.py",
    "services/**/*.py",
    "engines/images/*.py",
    "engines/audio/*.py",
    "engines/face/quality.py",
    "engines/cough/__init__.py",
    "engines/cough/base.py",
    "jobs/worker.py",
)
#: Keyword arguments whose value is told to people.
_TOLD = {"errors", "detail"}
#: Constants that hold sentences, or tables of them.
_CONSTANTS = frozenset(
    {
        "ADVICE",
        "HTTP_PROBLEMS",
        "NOBODY_TRAINED",
        "NOTICE",
        "NO_DOG_WARNING",
        "NO_FACE_WARNING",
        "TWO_ALIKE",
        "UNSURE_WARNING",
        "_ADVICE",
        "_WORDS",
    }
)
#: What is put together from several pieces, and how it then reads.
_COMPOSED = {
    "validation.py": ("this must not be empty",),
    "api/parsing.py": ("a whole number from {0} to {1} is needed", "a number from {0} to {1} is needed"),
    "services/face_report.py": (
        "There are {0} faces; the largest one counts.",
        "There are {0} faces; the largest one counts. Another one is nearly as large: crop the picture to one person.",
    ),
}
#: Patterns so open that they would fit other sentences too.
_TOO_OPEN = frozenset({"{0}; there are {1}", "{0} from {1} to {2} is needed"})
#: Of anything with fewer letters around its gaps, nobody can tell whether it is that message.
_FEWEST_LETTERS = 8
_LETTER: Final = re.compile(r"[A-Za-z]")
_GAP: Final = re.compile(r"\{\w+\}")


def api_messages() -> Iterator[tuple[str, str]]:
    """(file below ``app/``, message), in the order of the source; a message may come several times."""
    for pattern in SOURCES:
        for path in sorted(APP.glob(pattern)):
            name = path.relative_to(APP).as_posix()
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for message in (*_of_module(tree, name), *_COMPOSED.get(name, ())):
                text = _numbered(message)
                if text not in _TOO_OPEN and len(_LETTER.findall(_GAP.sub("", text))) >= _FEWEST_LETTERS:
                    yield name, text


def error_classes() -> Iterator[type[errors.KenaliError]]:
    """Every kind of error."""
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, errors.KenaliError):
            yield value


def _numbered(message: str) -> str:
    """The message with numbers in place of the names of its gaps."""
    numbers = itertools.count()
    return _GAP.sub(lambda _: f"{{{next(numbers)}}}", message)


def _of_module(tree: ast.Module, name: str) -> Iterator[str]:
    known = {kind.__name__ for kind in error_classes()}
    if name.startswith("api/schemas/"):
        known.add("ValueError")  # of a validator: pydantic passes it on
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in known:
            yield (ast.get_docstring(node) or "").splitlines()[0]
        elif isinstance(node, ast.Call):
            yield from _of_call(node, known)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and node.value is not None and target.id in _CONSTANTS:
                yield from _sentences(node.value)


def _of_call(node: ast.Call, known: set[str]) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in known:
        for argument in node.args[:1]:
            yield from _texts(argument)
    if name in known or name in {"PartHealth", "Rejection"}:
        for keyword in node.keywords:
            if keyword.arg in _TOLD:
                yield from _texts(keyword.value)


def _texts(node: ast.expr) -> Iterator[str]:
    """The text of a string, of both branches of a condition, of the values of a mapping."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr():
            yield _with_gaps(node)
        case ast.IfExp():
            yield from _texts(node.body)
            yield from _texts(node.orelse)
        case ast.BoolOp():
            for value in node.values:
                yield from _texts(value)
        case ast.Dict():
            for value in node.values:
                yield from _texts(value)


def _sentences(node: ast.expr) -> Iterator[str]:
    """Every text with a blank in it, below a constant; the others are codes."""
    match node:
        case ast.Constant(value=str(text)) if " " in text:
            yield text
        case ast.JoinedStr():
            yield _with_gaps(node)
        case ast.Dict() | ast.Tuple() | ast.List():
            for value in node.values if isinstance(node, ast.Dict) else node.elts:
                yield from _sentences(value)


def _with_gaps(node: ast.JoinedStr) -> str:
    parts = []
    gaps = 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            parts.append(f"{{{gaps}}}")
            gaps += 1
    return "".join(parts)
