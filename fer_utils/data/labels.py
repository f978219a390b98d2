"""One label space for all datasets: the emotions' names, and the spellings seen in folder names."""

from __future__ import annotations

import unicodedata

# other spellings of each emotion, as folders are named
SPELLINGS = {
    "anger": ("angry",),
    "contempt": ("contemptuous",),
    "disgust": ("disgusted",),
    "fear": ("afraid", "fearful"),
    "happiness": ("happy", "joy"),
    "sadness": ("sad",),
    "surprise": ("surprised",),
}
EMOTIONS = tuple(SPELLINGS)
# those that all datasets of the paper label: the classes of an experiment across datasets
SHARED = tuple(name for name in EMOTIONS if name != "contempt")

_NAMES = {spelling: name for name, spellings in SPELLINGS.items() for spelling in (name, *spellings)}


def from_folder(name: str) -> str | None:
    """Return the emotion that a folder is named after, or None. Case, digits, blanks and punctuation do not matter."""
    letters = "".join(sign for sign in unicodedata.normalize("NFKC", name).casefold() if sign.isalpha())
    return _NAMES.get(letters)
