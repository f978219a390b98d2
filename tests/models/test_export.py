"""Exported classifiers beside the ones they were made of; and what becomes of files that are not whole or not right."""

import hashlib
import io
import json
import os
import subprocess
import threading
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from fer_utils.errors import ModelFileError, OutputError, TrainingError
from fer_utils.features import tensors
from fer_utils.features.tensors import Options
from fer_utils.models import classifiers, export, litert
from fer_utils.models.networks import keras, tf
from fer_utils.realtime.streaming import Recognizer

EMOTIONS = np.array(["anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"])


def fitted(name, epochs, options=tensors.DEFAULT, seed=0):
    """A classifier that has learnt something, and tensors (70, steps, A) it has not seen. Features differ by four
    orders of magnitude in place and spread, so that only a scaler that was taken along makes sense of them."""
    draw = np.random.default_rng(3)
    shape = tensors.shape(options)
    directions = draw.normal(0, 1, (7, *shape))
    place, spread = draw.uniform(-50, 50, shape[1]), 10 ** draw.uniform(-2, 2, shape[1])

    def rows(count):
        x = np.repeat(directions, count, axis=0) * draw.uniform(0.05, 0.5, (7 * count, 1, 1))
        return (place + spread * (x + draw.normal(0, 1, x.shape))).astype(np.float32)

    classifier = classifiers.make(name, seed, epochs=epochs)
    classifier.features, classifier.trained_on = options, "seven made-up directions"
    x, y = rows(8), np.repeat(EMOTIONS, 8)
    classifier.fit(x, y, (x, y))
    return classifier, rows(10)


@pytest.fixture(scope="module")
def compact():
    return fitted("compact", 25)


@pytest.fixture(scope="module")
def paper():
    return fitted("paper", 2)


@pytest.fixture(scope="module")
def exported(compact, tmp_path_factory):
    """A compact int8 file."""
    return export.write(compact[0], tmp_path_factory.mktemp("exported") / "compact.tflite")


@pytest.mark.parametrize(
    ("name", "precision", "largest", "same", "size"),
    [
        ("compact", "float32", 1e-5, 1, (0.85e6, 1e6)),
        ("compact", "float16", 1e-3, 1, (0.42e6, 0.5e6)),
        ("compact", "int8", 1e-2, 0.95, (0.22e6, 0.35e6)),
        pytest.param("paper", "float32", 1e-5, 1, (199e6, 200e6), marks=pytest.mark.long),
        pytest.param("paper", "int8", 1e-2, 0.95, (49.5e6, 50.5e6), marks=pytest.mark.long),
    ],
)
def test_the_probabilities_are_those_of_the_network(request, tmp_path, name, precision, largest, same, size):
    """`same` is the share of rows with the same most probable class."""
    classifier, x = request.getfixturevalue(name)
    expected = classifier.predict_proba(x)
    assert np.ptp(expected, axis=0).min() > 0.1 and len(np.unique(expected.argmax(axis=1))) >= 5  # they are not flat
    path = export.write(classifier, tmp_path / "x.tflite", precision)
    found = litert.LiteClassifier(path).predict_proba(x)
    assert (found.dtype, found.shape) == (np.float32, (70, 7))
    print(f"{name} {precision}: {np.abs(found - expected).max():.2e}, {path.stat().st_size} bytes")
    np.testing.assert_allclose(found, expected, rtol=0, atol=largest)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= same
    assert size[0] < path.stat().st_size < size[1]


def test_the_scaler_is_part_of_the_model(compact, exported):
    classifier, x = compact
    lite = litert.LiteClassifier(exported)
    scaled = (x - classifier.mean) / classifier.scale
    expected = classifier.predict_proba(x)
    assert np.abs(lite.predict_proba(x) - expected).max() < 0.03
    assert np.abs(lite.predict_proba(scaled) - expected).max() > 0.3


