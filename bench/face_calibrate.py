"""Measures what similarities mean under one model: thresholds, probabilities, 1:N error rates.

    python -m bench.face_calibrate --model DIR|dlib --photos DIR [--cache FILE.npz] [--write]

Half of the people (by a hash of their names) calibrate, the other half is reported. Probes are original photos, the
gallery is stored 224x224 JPEG crops, as in the product. --write puts the manifest beside the engine.

Some people of LFW stand there under two names (Hasan_Wirayuda and Hassan_Wirajuda), twins and photos with the wrong
face in their centre are in it too. Nothing is removed: the tail is fitted where they are too few to matter, and what is
reported counts them as errors.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.engines.face.calibration import FOLDER, Calibration
from bench._lfw import Features, engine_of, features_of, photos_by_person

#: Photos of one person in a gallery: 1 to this many, drawn evenly.
MOST_ENROLLED = 5
#: False match rates at which the tail is tabulated. Below 1e-4 the people with two names would set it (24 pairs of
#: 9 million above 0.5 with buffalo_sc): from there the last step continues.
TAIL_RATES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
#: The tail promises a rate and is cut where half as many impostors remain: other people than those it was measured on
#: reached 1.1 to 1.5 times the rate (the other half, 50 to 400 people enrolled).
SAFETY = 2
#: 1:1 compares with one person, and a login is locked after a few failures.
VERIFICATION_FMR = 1e-4
#: Share of right matches that the margin may turn into "ambiguous".
MARGIN_COST = 0.002
DRAWS = 20


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a pack, or dlib")
    parser.add_argument("--photos", type=Path, required=True, help="one folder a person")
    parser.add_argument("--cache", type=Path, help="embeddings are kept here")
    parser.add_argument("--fewest", type=int, default=1, help="only people with so many photos")
    parser.add_argument("--most", type=int, default=1000, help="only so many photos a person")
    parser.add_argument("--verification-fmr", type=float, default=VERIFICATION_FMR, help="of the 1:1 threshold")
    parser.add_argument("--write", action="store_true", help="write the manifest")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Draw:
    """One random gallery and its probes."""

    #: probe x person: best similarity to the person's enrolled photos
    known: NDArray[np.float32]
    #: column of the right person
    truth: NDArray[np.int64]
    #: the same for people who are not enrolled
    strangers: NDArray[np.float32]


def draw(features: Features, enrolled: int, strangers: int, random: np.random.Generator) -> Draw:
    """Enrol some people from 1 to 5 photos; their other photos and all photos of strangers are probes."""
    people, counts = np.unique(features.person, return_counts=True)
    several = random.permutation(people[counts > 1])[:enrolled]
    others = random.permutation(np.setdiff1d(people, several))[:strangers]
    gallery: list[NDArray[np.intp]] = []
    probes: list[int] = []
    truth: list[int] = []
    for column, person in enumerate(several):
        rows = random.permutation(np.flatnonzero(features.person == person))
        kept = int(random.integers(1, min(MOST_ENROLLED, len(rows) - 1) + 1))
        gallery.append(rows[:kept])
        probes.extend(rows[kept:].tolist())
        truth.extend([column] * (len(rows) - kept))
    strange = np.flatnonzero(np.isin(features.person, others))
    scores = features.originals[np.concatenate([np.array(probes), strange])] @ features.crops.T
    best = np.stack([scores[:, rows].max(axis=1) for rows in gallery], axis=1)
    return Draw(best[: len(probes)], np.array(truth), best[len(probes) :])


def impostors(features: Features, seed: int) -> NDArray[np.float32]:
    """Similarities of probes with whole people they are not, each enrolled from 1 to 5 photos; sorted."""
    random = np.random.default_rng(seed)
    found: list[NDArray[np.float32]] = []
    for person in np.unique(features.person):
        own = np.flatnonzero(features.person == person)
        kept = random.permutation(own)[: int(random.integers(1, MOST_ENROLLED + 1))]
        others = features.originals[features.person != person]
        found.append((others @ features.crops[kept].T).max(axis=1))
    return np.sort(np.concatenate(found))


def pairs(features: Features) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Genuine and impostor similarities, original against stored crop."""
    scores = features.originals @ features.crops.T
    same = features.person[:, None] == features.person[None, :]
    return scores[same & ~np.eye(len(same), dtype=bool)], scores[~same]


