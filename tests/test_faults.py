"""Full disks, folders that cannot be written, files that change while they are read, processes that are killed: a clear
outcome, and no half-written file is taken for a whole one."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fer_utils import paths
from fer_utils.data.pictures import Pictures
from fer_utils.data.sequence import DatasetError
from fer_utils.data.video import Video
from fer_utils.errors import OutputError, UserError
from fer_utils.evaluation import cross_validation, jobs, splits, tables
from fer_utils.evaluation.splits import Scheme
from fer_utils.features.tensors import FeatureTable, Options, shape
from fer_utils.landmarks import extraction
from fer_utils.landmarks.track import LandmarkTrack
from fer_utils.models import classifiers, export
from fer_utils.plots import faces
from fer_utils.realtime import streaming
from fer_utils.realtime.live import Live
from fer_utils.standins import writing
from fer_utils.study import runner

resource = pytest.importorskip("resource", reason="limits of a process are Unix's")


@contextmanager
def full_disk(at: int):
    """No file may grow beyond so many bytes: a write past them fails in the system, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def unprivileged():
    """Root may write anywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that everybody reaches, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def a_track(frames=40):
    points = np.random.default_rng(0).uniform(0, 500, (frames, 478, 3)).astype(np.float32)
    return LandmarkTrack(points, np.arange(frames) / 25, np.array([""] * frames, np.str_), (640, 480))


def a_table(rows=60):
    draw, numbers = np.random.default_rng(0), np.arange(rows)
    names = np.array(["anger", "disgust", "fear"])
    return FeatureTable(
        draw.normal(size=(rows, 4, 50)).astype(np.float32),
        names[numbers % 3],
        np.array([f"s{n // 3}" for n in numbers]),
        np.array([f"r{n}" for n in numbers]),
    )


def experiment(out):
    table = a_table()
    folds = {Scheme("grouped"): splits.make("grouped", table)}
    jobs.load_table.cache_clear()
    run = cross_validation.Run("logistic", "grouped")
    with ThreadPoolExecutor(1) as executor:
        return cross_validation.run([run], {cross_validation.BASE: table}, folds, out / "folds", executor)


def a_figure():
    figure, axes = plt.subplots()
    axes.imshow(np.random.default_rng(0).random((200, 200)))
    return figure


@pytest.fixture(scope="module")
def classifier():
    made = classifiers.make("mlp", epochs=1)
    made.features = Options(values="distances", n_key_frames=2)
    x = np.random.default_rng(0).normal(size=(6, *shape(made.features))).astype(np.float32)
    emotions = np.array(["anger", "fear"] * 3)
    made.fit(x, emotions, (x, emotions))
    return made


@pytest.fixture(params=["track", "table", "figure", "drawing", "exported", "folds"])
def writer(request, classifier):
    """What writes more than 20 kB into a folder."""
    return {
        "track": lambda folder: a_track().save(folder / "track.npz"),
        "table": lambda folder: tables.write(pd.DataFrame({"n": range(9000)}), folder / "table.csv"),
        "figure": lambda folder: faces.save(a_figure(), folder, "all", "figure"),
        "drawing": lambda folder: faces.save(a_figure(), folder, "all", "figure", vector=True),
        "exported": lambda folder: export.write(classifier, folder / "classifier.tflite"),
        "folds": experiment,
    }[request.param]


# what the system says, NumPy's words for it, and ours for TensorFlow's
FULL = r"cannot be written \((No space left on device|\d+ requested and \d+ written|TensorFlow cannot write into .*)\)"


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("no_windows")
class TestFullDisk:
    @pytest.mark.parametrize("at", [0, 4096, 20_000])
    def test_the_old_files_stay_whole(self, writer, tmp_path, at):
        writer(tmp_path)
        whole = contents(tmp_path)
        assert max(map(len, whole.values())) > 20_000
        for file in [path for path in tmp_path.glob("folds/**/*") if path.is_file()]:  # would not be written again
            whole.pop(file.relative_to(tmp_path))
            file.unlink()
        with full_disk(at), pytest.raises(UserError, match=r"cannot be written \(.*; free space") as raised:
            writer(tmp_path)
        assert "\n" not in str(raised.value)
        left = contents(tmp_path)
        assert {path: left.pop(path) for path in whole} == whole
        # of an experiment, what was finished before
        assert all(path.suffix in (".json", ".npy") and not path.name.startswith(".") for path in left)

    def test_an_experiment_goes_on_with_what_was_finished(self, tmp_path):
        right = experiment(tmp_path / "right")
        with full_disk(3000), pytest.raises(OutputError):
            experiment(tmp_path / "out")
        assert contents(tmp_path / "out") == {}
        pd.testing.assert_frame_equal(experiment(tmp_path / "out").predictions, right.predictions)

    def test_a_stand_in_is_there_as_a_whole_or_not_at_all(self, tmp_path):
        with full_disk(4096), pytest.raises(DatasetError, match=r"cannot be written .*make room"):
            writing.ensure("ckplus", tmp_path, subjects=1, jobs=1)
        assert list(tmp_path.iterdir()) == []

    def test_a_recording_of_the_demo_ends_whole_or_not_at_all(self, tmp_path, make_track, monkeypatch):
        """The disk is full for some frames only: rows are missing, so there is no file. It is said at once, and again
        when the recording is to be saved."""
        found = make_track(np.zeros(1)).points[0]
        detector = SimpleNamespace(detect=lambda image, time: (found, None), __exit__=lambda *_: None)
        monkeypatch.setattr(streaming, "open_detector", lambda name: detector)
        live = Live(SimpleNamespace(classes=["anger", "fear"], predict_proba=lambda x: np.array([[0.25, 0.75]])))
        live.record(tmp_path / "r.csv")
        seen, told = [], []
        for number in range(60):
            with full_disk(10_000 if number < 40 else 10**9):
                try:
                    seen.append(live.push(np.zeros((48, 64, 3), np.uint8), number / 25))
                except OutputError as error:
                    told.append(str(error))
        assert len(told) == 1 and len(seen) == 59
        assert told[0].startswith(f"{tmp_path / 'r.csv'}: cannot be written (")
        with pytest.raises(OutputError, match=r"r\.csv: cannot be written"):
            live.save()
        assert live.save() is None and list(tmp_path.iterdir()) == []
        live.record(tmp_path / "r.csv")
        live.push(np.zeros((48, 64, 3), np.uint8), 61 / 25)
        assert live.save().rows == 1 and len(pd.read_csv(tmp_path / "r.csv")) == 1

    def test_a_disk_that_is_really_full(self, writer, tmp_path):
        """A file system of its own, where one may be mounted."""
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", tmp_path]).returncode:
            pytest.skip("no file system can be mounted here")
        try:
            (tmp_path / "mine").write_bytes(b"mine")
            with pytest.raises(OutputError, match=FULL):
                writer(tmp_path)
            left = contents(tmp_path)
            assert left.pop(Path("mine")) == b"mine"
            assert not [path for path in left if path.name.startswith(".")]
        finally:
            subprocess.run(["umount", tmp_path], check=True)


class TestReadOnlyFolder:
    def test_writing(self, open_folder):
        folder = open_folder / "out"
        folder.mkdir()
        (folder / "track.npz").write_bytes(b"old")
        folder.chmod(0o555)
        with unprivileged():
            for write in (
                a_track().save,
                lambda path: tables.write(pd.DataFrame({"n": [1]}), path),
                lambda path: paths.check_writable(path.parent),
                lambda path: runner.run(["ckplus"], out=path.parent),
                lambda path: runner.run(["ckplus"], out=path.parent / "below"),
            ):
                with pytest.raises(OutputError, match=r"cannot be (written|made) \(Permission denied\); (free|name)"):
                    write(folder / "track.npz")
        folder.chmod(0o755)
        assert contents(open_folder) == {Path("out/track.npz"): b"old"}

    def test_reading_what_one_may_not(self, open_folder, tmp_path):
        pictures = write_pictures(open_folder)
        pictures.files[2].chmod(0)
        with unprivileged():
            problems = [frame.problem for frame in pictures]
        assert problems == ["", "", "2.png: Permission denied", "", "", ""]


def picture(number, size=(80, 60)):
    return np.full((*size[::-1], 3), 20 * number, np.uint8)


def write_pictures(folder):
    files = [folder / f"{number}.png" for number in range(6)]
    for number, file in enumerate(files):
        cv2.imwrite(str(file), picture(number))
    return Pictures(tuple(files), 25.0)


def write_video(file):
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 25, (80, 60))
    for number in range(30):
        writer.write(picture(number % 10))
    writer.release()
    return Video(file)


@dataclass(frozen=True)
class Disturbed:
    """Frames whose file meets a fate after the second frame was read."""

    frames: Pictures | Video
    fate: object

    def __iter__(self):
        for frame in self.frames:
            yield frame
            if frame.index == 1:
                self.fate()

    def digest(self):
        return self.frames.digest()


FATES = {
    "removed": Path.unlink,
    "cut off": lambda file: os.truncate(file, file.stat().st_size // 2),
    "grown": lambda file: file.write_bytes(file.read_bytes() + b"more"),
    "replaced": lambda file: file.write_bytes(cv2.imencode(".png", picture(9))[1].tobytes()),
}


class TestRecordingsThatChange:
    @pytest.mark.parametrize("fate", FATES)
    @pytest.mark.parametrize("kind", ["pictures", "video"])
    def test_while_they_are_read(self, tmp_path, make_sequence, kind, fate):
        frames = write_pictures(tmp_path) if kind == "pictures" else write_video(tmp_path / "clip.avi")
        file = tmp_path / ("4.png" if kind == "pictures" else "clip.avi")
        disturbed = Disturbed(frames, lambda: FATES[fate](file))
        cache, refused = tmp_path / "tracks", "its files changed while they were read: run again when they are complete"
        with pytest.raises(OSError, match=refused):
            extraction.cached_track(disturbed, cache, detector="face_mesh")
        assert not cache.exists()
        if fate == "grown":  # once it is at rest
            assert not extraction.cached_track(frames, cache, detector="face_mesh")[1]
            assert len(list(cache.iterdir())) == 1

    def test_the_others_go_on(self, tmp_path, make_sequence):
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        one, two = write_pictures(tmp_path / "one"), write_pictures(tmp_path / "two")
        object.__setattr__(changing := make_sequence("one"), "frames", Disturbed(one, one.files[5].unlink))
        object.__setattr__(quiet := make_sequence("two"), "frames", two)
        found = extraction.extract([changing, quiet], cache_dir=tmp_path / "tracks", detector="face_mesh")
        assert list(found.tracks) == ["two"] and list(found.refused) == ["one"]
        assert found.refused["one"].startswith("its files changed while they were read")

    def test_that_were_removed_before(self, tmp_path, make_sequence):
        frames, video = write_pictures(tmp_path), write_video(tmp_path / "clip.avi")
        for file in (*frames.files[:3], video.file):
            file.unlink()
        track, _ = extraction.cached_track(frames, tmp_path / "tracks", detector="face_mesh")
        assert track.reasons.tolist()[:4] == [f"{n}.png: No such file or directory" for n in range(3)] + [
            "no face found"
        ]
        with pytest.raises(OSError, match=r"clip\.avi: cannot be opened as a video"):
            extraction.cached_track(video, tmp_path / "tracks", detector="face_mesh")

    def test_reasons_name_the_files_that_they_are_about(self, tmp_path):
        lost = [Pictures(tuple(tmp_path / f"{name}{n}.png" for n in range(2)), 25.0) for name in "ab"]
        found = [extraction.cached_track(each, tmp_path / "tracks", detector="face_mesh")[0] for each in lost]
        assert [track.reasons[0] for track in found] == [f"{name}0.png: No such file or directory" for name in "ab"]


WRITES = """
import hashlib, os, sys
from pathlib import Path
from fer_utils import paths
folder, number = Path(sys.argv[1]), 0
while True:
    content = os.urandom(300_000) * (1 + number % 5)
    with paths.replacing(folder / f"{number % 3}.bin") as temporary, temporary.open("wb") as file:
        file.write(hashlib.sha256(content).digest())
        for at in range(0, len(content), 50_000):
            file.write(content[at:at + 50_000])
            file.flush()
    number += 1
