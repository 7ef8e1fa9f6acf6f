"""How long a gap within one cough may be: share of coughs over noise that are found as one stretch, and pairs as two.

python -m bench.cough_stretches --data FOLDER     (a folder of coughs, one a file)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from app.engines.audio import SAMPLE_RATE, Samples, decode, stretches

GAPS: Final = (2, 4, 6, 8, 10, 12, 16)
#: Between the two coughs of a pair.
PAUSE: Final = round(0.4 * SAMPLE_RATE)


def over_noise(coughs: list[Samples], snr_db: float | None, rng: np.random.Generator) -> Samples:
    """Coughs with a pause between them, a second of noise around."""
    pause, edge = np.zeros(PAUSE, np.float32), np.zeros(SAMPLE_RATE, np.float32)
    joined = np.concatenate([edge, coughs[0], *(part for cough in coughs[1:] for part in (pause, cough)), edge])
    level = 0.001 * np.abs(joined).max() if snr_db is None else np.sqrt((coughs[0] ** 2).mean()) * 10 ** (-snr_db / 20)
    noise: Samples = (joined + level * rng.standard_normal(len(joined))).astype(np.float32)
    return noise


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    files = sorted(path for path in parser.parse_args().data.iterdir() if path.is_file())
    coughs = [decode(path.read_bytes(), max_bytes=5_000_000).samples for path in files]
    print(f"{len(coughs)} recordings; share found as one stretch / pairs found as two, without noise, at 20 and 10 dB")
    for gap in GAPS:
        stretches.JOIN_FRAMES = gap  # type: ignore[misc]
        row = []
        for snr_db in (None, 20.0, 10.0):
            rng = np.random.default_rng(0)
            one = [len(stretches.loud_stretches(over_noise([cough], snr_db, rng))) == 1 for cough in coughs]
            two = [len(stretches.loud_stretches(over_noise([cough] * 2, snr_db, rng))) == 2 for cough in coughs]
            row.append(f"{np.mean(one):.3f} / {np.mean(two):.3f}")
        print(f"gap {gap:2d} frames ({gap * 512 / SAMPLE_RATE:.2f} s)   " + "   ".join(row))


if __name__ == "__main__":
    main()
