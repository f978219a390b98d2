"""Executors: processes that die, a cluster of this machine, and clusters that do not fit."""

import builtins
import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import threadpoolctl

from fer_utils import workers
from fer_utils.data.pictures import Pictures
from fer_utils.errors import StudyError
from fer_utils.evaluation import cross_validation, splits
from fer_utils.evaluation.cross_validation import BASE, Run
from fer_utils.evaluation.splits import Scheme
from fer_utils.features.tensors import FeatureTable
from fer_utils.landmarks import extraction

FREE = 3 * 10**9  # bytes


def kill_once(marker):
    """Ends the worker with SIGKILL, but where `marker` exists."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def always_kill(_):
    os.kill(os.getpid(), signal.SIGKILL)


def threads(_):
    import cv2
    import sklearn.svm  # noqa: F401 (brings OpenMP and the linear algebra of NumPy and SciPy)

    import fer_utils.data.video  # noqa: F401 (as all do that touches pictures)

    pools = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    return os.environ["TF_NUM_INTRAOP_THREADS"], os.environ["TF_NUM_INTEROP_THREADS"], cv2.getNumThreads(), pools


def test_a_process_that_dies_is_told_in_one_line():
    with pytest.raises(StudyError, match="a worker process died, most likely of"), workers.pool(1) as executor:
        executor.submit(always_kill, 0).result()


def test_a_process_computes_with_one_thread():
    with workers.pool(1) as executor:
        assert executor.submit(threads, 0).result() == ("1", "1", 1, {1})


def free_memory(held, folder):
    """What a worker is promised that holds a block, while the other one holds its own; and the block's size."""
    block = np.ones(held, np.uint8)

    def wait_for_both(point):
        (folder / f"{point} {os.getpid()}").touch()
        while len(list(folder.glob(f"{point} *"))) < 2:
            time.sleep(0.01)

    with pytest.MonkeyPatch.context() as patch:  # what other processes take meanwhile is no concern of this test
        patch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=FREE))
        wait_for_both("holds")
        free = workers.memory_free()
        wait_for_both("has seen")
    return free, len(block)


def test_free_memory_is_shared_by_the_workers_of_a_pool(tmp_path):
    """However much one of them holds already, so that the second is not promised what the first was."""
    assert 0 < workers.memory_free() <= psutil.virtual_memory().total
    with workers.pool(2) as executor:
        (small, _), (large, held) = executor.map(free_memory, [1, 10**9], [tmp_path] * 2)
    assert small - large == pytest.approx(held, rel=0.1)
    assert small + large == pytest.approx(FREE, rel=0.1)


@pytest.fixture(scope="module")
def scheduler():
    pytest.importorskip("distributed", reason="the cluster needs the extra study")
    with workers.cluster("local", 2) as (address, dashboard):
        assert dashboard.startswith("http://127.0.0.1:")
        yield address


@pytest.fixture(scope="module")
def study():
    """A table of two classes that can be told apart, and its folds."""
    draw = np.random.default_rng(0)
    emotions = np.resize(["anger", "fear"], 40)
    x = draw.normal(size=(40, 4, 6)) + (emotions == "fear")[:, None, None]
    subjects, ids = (
        np.array([f"{kind}{number // each}" for number in range(40)]) for kind, each in (("s", 2), ("r", 1))
    )
    table = FeatureTable(x.astype(np.float32), emotions, subjects, ids)
    return table, {Scheme("grouped"): splits.make("grouped", table, 4)}


def outcome(study, out, executor):
    table, folds = study
    runs = [Run(model, "grouped") for model in ("mlp", "svm")]
    return cross_validation.run(runs, {BASE: table}, folds, out, executor, {"epochs": 3})


class TestCluster:
    @pytest.mark.long
    def test_folds_are_those_of_one_process_and_of_two_to_the_byte(self, scheduler, study, tmp_path):
        written = []
        for number, options in enumerate(({"scheduler": scheduler}, {"jobs": 1}, {"jobs": 2})):
            with workers.pool(**options) as executor:
                found = outcome(study, tmp_path / str(number), executor)
            parts = (found.folds, found.predictions, found.history)
            written.append([part.to_csv(index=False) for part in parts])
        assert written[0] == written[1] == written[2]
        assert "mlp" in written[0][2] and written[0][1].count("\n") == 1 + 2 * 40

    def test_landmarks_are_those_of_this_process(self, scheduler, make_sequence, tmp_path):
        import cv2

        cv2.imwrite(str(tmp_path / "0.png"), np.zeros((64, 64, 3), np.uint8))
        sequences = [make_sequence(f"s{n}", files=[tmp_path / "0.png"] * (n + 1)) for n in range(4)]
        with workers.pool(scheduler=scheduler) as executor:
            there = extraction.extract(sequences, executor, cache_dir=tmp_path / "there")
        assert [len(track) for track in there.tracks.values()] == [1, 2, 3, 4]
        assert len(list((tmp_path / "there").iterdir())) == 4
        assert isinstance(sequences[0].frames, Pictures)

    def test_a_worker_that_is_killed_is_replaced_and_its_job_done(self, scheduler, tmp_path):
        with workers.pool(scheduler=scheduler) as executor:
            futures = [executor.submit(kill_once, tmp_path / str(number)) for number in range(2)]
            assert [future.result(60) for future in futures] == ["alive", "alive"]

    def test_a_worker_that_joined_later_computes_with_one_thread_too(self, scheduler):
        """The two above were killed, so these are new."""
        with workers.pool(scheduler=scheduler) as executor:
            assert executor.submit(threads, 0).result(60) == ("1", "1", 1, {1})

    def test_a_job_that_kills_every_worker_ends_the_run_with_one_line(self, scheduler):
        with (
            pytest.raises(StudyError, match="what was finished is kept"),
            workers.pool(scheduler=scheduler) as executor,
        ):
            executor.submit(always_kill, 0).result(120)
        with workers.pool(scheduler=scheduler) as executor:  # and the cluster lives
            assert executor.submit(threads, 0).result(60)[2] == 1

    def test_its_address_is_checked_before_the_study_starts(self, scheduler):
        with workers.cluster(scheduler) as (address, dashboard):
            assert address == scheduler and dashboard.startswith("http://")


