"""A pool of worker processes; any other `concurrent.futures.Executor` serves in its place."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor

import cv2
import threadpoolctl


def pool(jobs: int | None = None) -> ProcessPoolExecutor:
    """`jobs` fresh processes, one per core by default. They are spawned, because a fork of a process in which
    TensorFlow or MediaPipe threads run can hang; and they end when the process that made them does."""
    return ProcessPoolExecutor(
        jobs or os.cpu_count(), mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker
    )


def _start_worker() -> None:
    # the workers share the cores among them; and what they compute is the same however many they are
    cv2.setNumThreads(1)
    threadpoolctl.threadpool_limits(1)
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"  # read when it is imported
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
