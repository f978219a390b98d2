"""Killed at any moment and started again: the same results as undisturbed, and nothing done twice."""

import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

CLIPS = sorted((Path(__file__).parents[1] / "files" / "face_mesh").glob("*.mp4"))

EXTRACTION = """
import sys
from pathlib import Path
from fer_utils.data.sequence import Sequence
from fer_utils.data.video import Video
from fer_utils.landmarks import extraction
from fer_utils.workers import pool

if __name__ == "__main__":
    clips, cache = map(Path, sys.argv[1:])
    sequences = [Sequence("toy", "s", c.stem, "fear", Video(c)) for c in sorted(clips.glob("*.mp4"))]
    with pool(2) as workers:
        extraction.extract(sequences, workers, cache_dir=cache, detector="face_mesh")
"""

FOLDS = """
import sys
from pathlib import Path
import numpy as np
from fer_utils.evaluation import cross_validation, splits
from fer_utils.evaluation.cross_validation import BASE, Run
from fer_utils.evaluation.splits import Scheme
from fer_utils.features.tensors import FeatureTable
from fer_utils.workers import pool

if __name__ == "__main__":
    out = Path(sys.argv[1])
    draw = np.random.default_rng(0)
    emotions, subjects = np.resize(["anger", "fear"], 60), np.array([f"s{n // 6}" for n in range(60)])
    x = (draw.normal(size=(60, 4, 300)) + (emotions == "fear")[:, None, None] / 10).astype(np.float32)
    table = FeatureTable(x, emotions, subjects, np.array([f"r{n}" for n in range(60)]))
    made = {Scheme("grouped", seed): splits.make("grouped", table, 5, seed) for seed in range(3)}
    with pool(2) as workers:
        runs = [Run("compact", "grouped", seed) for seed in range(3)]
        outcome = cross_validation.run(runs, {BASE: table}, made, out / "folds", workers, {"epochs": 15})
    for name in ("folds", "predictions", "history"):
        getattr(outcome, name).to_csv(out / f"{name}.csv", index=False)
"""

STUDY = """
import sys
from pathlib import Path
from fer_utils.study import runner

if __name__ == "__main__":
    runner.LAST = ("06_paper_figures",)
    settings = {"subjects": 5, "epochs": 2, "folds": 2, "seeds": 1, "questions": ["leakage", "early"]}
    done, _ = runner.run(["ckplus"], out=Path(sys.argv[1]), settings=settings, jobs=2, scheduler=sys.argv[2])
    sys.exit(any(run.error for run in done))
"""


def contents(folder: Path, pattern: str) -> dict[str, bytes]:
    """The files, without the seconds that training took: these differ from run to run."""
    return {str(path.relative_to(folder)): without_seconds(path) for path in sorted(folder.rglob(pattern))}


def without_seconds(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".json":  # an outcome and, in a line of its own, its checksum
        outcome, _, _ = content.partition(b"\n")
        return re.sub(rb'"seconds": [0-9.e-]+', b"", outcome)
    if path.suffix == ".csv" and b",seconds" in content.partition(b"\n")[0]:
        return pd.read_csv(path, dtype=str).drop(columns="seconds").to_csv().encode()
    return content


class Program:
    """A script, run as often as one likes."""

    def __init__(self, code: str, folder: Path):
        self.script = folder / "program.py"
        self.script.write_text(code)

    def start(self, *arguments) -> subprocess.Popen:
        command = [sys.executable, str(self.script), *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments) -> float:
        """Seconds that it took."""
        start = time.monotonic()
        with self.start(*arguments) as process:
            _, error = process.communicate()
        assert process.returncode == 0, error
        return time.monotonic() - start

    def kill_at(self, moment: float, *arguments) -> None:
        with self.start(*arguments) as process:
            try:
                process.communicate(timeout=moment)
            except subprocess.TimeoutExpired:
                process.kill()


def killed_and_started_again(program: Program, arguments: tuple, results: Path, pattern: str, seconds: float, times=3):
    """Kill it at `times` random moments, the later ones more likely to meet the work; each time, files that were there
    stay as they are, to the inode; then let it end."""
    moments = random.Random(len(pattern) + times)
    for _ in range(times):
        before = {path: path.stat() for path in results.rglob(pattern)}
        program.kill_at(seconds * moments.uniform(0.3, 0.95), *arguments)
        for path, stat in before.items():
            assert (path.stat().st_ino, path.stat().st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns)
    kept = {path: path.stat().st_mtime_ns for path in results.rglob(pattern)}
    program.run(*arguments)
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())
    return len(kept)


