"""FACS codes of recordings: those that people gave (CK+), and the truth of stand-ins.

A table has a row per sequence, by id, and a column per unit and side, "AU12_left", with intensities from 0 to 5 (FACS's
letters A to E are 1 to 5). Sides are the person's own. The list of units is in `standins.action_units`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils.data.sequence import DatasetError, Sequence
from fer_utils.data.video import Video
from fer_utils.errors import first_line

TRUTH = "truth.csv"  # of a stand-in, at its root
# activations of the rendered actors at which FACS's letters A to E begin, and full activation
LETTERS = (0.0, 0.08, 0.2, 0.4, 0.65, 0.88, 1.0)
LEVELS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0)
UNCODED = 3.0  # if a coder saw a unit and gave no intensity: our choice, the middle of the scale


def known(sequences: Iterable[Sequence]) -> pd.DataFrame:
    """Return the action units of the sequences whose units are known; empty if there are none.

    Stand-ins' units come from their truth, CK+'s from `FACS/*_facs.txt`. Raises DatasetError if a file is damaged.
    """
    rows = {}
    for sequence in sequences:
        units = _truth(sequence) if sequence.rendered else _facs(sequence) if sequence.dataset == "ckplus" else None
        if units is not None:
            rows[sequence.id] = units
    table = pd.DataFrame(list(rows.values()), index=list(rows)).fillna(0.0)
    return table[sorted(table)]


def column(unit: int, side: str) -> str:
    """Return the name of a unit's column, as "AU12_left"."""
    return f"AU{unit:02d}_{side}"


def truth_file(sequence: Sequence) -> Path:
    """Return the truth of the stand-in that a sequence belongs to. Raises DatasetError if there is none."""
    file = _first_file(sequence)
    for folder in file.resolve().parents[:6]:
        if (folder / TRUTH).is_file():
            return folder / TRUTH
    raise DatasetError(f"{file}: no {TRUTH} above it; delete the stand-in, and it is made again")


def _truth(sequence: Sequence) -> dict[str, float]:
    file = truth_file(sequence)
    text = _units_of(file, file.stat().st_mtime_ns).get(sequence.id, "")
    sides = {"L": "left", "R": "right"}
    codes = re.findall(r"(\d+)([LR])=([\d.]+)", text)
    return {column(int(unit), sides[s]): float(np.interp(float(value), LETTERS, LEVELS)) for unit, s, value in codes}


@cache
def _units_of(file: Path, changed: int) -> dict[str, str]:
    """Return the column `units` by id. The file is read again only if it has `changed` (its time in ns)."""
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        return dict(zip(table["id"], table["units"], strict=True))
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(f"{file}: not a stand-in's truth ({error}); delete the stand-in") from None


def _facs(sequence: Sequence) -> dict[str, float] | None:
    """Return the codes of a CK+ sequence, or None if it has no file of codes."""
    images = _first_file(sequence).parent
    take, subject = images.name, images.parent.name
    for above in images.parents[1:4]:
        for name in ("FACS", "FACS_labels/FACS"):
            for file in sorted((above / name / subject / take).glob("*_facs.txt")):
                return parse_facs(file)
    return None


def parse_facs(file: Path) -> dict[str, float]:
    """Return the units in a file of FACS codes, both sides alike. Raises DatasetError if it is damaged."""
    units = {}
    try:
        for line in file.read_text(encoding="utf-8-sig").splitlines():
            if line.strip():
                unit, level = map(float, line.split())
                for side in ("left", "right"):
                    units[column(int(unit), side)] = min(level, 5.0) if level > 0 else UNCODED
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: not FACS codes ({first_line(error)}); unpack FACS_labels again") from None
    return units


def _first_file(sequence: Sequence) -> Path:
    return sequence.frames.file if isinstance(sequence.frames, Video) else sequence.frames.files[0]
