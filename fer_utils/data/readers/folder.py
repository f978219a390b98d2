"""Any recordings sorted by hand: `<root>/<emotion>/<subject>_<anything>/` of pictures, or a video file so named."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from fer_utils.data import labels, tree
from fer_utils.data.sequence import Dataset, DatasetError, Inventory, LeftOut, MissingDataset, Sequence, Skipped


def is_here(root: Path) -> bool:
    """Return whether the root itself holds folders named after emotions."""
    return any(labels.from_folder(path.name) for path in tree.folders(root, []))


def scan(root: Path, *, apex: str = "inside", fps: float = 25.0) -> Inventory:
    """Return the recordings in the folders of a root that are named after emotions.

    `apex` is "inside" by default: nothing is known of such recordings, and the search in a clip may still end at its
    last frame. `fps` is the rate of pictures; a video's own rate is read from it. Raises MissingDataset if no folder
    is named after an emotion, DatasetError for an option out of range.
    """
    if apex not in ("last", "inside"):
        raise DatasetError(f"folder: apex is {apex!r}; it can be 'last' or 'inside'")
    if not isinstance(fps, int | float) or not 0 < fps < 1000:
        raise DatasetError(f"folder: fps is {fps!r}; it must be a number between 0 and 1000")
    if not is_here(root):
        raise MissingDataset(f"{root}: no folder named after an emotion here ({', '.join(labels.EMOTIONS)})")
    rendered = tree.is_rendered(root)
    sequences, skipped = [], []
    for folder in tree.folders(root, skipped):
        emotion = labels.from_folder(folder.name)
        if emotion is None:
            skipped.append(Skipped(folder, f"not an emotion; known are {', '.join(labels.EMOTIONS)}"))
            continue
        for path in _recordings(folder, skipped):
            with tree.leaving_out(path, skipped):
                frames, name = _frames(path, fps, skipped), f"{folder.name}/{path.name}"
                sequences.append(Sequence("folder", f"folder/{_subject(path)}", name, emotion, frames, apex, rendered))
    return Inventory("folder", root, rendered, sequences, skipped)


def _recordings(folder: Path, skipped: list[Skipped]) -> list[Path]:
    below = tree.folders(folder, skipped)
    try:
        plain = tree.entries(folder, lambda path: not path.is_dir())
    except LeftOut:
        plain = []  # `tree.folders` has reported it
    return sorted(below + plain, key=tree.by_number)


def _frames(path: Path, fps: float, skipped: list[Skipped]):
    if path.is_dir():
        return tree.pictures(path, fps, skipped)
    if path.suffix.casefold() in tree.PICTURES:
        raise LeftOut("a picture on its own: put a recording's pictures into a folder <subject>_<anything>")
    if path.suffix.casefold() not in tree.VIDEOS or not path.is_file():
        raise LeftOut(f"neither a folder of pictures nor a video that is there ({path.suffix or 'no suffix'})")
    return tree.video(path)


def _subject(path: Path) -> str:
    """Return what comes before the first underscore. It is not guessed, since grouped folds depend on it."""
    # some systems store é as one character and some as two, but it is the same person
    subject, underscore, _ = unicodedata.normalize("NFC", path.name).partition("_")
    if not subject.strip() or not underscore:
        raise LeftOut("no subject in its name: call it <subject>_<anything>")
    return subject.strip().casefold()  # Anna_1 and anna_2 are one person, else grouped folds would leak


DATASETS = (Dataset("folder", "your recordings", scan, is_here, labels.EMOTIONS),)
