"""What a run's folder says about itself: `run.json`, and `README.md`, an index of its files."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fer_utils import paths
from fer_utils.data import registry
from fer_utils.errors import StudyError
from fer_utils.evaluation import tables
from fer_utils.plots import registry as figures

RUN, INDEX = "run.json", "README.md"
_LISTED = re.compile(r"\]\(((?:tables|figures|models)/(\w+)/[\w.]+)\)")  # files of a place, in an index
FOLDERS = {
    "notebooks": "the executed notebooks, each with the log of what its libraries printed",
    "report": "a site to open in a browser: index.html first",
    "folds": "finished folds and the features they are made of, so that an interrupted study goes on; may be deleted",
    "models": "a classifier for streams, trained on all people of the dataset: `fer predict --model FILE`",
}


@dataclass(frozen=True)
class NotebookRun:
    """One notebook's outcome. `error` is empty if it passed, else one line."""

    notebook: str
    dataset: str
    executed: Path
    seconds: float = 0.0
    error: str = ""

    @property
    def time(self) -> str:
        """How long it took, in words."""
        return f"{self.seconds:.0f} s"

    @property
    def outcome(self) -> str:
        """PASS, or FAIL and why."""
        return f"FAIL: {self.error}" if self.error else "PASS"

    @property
    def page(self) -> str:
        """The address of its page in the report; empty if it was not executed."""
        return f"{self.executed.stem}.html" if self.executed.is_file() else ""


def write(
    out: Path, datasets: Collection[str], started: datetime, settings: Mapping, done: Iterable[NotebookRun]
) -> None:
    """Write both files."""
    now = datetime.now().astimezone()
    described = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round((now - started).total_seconds()),
        "settings": dict(settings),
        "made_by": header(),
        "datasets": {name: counts(out, name) for name in datasets},
        "notebooks": [
            {"notebook": each.notebook, "dataset": each.dataset, "seconds": round(each.seconds), "error": each.error}
            for each in done
        ],
    }
    paths.write(out / RUN, json.dumps(described, indent=1, ensure_ascii=False) + "\n")
    paths.write(out / INDEX, "\n".join(_index(out, datasets)) + "\n")


def forget(out: Path, datasets: Iterable[str]) -> None:
    """Remove what an earlier run left, so that it does not pass for this one's.

    That is its report, and the tables, figures and classifiers of `datasets` and of all datasets at once, also those
    that only an older version wrote. Finished folds, other datasets and a user's own files stay.
    """
    places = {*datasets, paths.ALL}
    gone = {path for place in places for path, _ in _files(out, place)}
    with suppress(OSError, ValueError):  # no earlier run, or an index that is damaged
        listed = _LISTED.findall((out / INDEX).read_text(encoding="utf-8"))
        gone |= {out / path for path, place in listed if place in places}
    gone |= {path.with_suffix(suffix) for path in gone for suffix in (".tex", ".svg")}
    for path in (*gone, *out.glob("report/*.html"), *out.glob("report/figures/*/*.png")):
        path.unlink(missing_ok=True)


def read(out: Path) -> dict[str, Any]:
    """Read the `run.json` of a run. Raises StudyError, naming the file, if it is missing or damaged."""
    try:
        return json.loads((out / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{out / RUN}: cannot be read ({error}); name the folder of a finished study") from None


def header() -> dict[str, str | int]:
    """Return the machine and the versions that a run's numbers belong to."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "system": platform.platform(),
        **tables.versions(),
        "mediapipe": version("mediapipe"),
    }


def counts(out: Path, dataset: str) -> dict[str, object]:
    """Count a dataset's recordings and frames, from the tables of notebooks 01 and 03; empty if one failed."""
    try:
        coverage, left_out = (tables.read(out, kind, dataset) for kind in ("coverage", "left_out"))
        frames = {name: int(coverage[name].sum()) for name in ("frames", "found", "unreadable")}
        people = tables.read(out, "splits", dataset)["subject"].nunique()
    except (StudyError, KeyError):
        return {}
    return {
        "data": tables.STAND_IN if tables.rendered(coverage) else "real",
        "sequences": len(coverage),
        "people": people,
        "left_out": len(left_out),
        **frames,
    }


def _index(out: Path, datasets: Collection[str]) -> Iterator[str]:
    """Yield the lines of an index: the files of the run, and what each is."""
    yield "# What is in this folder\n"
    yield "[report/index.html](report/index.html) shows the results. `run.json` says how they were made."
    yield "Tables that a paper shows are there as LaTeX (`.tex`) too.\n"
    for place in [*registry.NAMES, paths.ALL]:
        if there := [(path.relative_to(out), about) for path, about in _files(out, place) if path.is_file()]:
            title = "All datasets" if place == paths.ALL else registry.title(place)
            yield f"## {title}{'' if place in (*datasets, paths.ALL) else ', of an earlier run'}\n"
            yield "| file | what it is |\n|---|---|"
            yield from (f"| [{path}]({path}) | {about} |" for path, about in there)
            yield ""
    yield "## Folders\n\n| folder | what it holds |\n|---|---|"
    yield from (f"| {name}/ | {about} |" for name, about in FOLDERS.items() if (out / name).is_dir())


def _files(out: Path, place: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of a dataset, or of `paths.ALL`, that this version writes, and what each is."""
    kinds = tables.ACROSS if place == paths.ALL else tables.KINDS
    yield from ((paths.table(out, place, name), kind.about) for name, kind in kinds.items())
    yield from ((paths.figure(out, place, name), entry.title) for name, entry in figures.drawn(place).items())
    yield paths.trained(out, place), "the classifier for streams"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
