"""The model card of the built-in cough network: what it is, with the figures of the very file it lies beside."""

from __future__ import annotations

from collections import Counter, defaultdict
from textwrap import fill
from typing import Final

import numpy as np

from app.learning.cough_evaluation import NOISES, TARGETS, Examination, Flags

_CARD: Final = """# Model card: `cough_builtin.onnx`

**What it does.** Says whether there is a cough in a recording, and where. It tells neither dry from wet nor healthy
from ill: **it is no diagnosis**, and no figure below says anything about illness.

**What it is.** {members} small convolutional networks, each trained without a share of every source, so each
without at least one of the people who cough; half of them do not look below 230 Hz; the mean of their log-odds is
served. {size:.1f} MB, ONNX, format in
`app/engines/cough/FORMAT.md`.

**What it learnt from.** {learnt_from}; and sounds that are made up by arithmetic and are no coughs: voices that
speak no language, laughter, breath, calls, music, knocks, claps, rustling, motors
(`app/learning/cough_synthetic.py`). In the collection that Kenali's own file is trained on, coughs are voluntary
and published for public use by paulleamy, ESC-10 is by K. J. Piczak (CC BY), the spoken digits are the Free Spoken
Digit Dataset (CC BY-SA); the sounds themselves are not in the file. Recordings go through other rooms, codecs and
speeds (`app/learning/cough_versions.py`) and are mixed into scenes with random length, place, level, background,
bandwidth and colour (`app/learning/cough_scenes.py`). Trained by `flask train cough-builtin --steps {steps}`, which
also writes this card.

## How good it is

Every recording is judged by the members that never heard its person or take, with a calibration fitted without it;
what is served is the mean of all members, which nothing here can judge. 95 % intervals from drawing whole groups:
they are few, so the intervals are wide. Noise is white, or ambience, by turns.

| noise | balanced accuracy | coughs found | other sounds left alone | mean over people who cough | target |
|---|---|---|---|---|---|
{accuracy}

Calibration as recorded: Brier score {brier:.3f}; drawn in [docs/cough-calibration.svg](../docs/cough-calibration.svg).
What a microphone gives away, coughs over other sounds, at 4 kHz and 2 kHz of bandwidth, and how the figures grow with
the number of people: `python -m bench.cough_quality`; what came out and what was tried is in
[docs/decisions/0060-cough-network.md](../docs/decisions/0060-cough-network.md).

| taken for a cough | as recorded | noise at 10 dB |
|---|---|---|
{taken}

## What to know

- {people} people cough in training. The worst of them, never heard, is found in {worst}: expect such people.
- Of the other sounds it takes {kind} for a cough most often: {kind_taken}.
- The way of training was chosen among a few by these same figures, so they are a little better than what a stranger's
  recordings will show.
- No recorded laughter, throat clearing, music or child was in training or in this test. Nothing is known of them.
- A cough from another room, under music or through a bad line may be missed; the figures in noise say how soon.
"""


def card(examined: Examination, *, members: int, steps: int, size: int) -> str:
    """Markdown.

    :param size: of the network's file in bytes
    """
    items = examined.collection.items
    people = sorted({item.group for item in items if item.cough})
    found = {person: examined.taken(None)[[item.group == person for item in items]] for person in people}
    worst = min(people, key=lambda person: float(found[person].mean()))
    kinds = sorted({item.kind for item in items if not item.cough})
    taken = {kind: examined.taken(None)[[item.kind == kind for item in items]] for kind in kinds}
    kind = max(kinds, key=lambda kind: float(taken[kind].mean()))
    probabilities = examined.probabilities[None]
    text = _CARD.replace("{learnt_from}", _sources(examined))
    return _wrapped(text).format(
        members=members,
        size=size / 1e6,
        steps=steps,
        accuracy="\n".join(_accuracy_row(examined, noise) for noise in NOISES),
        brier=float(np.mean((probabilities - examined.collection.labels) ** 2)),
        taken="\n".join(_taken_rows(examined)),
        people=len(people),
        worst=f"{_count(found[worst])} recordings",
        kind=kind,
        kind_taken=_count(taken[kind]),
    )


def _wrapped(text: str) -> str:
    """Paragraphs in lines of at most 120; tables and headings as they are."""
    parts = [
        part if part.startswith(("|", "#", "-")) else fill(part, 120, break_long_words=False, break_on_hyphens=False)
        for part in text.split("\n\n")
    ]
    return "\n\n".join(parts).rstrip() + "\n"


def person_mean(examined: Examination, noise: float | None) -> float:
    """Share of coughs found, every person with the same weight."""
    flags, by_person = examined.taken(noise), defaultdict(list)
    for flag, item in zip(flags, examined.collection.items, strict=True):
        if item.cough:
            by_person[item.group].append(flag)
    return float(np.mean([np.mean(found) for found in by_person.values()]))


def _sources(examined: Examination) -> str:
    items = examined.collection.items
    told = []
    for source, count in Counter(item.source for item in items).items():
        groups = {item.group for item in items if item.source == source}
        kinds = {item.kind for item in items if item.source == source}
        told.append(f"{count} recordings of {source} ({len(groups)} groups; {', '.join(sorted(kinds))})")
    return ", ".join(told)


def _accuracy_row(examined: Examination, noise: float | None) -> str:
    labels, flags = examined.collection.labels, examined.taken(noise)
    accuracy, (low, high) = examined.accuracy(noise), examined.accuracy_interval(noise)
    target = TARGETS.get(noise)
    verdict = "" if target is None else f"{target:.2f}, " + ("met" if accuracy >= target else "**missed**")
    name = "none" if noise is None else f"{noise:g} dB"
    return (
        f"| {name} | {accuracy:.3f} ({low:.3f} to {high:.3f}) | {_count(flags[labels])} | {_count(~flags[~labels])} "
        f"| {person_mean(examined, noise):.3f} | {verdict} |"
    )


def _taken_rows(examined: Examination) -> list[str]:
    items = examined.collection.items
    # Coughs by person, first; other sounds by kind.
    names = [(not item.cough, f"coughs of {item.group}" if item.cough else item.kind) for item in items]
    rows = []
    for name in sorted(set(names)):
        own = np.array([other == name for other in names])
        rows.append(f"| {name[1]} | {_count(examined.taken(None)[own])} | {_count(examined.taken(10.0)[own])} |")
    return rows


def _count(flags: Flags) -> str:
    return f"{int(flags.sum())}/{len(flags)}"
