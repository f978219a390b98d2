"""The registry entry of a dataset: all that the project knows of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fer_utils.data import labels
from fer_utils.data.sequence import Inventory


@dataclass(frozen=True)
class Dataset:
    """One dataset, as its module describes it and `registry` lists it.

    Attributes
    ----------
    name, title
        As in tables and on the command line ("ckplus"), and as readers call it ("CK+").
    scan
        Reads its layout: a root and keyword options → what is there and what was left out.
    is_here
        Whether its files are under a root, for hints in error messages.
    emotions
        Those that it labels.
    published
        How many sequences, subjects and sequences of each emotion its authors or users published, and whether these are
        rough.
    stand_in
        The rendered stand-in of it, as `standins.writing` names them; empty if there is none.
    """

    name: str
    title: str
    scan: Callable[..., Inventory]
    is_here: Callable[[Path], bool]
    emotions: tuple[str, ...] = labels.SHARED
    published: Mapping[str, int] = field(default_factory=dict)
    rough: bool = False
    stand_in: str = ""
