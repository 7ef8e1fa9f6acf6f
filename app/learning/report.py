"""``report.html``: one file that tells how a training went, without a request to any other host."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.learning.evaluation import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Above it the names beside the confusion matrix would overlap.
_NAMED_CLASSES: Final = 40
#: Above it the numbers inside the confusion matrix would overlap.
_NUMBERED_CLASSES: Final = 15

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1,h2{line-height:1.2}table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.2rem .8rem;border-bottom:1px solid #ddd}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}th{text-align:left}svg{max-width:100%;height:auto}
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What goes into the file."""

    title: str
    #: name -> value: data, settings, versions
    facts: Mapping[str, str]
    #: one mapping an epoch, as the run folder keeps them
    history: Sequence[Mapping[str, float]]
    #: on the test set
    evaluation: Evaluation
    #: what a reader should know: skipped files, limits of the data
    notes: Sequence[str] = ()
    #: further drawings: caption -> SVG as `svg` makes it
    drawings: Mapping[str, str] = field(default_factory=dict)


def write_report(path: Path, report: Report) -> None:
    """Write the whole file, or none."""
    tested = report.evaluation
    sections = [
        f"<h1>{escape(report.title)}</h1>",
        _table(("", ""), [(name, value) for name, value in _results(tested)], numbers=1),
        *(f"<p>{escape(note)}</p>" for note in report.notes),
        "<h2>Curves</h2>",
        svg(curves(report.history)) if report.history else "<p>No epoch was trained.</p>",
        "<h2>Confusion matrix</h2>",
        svg(confusion(tested)),
        *(f"<h2>{escape(caption)}</h2>{drawing}" for caption, drawing in report.drawings.items()),
        "<h2>Classification report</h2>",
        _table(("Class", "Precision", "Recall", "F1", "Examples"), _class_rows(tested), numbers=4),
        "<h2>Data and settings</h2>",
        _table(("", ""), list(report.facts.items()), numbers=0),
    ]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style></head><body>"
        f"{''.join(sections)}</body></html>\n"
    )
    written = path.with_name(f"being-written-{path.name}")
    written.write_text(page, encoding="utf-8")
    written.replace(path)


def curves(history: Sequence[Mapping[str, float]]) -> Figure:
    """Accuracy and loss of training and validation over the epochs."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            known = [(epoch, row[key]) for epoch, row in enumerate(history, 1) if key in row]
            if known:
                axes.plot(*zip(*known, strict=True), marker=".", label=label)
        axes.set(title=name.capitalize(), xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    return figure


def confusion(evaluation: Evaluation) -> Figure:
    """True classes down, predicted classes across; each row in shares of the true class."""
    from matplotlib.figure import Figure

    count = len(evaluation.classes)
    side = min(12.0, 4 + count * 0.3)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = evaluation.confusion / evaluation.confusion.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true")
    if count <= _NAMED_CLASSES:
        axes.set_xticks(range(count), evaluation.classes, rotation=90, parse_math=False)
        axes.set_yticks(range(count), evaluation.classes, parse_math=False)
    if count <= _NUMBERED_CLASSES:
        for row in range(count):
            for column in range(count):
                colour = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004 - half way up the scale
                number = str(evaluation.confusion[row, column])
                axes.text(column, row, number, ha="center", va="center", color=colour)
    return figure


def svg(figure: Figure) -> str:
    """A drawing as markup for a page."""
    import matplotlib as mpl

    out = io.StringIO()
    # No date and a fixed salt: the same training writes the same file.
    with mpl.rc_context({"svg.hashsalt": "kenali"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing that a notebook shows."""

    figure: Figure

    def _repr_svg_(self) -> str:
        return svg(self.figure)


def _results(evaluation: Evaluation) -> list[tuple[str, str]]:
    found = [("Accuracy on the test set", f"{evaluation.accuracy:.2%}")]
    if evaluation.top5_accuracy is not None:
        found.append(("Right class among the first five", f"{evaluation.top5_accuracy:.2%}"))
    return [
        *found,
        ("Balanced accuracy", f"{evaluation.balanced_accuracy:.2%}"),
        ("Loss", f"{evaluation.loss:.4f}"),
        ("Examples in the test set", str(evaluation.examples)),
    ]


def _class_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    return [
        (row.name, f"{row.precision:.3f}", f"{row.recall:.3f}", f"{row.f1:.3f}", str(row.support))
        for row in evaluation.rows
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int) -> str:
    """A table whose last `numbers` columns are figures."""
    first_number = len(heads) - numbers

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if column >= first_number else ''}>{escape(cell)}</{tag}>"
            for column, cell in enumerate(cells)
        )

    head = f"<thead><tr>{line(heads, 'th')}</tr></thead>" if any(heads) else ""
    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"
