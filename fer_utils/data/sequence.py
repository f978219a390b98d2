"""What every reader returns, sequences and what was left out and why; and the entry by which a dataset is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fer_utils.data import labels
from fer_utils.data.video import FrameSource
from fer_utils.errors import DatasetError

STAND_IN = "rendered stand-in"  # the mark of all that comes from rendered recordings


@dataclass(frozen=True)
class Sequence:
    """One labelled recording of one person showing one expression."""

    dataset: str
    subject: str  # a person across datasets: "oulu/P001" is one person in VIS and NIR
    id: str  # the recording, inside its dataset
    emotion: str
    frames: FrameSource
    apex: Literal["last", "inside"] = "last"  # where the strongest expression is to be expected
    rendered: bool = False


@dataclass(frozen=True)
class Skipped:
    """A recording that was found and left out, with the reason (and how to fix it, if that is known) in one line.

    The reason names no path, so that equal reasons can be counted.
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class Inventory:
    """All that a reader found under a root."""

    dataset: str
    root: Path
    rendered: bool
    sequences: list[Sequence]
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def subjects(self) -> list[str]:
        """Return the subjects of the sequences, each once."""
        return sorted({sequence.subject for sequence in self.sequences})

    @property
    def emotions(self) -> Counter[str]:
        """Count the sequences of each emotion."""
        return Counter(sequence.emotion for sequence in self.sequences)


@dataclass(frozen=True)
class Dataset:
    """One dataset, as its module describes it and `registry` lists it."""

    name: str  # in tables and on the command line: "ckplus"
    title: str  # for readers: "CK+"
    scan: Callable[..., Inventory]  # reads its layout: a root and keyword options → what is there, what was left out
    is_here: Callable[[Path], bool]  # whether its files are under a root, for hints in error messages
    emotions: tuple[str, ...] = labels.SHARED  # those that it labels
    # how many sequences, subjects and sequences of each emotion its authors or users published
    published: Mapping[str, int] = field(default_factory=dict)
    rough: bool = False  # whether the published numbers are rough
    stand_in: str = ""  # its rendered stand-in, as `standins.writing` names them; empty if there is none


class MissingDataset(DatasetError):
    """The dataset, or a whole part of it, is not under the root."""


class LeftOut(Exception):
    """One recording that is to be left out; the message is the reason of its `Skipped`."""
