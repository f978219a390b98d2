"""Keeps the terminal readable: any text in any encoding, and no log lines of native libraries and child processes."""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

# absl's prefix (level, date, time, thread), and the lines that come without one
_LOG_LINE = re.compile(rb"[IWE]\d{4} \d|INFO: Created TensorFlow Lite|WARNING: (All log messages|Logging) before")


def is_log_line(line: bytes) -> bool:
    """Return whether this line is one of the log of a native library: TensorFlow, LiteRT or MediaPipe."""
    return bool(_LOG_LINE.match(line))


def open_closed_streams() -> None:
    """Open standard streams that a caller closed, as a service's manager or `>&-` does: they hold and keep nothing.

    Python has None for them, and their numbers would go to the next files that are opened.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - stays open
            os.set_inheritable(stream.fileno(), True)  # for worker processes
            setattr(sys, name, stream)


def write_any_text() -> None:
    """Let standard output and error write escapes for what their encoding lacks, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def native_logs_hidden() -> Iterator[None]:
    """Drop log lines of native libraries while the block runs; none of them has a setting that silences all of it.

    Anything else on file descriptor 2 is passed on afterwards. If the block raises, the log lines are passed on too.
    """
    with tempfile.TemporaryFile() as held:
        keep_all = True
        try:
            with _redirected(held):
                yield
            keep_all = False
        finally:
            held.seek(0)
            for line in held:
                if keep_all or not is_log_line(line):
                    os.write(2, line)


@contextmanager
def children_log_to(path: Path) -> Iterator[TextIO]:
    """Let child processes write their standard error to the file `path`; yield a stream to where it went before."""
    form = {"encoding": getattr(sys.stderr, "encoding", None) or "utf-8", "errors": "backslashreplace"}
    with path.open("wb") as log, _redirected(log) as before, os.fdopen(os.dup(before), "w", **form) as stream:
        yield stream


@contextmanager
def _redirected(target: IO[bytes]) -> Iterator[int]:
    """Let file descriptor 2 write to `target`, and yield the descriptor it had been."""
    sys.stderr.flush()
    before = os.dup(2)
    os.dup2(target.fileno(), 2)
    try:
        yield before
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