"""
SAVES = """
import sys
from pathlib import Path
import numpy as np
from fer_utils.landmarks.extraction import LandmarkTrack
number = 0
while True:
    frames = 20 + number % 50
    points = np.random.default_rng(0).uniform(0, 500, (frames, 478, 3)).astype(np.float32)
    track = LandmarkTrack(points, np.arange(frames) / 25, np.array([""] * frames, np.str_), (640, 480))
    track.save(Path(sys.argv[1]) / f"{number % 3}.npz")
    number += 1
"""


class TestKilledProcesses:
    def test_no_half_file_under_a_name(self, tmp_path):
        draw = random.Random(0)
        for _ in range(12):
            kill_writer(WRITES, tmp_path, tmp_path / "0.bin", draw.uniform(0, 0.1))
            files = [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
            assert files
            for path in files:
                content = path.read_bytes()
                assert hashlib.sha256(content[32:]).digest() == content[:32], path.name
            assert {path.name for path in files} <= {"0.bin", "1.bin", "2.bin"}
        assert [path for path in tmp_path.iterdir() if path.name.startswith(".")], "no kill came within a write"
        paths.remove_leftovers(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in files)

    def test_tracks_are_whole(self, tmp_path):
        for moment in (0.0, 0.07, 0.2):
            kill_writer(SAVES, tmp_path, tmp_path / "0.npz", moment)
            for path in tmp_path.glob("[0-2].npz"):
                track = LandmarkTrack.load(path)
                np.testing.assert_array_equal(track.points, a_track(len(track)).points)


def kill_writer(code, folder, first, moment):
    """Run a program until it has written a file again and so many seconds more."""
    before = first.stat().st_mtime_ns if first.exists() else 0
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    try:
        while process.poll() is None and not (first.exists() and first.stat().st_mtime_ns != before):
            time.sleep(0.002)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    finally:
        process.kill()


class TestLeftoversOfKilledProcesses:
    def test_half_a_track_is_not_taken(self, tmp_path):
        frames, cache = write_pictures(tmp_path), tmp_path / "tracks"
        made, _ = extraction.cached_track(frames, cache, detector="face_mesh")
        (path,) = cache.iterdir()
        half = path.read_bytes()[:-200]
        path.unlink()
        path.with_name(f".{path.stem}.0123456789ab.npz").write_bytes(half)
        again, cached = extraction.cached_track(frames, cache, detector="face_mesh")
        assert not cached
        np.testing.assert_array_equal(again.points, made.points)

    def test_half_an_outcome_and_half_a_table_are_not_taken(self, tmp_path):
        right = experiment(tmp_path)
        for path in [path for path in tmp_path.glob("folds/**/*") if path.is_file()]:
            content = path.read_bytes()
            path.with_name(f".{path.stem}.0123456789ab{path.suffix}").write_bytes(content[:-7])
            path.write_bytes(content[: len(content) // 2])
        again = experiment(tmp_path)
        pd.testing.assert_frame_equal(again.predictions, right.predictions)
        paths.remove_leftovers(tmp_path)
        assert not [path for path in tmp_path.rglob(".*")]
