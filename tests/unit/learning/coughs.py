"""Small made-up recordings: a burst of noise for a cough, a tone for anything else."""

from __future__ import annotations

import csv

import numpy as np
import soundfile

RATE = 16_000


def burst(random, *, wet=False):
    """Half a second of hiss that dies away; a wet one is dull and trembles."""
    time = np.arange(RATE // 2) / RATE
    hiss = random.normal(size=len(time))
    if wet:
        hiss = np.convolve(hiss, np.ones(16) / 4, mode="same") * (1 + np.sin(2 * np.pi * 30 * time))
    return (0.2 * hiss * np.exp(-time * 8)).clip(-1, 1)


def tone(random):
    """Half a second."""
    time = np.arange(RATE // 2) / RATE
    return 0.3 * np.sin(2 * np.pi * random.uniform(200, 3000) * time)


SOUNDS = {
    "dry": burst,
    "wet": lambda random: burst(random, wet=True),
    "cough": burst,
    "non-cough": tone,
}


def write(path, label, random):
    """One recording with a second of quiet around its sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quiet = random.normal(size=RATE) * 1e-4
    quiet[RATE // 4 : RATE // 4 + RATE // 2] += SOUNDS[label](random)
    soundfile.write(path, quiet, RATE)


def folders(root, *, people=6, each=2):
    """``CLASS/PERSON/file``."""
    random = np.random.default_rng(1)
    for label in ("dry", "wet", "non-cough"):
        for person in range(people):
            for number in range(each):
                write(root / label / f"person{label}{person}" / f"{number}.wav", label, random)
    return root


def manifest(root, *, groups=4, each=2):
    """``manifest.csv`` with two sources: coughs, and tones and rain."""
    random = np.random.default_rng(2)
    rows = []
    for label, kind, source in (
        ("cough", "cough", "people"),
        ("non-cough", "rain", "world"),
        ("non-cough", "speech", "world"),
    ):
        for group in range(groups):
            for number in range(each):
                file = f"{label}/{kind}-{group}-{number}.flac"
                write(root / file, label, random)
                rows.append((file, label, kind, source, f"{source}:{group}", 1.0))
    with (root / "manifest.csv").open("w", newline="") as table:
        csv.writer(table).writerows([("file", "label", "kind", "source", "group", "seconds"), *rows])
    return root


def coughvid(root, *, each=6):
    """COUGHVID v3: uuid, cough_detected, quality and cough_type of up to four physicians; sound beside the table."""
    random = np.random.default_rng(3)
    rows = []
    for label in ("dry", "wet", "non-cough"):
        for number in range(each):
            uuid = f"{label}-{number:02}"
            write(root / f"{uuid}.ogg", label, random)
            cough = label != "non-cough"
            rows.append((uuid, 0.97 if cough else 0.02, "good" if cough else "", label if cough else "", "", ""))
    # Nobody has judged it; physicians differ; the recording is missing.
    write(root / "unjudged.ogg", "dry", random)
    write(root / "disputed.ogg", "dry", random)
    rows += [
        ("unjudged", 0.95, "", "", "", ""),
        ("disputed", 0.95, "good", "dry", "good", "wet"),
        ("missing", 0.01, "", "", "", ""),
    ]
    heads = ("uuid", "cough_detected", "quality_1", "cough_type_1", "quality_2", "cough_type_2")
    with (root / "metadata_compiled.csv").open("w", newline="") as table:
        csv.writer(table).writerows([heads, *rows])
    return root