def test_what_is_known_of_the_classifier_goes_with_it(compact, exported, monkeypatch):
    lite = litert.LiteClassifier(exported)
    assert lite.classes.tolist() == EMOTIONS.tolist()
    assert (lite.features, lite.network, lite.precision) == (tensors.DEFAULT, "compact", "int8")
    assert lite.trained_on == "seven made-up directions"
    monkeypatch.setattr(compact[0], "trained_on", "naïve — actors")
    path = export.write(compact[0], exported.parent / "named.tflite", "float32")
    assert (litert.LiteClassifier(path).trained_on, litert.LiteClassifier(path).precision) == (
        "naïve — actors",
        "float32",
    )
    with zipfile.ZipFile(path) as archive:  # as any tool reads it
        assert archive.namelist() == ["fer.json"] and json.loads(archive.read("fer.json"))["shape"] == [4, 2912]


def test_two_threads_take_turns(compact, exported):
    lite, x = litert.LiteClassifier(exported), compact[1]
    expected, wrong = lite.predict_proba(x), []

    def work(rows):
        for _ in range(30):
            wrong.append(np.abs(lite.predict_proba(x[rows]) - expected[rows]).max())

    threads = [threading.Thread(target=work, args=(rows,)) for rows in (slice(0, 35), slice(35, 70), slice(10, 50))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 90 and max(wrong) == 0


def test_tensors_of_another_shape(exported):
    with pytest.raises(ValueError, match=r"^tensors \(1, 4, 2911\): must be \(n, 4, 2912\)$"):
        litert.LiteClassifier(exported).predict_proba(np.zeros((1, 4, 2911)))
    assert litert.LiteClassifier(exported).predict_proba(np.zeros((0, 4, 2912))).shape == (0, 7)


class TestWhatCannotBeWritten:
    def test_precision(self, compact, tmp_path):
        with pytest.raises(ValueError, match=r"^precision 'int4': must be one of int8, float16, float32$"):
            export.write(compact[0], tmp_path / "x.tflite", "int4")

    def test_not_fitted(self, tmp_path):
        with pytest.raises(TrainingError, match=r"^the network 'compact' was not trained: call fit first$"):
            export.write(classifiers.make("compact"), tmp_path / "x.tflite")

    def test_features_that_the_network_does_not_take(self, compact, tmp_path, monkeypatch):
        monkeypatch.setattr(compact[0], "features", Options(values="angles"))
        with pytest.raises(
            ModelFileError, match=r"^compact: takes tensors \(4, 2912\), its features have \(4, 1456\);"
        ):
            export.write(compact[0], tmp_path / "x.tflite")
        assert not list(tmp_path.iterdir())

    def test_a_folder_that_is_a_file(self, compact, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="cannot be written"):
            export.write(compact[0], tmp_path / "file" / "x.tflite")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(landmarks=122), "exported for another landmark set: landmarks 122, the stream has 61; train again"),
        (Options(normalised=False), "exported for another form of features: normalised False, the stream has True"),
    ],
)
def test_a_stream_refuses_a_model_of_other_features(options, message, tmp_path):
    path = export.write(fitted("compact", 1, options, seed=1)[0], tmp_path / "x.tflite", "float32")
    lite = litert.LiteClassifier(path)
    assert lite.features == options
    with pytest.raises(ModelFileError) as refused:
        Recognizer(lite)
    assert str(refused.value).startswith(message)


def test_a_stream_takes_an_exported_model(exported, make_track):
    track = make_track(np.repeat([0, 1], [30, 30]) * 1.0)
    recognizer = Recognizer(litert.LiteClassifier(exported))
    last = [recognizer.push_points(points, time) for points, time in zip(track.points, track.times, strict=True)][-1]
    assert list(last.probabilities) == EMOTIONS.tolist() and sum(last.probabilities.values()) == pytest.approx(1)


