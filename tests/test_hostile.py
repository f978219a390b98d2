"""Files that are damaged or made up: a right result, or the stated error; no crash, no hang, no code run, nothing
written elsewhere."""

import ast
import hashlib
import inspect
import io
import json
import os
import random
import subprocess
import sys
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, suppress
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_utils.data import labels, registry
from fer_utils.data.pictures import Pictures, read_picture
from fer_utils.data.readers import ckplus
from fer_utils.data.readers.ckplus import parse_label
from fer_utils.data.readers.mmi import parse_emotion, parse_view
from fer_utils.data.registry import DatasetError
from fer_utils.data.sequence import LeftOut
from fer_utils.data.video import Video
from fer_utils.errors import ModelFileError, SplitError, StudyError
from fer_utils.evaluation import cross_validation, jobs, splits, tables
from fer_utils.evaluation.splits import Scheme
from fer_utils.features import tensors
from fer_utils.features.tensors import FeatureTable
from fer_utils.landmarks import extraction
from fer_utils.landmarks.track import LandmarkTrack
from fer_utils.models import classifiers, export, litert
from tests.fuzzing import Reader, fuzz, mutated

HYPOTHESIS = settings(derandomize=True, deadline=None, max_examples=150)
PACKAGE = Path(extraction.__file__).parents[1]


def one_line(error: Exception, name: str) -> bool:
    assert name in str(error) and "\n" not in str(error), str(error)
    return False


def picture(seed=0, width=64, height=48):
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(small, (width, height))


def write_video(path, fourcc, frames=12):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), 25, (64, 48))
    for number in range(frames):
        writer.write(picture(number))
    writer.release()
    return path


def a_track():
    draw = np.random.default_rng(0)
    points = draw.uniform(0, 500, (9, 478, 3)).astype(np.float32)
    points[4] = np.nan
    reasons = np.array([""] * 4 + ["no face found"] + [""] * 4)
    return LandmarkTrack(points, np.arange(9) / 25, reasons, (640, 480), draw.random((9, 52), np.float32), 1)


# each reader: what writes its files into a folder, and what reads them and says whether they were taken


def write_track(folder):
    a_track().save(folder / "track.npz")
    return [folder / "track.npz"]


def read_track(folder):
    try:
        track = LandmarkTrack.load(folder / "track.npz")
    except (ValueError, OSError) as error:
        return one_line(error, "track.npz")
    right = a_track()
    for name in ("points", "times", "reasons"):
        np.testing.assert_array_equal(getattr(track, name), getattr(right, name))
    assert (track.size, track.quarter_turns) == (right.size, right.quarter_turns)
    return True


def write_pictures(folder):
    files = [folder / f"{number}{suffix}" for number, suffix in enumerate((".png", ".jpg", ".bmp", ".tiff"))]
    for number, file in enumerate(files):
        file.write_bytes(cv2.imencode(file.suffix, picture(number))[1].tobytes())
    return files


def read_pictures(folder):
    files = sorted(folder.glob("[0-3].*"))
    taken = True
    for frame, file in zip(Pictures(tuple(files), 25.0), files, strict=True):
        if frame.image is None:
            assert file.name in frame.problem and "\n" not in frame.problem
            taken = False
        else:
            assert frame.image.dtype == np.uint8 and frame.image.ndim == 3 and frame.image.shape[2] == 3
            assert frame.problem == ""
    return taken


def write_avi(folder):
    return [write_video(folder / "clip.avi", "MJPG")]


def write_mp4(folder):
    return [write_video(folder / "clip.mp4", "mp4v")]


def read_video(folder):
    (file,) = folder.glob("clip.*")
    video, time, taken = Video(file), -1.0, True
    try:
        fps, promised = video.header()
        assert 0 < fps < 1000 and promised >= 0
        for number, frame in enumerate(video):
            assert frame.index == number and np.isfinite(frame.time) and frame.time > time
            time = frame.time
            if frame.image is None:
                assert file.name in frame.problem
                taken = False
            else:
                assert frame.image.dtype == np.uint8 and frame.image.ndim == 3
    except OSError as error:
        return one_line(error, file.name)
    return taken


