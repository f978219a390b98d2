"""The files of other tools: OpenFace's CSV, ELAN's annotations, BIDS events.

To add one, write a function and a line in FORMATS. Each function takes a `Prediction` and the files of its format, and
writes them whole or not at all. The columns of the project's own CSV files are in `realtime.csv_rows`.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pympi.Elan import Eaf

from fer_utils import paths
from fer_utils.errors import PredictError
from fer_utils.prediction import copies

# Which of MediaPipe's points stand for the 68 of Multi-PIE, which OpenFace uses, in its order; our choice.
JAW = (234, 93, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 323, 454)
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
NOSE = (168, 197, 5, 4, 98, 97, 2, 326, 327)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
OUTER_LIPS = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)
INNER_LIPS = (78, 82, 13, 312, 308, 317, 14, 87)
POINTS_68 = (*JAW, *BROWS, *NOSE, *EYES, *OUTER_LIPS, *INNER_LIPS)

VISIBLE = 1.0  # intensity from which an action unit is annotated: FACS A is a trace of 0 to 1; our choice
EVENTS = {
    "onset": {"Description": "Start of the expression after the start of the recording", "Units": "s"},
    "duration": {"Description": "From the start to the end of the expression", "Units": "s"},
    "trial_type": {"Description": "Expression that was recognised; 'unsure' if no emotion was probable enough"},
    "apex": {"Description": "Time of the highest intensity after the start of the recording", "Units": "s"},
    "probability": {"Description": "Probability of the emotion, 0 to 1"},
    "intensity": {"Description": "Highest intensity", "Units": "inter-ocular distances"},
    "face": {"Description": "Number of the face, from 1 on"},
}


@dataclass(frozen=True)
class Prediction:
    """What was recognised in one recording; `docs/columns.md` explains the columns."""

    recording: Path  # the file or folder
    frames: pd.DataFrame  # a row per frame and face
    expressions: pd.DataFrame  # a row per expression
    points: np.ndarray  # (rows of frames, 68, 2) pixels, of POINTS_68; NaN without a face; empty if nothing needs them


def openface(prediction: Prediction, path: Path) -> None:
    """Write the columns of OpenFace 2 that this project has: see `docs/columns.md`."""
    success = (prediction.frames["face"] > 0).astype(int)
    points = np.nan_to_num(prediction.points).round(2)
    columns = {
        "frame": prediction.frames["time"].rank(method="dense").astype(int),
        "face_id": prediction.frames["face"].clip(lower=1) - 1,
        "timestamp": prediction.frames["time"].round(4),
        "confidence": success,
        "success": success,
        **{f"x_{n}": points[:, n, 0] for n in range(68)},
        **{f"y_{n}": points[:, n, 1] for n in range(68)},
        **{name: prediction.frames[name].fillna(0).round(2) for name in units(prediction.frames)},
    }
    with paths.replacing(path) as temporary:
        pd.DataFrame(columns).to_csv(temporary, index=False, lineterminator="\n")


def elan(prediction: Prediction, path: Path) -> None:
    """Write an annotation file of ELAN: each face's expressions, phases, and action units from intensity VISIBLE on."""
    document = Eaf(author="fer-utils")
    if prediction.recording.is_file():
        kind = mimetypes.guess_type(prediction.recording.name)[0] or "video/mp4"
        document.add_linked_file(prediction.recording.resolve().as_uri(), mimetype=kind)
    document.remove_tier("default")
    tiers = {}
    faces = by_face(prediction.frames)
    for face, frames in faces.items():
        of = f" of face {face}" if len(faces) > 1 else ""
        own = prediction.expressions[prediction.expressions["face"] == face]
        tiers[f"expression{of}"] = [(row.start, row.end, row.emotion) for row in own.itertuples()]
        tiers[f"phase{of}"] = [run for run in _runs(frames, frames["phase"]) if run[2] not in ("", "neutral")]
        for name in units(frames):
            unit = name.removesuffix("_r")
            shown = pd.Series(np.where(frames[name] >= VISIBLE, unit, ""))
            tiers[f"{unit}{of}"] = [run for run in _runs(frames, shown) if run[2]]
    for tier, runs in tiers.items():
        document.add_tier(tier)
        for start, end, value in runs:
            first = round(1000 * start)
            document.add_annotation(tier, first, max(round(1000 * end), first + 1), value)
    with paths.replacing(path) as temporary:
        document.to_file(str(temporary))


