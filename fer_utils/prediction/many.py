"""Many recordings: a process a core, a bar over all, a table of what came of each."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import as_completed
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from fer_utils import paths
from fer_utils.data import tree
from fer_utils.data.sequence import LeftOut
from fer_utils.errors import PredictError, UserError, first_line
from fer_utils.prediction import clip
from fer_utils.prediction.clip import Settings
from fer_utils.prediction.formats import check_replaceable
from fer_utils.workers import pool

SUMMARY = "summary.csv"
COLUMNS = ("recording", "output", "frames", "with_face", "unread", "expressions", "problem")


def recordings(inputs: Iterable[Path]) -> list[Path]:
    """Return the recordings that inputs name: files, the videos of a folder, or a folder of pictures as one recording.

    If only some inputs are none of these, they stay in the list, and their rows say what is wrong. Raises PredictError
    if no input is a recording.
    """
    files: dict[Path, None] = {}  # each once
    problems = []
    for path in inputs:
        videos, problem = _videos(path)
        problems.append(problem)
        files |= dict.fromkeys(videos or [path])
    if all(problems):
        raise PredictError(problems[0] if problems else "no recording named; name videos, or folders that hold them")
    return list(files)


def _videos(path: Path) -> tuple[list[Path], str]:
    """Return the videos of a folder, and why an input is no recording."""
    try:
        if not path.exists():
            return [], f"{path}: no such file or folder; name videos, or folders that hold them"
        videos = tree.files(path, tree.VIDEOS) if path.is_dir() else [path]
        if not videos and not tree.files(path, tree.PICTURES):
            found = tree.kinds(tree.entries(path)) or "it is empty"
            return [], f"{path}: no videos and no pictures in the folder itself ({found}); name one that holds some"
        return videos, ""
    except (LeftOut, OSError) as reason:
        return [], f"{path}: {getattr(reason, 'strerror', None) or reason}"


def stem(path: Path) -> str:
    """Return the name of a recording without its suffix."""
    return (path.resolve().name if path.is_dir() else path.stem) or "recording"


def stems(files: list[Path]) -> list[str]:
    """Return a name for the outputs of each recording: its own without suffix.

    If two share it, the folder's name comes before it, and a number behind it if that is the same too, or if it is that
    of SUMMARY.
    """
    shared = Counter(stem(path).casefold() for path in files)
    names, taken = [], Counter([Path(SUMMARY).stem])
    for path in files:
        name = stem(path)
        if shared[name.casefold()] > 1:
            name = "_".join(filter(None, (path.resolve().parent.name, name)))
        taken[name.casefold()] += 1
        names.append(name if taken[name.casefold()] == 1 else f"{name}_{taken[name.casefold()]}")
    return names


def predict(
    inputs: Iterable[Path], out: Path, settings: Settings, jobs: int | None = None, name: str = ""
) -> pd.DataFrame:
    """Write what is recognised in each recording into the folder `out`, and return `summary.csv`, a row each.

    A recording that fails is a row with its problem and no output; the others go on. What was finished is kept on
    interruption. A row calls its recording by its path, or by `name`. Raises PredictError if there is no recording,
    OutputError if the folder cannot be written.
    """
    inputs = list(inputs)
    files = recordings(inputs)
    for folder in inputs:
        others = tree.entries(folder, lambda path: path not in files) if folder.is_dir() and folder not in files else ()
        if others:
            print(f"{folder}: left out, beside videos: {tree.kinds(others)}", file=sys.stderr)
    paths.check_output(out / SUMMARY)
    paths.check_writable(out)
    check_replaceable(out / SUMMARY)
    targets = [out / f"{name}.csv" for name in stems(files)]
    with pool(min(jobs or os.cpu_count() or 1, len(files))) as workers:
        futures = [
            workers.submit(_predict_one, file, target, settings, name or str(file))
            for file, target in zip(files, targets, strict=True)
        ]
        try:
            for future in tqdm(as_completed(futures), "recordings", total=len(futures), unit="file"):
                future.result()
        finally:
            rows = [future.result() for future in futures if future.done() and not future.exception()]
            table = pd.DataFrame(rows, columns=list(COLUMNS))
            paths.write(out / SUMMARY, table.to_csv(index=False, lineterminator="\n"))
    return table


def _predict_one(file: Path, target: Path, settings: Settings, name: str) -> tuple:
    """Do a worker's job; return a row of the summary."""
    try:
        check_replaceable(target)
        outcome = clip.write(file, target, settings, progress=False, name=name)
    except (UserError, OSError) as error:
        return name, "", 0, 0, 0, 0, first_line(error).removeprefix(f"{name}: ")
    counts = outcome.frames, outcome.with_face, outcome.unread, len(outcome.expressions)
    return name, target.name, *counts, outcome.problem
