"""Stand-ins on disk: layout, truth, manifest, and what is made again when."""

import csv
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from fer_utils.data import registry
from fer_utils.data.sequence import DatasetError
from fer_utils.standins import writing
from fer_utils.standins.actors import seeds
from fer_utils.standins.layouts import ckplus, mmi, oulu_casia
from fer_utils.standins.writing import ensure

STANDS_FOR = {"ckplus": ["ckplus"], "oulu_casia": ["oulu_vis", "oulu_nir"], "mmi": ["mmi"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("stand-ins")


@pytest.fixture(scope="module")
def written(root):
    return {name: ensure(name, root, subjects=1, jobs=1) for name in writing.NAMES}


def truth(folder):
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", writing.NAMES)
def test_readers_find_what_the_truth_says(name, written):
    folder = written[name]
    rows = truth(folder)
    for dataset in STANDS_FOR[name]:
        inventory = registry.scan(dataset, folder)
        assert inventory.rendered
        used = {row["id"]: row for row in rows if row["dataset"] == dataset and row["used"] == "1"}
        assert {sequence.id for sequence in inventory.sequences} == set(used)
        for sequence in inventory.sequences:
            row = used[sequence.id]
            assert (sequence.subject, sequence.emotion) == (row["subject"], row["emotion"])
            frames = list(sequence.frames)
            assert all(frame.image is not None for frame in frames)
            assert len(frames) == int(row["frames"])
            assert int(row["onset"]) < int(row["apex"]) < len(frames)
            assert row["units"]


def test_ckplus_layout(written):
    folder = written["ckplus"]
    row = truth(folder)[0]
    subject, take = row["id"].split("/")
    last = f"{subject}_{take}_{int(row['frames']):08d}"
    picture = cv2.imread(str(folder / "cohn-kanade-images" / subject / take / f"{last}.png"), cv2.IMREAD_UNCHANGED)
    assert (picture.shape, picture.dtype) == ((490, 640), np.uint8)
    label = (folder / "Emotion" / subject / take / f"{last}_emotion.txt").read_text()
    assert label == f"   {ckplus.CODE[row['emotion']]}.0000000e+00\n"
    coded = (folder / "FACS" / subject / take / f"{last}_facs.txt").read_text().splitlines()
    units = {part.partition("=")[0].rstrip("LR") for part in row["units"].split()}
    assert {f"{float(line.split()[0]):g}" for line in coded} <= units
    assert all(1 <= float(line.split()[1]) <= 5 for line in coded)


def test_a_few_label_folders_of_ckplus_are_empty(tmp_path):
    rows = ckplus.write(tmp_path, 1, 5)
    assert [row["used"] for row in rows] == [1] * 7 + [0]
    assert list((tmp_path / "Emotion" / "S005" / "008").iterdir()) == []
    assert list((tmp_path / "cohn-kanade-images" / "S005" / "008").glob("*.png"))


def test_oulu_shows_one_performance_to_both_cameras_in_three_lights(written):
    folder = written["oulu_casia"]
    rows = {row["id"]: row for row in truth(folder)}
    for name, row in rows.items():
        other = rows[name.replace("VL/", "NI/")]
        assert [row[key] for key in ("subject", "frames", "apex", "units")] == [
            other[key] for key in ("subject", "frames", "apex", "units")
        ]
    bright = {}
    for light in ("Strong", "Weak", "Dark"):
        for camera, channels in (("VL", 3), ("NI", 2)):
            file = folder / "OriginalImg" / camera / light / "P001" / "Anger" / "000.jpeg"
            picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
            assert (picture.shape[:2], picture.ndim) == ((240, 320), channels)
            bright[camera, light] = float(picture[60:150, 120:200].mean())
    assert bright["VL", "Strong"] > 2 * bright["VL", "Weak"] > 4 * bright["VL", "Dark"]
    assert bright["NI", "Dark"] > 0.8 * bright["NI", "Strong"]


def test_mmi_returns_to_neutral_and_holds_the_awkward_clips(written):
    folder = written["mmi"]
    rows = truth(folder)
    assert [row["used"] for row in rows] == ["1"] * 6 + ["0"] * 3
    for row in rows:
        assert int(row["apex"]) < int(row["offset"]) < int(row["frames"])
    reasons = [skipped.reason for skipped in registry.scan("mmi", folder).skipped]
    assert len(reasons) == 3
    assert sum("view 1" in reason for reason in reasons) == 1
    assert sum("view 2" in reason for reason in reasons) == 1
    assert sum("label" in reason for reason in reasons) == 1
    session = folder / "Sessions" / "101"
    video = cv2.VideoCapture(str(session / "S001-001.avi"))
    sizes = video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT), video.get(cv2.CAP_PROP_FPS)
    video.release()
    assert sizes == (576, 720, 25)  # this one lies on its side
    marks = (session / "S001-001-oao_aucs.xml").read_text()
    assert f'Frame="{int(rows[0]["apex"]) + 1}" Type="apex"' in marks
    assert not (folder / "Sessions" / "102" / "S001-002-oao_aucs.xml").exists()


def test_actors_of_the_sets_are_different_people():
    sets = (ckplus.DATASET, oulu_casia.DATASET, mmi.DATASET)
    actors = {seeds(writing.SEED, dataset, number)[0] for dataset in sets for number in range(1, 40)}
    assert len(actors) == 3 * 39


def test_same_bytes_whatever_runs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(ckplus, "EMOTIONS", ("fear", "surprise"))
    one = ensure("ckplus", tmp_path / "one", subjects=2, jobs=1)
    monkeypatch.setattr(writing, "pool", ThreadPoolExecutor)
    many = ensure("ckplus", tmp_path / "many", subjects=2, jobs=3)
    assert (one / "manifest.json").read_bytes() == (many / "manifest.json").read_bytes()
    assert writing.digest(one) == manifest(one)["sha256"] == writing.digest(many)


def test_a_pool_of_its_own_writes_the_same(tmp_path, root, written):
    pooled = ensure("ckplus", tmp_path, subjects=2, jobs=2)
    for file in sorted(written["ckplus"].rglob("S001*.*")):
        assert (pooled / file.relative_to(written["ckplus"])).read_bytes() == file.read_bytes()


@pytest.fixture
def quick(monkeypatch):
    """Stand-ins of one empty file a subject, so that only the writing is tested; counts the calls."""
    calls = []

    def write(folder, seed, number):
        calls.append(number)
        (folder / f"S{number}.txt").write_text(str(seed))
        row = dict.fromkeys(("dataset", "subject", "id", "emotion", "onset", "apex", "offset", "units"), "x")
        return [row | {"used": 1, "frames": 1}]

    monkeypatch.setattr(ckplus, "write", write)
    return calls


def test_made_anew_only_when_the_manifest_says_so(tmp_path, quick, monkeypatch):
    def make(**options):
        return ensure("ckplus", tmp_path, jobs=1, **options)

    folder = make(subjects=2)
    make(subjects=2)
    assert quick == [1, 2]
    make(subjects=3)
    assert quick == [1, 2, 1, 2, 3]
    make(subjects=3, seed=7)
    assert (folder / "S3.txt").read_text() == "7"
    monkeypatch.setattr(writing, "VERSION", writing.VERSION + 1)
    make(subjects=3, seed=7)
    assert len(quick) == 2 + 3 + 3 + 3
    assert [path.name for path in tmp_path.iterdir()] == ["ckplus"]


def test_interrupted_writing_leaves_the_old_one(tmp_path, quick, monkeypatch):
    folder = ensure("ckplus", tmp_path, subjects=1, jobs=1)
    before = writing.digest(folder)
    whole = ckplus.write

    def stop(folder, seed, number):
        if number == 2:
            raise KeyboardInterrupt
        return whole(folder, seed, number)

    monkeypatch.setattr(ckplus, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        ensure("ckplus", tmp_path, subjects=2, jobs=1)
    assert writing.digest(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["ckplus"]
    with pytest.raises(KeyboardInterrupt):
        ensure("ckplus", tmp_path / "first", subjects=2, jobs=1)
    assert list((tmp_path / "first").iterdir()) == []


def test_what_a_killed_run_left_is_cleared_away(tmp_path, quick):
    for name, age in ((".ckplus-old", 7200), (".ckplus-live", 60), (".mmi-old", 7200)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    ensure("ckplus", tmp_path, subjects=1, jobs=1)
    assert {path.name for path in tmp_path.iterdir()} == {"ckplus", ".ckplus-live", ".mmi-old"}


def test_a_folder_with_other_files_is_left_alone(tmp_path, quick):
    (tmp_path / "ckplus").mkdir()
    (tmp_path / "ckplus" / "mine.txt").write_text("real data")
    with pytest.raises(DatasetError, match="not a rendered stand-in; move them"):
        ensure("ckplus", tmp_path, subjects=1, jobs=1)
    assert (tmp_path / "ckplus" / "mine.txt").read_text() == "real data"


def test_what_cannot_be_written_is_one_line(tmp_path, quick):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=r"ckplus: cannot be written \(Not a directory\).*another folder"):
        ensure("ckplus", tmp_path / "file" / "deep", subjects=1, jobs=1)
    if os.geteuid():
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(DatasetError, match=r"locked.*make it writable"):
            ensure("ckplus", tmp_path / "locked", subjects=1, jobs=1)


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="no stand-in 'fer2013'; there are ckplus, oulu_casia, mmi"):
        ensure("fer2013", tmp_path)
    with pytest.raises(ValueError, match="subjects is 0"):
        ensure("ckplus", tmp_path, subjects=0)
