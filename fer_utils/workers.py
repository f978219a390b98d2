"""A pool of worker processes; any other `concurrent.futures.Executor` serves in its place."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor


def pool(jobs: int | None = None) -> ProcessPoolExecutor:
    """`jobs` fresh processes, one per core by default. They are spawned, because a fork of a process in which
    TensorFlow or MediaPipe threads run can hang."""
    return ProcessPoolExecutor(jobs or os.cpu_count(), mp_context=multiprocessing.get_context("spawn"))