def at_rate(descending_rate: float, ascending: NDArray[np.float32]) -> float:
    """The similarity that this share of the impostors reaches."""
    return float(ascending[min(len(ascending) - 1, math.ceil(len(ascending) * (1 - descending_rate)))])


def fit_logistic(genuine: NDArray[np.float32], impostor: NDArray[np.float32]) -> tuple[float, float]:
    """Intercept and slope of the log-odds, both kinds weighing the same (Newton's method)."""
    x = np.concatenate([genuine, impostor]).astype(np.float64)
    y = np.concatenate([np.ones(len(genuine)), np.zeros(len(impostor))])
    weight = np.concatenate([np.full(len(genuine), 0.5 / len(genuine)), np.full(len(impostor), 0.5 / len(impostor))])
    design = np.stack([np.ones_like(x), (x - x.mean()) / x.std()])
    beta = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-beta @ design))
        slope = weight * chance * (1 - chance)
        step = np.linalg.solve((design * slope) @ design.T + 1e-9 * np.eye(2), design @ (weight * (y - chance)))
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return float(beta[0] - beta[1] * x.mean() / x.std()), float(beta[1] / x.std())


def margin_of(features: Features, calibration: Calibration, enrolled: int) -> float:
    """The lead over the second person that all but a few right matches have."""
    random = np.random.default_rng(2)
    leads: list[float] = []
    for _ in range(DRAWS):
        known = draw(features, enrolled, 1, random)
        ranked = np.sort(known.known, axis=1)
        right = (known.known.argmax(axis=1) == known.truth) & (ranked[:, -1] >= calibration.threshold(enrolled, 0.01))
        leads.extend((ranked[:, -1] - ranked[:, -2])[right].tolist())
    return float(np.quantile(leads, MARGIN_COST))


def calibrate(name: str, features: Features, source: str, fmr: float) -> Calibration:
    ascending = impostors(features, seed=1)
    tail = tuple((rate, round(at_rate(rate / SAFETY, ascending), 4)) for rate in TAIL_RATES)
    genuine, impostor = pairs(features)
    intercept, slope = fit_logistic(genuine, np.random.default_rng(3).choice(impostor, 500_000))
    plain = Calibration(name, "measured", source, 0.0, fmr, 0.0, round(intercept, 3), round(slope, 3), tail)
    enrolled = min(200, int((np.unique(features.person, return_counts=True)[1] > 1).sum()))
    return Calibration(
        model=name,
        basis=plain.basis,
        source=source,
        verification_threshold=round(plain.threshold_at(fmr), 4),
        verification_fmr=fmr,
        margin=round(margin_of(features, plain, enrolled), 4),
        intercept=plain.intercept,
        slope=plain.slope,
        tail=tail,
    )


