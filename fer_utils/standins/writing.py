"""Stand-ins on disk: made once, in parallel, whole or not at all, and made again only when the manifest says so."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from concurrent.futures import Executor, as_completed
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from fer_utils.data.sequence import DatasetError
from fer_utils.standins.layouts import ckplus, mmi, oulu_casia
from fer_utils.standins.truth import TRUTH, write_truth
from fer_utils.workers import pool

VERSION = 3  # of what is drawn; raise it with any change of the pictures or the truth
SEED = 20251205
WRITERS = {"ckplus": ckplus, "oulu_casia": oulu_casia, "mmi": mmi}
NAMES = tuple(WRITERS)
MANIFEST = "manifest.json"


def ensure(
    name: str,
    root: str | Path,
    *,
    subjects: int | None = None,
    seed: int = SEED,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> Path:
    """Return the folder `root/name` with the stand-in `name`, which is written first unless it is there as asked for.

    Tasks, a subject each, run in `executor`, or else in a pool of `jobs` processes (default: one a core). The same seed
    gives the same bytes whatever runs them. Raises DatasetError if the folder cannot be written or holds something
    else.
    """
    if name not in WRITERS:
        raise ValueError(f"no stand-in {name!r}; there are {', '.join(NAMES)}")
    writer = WRITERS[name]
    subjects = writer.SUBJECTS if subjects is None else subjects
    if subjects < 1:
        raise ValueError(f"subjects is {subjects}; it must be at least 1")
    folder = Path(root) / name
    wanted = {"rendered": True, "name": name, "version": VERSION, "seed": seed, "subjects": subjects}
    if _is_whole(folder, wanted):
        return folder
    if read_manifest(folder) is None and folder.is_dir() and any(folder.iterdir()):
        raise DatasetError(f"{folder}: holds files that are not a rendered stand-in; move them or name another folder")
    try:
        return _write(folder, writer, wanted, jobs, executor, progress)
    except OSError as error:
        reason = error.strerror or error
        raise DatasetError(
            f"{folder}: cannot be written ({reason}); make room, make it writable, or name another folder"
        ) from error


def read_manifest(folder: Path) -> dict | None:
    """Return the manifest of a stand-in, or None if the folder is not a whole one."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("rendered") is True else None


def _is_whole(folder: Path, wanted: dict) -> bool:
    manifest = read_manifest(folder)
    return manifest is not None and all(manifest.get(key) == value for key, value in wanted.items())


def digest(folder: Path) -> str:
    """Return the SHA-256 over the names and bytes of all files of a stand-in but its manifest."""
    total = hashlib.sha256()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in names:
        if name != MANIFEST:
            total.update(name.encode() + b"\0" + hashlib.sha256((folder / name).read_bytes()).digest())
    return total.hexdigest()


def _write(folder: Path, writer, wanted: dict, jobs: int | None, executor: Executor | None, progress: bool) -> Path:
    """Write everything into a folder beside, then put that in place in one step."""
    folder = folder.resolve()  # of a link, what it leads to is replaced
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}-"
    for left in folder.parent.glob(f"{prefix}*"):  # by a run that was killed; a live one takes minutes
        if time.time() - left.stat().st_mtime > 3600:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent) as beside:
        new = Path(beside) / "new"
        new.mkdir()
        rows = _run(new, writer, wanted, jobs, executor, progress)
        write_truth(new / TRUTH, rows)
        manifest = wanted | {
            "about": "rendered actors, no real faces: results on them say nothing about people",
            "datasets": _counts(rows),
            "sha256": digest(new),
        }
        (new / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        if _is_whole(folder, wanted):  # another process was faster
            return folder
        if folder.exists():
            folder.rename(Path(beside) / "old")
        new.rename(folder)
    return folder


def _counts(rows: list[dict]) -> dict[str, dict]:
    """Count the recordings, subjects, frames and emotions that the usual experiment uses, for each dataset."""
    counts = {}
    for dataset in sorted({row["dataset"] for row in rows}):
        own = [row for row in rows if row["dataset"] == dataset]
        used = [row for row in own if row["used"]]
        counts[dataset] = {
            "sequences": len(used),
            "subjects": len({row["subject"] for row in used}),
            "frames": sum(row["frames"] for row in used),
            "emotions": dict(sorted(Counter(row["emotion"] for row in used).items())),
            "not used": len(own) - len(used),
        }
    return counts


def _run(new: Path, writer, wanted: dict, jobs: int | None, executor: Executor | None, progress: bool) -> list[dict]:
    """Return rows of the truth of all tasks, in the order of the tasks."""
    tasks = writer.tasks(wanted["subjects"], wanted["seed"])
    jobs = min(jobs or os.cpu_count() or 1, len(tasks))
    done: dict[int, list[dict]] = {}
    with ExitStack() as stack:
        bar = stack.enter_context(
            tqdm(total=len(tasks), desc=f"drawing {wanted['name']}", unit="subject", disable=not progress)
        )
        if executor is None and jobs > 1:
            executor = stack.enter_context(pool(jobs))
        if executor is None:
            for number, task in enumerate(tasks):
                done[number] = writer.write(new, *task)
                bar.update()
        else:
            futures = {executor.submit(writer.write, new, *task): number for number, task in enumerate(tasks)}
            stack.callback(lambda: [future.cancel() for future in futures])
            for future in as_completed(futures):
                done[futures[future]] = future.result()
                bar.update()
    return [row for number in range(len(tasks)) for row in done[number]]
