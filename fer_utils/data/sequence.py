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
    """One labelled recording of one person showing one expression.

    `subject` names a person across datasets ("oulu/P001" is one person in VIS and NIR); `id` names the recording
    inside its dataset; `apex` says where the strongest expression is to be expected: "last" frame or "inside".
    """

    dataset: str
    subject: str
    id: str
    emotion: str
    frames: FrameSource
    apex: Literal["last", "inside"] = "last"
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


class MissingDataset(DatasetError):
    """The dataset, or a whole part of it, is not under the root."""


class LeftOut(Exception):
    """One recording that is to be left out; the message is the reason of its `Skipped`."""