def write_ckplus(folder):
    pictures, emotion = folder / "cohn-kanade-images" / "S005" / "001", folder / "Emotion" / "S005" / "001"
    for place in (pictures, emotion):
        place.mkdir(parents=True)
    for number in range(1, 4):
        (pictures / f"S005_001_0000000{number}.png").write_bytes(cv2.imencode(".png", picture(number))[1].tobytes())
    label = emotion / "S005_001_00000003_emotion.txt"
    label.write_text("   3.0000000e+00\n")
    manifest = folder / "manifest.json"
    manifest.write_text('{"rendered": true, "name": "ckplus"}')
    return [label, label, manifest]


def write_mmi(folder):
    session = folder / "Sessions" / "1767"
    write_video(session / "S001-119.avi", "MJPG", frames=3)
    files = [session / "session.xml", session / "S001-119.xml"]
    files[0].write_text('<session sessionId="1767"><track type="Video" view="0" filename="S001-119.avi"/></session>')
    label = '<Annotation><Metatag Name="Emotion" Value="1"/></Annotation>'
    files[1].write_text(f'<?xml version="1.0" encoding="utf-8"?>{label}')
    return files


def read_ckplus(folder):
    return read_dataset(folder, "ckplus", ("S005/001", "ckplus/S005"))


def read_mmi(folder):
    return read_dataset(folder, "mmi", ("1767/S001-119", "mmi/S001"))


def read_dataset(folder, name, known):
    inventory = registry.scan(name, folder)
    assert len(inventory.sequences) + len(inventory.skipped) == 1
    for each in inventory.skipped:
        assert each.reason and "\n" not in each.reason
    for each in inventory.sequences:
        assert (each.id, each.subject) == known and each.emotion in labels.EMOTIONS
    return bool(inventory.sequences)


def a_table():
    numbers = np.arange(40)
    x = np.zeros((40, 4, 6), np.float32)
    x[:, 0, 0] = numbers
    names = np.array(["anger", "disgust", "fear", "happiness"])
    return FeatureTable(
        x, names[numbers % 4], np.array([f"s{n // 4}" for n in numbers]), np.array([f"r{n}" for n in numbers])
    )


def write_splits(folder):
    table = a_table()
    folds = {Scheme(protocol): splits.make(protocol, table) for protocol in ("stratified", "grouped")}
    splits.manifest(folds, table).to_csv(folder / "splits.csv", index=False)
    return [folder / "splits.csv"]


