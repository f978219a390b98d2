"""One bar over all notebooks of a study: how much is done, what runs now, and how far that is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from fer_utils.quiet import is_log_line

# rough shares of a default study's time, by the notebook's number
WEIGHTS = {"00": 1, "01": 4, "02": 1, "03": 10, "03b": 15, "03c": 1, "04": 15, "04b": 2, "05": 5, "06": 2, "07": 1}
# a notebook's own bar, as tqdm writes it: what is counted, and how many of them are done
_BAR = re.compile(r"\s*([^:|]+):\s+\d+%\|.*?\|\s*(\d+/\d+) ")


class Progress:
    """The bar, which also takes what notebooks write to standard error.

    The notebook's own bars become the bar's end, log lines of native libraries are dropped, and other lines are printed
    above it. On a terminal the bar is one line that is redrawn. In a file, such as a log of CI, there is one line for
    each notebook.
    """

    def __init__(self, notebooks: Iterable[str], terminal: TextIO | None = None):
        names = list(notebooks)
        # while notebooks run, file descriptor 2 is a log file; the bar still goes to the terminal
        self._terminal = terminal or os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
        self._bar = tqdm(
            total=sum(map(_weight, names)),
            bar_format="study {percentage:3.0f}% |{bar:20}| {elapsed} so far, about {remaining} left{desc}",
            file=self._terminal,
            disable=not self._terminal.isatty(),
            dynamic_ncols=True,
        )
        self._count, self._number, self._name, self._rest = len(names), 0, "", ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.close()
        self._terminal.flush()

    def start(self, notebook: str, dataset: str) -> None:
        """Name the notebook that runs now."""
        self._number += 1
        self._name = f"[{self._number}/{self._count}] {notebook} {dataset}".rstrip()
        self._say("")

    def end(self, notebook: str, outcome: str, seconds: float) -> None:
        """Print how a notebook ended, and count it."""
        self._line(f"{self._name}  {seconds:.0f} s  {outcome}")
        self._bar.update(_weight(notebook))

    def write(self, text: str) -> None:
        """Take what a notebook writes to standard error."""
        *lines, self._rest = re.split(r"[\r\n]", self._rest + text)
        if _BAR.match(self._rest):  # a bar, whose line has not ended yet
            lines, self._rest = [*lines, self._rest], ""
        for line in lines:
            if own := _BAR.match(line):
                self._say(f"{own[1]} {own[2]}")
            elif line.strip() and not is_log_line(line.encode()):
                self._line(f"      {line}")

    def flush(self) -> None:
        """Do nothing: all is written at once."""

    def _say(self, own: str) -> None:
        self._bar.set_description_str(" · ".join(filter(None, ("", self._name, own))))

    def _line(self, line: str) -> None:
        tqdm.write(line, file=self._terminal)
        self._terminal.flush()


def _weight(notebook: str) -> int:
    return WEIGHTS.get(notebook.split("_")[0], 1)
