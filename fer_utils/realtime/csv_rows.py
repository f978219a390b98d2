"""What was recognised, as CSV: a row per frame, written at once so that memory stays flat, and one per expression."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

import pandas as pd

from fer_utils import paths
from fer_utils.errors import OutputError
from fer_utils.landmarks import regions
from fer_utils.realtime.evidence import Expression
from fer_utils.realtime.streaming import Recognition

POINTS = list(regions.landmarks())
COLUMNS = ("time", "face", "emotion", "phase", "intensity")


def describe_model(classifier, path: Path | None = None) -> str:
    """Return a line that says which model this is and what it was trained on."""
    name = path.stem if path else getattr(classifier, "network", "a classifier")
    return f"{name}, trained on {getattr(classifier, 'trained_on', '') or 'data unknown'}"


class Recording:
    """A CSV file with a row for each `Recognition` that is added; a context manager.

    The file is there only if the block ends well. `docs/columns.md` explains its columns: among them are probabilities
    of the `classes`, intensities of the action units `units`, and with `points` the 61 landmarks of the study. Raises
    OutputError if it cannot be written.
    """

    def __init__(self, path: Path, classes, points: bool, model: str = "", units: Iterable[str] = ()):
        units = list(units)
        both = dict.fromkeys(name.partition("_")[0] for name in units)
        self.path, self.rows, self._model = path, 0, model
        self._points = [f"{axis}{index}" for index in POINTS for axis in "xyz"] if points else []
        self._columns = [*COLUMNS, *(f"p_{name}" for name in classes), *(f"{name}_r" for name in (*both, *units))]
        self._columns += [*self._points, "why", "model"]

    def __enter__(self) -> Recording:
        with ExitStack() as stack:
            temporary = stack.enter_context(paths.replacing(self.path))
            stream = stack.enter_context(temporary.open("w", newline="", encoding="utf-8"))
            self._writer = csv.DictWriter(stream, self._columns, extrasaction="ignore", lineterminator="\n")
            self._writer.writeheader()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error) -> None:
        self._stack.__exit__(*error)

    def add(self, seen: Recognition) -> None:
        """Write a frame's row. Raises OutputError; leave the block then, since a part of the row may be written."""
        row = {"time": f"{seen.time:.4f}", "face": 0, "emotion": seen.emotion, "phase": seen.phase}
        row |= {"why": seen.why, "model": self._model}
        if seen.intensity is not None:
            row["intensity"] = f"{seen.intensity:.5f}"
        row |= {f"p_{name}": f"{p:.4f}" for name, p in (seen.probabilities or {}).items()}
        sides = defaultdict(list)  # of each action unit
        for name, intensity in (seen.units or {}).items():
            sides[f"{name}_r"] = [intensity]
            sides[f"{name.partition('_')[0]}_r"].append(intensity)
        row |= {column: f"{sum(values) / len(values):.2f}" for column, values in sides.items()}
        if seen.points is not None:
            row["face"] = seen.face
            if self._points:
                row |= {name: f"{v:.2f}" for name, v in zip(self._points, seen.points[POINTS].ravel(), strict=True)}
        try:
            self._writer.writerow(row)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror or error}); free space") from error
        self.rows += 1


def write_expressions(expressions: list[Expression], path: Path, model: str) -> None:
    """Write a CSV file with a row per expression: its fields, and what `model` made it. Raises OutputError."""
    table = pd.DataFrame(expressions, columns=[field.name for field in fields(Expression)]).assign(model=model)
    table["intensity"] = table["intensity"].map("{:.5f}".format)
    paths.write(path, table.to_csv(index=False, float_format="%.4f", na_rep="nan", lineterminator="\n"))