def test_extraction(tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    for copy in range(3):  # one more byte makes another recording of it
        for clip in CLIPS:
            (clips / f"{clip.stem}_{copy}.mp4").write_bytes(clip.read_bytes() + bytes(copy))
    program = Program(EXTRACTION, tmp_path)
    seconds = program.run(clips, tmp_path / "undisturbed")
    arguments, results = (clips, tmp_path / "killed"), tmp_path / "killed"
    kept = killed_and_started_again(program, arguments, results, "[!.]*.npz", seconds)
    expected = contents(tmp_path / "undisturbed", "*.npz")
    assert len(expected) == 3 * len(CLIPS) >= kept
    for name, content in contents(results, "[!.]*.npz").items():
        one, other = (np.load(folder / name) for folder in (tmp_path / "undisturbed", results))
        assert all(np.array_equal(one[key], other[key], equal_nan=one[key].dtype.kind == "f") for key in one.files)
        assert name in expected and content


@pytest.mark.long
def test_folds(tmp_path):
    program = Program(FOLDS, tmp_path)
    seconds = program.run(tmp_path / "undisturbed")
    killed = tmp_path / "killed"
    killed_and_started_again(program, (killed,), killed, "folds/[!.]*.json", seconds)
    assert contents(killed, "folds/[!.]*.json") == contents(tmp_path / "undisturbed", "folds/*.json")
    tables = contents(tmp_path / "undisturbed", "*.csv")
    assert len(tables) == 3 and contents(killed, "*.csv") == tables


@pytest.mark.long
def test_a_whole_study_that_is_killed_and_one_on_a_cluster(tmp_path, monkeypatch):
    program = Program(STUDY, tmp_path)
    tables = {}
    for name in ("undisturbed", "on a cluster", "killed"):
        monkeypatch.setenv("FER_DATA", str(tmp_path / name / "data"))
        monkeypatch.setenv("FER_RUNS", str(tmp_path / name / "runs"))
        (tmp_path / name).mkdir()
        out = tmp_path / name / "out"
        if name == "undisturbed":
            seconds = program.run(out, "")
        elif name == "on a cluster":
            pytest.importorskip("distributed")
            program.run(out, "local")
        else:
            killed_and_started_again(program, (out, ""), out, "folds/ckplus/[!.]*.json", seconds, times=4)
        # one names the recordings that were left out
        place = str(tmp_path / name).encode()
        tables[name] = {table: text.replace(place, b"") for table, text in contents(out, "*.csv").items()}
    expected = tables.pop("undisturbed")
    assert len(expected) > 15
    for found in tables.values():
        assert set(found) == set(expected)
        assert [name for name in expected if found[name] != expected[name]] == []
    leftovers = [path for path in (tmp_path / "killed" / "out").rglob(".*") if path.name != ".lock"]
    assert leftovers == []


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX's")
def test_a_killed_study_leaves_no_process(tmp_path, monkeypatch):
    psutil = pytest.importorskip("psutil")
    monkeypatch.setenv("FER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    program = Program(STUDY, tmp_path)
    with program.start(tmp_path / "out", "") as process:
        deadline, children = time.monotonic() + 120, []
        while len(children) < 4 and time.monotonic() < deadline:  # a kernel, its workers and their tracker
            children = psutil.Process(process.pid).children(recursive=True)
            time.sleep(0.2)
        process.kill()
    assert len(children) >= 4
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    shutil.rmtree(tmp_path / "out")
