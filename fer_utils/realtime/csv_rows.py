"""What was recognised, as CSV: a row a frame, written at once so that memory does not grow, and a row an expression."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import astuple, fields
from pathlib import Path

from fer_utils import paths
from fer_utils.errors import OutputError
from fer_utils.landmarks import regions
from fer_utils.realtime.evidence import Expression
from fer_utils.realtime.streaming import Recognition

POINTS = regions.landmarks()
COLUMNS = ("time", "face", "emotion", "phase", "intensity")


def describe_model(classifier, path: Path | None = None) -> str:
    """Return a line that says which model this is and what it was trained on."""
    name = path.stem if path else getattr(classifier, "network", "a classifier")
    return f"{name}, trained on {getattr(classifier, 'trained_on', '') or 'data unknown'}"


class Recording:
    """A CSV file with a row for each `Recognition` that is added; a context manager.

    The file is there only if the block ends well. Columns: `time` in seconds, `face` (its number, from 1 on; 0 if none
    was found), `emotion` and `phase` (empty if there is none), `intensity`, a `p_NAME` for each of `classes`, for
    `units` the action units' intensities from 0 to 5 as OpenFace names them (`AU12_r` the mean of both sides,
    `AU12_left_r`, `AU12_right_r`; empty if there is no face), with `points` the coordinates `x33, y33, z33, …` in
    pixels of the 61 landmarks that the study uses, `why` there is no emotion, and `model`, which says what made the
    row. Raises OutputError if it cannot be written.
    """

    def __init__(self, path: Path, classes, points: bool, model: str = "", units: Iterable[str] = ()):
        self.path, self.rows, self._classes, self._points = path, 0, [str(name) for name in classes], points
        self._units = list(units)
        self._both = list(dict.fromkeys(name.partition("_")[0] for name in self._units))
        self._model = model

    def __enter__(self) -> Recording:
        with ExitStack() as stack:
            temporary = stack.enter_context(paths.replacing(self.path))
            stream = stack.enter_context(temporary.open("w", newline="", encoding="utf-8"))
            self._writer = csv.writer(stream, lineterminator="\n")
            names = [f"{axis}{index}" for index in POINTS for axis in "xyz"] if self._points else []
            classes, units = (f"p_{name}" for name in self._classes), (f"{name}_r" for name in self._both + self._units)
            self._writer.writerow([*COLUMNS, *classes, *units, *names, "why", "model"])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error) -> None:
        self._stack.__exit__(*error)

    def add(self, seen: Recognition) -> None:
        """Write a frame's row. Raises OutputError; leave the block then, since a part of the row may be written."""
        found = seen.probabilities or {}
        row = [f"{seen.time:.4f}", seen.face if seen.points is not None else 0, seen.emotion or "", seen.phase or ""]
        row.append("" if seen.intensity is None else f"{seen.intensity:.5f}")
        row += [f"{found[name]:.4f}" if name in found else "" for name in self._classes]
        row += self._intensities(seen.units)
        if self._points:
            empty = [""] * (3 * len(POINTS))
            row += empty if seen.points is None else [f"{v:.2f}" for v in seen.points[list(POINTS)].ravel()]
        try:
            self._writer.writerow([*row, seen.why, self._model])
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror or error}); free space") from error
        self.rows += 1

    def _intensities(self, units: dict[str, float] | None) -> list[str]:
        """Return the intensities of both sides together, then of each."""
        if units is None:
            return [""] * (len(self._both) + len(self._units))
        sides = {unit: [units[name] for name in self._units if name.startswith(f"{unit}_")] for unit in self._both}
        means = [sum(values) / len(values) for values in sides.values()]
        return [f"{value:.2f}" for value in (*means, *(units[name] for name in self._units))]


def write_expressions(expressions: list[Expression], path: Path, model: str) -> None:
    """Write a CSV file with a row an expression: the fields of `evidence.Expression`, and `model`.

    `model` says what made the row. Raises OutputError.
    """
    names = [field.name for field in fields(Expression)]
    with paths.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow([*names, "model"])
        for each in expressions:
            rows.writerow([*(_cell(*field) for field in zip(names, astuple(each), strict=True)), model])


def _cell(name: str, value: float | int | str) -> str | int:
    if not isinstance(value, float):
        return value
    return f"{value:.5f}" if name == "intensity" else f"{value:.4f}"
