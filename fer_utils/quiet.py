"""Holds back the log lines that MediaPipe and TensorFlow write past Python's own standard error."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# absl's prefix (level, date, time, thread), and the lines that come without one
_LOG_LINE = re.compile(rb"[IWE]\d{4} \d|INFO: Created TensorFlow Lite|WARNING: (All log messages|Logging) before")


@contextmanager
def native_logs_hidden() -> Iterator[None]:
    """Drop native log lines while the block runs; anything else on file descriptor 2 is passed on afterwards, and
    where the block raises, the log lines too. Neither library has a setting that does this.
    """
    sys.stderr.flush()
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        keep_all = True
        try:
            yield
            keep_all = False
        finally:
            sys.stderr.flush()
            os.dup2(standard_error, 2)
            os.close(standard_error)
            held.seek(0)
            for line in held:
                if keep_all or not _LOG_LINE.match(line):
                    os.write(2, line)
