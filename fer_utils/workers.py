"""Executors: worker processes here, or a Dask cluster of many machines. What they compute is the same."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import psutil
import threadpoolctl
from tqdm import tqdm

from fer_utils import paths
from fer_utils.errors import StudyError, first_line

# besides this package's own code, what changes the outcome of a job
LIBRARIES = ("ai-edge-litert", "tensorflow", "keras", "numpy", "scikit-learn", "opencv-contrib-python")
PATIENCE = 10  # seconds in which a scheduler has to answer, and to have a worker
_pool_size = 1  # workers in the pool that this process belongs to
_in_worker = False
# libraries of linear algebra read it when they are loaded; for small matrices, threads cost more than they give
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
FIX = "what was finished is kept: run again, with fewer --jobs if memory was short"


class _Processes(ProcessPoolExecutor):
    """Processes that ignore Ctrl-C from their start on: a terminal sends it to all, but the parent decides."""

    def submit(self, *job, **options):
        if not hasattr(signal, "pthread_sigmask"):  # Windows
            return super().submit(*job, **options)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a process that is started inherits it
        try:
            return super().submit(*job, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def pool(jobs: int | None = None, scheduler: str = "") -> Iterator[Executor]:
    """Yield an executor: `jobs` fresh processes of this machine, by default one a core, or a cluster's workers.

    On interruption the processes end at once, and what they had half written is removed. With the address of a Dask
    `scheduler`, that cluster's workers do the work; they must see the same files under the same paths. Raises
    StudyError if a worker dies (in a cluster: several, of the same job), or if the cluster does not fit.
    """
    if scheduler:
        with _connected(scheduler) as client, client.get_executor(pure=False) as executor:
            try:
                yield executor
            except _distributed().KilledWorker as error:
                raise StudyError(f"{first_line(error)} {FIX}") from None
        return
    # spawned, because a fork of a process in which TensorFlow or MediaPipe threads run can hang
    context = multiprocessing.get_context("spawn")
    count, others = jobs or os.cpu_count() or 1, multiprocessing.active_children()
    with _Processes(count, mp_context=context, initializer=_start_process, initargs=(count,)) as executor:
        try:
            yield executor
        except BrokenProcessPool:
            raise StudyError(f"a worker process died, most likely of too little memory; {FIX}") from None
        except KeyboardInterrupt:
            executor.shutdown(wait=False, cancel_futures=True)
            for worker in set(multiprocessing.active_children()).difference(others):
                worker.terminate()
            raise


@contextmanager
def cluster(scheduler: str, jobs: int | None = None) -> Iterator[tuple[str, str]]:
    """Yield the address of a Dask scheduler that was checked, and of its dashboard; both empty without a `scheduler`.

    "local" starts one on this machine, with `jobs` workers, for as long as the block runs. Raises StudyError, which
    says how to fix it.
    """
    if scheduler == "local":
        options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "silence_logs": "CRITICAL"}
        with _distributed().LocalCluster(n_workers=jobs or os.cpu_count(), **options) as local:
            yield local.scheduler_address, local.dashboard_link
    elif scheduler:
        with _connected(scheduler) as client:
            dashboard = client.dashboard_link
        yield scheduler, dashboard
    else:
        yield "", ""


@contextmanager
def _connected(scheduler: str):
    """Yield a client of the scheduler, whose workers are checked and prepared, those that join later too."""
    try:
        client = _distributed().Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise StudyError(
            f"--scheduler {scheduler}: no Dask scheduler answers ({first_line(error)}); start one by `dask scheduler`, "
            "or: local"
        ) from None
    with client:
        _check(client, scheduler)
        client.register_worker_callbacks(start_worker)
        yield client


def _check(client, scheduler: str) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)  # they may be on their way up
    except TimeoutError:
        fix = f"start some: dask worker {scheduler} --nthreads 1"
        raise StudyError(f"--scheduler {scheduler}: has no workers; {fix}") from None
    workers = client.scheduler_info(n_workers=-1)["workers"]
    for name, worker in workers.items():
        if worker["nthreads"] != 1:  # a detector and a network serve one job at a time
            raise StudyError(f"{name}: has {worker['nthreads']} threads; start it with --nthreads 1 --nworkers auto")
    ours = installed()
    for name, theirs in client.run(installed).items():
        if other := [mine for mine, its in zip(ours, theirs, strict=True) if mine != its]:
            raise StudyError(f"{name}: differs in {', '.join(other)}; install there what is installed here")


def installed() -> list[str]:
    """Return the digest of this package's code, and the versions of the libraries that compute."""
    return [f"fer_utils {digest(sorted(Path(__file__).parent.rglob('*.py')))}", *versions()]


def digest(files: Iterable[Path]) -> str:
    """Return the start of the SHA-256 of the files' bytes, one after the other."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def versions() -> list[str]:
    """Return the versions of the libraries that compute."""
    return [f"{name} {version(name)}" for name in LIBRARIES]


def _distributed():
    try:
        import distributed
    except ImportError:
        raise StudyError("--scheduler: Dask is not installed; pip install 'fer-utils[study]'") from None
    return distributed


def memory_free() -> int:
    """Return the bytes that this process can still have on this machine, or in the container that limits it.

    In a pool, it is the process's share of what the workers have and what is free.
    """
    free = psutil.virtual_memory().available
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    with suppress(OSError, ValueError):  # not Linux, or no limit ("max")
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    if _pool_size == 1:
        return free
    mine, taken = psutil.Process().memory_info().rss, 0
    for worker in psutil.Process(os.getppid()).children():
        with suppress(psutil.Error):  # just ended
            taken += worker.memory_info().rss
    return (free + taken) // _pool_size - mine


def threads() -> int:
    """Return how many threads the network of one stream may use: two of its cores, but one in a worker.

    Measured on two idle cores: with two threads the default detector's network takes 2.4 ms a frame, with one 4.2; that
    of `face_mesh` 0.8 and 1.5. The points are the same. Streams that share the cores lose by a second thread, since
    LiteRT's threads wait for each other without sleeping.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if _in_worker else min(2, cores)


def start_worker() -> None:
    """Use one thread in this worker: workers share the cores, and compute the same however many they are."""
    global _in_worker
    _in_worker = True
    os.environ.update(ONE_THREAD)
    threadpoolctl.threadpool_limits(1)  # of what is loaded already
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"  # read when it is imported


def _start_process(count: int) -> None:
    global _pool_size
    _pool_size = count
    start_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows
    signal.signal(signal.SIGTERM, _end)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, which a process that ends at once would leave behind
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    _end()


def _end(*_) -> None:
    paths.remove_unfinished()
    os._exit(1)
