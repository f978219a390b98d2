"""What is known about every rendered recording: one row of `truth.csv` each.

Columns: `dataset, subject, id` (as the project's readers name them), `emotion`, `used` (1 where the usual experiment on
that dataset takes the recording; 0 for those without a label, in other lights or seen from the side), `frames, onset,
apex, offset` (frame numbers from 0: the last one at rest, the first one at full expression, the first one at rest
again; offset is empty where the recording ends at the apex) and `units`: the action units shown at the apex with
their intensities from 0 to 1, as `12L=0.81 12R=0.79`, L and R being the actor's own left and right.
"""

from __future__ import annotations

import pandas as pd

from fer_utils.data.facs import truth_file
from fer_utils.data.sequence import Sequence
from fer_utils.landmarks.canonical import LEFT, RIGHT
from fer_utils.standins.action_units import UNITS
from fer_utils.standins.performances import Performance


def truth_row(dataset: str, subject: str, name: str, performance: Performance, used: bool) -> dict:
    """Return the row of one recording; units below 0.005 are left out."""
    units = (
        f"{unit}{letter}={value:.2f}"
        for unit, sides in zip(UNITS, performance.shown, strict=True)
        for letter, value in (("L", sides[LEFT]), ("R", sides[RIGHT]))
        if value >= 0.005
    )
    return {
        "dataset": dataset,
        "subject": subject,
        "id": name,
        "emotion": performance.emotion,
        "used": int(used),
        "frames": len(performance),
        "onset": performance.onset,
        "apex": performance.apex,
        "offset": "" if performance.offset is None else performance.offset,
        "units": " ".join(units),
    }


def read_truth(sequence: Sequence) -> pd.DataFrame:
    """Return the truth of a sequence's stand-in, indexed by id. Raises DatasetError if there is none."""
    return pd.read_csv(truth_file(sequence), index_col="id")
