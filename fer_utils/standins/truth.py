"""What is known about every rendered recording: one row of `truth.csv` each.

Columns: `dataset, subject, id` (as the project's readers name them), `emotion`, `used` (1 where the usual experiment on
that dataset takes the recording; 0 for those without a label, in other lights or seen from the side), `frames, onset,
apex, offset` (frame numbers from 0: the last one at rest, the first one at full expression, the first one at rest
again; offset is empty where the recording ends at the apex) and `units`: the action units shown at the apex with
their intensities from 0 to 1, as `12L=0.81 12R=0.79`, L and R being the actor's own left and right.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils.data.sequence import Sequence
from fer_utils.data.units import TRUTH, truth_file
from fer_utils.standins.action_units import UNITS
from fer_utils.standins.mesh import LEFT, RIGHT
from fer_utils.standins.performances import Performance

__all__ = ["COLUMNS", "TRUTH", "compact_units", "read_truth", "seeds", "truth_row", "write_truth"]

COLUMNS = ("dataset", "subject", "id", "emotion", "used", "frames", "onset", "apex", "offset", "units")


def truth_row(dataset: str, subject: str, name: str, performance: Performance, used: bool = True) -> dict:
    """Return the row of one recording."""
    values = (
        dataset,
        subject,
        name,
        performance.emotion,
        int(used),
        len(performance),
        performance.onset,
        performance.apex,
        "" if performance.offset is None else performance.offset,
        compact_units(performance.shown),
    )
    return dict(zip(COLUMNS, values, strict=True))


def compact_units(activation: np.ndarray) -> str:
    """Return an activation (23, 2) as text; units below 0.005 are left out."""
    return " ".join(
        f"{unit}{letter}={value:.2f}"
        for unit, sides in zip(UNITS, activation, strict=True)
        for letter, value in (("L", sides[LEFT]), ("R", sides[RIGHT]))
        if value >= 0.005
    )


def write_truth(file: Path, rows: list[dict]) -> None:
    """Write the rows as CSV."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_truth(sequence: Sequence) -> pd.DataFrame:
    """Return the truth of a sequence's stand-in, indexed by id. Raises DatasetError if there is none."""
    return pd.read_csv(truth_file(sequence), index_col="id")


def seeds(seed: int, dataset: int, number: int, count: int) -> list[int]:
    """Return seeds for one subject of one dataset that do not meet those of any other."""
    return [int(s) for s in np.random.SeedSequence([seed, dataset, number]).generate_state(count)]