def bids(prediction: Prediction, table: Path, columns: Path) -> None:
    """Write expressions as BIDS events: a TSV file, and the JSON file that explains its columns."""
    expressions = prediction.expressions
    start, duration = expressions["start"], expressions["end"] - expressions["start"]
    events = expressions.assign(onset=start, duration=duration, trial_type=expressions["emotion"])[list(EVENTS)]
    events = events.round({"onset": 3, "duration": 3, "apex": 3, "probability": 3, "intensity": 4})
    paths.write(table, events.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n"))
    paths.write(columns, json.dumps(EVENTS, indent=2) + "\n")


class Format(NamedTuple):
    """What writes a format, and its files: how each name ends after the recording's → a mark near the file's start."""

    write: Callable[..., None]
    endings: Mapping[str, bytes]


FORMATS = {
    "openface": Format(openface, {".openface.csv": b"\nframe,face_id,timestamp,confidence,success,x_0,"}),
    "elan": Format(elan, {".eaf": b'AUTHOR="fer-utils"'}),
    "bids": Format(
        bids,
        {
            "_events.tsv": b"\nonset\tduration\ttrial_type\tapex\t",
            "_events.json": b'"Description": "Start of the expression',
        },
    ),
}
# the same of all that `fer predict` writes; the longer endings first
WRITTEN = {ending: (mark,) for each in FORMATS.values() for ending, mark in each.endings.items()} | {
    ".expressions.csv": (b"\nstart,onset,apex,",),
    ".expression.csv": (b"\nemotion,p_",),
    ".csv": (b"\ntime,face,", b"\npoint,x,y,z", b"\nrecording,output,"),
    ".html": (b'name="generator" content="fer-utils"',),
}


def check_replaceable(path: Path) -> None:
    """Raise PredictError if a file is there that `fer predict` has not written, and that nobody told it to replace."""
    if path.is_file() and path.stat().st_size and not _is_written(path):
        raise PredictError(f"{path}: there already, and not by fer predict; rename it, or write to another place")


def _is_written(path: Path) -> bool:
    if path.suffix.lower() in copies.CODECS:
        return copies.is_copy(path)
    marks = next((marks for ending, marks in WRITTEN.items() if path.name.endswith(ending)), ())
    with path.open("rb") as file:
        start = b"\n" + file.read(1000)
    return any(mark in start for mark in marks)


def by_face(frames: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return each face's rows by its number: one a time, empty if it is not there. Face 1 has rows in any case."""
    times = pd.Index(frames["time"].unique(), name="time")
    numbers = sorted({1, *frames["face"]} - {0})
    rows = {number: frames[frames["face"] == number].set_index("time") for number in numbers}
    return {number: of_one.reindex(times).reset_index() for number, of_one in rows.items()}


def units(frames: pd.DataFrame) -> list[str]:
    """Return the columns of action units of both sides together."""
    return [name for name in frames if name.startswith("AU") and name.endswith("_r") and name.count("_") == 1]


def _runs(frames: pd.DataFrame, values: pd.Series) -> Iterator[tuple[float, float, str]]:
    """Return start, end and value of every run of equal values; a run ends where the next frame begins."""
    start, values = frames["time"], values.fillna("")
    end = start.shift(-1, fill_value=start.max() + np.nan_to_num(start.diff().median()))
    runs = pd.DataFrame({"start": start, "end": end, "value": values}).groupby((values != values.shift()).cumsum())
    return runs.agg({"start": "first", "end": "last", "value": "first"}).itertuples(index=False, name=None)