class TestRefusals:
    def test_nobody_answers(self, monkeypatch):
        monkeypatch.setattr(workers, "PATIENCE", 0.5)
        with socket.socket() as taken:  # bound, so that nobody else is there; silent
            taken.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            message = f"--scheduler {address}: no Dask scheduler answers"
            with pytest.raises(StudyError, match=message), workers.cluster(address):
                pass

    @pytest.mark.parametrize("address", ["nonsense://x", "127.0.0.1:notaport"])
    def test_no_address(self, monkeypatch, address):
        monkeypatch.setattr(workers, "PATIENCE", 0.5)
        message = f"--scheduler {address}: no Dask scheduler answers"
        with pytest.raises(StudyError, match=message), workers.pool(scheduler=address):
            pass

    @pytest.mark.parametrize(
        ("made", "message"),
        [
            ({"n_workers": 0}, "has no workers; start some: dask worker"),
            ({"n_workers": 1, "threads_per_worker": 2}, "has 2 threads; start it with --nthreads 1"),
        ],
    )
    def test_a_cluster_without_workers_or_with_threads(self, monkeypatch, made, message):
        distributed = pytest.importorskip("distributed")
        monkeypatch.setattr(workers, "PATIENCE", 2)
        with (
            distributed.LocalCluster(processes=False, dashboard_address=None, silence_logs="CRITICAL", **made) as other,
            pytest.raises(StudyError, match=message),
            workers.pool(scheduler=other.scheduler_address),
        ):
            pass

    def test_other_code_on_a_worker(self, scheduler, monkeypatch):
        theirs = workers.installed()
        monkeypatch.setattr(workers, "versions", lambda: [*theirs[1:-1], "ai-edge-litert 0.0.1"])
        message = r"differs in ai-edge-litert 0\.0\.1; install there what is installed here"
        with pytest.raises(StudyError, match=message), workers.pool(scheduler=scheduler):
            pass

    def test_dask_is_not_installed(self, monkeypatch):
        real = builtins.__import__

        def without(name, *rest):
            if name == "distributed":
                raise ImportError(name)
            return real(name, *rest)

        monkeypatch.setattr(builtins, "__import__", without)
        message = r"Dask is not installed; pip install 'fer-utils\[study\]'"
        with pytest.raises(StudyError, match=message), workers.cluster("local"):
            pass


HALF_WRITTEN = """
import os, sys, time
from pathlib import Path
from fer_utils import paths, workers

def job():
    with paths.replacing(Path("rows.csv")) as temporary:
        temporary.write_text("half")
        print(os.getpid(), flush=True)
        time.sleep(60)

if __name__ == "__main__":
    with workers.pool(1) as executor:
        executor.submit(job).result()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])  # to the parent alone
def test_processes_end_with_the_one_that_made_them_and_leave_nothing_half_written(tmp_path, name):
    script = tmp_path / "parent.py"
    script.write_text(HALF_WRITTEN)
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert len(list(tmp_path.iterdir())) == 2
        parent.send_signal(getattr(signal, name))
        assert psutil.wait_procs([child], timeout=20)[1] == []
        _, error = parent.communicate(timeout=20)
    assert list(tmp_path.iterdir()) == [script]
    assert name == "SIGKILL" or (error.count("Traceback") == 1 and error.endswith("KeyboardInterrupt\n"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_ctrl_c_misses_processes_that_are_still_starting(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(HALF_WRITTEN.replace("    with workers", "    print('ready', flush=True)\n    with workers"))
    command = [sys.executable, str(script)]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        parent.stdout.readline()
        time.sleep(0.1)
        os.killpg(parent.pid, signal.SIGINT)  # as a terminal does
        _, error = parent.communicate(timeout=20)
    assert error.count("Traceback") == 1 and list(tmp_path.iterdir()) == [script]