def read_splits(folder):
    table = a_table()
    try:
        folds = splits.read_manifest(folder / "splits.csv", table)
    except SplitError as error:
        return one_line(error, "splits.csv")
    for split in folds:
        ids = [*split.fit, *split.validation, *split.test]
        assert len(set(ids)) == len(ids) and set(ids) <= set(table.ids)
        fit, validation, test = ({int(i[1:]) // 4 for i in getattr(split, part)} for part in splits.PARTS)
        assert not fit & validation
        if split.protocol != "stratified":
            assert not (fit | validation) & test
    return True


def write_results(folder):
    columns = {"dataset": ["ckplus"] * 3, "data": ["rendered stand-in"] * 3, "accuracy": [0.5, 0.25, np.nan]}
    pd.DataFrame(columns).to_csv(folder / "results.csv", index=False)
    return [folder / "results.csv"]


def read_results(folder):
    try:
        found = tables.read_csv(folder / "results.csv")
        assert isinstance(found, pd.DataFrame)
        assert not len(found) or len(found.columns) > 0
    except StudyError as error:
        return one_line(error, "results.csv")
    return True


class Plain:
    """A classifier that names the row's number modulo four."""

    weights = 0

    def fit(self, x, emotions, validation, refit):
        self.classes = np.unique(emotions)
        return {"loss": [0.5], "accuracy": [0.5], "val_loss": [0.5], "val_accuracy": [0.5]}

    def predict_proba(self, x):
        return np.eye(4)[x[:, 0, 0].astype(int) % 4][:, : len(self.classes)]


def write_experiment(folder):
    read_experiment(folder)
    return [*sorted((folder / "folds").glob("*.json")), *sorted((folder / "folds/features").iterdir())]


def read_experiment(folder):
    """Whatever is damaged is made again: what comes out is always the same."""
    table = a_table()
    folds = {Scheme("grouped"): splits.make("grouped", table)}
    jobs.load_table.cache_clear()
    kept = {path: path.read_bytes() for path in folder.glob("folds/**/*") if path.is_file()}
    run, quiet = cross_validation.Run("paper", "grouped"), io.StringIO()
    plain = patch.object(classifiers, "make", lambda name, seed: Plain())
    with ThreadPoolExecutor(1) as executor, redirect_stderr(quiet), plain:
        outcome = cross_validation.run([run], {cross_validation.BASE: table}, folds, folder / "folds", executor)
    assert len(outcome.folds) == 5 and (outcome.folds["accuracy"] == 1).all()
    assert sorted(outcome.predictions["id"]) == sorted(table.ids)
    return not kept or all(path.read_bytes() == content for path, content in kept.items())


def a_classifier(name="mlp"):
    draw = np.random.default_rng(0)
    classifier = classifiers.make(name, epochs=1)
    classifier.features = tensors.Options(values="distances", n_key_frames=2)
    x = draw.normal(size=(6, *tensors.shape(classifier.features))).astype(np.float32)
    emotions = np.array(["anger", "fear", "joy"] * 2)
    classifier.fit(x, emotions, (x, emotions))
    return classifier


def write_exported(folder):
    export.write(a_classifier(), folder / "classifier.tflite")
    return [folder / "classifier.tflite"]


def read_exported(folder):
    try:
        classifier = litert.LiteClassifier(folder / "classifier.tflite")
    except ModelFileError as error:
        return one_line(error, "classifier.tflite")
    return sums_to_one(classifier)


def sums_to_one(classifier):
    found = classifier.predict_proba(np.zeros((1, *tensors.shape(classifier.features)), np.float32))
    assert found.shape == (1, len(classifier.classes))
    return bool(np.isfinite(found).all() and abs(found.sum() - 1) < 1e-3)


def sealed(content: bytes) -> bytes:
    return content[:-64] + hashlib.sha256(content[:-64]).hexdigest().encode()


def mutated_and_sealed(content: bytes, draw: random.Random) -> bytes:
    """With a right checksum: the file is not damaged but made up."""
    return sealed(mutated(content[:-64], draw) + bytes(64))


READERS = {
    "track": Reader(write_track, read_track),
    "pictures": Reader(write_pictures, read_pictures),
    "avi": Reader(write_avi, read_video),
    "mp4": Reader(write_mp4, read_video),
    "ckplus": Reader(write_ckplus, read_ckplus),
    "mmi": Reader(write_mmi, read_mmi),
    "splits": Reader(write_splits, read_splits),
    "results": Reader(write_results, read_results),
    "experiment": Reader(write_experiment, read_experiment),
    "exported": Reader(write_exported, read_exported),
    "made-up exported": Reader(write_exported, read_exported, mutated_and_sealed),
}


@pytest.mark.parametrize("files", [20, pytest.param(200, marks=pytest.mark.long)])
def test_damaged_and_made_up_files(files, tmp_path):
    fuzz(READERS, tmp_path, files)


@pytest.fixture
def recordings(tmp_path):
    """recordings(name, ...): a root of the `folder` layout with recordings of two pictures, named by bytes."""
    root = tmp_path / "root"

    def make(*names):
        for name in names:
            made = os.path.join(os.fsencode(root / "happiness"), name)  # noqa: PTH118
            os.makedirs(made)  # noqa: PTH103
            for number in range(2):
                with open(os.path.join(made, b"%d.png" % number), "wb") as file:  # noqa: PTH118, PTH123
                    file.write(cv2.imencode(".png", picture(number))[1].tobytes())
        return root

    return make


class TestNames:
    @pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
    def test_bytes_that_are_no_text_are_left_out_and_listed(self, recordings, tmp_path):
        root = recordings(b"anna_\xff", "größe_1".encode(), b"line\nbreak_1", b"x" * 253 + b"_1")
        file = os.path.join(os.fsencode(root / "happiness"), b"clip\xff_1.avi")  # noqa: PTH118
        Path(os.fsdecode(file)).write_bytes(write_video(tmp_path / "clip.avi", "MJPG").read_bytes())
        inventory = registry.scan("folder", root)
        kept = {sequence.subject: [frame.problem for frame in sequence.frames] for sequence in inventory.sequences}
        assert kept.keys() == {"folder/grösse", "folder/line\nbreak", f"folder/{'x' * 253}"}
        assert set(map(tuple, kept.values())) == {("", "")}
        reason = "its name is not UTF-8: rename it"
        assert [(os.fsencode(skipped.path.name), skipped.reason) for skipped in inventory.skipped] == [
            (b"anna_\xff", reason),
            (b"clip\xff_1.avi", reason),
        ]
        left_out = pd.DataFrame([str(skipped.path) for skipped in inventory.skipped], columns=["what"])
        tables.write(left_out, tmp_path / "left_out.csv")
        assert r"anna_\udcff" in (tmp_path / "left_out.csv").read_text(encoding="utf-8")

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
    def test_a_video_whose_name_is_no_text(self, tmp_path):
        """In a process of its own: OpenCV would end it."""
        source = write_video(tmp_path / "clip.avi", "MJPG")
        source.rename(os.fsdecode(os.fsencode(tmp_path) + b"/clip\xff.avi"))
        code = (
            "import os, sys; from pathlib import Path; from fer_utils.data.video import Video\n"
            "try: list(Video(Path(os.fsdecode(os.fsencode(sys.argv[1]) + b'/clip\\xff.avi'))))\n"
            "except OSError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert r"clip\udcff.avi': a name that is not UTF-8; rename it" in done.stdout

    @pytest.mark.parametrize("root", ["~nobody-of-this-name/data", "a" * 5000, "a\0b", "\udcff", "..\n.."])
    def test_roots(self, root):
        with pytest.raises(DatasetError):
            registry.scan("folder", root)

    def test_loops_of_links(self, recordings):
        root = recordings(b"anna_1")
        for place, target in (
            ("happiness/loop_1", "loop_1"),
            ("happiness/up_1", ".."),
            ("sadness", "."),
            ("fear", "fear"),
        ):
            (root / place).symlink_to(target)
        inventory = registry.scan("folder", root)
        assert [sequence.id for sequence in inventory.sequences] == ["happiness/anna_1"]
        assert {skipped.path.name for skipped in inventory.skipped} == {"loop_1", "up_1", "sadness"}
        for name in ("ckplus", "mmi", "oulu_vis"):
            with pytest.raises(DatasetError):
                registry.scan(name, root)

    @given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=4))
    @HYPOTHESIS
    def test_any_folders(self, tmp_path_factory, names):
        root = tmp_path_factory.mktemp("names")
        for name in names:
            path = Path(os.fsdecode(os.fsencode(root) + b"/" + name.replace(b"/", b"_").replace(b"\0", b"_")))
            with suppress(OSError):  # "." and the like
                (path / "a_1").mkdir(parents=True)
        for name in registry.NAMES:
            try:
                assert registry.scan(name, root).sequences == []
            except DatasetError as error:
                assert str(error).encode()


class TestPipes:
    """Opening one waits for who writes into it: for ever."""

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
    def test_in_the_place_of_files(self, tmp_path):
        write_mmi(tmp_path)
        session = tmp_path / "Sessions" / "1767"
        for path in (session / "session.xml", session / "manifest.json", session / "S002-001.avi"):
            path.unlink(missing_ok=True)
            os.mkfifo(path)
        (skipped,) = registry.scan("mmi", tmp_path).skipped
        assert (skipped.path.name, skipped.reason) == ("S001-119.avi", "its XML is not a file: get the file again")
        write_ckplus(tmp_path / "ck")
        (tmp_path / "ck" / "manifest.json").unlink()
        os.mkfifo(tmp_path / "ck" / "manifest.json")
        assert [each.rendered for each in registry.scan("ckplus", tmp_path / "ck").sequences] == [False]


class TestSizes:
    def test_a_small_file_with_a_huge_picture(self, tmp_path):
        """30,000 by 30,000 pixels of white in a file of some hundred kilobytes."""
        row = b"\0" + b"\xff" * (30_000 // 8)
        packed, squeeze = io.BytesIO(), zlib.compressobj(9)
        for _ in range(30_000):
            packed.write(squeeze.compress(row))
        packed.write(squeeze.flush())
        head = (30_000).to_bytes(4) * 2 + bytes([1, 0, 0, 0, 0])
        content = b"\x89PNG\r\n\x1a\n"
        for kind, data in ((b"IHDR", head), (b"IDAT", packed.getvalue()), (b"IEND", b"")):
            content += len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
        (tmp_path / "huge.png").write_bytes(content)
        assert len(content) < 300_000
        assert read_picture(tmp_path / "huge.png") == (None, "huge.png: not a readable picture")

    @pytest.mark.parametrize("parse", [parse_emotion, lambda xml: parse_view(xml, "S001-119.avi")])
    @pytest.mark.parametrize(
        "xml",
        [
            b"<a>" * 140_000 + b"</a>" * 140_000,
            b"<a " + b" ".join(b'a%d=""' % number for number in range(90_000)) + b"/>",
            b"<" + b"a" * 999_000 + b"/>",
            b'<!DOCTYPE a [<!ENTITY b "' + b"b" * 1000 + b'"><!ENTITY c "' + b"&b;" * 1000 + b'">]><a>&c;</a>',
            b'<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>',
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><Metatag Name="Emotion" Value="&b;"/>',
            b'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="/etc/hostname" parse="text"/></a>',
        ],
        ids=["deep", "wide", "long", "bomb", "DTD", "entity", "include"],
    )
    def test_xml(self, parse, xml):
        with pytest.raises(LeftOut):
            parse(xml)

    def test_a_track_that_says_it_is_larger_than_memory(self, tmp_path):
        np.savez(tmp_path / "track.npz", points=np.zeros(3))
        with zipfile.ZipFile(tmp_path / "track.npz") as archive:
            content = archive.read("points.npy")
        with zipfile.ZipFile(tmp_path / "track.npz", "w") as archive:
            archive.writestr("points.npy", content.replace(b"(3,), }", b"(9999999999999,), }"))
        with pytest.raises(ValueError, match=r"track\.npz: not a landmark track \("):
            LandmarkTrack.load(tmp_path / "track.npz")


@given(st.one_of(st.text(max_size=40), st.from_regex(r"\s*[-+]?[0-9_]*\.?[0-9]*(e[-+]?[0-9]+)?\s*", fullmatch=True)))
@HYPOTHESIS
def test_any_text_of_a_label(text):
    try:
        (code,) = map(float, text.split())
    except ValueError:
        code = None
    if code in ckplus.CODES:
        assert parse_label(text) == ckplus.CODES[code]
    else:
        with pytest.raises(LeftOut):
            parse_label(text)


CELLS = st.one_of(
    st.sampled_from(
        ["", "grouped", "stratified", "0", "1", "1.0", "-1", "1e400", "nan", "None", "fit", "test", "validation"]
    ),
    st.sampled_from(["r1", "r2", "r3", "R1", "9" * 30, "\u0661", '"', "a\nb", ","]),
    st.text(max_size=8),
)


@given(
    st.lists(st.sampled_from(["protocol", "seed", "fold", "part", "id", "subject", ""]), max_size=8),
    st.lists(st.lists(CELLS, min_size=1, max_size=8), max_size=6),
)
@HYPOTHESIS
def test_any_split_manifest(tmp_path_factory, columns, rows):
    """With all columns in front, so that most rows are looked at."""
    path = tmp_path_factory.mktemp("splits") / "splits.csv"
    names = list(dict.fromkeys(["protocol", "seed", "fold", "part", "id", *columns]))
    frame = pd.DataFrame([(row * len(names))[: len(names)] for row in rows], columns=names)
    frame.to_csv(path, index=False, errors="surrogatepass")
    table = a_table()
    try:
        assert splits.read_manifest(path, table) == []
    except SplitError as error:
        assert str(error).startswith(str(path))


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("seed", "", "seed '' is not a whole number"),
        ("fold", "1.5", "fold '1.5' is not a whole number"),
        ("fold", "inf", "fold 'inf' is not a whole number"),
        ("id", "", "1 ids are not in the data"),
        ("part", "", "part '' is none of fit, validation, test"),
    ],
)
def test_split_manifests_with_a_wrong_cell(tmp_path, column, value, says):
    (path,) = write_splits(tmp_path)
    frame = pd.read_csv(path, dtype=str)
    frame.loc[3, column] = value
    frame.to_csv(path, index=False)
    table = a_table()
    with pytest.raises(SplitError) as raised:
        splits.read_manifest(path, table)
    assert str(raised.value).startswith(f"{path}: {says}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
@HYPOTHESIS
def test_facts_that_are_any_json(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("facts") / "classifier.tflite"
    path.write_bytes(forged({"fer.json": json.dumps(content).encode()}, b"\x1c\0\0\0TFL3"))
    with pytest.raises(ModelFileError):
        litert.LiteClassifier(path)


def forged(files, before=b""):
    """A sealed archive."""
    content = io.BytesIO()
    content.write(before)
    with zipfile.ZipFile(content, "a") as archive:
        for name, held in files.items():
            archive.writestr(name, held)
        archive.comment = bytes(64)
    return sealed(content.getvalue())


MODULES = sorted(PACKAGE.rglob("*.py"))


def calls(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_no_module_runs_code_or_a_shell():
    forbidden = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "getattr(os, 'system')"}
    unsafe = ("pickle.", "marshal.", "shelve.", "dill.", "joblib.", "yaml.", "os.exec", "os.spawn", "pty.", "torch.")
    for path in MODULES:
        for name, _ in calls(path):
            assert name not in forbidden and not name.startswith(unsafe), f"{path.name}: {name}"
            assert not name.endswith(("load_model", "read_pickle", "model_from_json", "model_from_config")), path.name
    assert len(MODULES) > 50


def test_programs_are_started_with_fixed_words_alone():
    started = [(path.name, node) for path in MODULES for name, node in calls(path) if name.startswith("subprocess.")]
    # git; Python, to try a model; JupyterLab or Voila
    assert [name for name, _ in started] == ["tables.py", "litert.py", "serving.py"]
    for _, node in started:
        assert "shell" not in {keyword.arg for keyword in node.keywords}
    words = ast.unparse(started[1][1].args[0])
    assert words == "[sys.executable, '-P', '-c', TRIAL, json.dumps([place for place in sys.path if place])]"
    assert tables._commit.__doc__ is None or "git" in inspect.getsource(tables._commit)


def test_arrays_are_read_without_pickles():
    read = [(path.name, node) for path in MODULES for name, node in calls(path) if name in ("np.load", "numpy.load")]
    assert len(read) >= 4
    for name, node in read:
        allowed = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        assert allowed.get("allow_pickle") == "False", name