def report_pairs(features: Features, calibration: Calibration) -> None:
    genuine, impostor = pairs(features)
    print(f"\nOther half: {len(genuine)} genuine pairs, {len(impostor)} impostor pairs, original against crop")
    ascending = np.sort(impostor)
    for rate in (1e-2, 1e-3, 1e-4):
        print(f"  TAR at FMR {rate:g}: {(genuine >= at_rate(rate, ascending)).mean():.4f}")
    cut = calibration.verification_threshold
    print(f"  at the 1:1 threshold {cut}: FMR {(impostor >= cut).mean():.1e}, FNMR {(genuine < cut).mean():.4f}")
    print("\n  what 224x224 costs (best balanced accuracy of all pairs, and TAR at FMR 1e-3)")
    same = features.person[:, None] == features.person[None, :]
    distinct = ~np.eye(len(same), dtype=bool)
    for title, gallery, probes in (
        ("original - original", features.originals, features.originals),
        ("crop - original", features.crops, features.originals),
        ("crop - crop", features.crops, features.crops),
    ):
        scores = probes @ gallery.T
        right, wrong = scores[same & distinct], np.sort(scores[~same])
        cuts = np.quantile(wrong, 1 - np.geomspace(1e-1, 1e-5, 200))
        accuracy = max(((right >= cut).mean() + (wrong < cut).mean()) / 2 for cut in cuts)
        print(f"    {title:<20} {accuracy:.4%}   {(right >= at_rate(1e-3, wrong)).mean():.4f}")
    print("\n  probability, both kinds equally likely: how many of them really are the same person")
    edges = [0.0, 0.1, 0.5, 0.9, 0.99, 1.0]
    said_genuine = np.array([calibration.probability(float(value)) for value in genuine])
    said_impostor = np.array([calibration.probability(float(value)) for value in impostor[::97]])
    for low, high in pairwise(edges):
        right_share = ((said_genuine >= low) & (said_genuine < high)).mean()
        wrong_share = ((said_impostor >= low) & (said_impostor < high)).mean()
        total = right_share + wrong_share
        print(f"    {low:.2f} to {high:.2f}: {right_share / total if total else 0:.3f} ({total / 2:.4f} of all)")


def report_identification(features: Features, calibration: Calibration, enrolled: int, fpir: float) -> None:
    threshold = calibration.threshold(enrolled, fpir)
    random = np.random.default_rng(4)
    rank1, missed, false, ambiguous, bare = [], [], [], [], []
    for _ in range(DRAWS):
        drawn = draw(features, enrolled, enrolled, random)
        ranked = np.sort(drawn.known, axis=1)
        right = drawn.known.argmax(axis=1) == drawn.truth
        rank1.append(right.mean())
        missed.append(1 - (right & (ranked[:, -1] >= threshold)).mean())
        close = ranked[:, -1] - ranked[:, -2] < calibration.margin
        ambiguous.append((right & close & (ranked[:, -1] >= threshold)).mean())
        best = drawn.strangers.max(axis=1)
        false.append((best >= threshold).mean())
        own = np.quantile(best, 1 - fpir)
        bare.append(1 - (right & (ranked[:, -1] >= own)).mean())
    print(
        f"  {enrolled:>5} people, target FPIR {fpir:<6g} threshold {threshold:.3f}: rank-1 {np.mean(rank1):.4f}  "
        f"FNIR {np.mean(missed):.4f}  FPIR {np.mean(false):.4f} (draws {np.min(false):.4f} to {np.max(false):.4f})  "
        f"ambiguous {np.mean(ambiguous):.4f}  FNIR at the draw's own best threshold {np.mean(bare):.4f}"
    )


def main() -> None:
    options = arguments()
    people = photos_by_person(options.photos, fewest=options.fewest, most=options.most)
    engine = engine_of(options.model)
    features = features_of(engine, people, options.cache)
    found = features.half(0)
    source = (
        f"Measured with bench/face_calibrate.py on {len(found.person)} LFW photos of "
        f"{len(np.unique(found.person))} people ({engine.info.key}): original probes against stored 224x224 crops, "
        f"1 to {MOST_ENROLLED} photos a person; thresholds leave half as many impostors as their rate says. Below "
        f"{TAIL_RATES[-1]:g} the tail is extrapolated."
    )
    calibration = calibrate(engine.info.name, found, source, options.verification_fmr)
    print(json.dumps(calibration.to_manifest(), indent=2))
    rest = features.half(1)
    report_pairs(rest, calibration)
    print(f"\nOther half, 1:N: as many strangers as enrolled people, mean of {DRAWS} random draws")
    for enrolled, fpir in ((50, 0.01), (100, 0.01), (200, 0.01), (400, 0.01), (200, 0.1), (200, 0.03), (200, 0.003)):
        report_identification(rest, calibration, enrolled, fpir)
    if options.write:
        path = FOLDER / f"{engine.info.name}.json"
        path.write_text(json.dumps(calibration.to_manifest(), indent=2) + "\n", encoding="utf-8")
        print(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