def refusal(path) -> str:
    """The one line with which a file is refused, without its name."""
    with pytest.raises(ModelFileError) as refused:
        litert.LiteClassifier(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and "; " in message
    return message.removeprefix(f"{path}: ")


class TestFilesThatAreNotWhole:
    def test_missing(self, tmp_path):
        assert refusal(tmp_path / "none.tflite").startswith("No such file or directory; name the file of")

    @pytest.mark.parametrize("length", [1000, 100_000, -2000])
    def test_cut_short(self, exported, tmp_path, length):
        (tmp_path / "x.tflite").write_bytes(exported.read_bytes()[:length])
        assert refusal(tmp_path / "x.tflite").startswith("no fer.json in it: cut short, or not of this project; export")

    def test_cut_short_by_a_byte(self, exported, tmp_path):
        (tmp_path / "x.tflite").write_bytes(exported.read_bytes()[:-1])
        assert refusal(tmp_path / "x.tflite").startswith("damaged, its bytes do not match its checksum; copy, export")

    @pytest.mark.parametrize("content", [b"", b"TFL", b"no model at all", b"PK\x05\x06" + bytes(18)])
    def test_not_a_model(self, tmp_path, content):
        (tmp_path / "x.tflite").write_bytes(content)
        assert refusal(tmp_path / "x.tflite").startswith("not a LiteRT model; name a .tflite file that this project")

    def test_another_project_s_model(self, exported, tmp_path):
        flatbuffer = exported.read_bytes()[: start_of_archive(exported)]
        (tmp_path / "x.tflite").write_bytes(flatbuffer)
        assert refusal(tmp_path / "x.tflite").startswith("no fer.json in it")

    @pytest.mark.parametrize("where", ["anywhere", "facts and archive"])
    def test_no_flipped_byte_gets_through(self, exported, tmp_path, where):
        whole, draw = exported.read_bytes(), np.random.default_rng(0)
        start = 0 if where == "anywhere" else start_of_archive(exported)
        places = draw.integers(start, len(whole), 30)
        for place in places:
            damaged = bytearray(whole)
            damaged[place] ^= int(draw.integers(1, 256))
            (tmp_path / "x.tflite").write_bytes(damaged)
            refusal(tmp_path / "x.tflite")


def start_of_archive(path):
    with zipfile.ZipFile(path) as archive:
        return min(info.header_offset for info in archive.infolist())


@pytest.fixture
def forged(exported, tmp_path):
    """forge(change=..., ...): the path of a model whose checksum is right though its facts were changed by hand."""

    def forge(change=lambda facts: None, text=None, flatbuffer=None, compression=zipfile.ZIP_STORED, name="fer.json"):
        with zipfile.ZipFile(exported) as archive:
            facts = json.loads(archive.read("fer.json"))
        change(facts)
        content = io.BytesIO()
        content.write(flatbuffer or exported.read_bytes()[: start_of_archive(exported)])
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr(name, json.dumps(facts) if text is None else text, compression)
            archive.comment = b"0" * 64
        content = content.getvalue()[:-64]
        path = tmp_path / "forged.tflite"
        path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
        return path

    return forge


class TestFilesThatAreNotRight:
    def test_what_was_not_changed_is_taken(self, forged):
        assert litert.LiteClassifier(forged()).precision == "int8"

    def test_a_model_that_brings_litert_down(self, forged, exported):
        """Its checksum is right; the root of its flatbuffer says that it has no graph."""
        content = bytearray(exported.read_bytes()[: start_of_archive(exported)])
        root = int.from_bytes(content[:4], "little")
        fields = root - int.from_bytes(content[root : root + 4], "little", signed=True) + 4  # where each of them is
        content[fields + 4 : fields + 6] = bytes(2)  # the third of them: the graphs
        assert refusal(forged(flatbuffer=bytes(content))).startswith("LiteRT crashes on it; it was made up")

    def test_a_model_of_operations_that_no_network_here_has(self, forged):
        """A loop, for one, could wait for an input on which it never ends."""
        function = tf.function(lambda x: tf.nn.softmax(tf.exp(x)[:, 0, :7]))
        taken = tf.TensorSpec((1, 4, 2912), tf.float32)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function(taken)], function)
        assert refusal(forged(flatbuffer=converter.convert())).startswith("holds operations that no network of this")

    @pytest.mark.parametrize("python", ["", None, "/bin/false", "/no/python"])
    def test_where_no_process_can_be_started_the_model_is_not_blamed(self, exported, monkeypatch, python):
        monkeypatch.setattr(litert.sys, "executable", python)
        assert refusal(exported).startswith("cannot be tried in a process of its own")

    def test_the_process_finds_the_libraries_where_this_one_does(self, exported, monkeypatch):
        """As where Python is part of another program, or was started without its site."""
        run = subprocess.run
        monkeypatch.setattr(
            litert.subprocess, "run", lambda command, **rest: run([*command[:1], "-S", *command[1:]], **rest)
        )
        assert litert.LiteClassifier(exported).network == "compact"

    def test_what_litert_cannot_run_later_is_one_line_too(self, exported):
        def invoke():
            raise RuntimeError("Node number 7 (FILL) failed to invoke.")

        lite = litert.LiteClassifier(exported)
        lite._interpreter = SimpleNamespace(set_tensor=lambda *_: None, invoke=invoke)
        with pytest.raises(ModelFileError, match=r"compact\.tflite: LiteRT cannot run it \(Node number 7"):
            lite.predict_proba(np.zeros((1, 4, 2912)))

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX's")
    def test_a_pipe_a_long_name_and_a_file_that_is_too_large(self, tmp_path, exported, monkeypatch):
        os.mkfifo(tmp_path / "pipe")
        assert refusal(tmp_path / "pipe").startswith("not a file; name the file of")
        assert refusal(tmp_path / ("x" * 300)).startswith("File name too long; name the file of")
        monkeypatch.setattr(export.model_files, "LARGEST", 1000)
        assert refusal(exported).startswith("larger than 1000 bytes; name the file of")

    def test_a_model_that_never_ends(self, exported, monkeypatch):
        monkeypatch.setattr(litert, "TRIAL", "import time; time.sleep(600)")
        monkeypatch.setattr(litert, "PATIENCE", 0.5)
        assert refusal(exported).startswith("LiteRT does not finish with it; it was made up")

    def test_a_newer_format(self, forged):
        path = forged(lambda facts: facts.update(format=2, classes="told otherwise"))
        assert refusal(path) == "format 2, this version reads up to 1; update fer-utils"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (
                {"classes": EMOTIONS[:6].tolist()},
                "and gives (1, 7), which are not the (4, 2912) features and 6 classes",
            ),
            ({"format": "1"}, "not a classifier of this project ("),
            ({"classes": "anger"}, "(4, 2912) features and 5 classes"),
            ({"classes": [1, 2, 3, 4, 5, 6, 7]}, "fer.json: a name is not a text, or a class is there twice"),
            ({"classes": []}, "(4, 2912) features and 0 classes"),
            ({"classes": ["anger"] * 7}, "fer.json: a name is not a text, or a class is there twice"),
            ({"trained_on": None}, "fer.json: a name is not a text"),
            ({"precision": 8}, "fer.json: a name is not a text"),
            ({"network": {}}, "fer.json: a name is not a text"),
            ({"features": {"points": 61}}, "not a classifier of this project (Options.__init__() got an unexpected"),
            ({"features": [61]}, "not a classifier of this project ("),
        ],
    )
    def test_facts(self, forged, change, reason):
        assert reason in refusal(forged(lambda facts: facts.update(change)))

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"landmarks": "61"}, "landmarks '61': must be one of 61, 122, 250"),
            ({"n_key_frames": True}, "n_key_frames True: must be 2 to 100"),
            ({"landmarks": 63}, "landmarks 63: must be one of 61, 122, 250"),
            ({"landmarks": 122}, "takes (1, 4, 2912) and gives (1, 7), which are not the (4, 11862) features"),
        ],
    )
    def test_features(self, forged, change, reason):
        assert reason in refusal(forged(lambda facts: facts["features"].update(change)))

    @pytest.mark.parametrize("text", ["[]", "no json", "", "[" * 100_000, b"\xff\xfe\x00", "null"])
    def test_no_facts(self, forged, text):
        assert refusal(forged(text=text)).startswith("not a classifier of this project (")

    def test_an_archive_without_facts(self, forged):
        assert "There is no item named 'fer.json'" in refusal(forged(name="labels.txt"))

    @pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
    def test_facts_that_grow(self, forged, compression):
        path = forged(text='{"format": 1}' + " " * 50_000_000, compression=compression)
        assert "fer.json is compressed or larger than 1000000 bytes" in refusal(path)

    def test_a_flatbuffer_that_is_none(self, forged):
        assert refusal(forged(flatbuffer=b"\x1c\0\0\0TFL3" + bytes(500))).startswith("LiteRT cannot run it (")

    def test_a_network_that_gives_no_probabilities(self, compact, tmp_path, monkeypatch):
        classifier = compact[0]
        logits = keras.Sequential([classifier.model, keras.layers.Rescaling(2.0)])
        monkeypatch.setattr(classifier, "model", logits)
        path = export.write(classifier, tmp_path / "x.tflite", "float32")
        assert refusal(path) == "its outputs are not probabilities; export it again"
