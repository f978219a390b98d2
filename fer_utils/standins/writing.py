"""Stand-ins on disk: made once, in parallel, whole or not at all, and made again only when the manifest says so."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from fer_utils.data import tree
from fer_utils.data.facs import TRUTH
from fer_utils.data.sequence import DatasetError
from fer_utils.standins.layouts import ckplus, mmi, oulu_casia
from fer_utils.workers import pool

VERSION = 3  # of what is drawn; raise it with any change of the pictures or the truth
SEED = 20251205
WRITERS = {"ckplus": ckplus, "oulu_casia": oulu_casia, "mmi": mmi}
NAMES = tuple(WRITERS)


def ensure(
    name: str, root: str | Path, *, subjects: int | None = None, seed: int = SEED, jobs: int | None = None
) -> Path:
    """Return the folder `root/name` of the stand-in `name`; write it first if it is not there with this size and seed.

    Subjects are drawn by `jobs` processes (default: one a core). The same seed gives the same bytes however many there
    are. Raises DatasetError if the folder cannot be written or holds something else.
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
    if not tree.read_manifest(folder) and folder.is_dir() and any(folder.iterdir()):
        raise DatasetError(f"{folder}: holds files that are not a rendered stand-in; move them or name another folder")
    try:
        return _write(folder, writer, wanted, jobs)
    except OSError as error:
        reason = error.strerror or error
        raise DatasetError(
            f"{folder}: cannot be written ({reason}); make room, make it writable, or name another folder"
        ) from error


def _is_whole(folder: Path, wanted: dict) -> bool:
    return wanted.items() <= tree.read_manifest(folder).items()


def digest(folder: Path) -> str:
    """Return the SHA-256 over the names and bytes of all files of a stand-in but its manifest."""
    total = hashlib.sha256()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in names:
        if name != tree.MANIFEST:
            total.update(name.encode() + b"\0" + hashlib.sha256((folder / name).read_bytes()).digest())
    return total.hexdigest()


def _write(folder: Path, writer, wanted: dict, jobs: int | None) -> Path:
    """Write everything into a temporary folder in the same place, then rename that."""
    folder = folder.resolve()  # of a link, what it leads to is replaced
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}-"
    for left in folder.parent.glob(f"{prefix}*"):  # by a run that was killed; a live one takes minutes
        if time.time() - left.stat().st_mtime > 3600:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent) as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        rows = _draw(new, writer, wanted, jobs)
        pd.DataFrame(rows).to_csv(new / TRUTH, index=False, lineterminator="\n")
        manifest = wanted | {
            "about": "rendered actors, no real faces: results on them say nothing about people",
            "sha256": digest(new),
        }
        (new / tree.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        if _is_whole(folder, wanted):  # another process was faster
            return folder
        if folder.exists():
            folder.rename(Path(temporary) / "old")
        new.rename(folder)
    return folder


def _draw(new: Path, writer, wanted: dict, jobs: int | None) -> list[dict]:
    """Draw all subjects into the folder `new`; return the rows of the truth."""
    count = wanted["subjects"]
    jobs = min(jobs or os.cpu_count() or 1, count)
    with ExitStack() as stack:
        run = stack.enter_context(pool(jobs)).map if jobs > 1 else map
        subjects = run(writer.write, repeat(new), repeat(wanted["seed"]), range(1, count + 1))
        return [row for rows in tqdm(subjects, f"drawing {wanted['name']}", count, unit="subject") for row in rows]
