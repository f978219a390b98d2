"""What experiments keep on disk: feature tables that many workers map into memory, and outcomes with a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.features.tensors import FeatureTable

NAMES = ("ids", "emotions", "subjects")  # of a table's rows, kept beside its tensors


def keep(table: FeatureTable, folder: Path) -> str:
    """Write a table into `folder`, unless it is there already; return its name, made of its content."""
    content = hashlib.sha256(np.ascontiguousarray(table.x))
    for names in (table.ids, table.emotions, table.subjects):
        content.update("\0".join(names.tolist()).encode())
    key = content.hexdigest()[:32]
    if not _is_whole(folder, key, table):
        with paths.replacing(folder / f"{key}.npy") as temporary:
            np.save(temporary, table.x)
        rows = {name: getattr(table, name).tolist() for name in NAMES}
        with paths.replacing(folder / f"{key}.json") as temporary:  # last: the table is whole when this is there
            temporary.write_text(json.dumps(rows), encoding="utf-8")
    return key


@lru_cache(maxsize=4)
def load(folder: str, key: str) -> FeatureTable:
    """Return the table that `keep` wrote, its tensors mapped from the file."""
    rows = json.loads((Path(folder) / f"{key}.json").read_text(encoding="utf-8"))
    x = np.load(Path(folder) / f"{key}.npy", mmap_mode="r", allow_pickle=False)
    return FeatureTable(x, *(np.array(rows[name], np.str_) for name in ("emotions", "subjects", "ids")))


def rows_of(table: FeatureTable, ids: Iterable[str]) -> list[int]:
    """Return the row numbers of `ids`, those left out that the table lacks."""
    row_of = {name: number for number, name in enumerate(table.ids.tolist())}
    return [row_of[name] for name in ids if name in row_of]


def write_outcome(path: Path, outcome: dict) -> None:
    """Write an outcome as JSON, with its SHA-256 in a line below."""
    with paths.replacing(path) as temporary:
        temporary.write_text(_sealed(json.dumps(outcome)), encoding="ascii")


def read_outcome(path: Path) -> dict:
    """Return what `write_outcome` wrote. Raises OSError or ValueError if it is not there or damaged."""
    content = path.read_text(encoding="ascii")
    text = content.rpartition("\n")[0]
    if content != _sealed(text):
        raise ValueError(f"{path}: damaged")
    return json.loads(text)


def _sealed(text: str) -> str:
    return f"{text}\n{hashlib.sha256(text.encode()).hexdigest()}"


def _is_whole(folder: Path, key: str, table: FeatureTable) -> bool:
    try:
        kept = load.__wrapped__(str(folder), key)
        return kept.x.dtype == table.x.dtype and all(
            np.array_equal(getattr(kept, name), getattr(table, name)) for name in (*NAMES, "x")
        )
    except Exception:  # not there, or damaged, whatever json and NumPy then stumble over
        return False
