"""The registry of datasets: `scan("ckplus", root)` returns its sequences, and what was left out."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from fer_utils import paths
from fer_utils.data import tree
from fer_utils.data.readers import ckplus, folder, mmi, oulu_casia
from fer_utils.data.sequence import DatasetError, Inventory, LeftOut, MissingDataset, Skipped
from fer_utils.data.video import is_utf8

# all datasets by name, in the paper's order; to add one, write a module with DATASETS and name it here
DATASETS = {entry.name: entry for module in (ckplus, oulu_casia, mmi, folder) for entry in module.DATASETS}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".rar", ".7z")

NAMES = tuple(DATASETS)
STAND_INS = tuple(name for name, entry in DATASETS.items() if entry.stand_in)  # those that have a rendered stand-in


def title(name: str) -> str:
    """Return a dataset's name for readers, such as "CK+"; of several as `joined` has them, "CK+, MMI"."""
    return ", ".join(DATASETS[key].title if key in DATASETS else key for key in name.split("+"))


def options(name: str) -> dict[str, object]:
    """Return the options of a dataset's reader, with their defaults. Raises DatasetError for an unknown dataset."""
    if name not in DATASETS:
        raise DatasetError(f"{name}: no such dataset; known are {', '.join(NAMES)}")
    parameters = inspect.signature(DATASETS[name].scan).parameters.values()
    chosen = (option for option in parameters if option.kind is option.KEYWORD_ONLY and option.name != "modality")
    return {option.name: option.default for option in chosen}


def scan(name: str, root: str | Path, **chosen) -> Inventory:
    """Return all recordings of a dataset under a root (its own folder, or one above it), and those left out.

    Raises MissingDataset if the dataset is not there, DatasetError for an unknown name or option and for a root that
    cannot be read as that dataset. The message is one line that names the path and how to fix it.
    """
    known = options(name)
    for option in chosen:
        if option not in known:
            raise DatasetError(f"{name}: unknown option {option!r}; known are: {', '.join(known) or 'none'}")
    root = paths.expand_user(root)
    if not is_utf8(root):
        raise DatasetError(f"{str(root)!a}: a name that is not UTF-8; rename it")
    try:
        if not root.exists():
            raise MissingDataset(f"{root}: no such folder; unpack the dataset there, or name the folder where it is")
        if not root.is_dir():
            raise DatasetError(f"{root}: a file; unpack it, and name the folder")
        next(root.iterdir(), None)
    except OSError as error:
        raise DatasetError(f"{root}: cannot be read ({error.strerror})") from None
    try:
        return DATASETS[name].scan(root, **chosen)
    except MissingDataset as error:
        raise MissingDataset(f"{error}{_hint(name, root)}") from None


def joined(names: Iterable[str]) -> str:
    """Return one name for several datasets in tables, "ckplus+mmi", whatever their order."""
    return "+".join(sorted(set(names), key=lambda name: (NAMES.index(name) if name in NAMES else len(NAMES), name)))


def _hint(name: str, root: Path) -> str:
    """Return what is there instead (another dataset, archives, unreadable folders); "" if it is there in part."""
    if DATASETS[name].is_here(root):
        return ""
    if others := [other for other, entry in DATASETS.items() if other != name and entry.is_here(root)]:
        return f"; this looks like {' and '.join(others)}: use --datasets {' '.join(others)}"
    unread: list[Skipped] = []
    for place in tree.search(root, lambda place: bool(_archives(place)), depth=2, skipped=unread):
        return f"; unpack {', '.join(path.name for path in _archives(place))} first"
    return f"; {unread[0].path}: {unread[0].reason}" if unread else ""


def _archives(folder: Path) -> list[Path]:
    with suppress(LeftOut):
        return tree.files(folder, ARCHIVES)
    return []
