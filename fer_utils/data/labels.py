"""One label space for all datasets: the emotions' names, each set's codes, and the spellings seen in folder names."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """One emotion: its name here, its code in each set (None where a set lacks it), other spellings of it."""

    name: str
    ckplus: int | None
    oulu: str | None
    mmi: int | None
    spellings: tuple[str, ...]


# fmt: off
TABLE = (
    #     name         CK+   Oulu-CASIA    MMI   also seen
    Label("anger",     1,    "Anger",      1,    ("angry",)),
    Label("contempt",  2,    None,         None, ("contemptuous",)),
    Label("disgust",   3,    "Disgust",    2,    ("disgusted",)),
    Label("fear",      4,    "Fear",       3,    ("afraid", "fearful")),
    Label("happiness", 5,    "Happiness",  4,    ("happy", "joy")),
    Label("sadness",   6,    "Sadness",    5,    ("sad",)),
    Label("surprise",  7,    "Surprise",   6,    ("surprised",)),
)
# fmt: on

EMOTIONS = tuple(label.name for label in TABLE)
# the emotions that every set has: the classes of an experiment across sets
SHARED = tuple(label.name for label in TABLE if None not in (label.ckplus, label.oulu, label.mmi))
CODES = {
    "ckplus": {label.ckplus: label.name for label in TABLE if label.ckplus is not None},
    "mmi": {label.mmi: label.name for label in TABLE if label.mmi is not None},
}

_NAMES = {spelling: label.name for label in TABLE for spelling in (label.name, *label.spellings)}


def from_folder(name: str) -> str | None:
    """The emotion that a folder is named after, or None. Case, digits, blanks and punctuation do not matter."""
    letters = "".join(sign for sign in unicodedata.normalize("NFKC", name).casefold() if sign.isalpha())
    return _NAMES.get(letters)
