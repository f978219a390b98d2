"""Saving and loading of networks: the same classifier comes back, or one line says why not."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from fer_utils.errors import ModelFileError, TrainingError
from fer_utils.features import tensors
from fer_utils.features.tensors import Options
from fer_utils.models import classifiers, model_files
from fer_utils.models.networks import keras, layers

OPTIONS = Options(values="distances", n_key_frames=3, spacing="time", share=0.5)
SHAPE = (2, 1456)
FILE = "classifier.zip"


def fitted(name="compact", seed=0):
    draw = np.random.default_rng(seed)
    x = draw.normal(5, 3, (12, *SHAPE)).astype(np.float32)
    emotions = np.array(["fear", "anger", "joy"] * 4)
    classifier = classifiers.make(name, seed=seed, epochs=1)
    classifier.features, classifier.trained_on = OPTIONS, "nothing — noise"
    classifier.fit(x, emotions, (x, emotions))
    return classifier, x


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    classifier, x = fitted()
    classifier.save(folder)
    return folder, x, classifier.predict_proba(x)


def refusal(folder) -> str:
    with pytest.raises(ModelFileError) as refused:
        classifiers.SequenceClassifier.load(folder)
    message = str(refused.value)
    assert message.startswith(f"{folder / FILE}: ") and "\n" not in message and "; " in message
    return message.removeprefix(f"{folder / FILE}: ")


@pytest.mark.parametrize("name", ["compact", "mlp"])
def test_the_same_classifier_comes_back(tmp_path, name):
    classifier, x = fitted(name)
    classifier.save(tmp_path / "new")
    loaded = classifiers.SequenceClassifier.load(tmp_path / "new")
    np.testing.assert_array_equal(loaded.predict_proba(x), classifier.predict_proba(x))
    assert loaded.classes.tolist() == ["anger", "fear", "joy"]
    assert (loaded.name, loaded.features, loaded.trained_on) == (name, OPTIONS, "nothing — noise")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE]


def test_a_save_that_fails_leaves_the_one_before(tmp_path, monkeypatch):
    classifier, x = fitted()
    classifier.save(tmp_path)
    before = classifier.predict_proba(x)

    def broken(path, facts, files):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_files, "append", broken)
    other, _ = fitted(seed=1)
    with pytest.raises(Exception, match="No space left on device"):
        other.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    np.testing.assert_array_equal(classifiers.SequenceClassifier.load(tmp_path).predict_proba(x), before)


def test_what_was_not_trained_cannot_be_saved(tmp_path):
    with pytest.raises(TrainingError, match=r"^the network 'mlp' was not trained: call fit first$"):
        classifiers.make("mlp").save(tmp_path)


def test_features_that_the_network_does_not_take_cannot_be_saved(tmp_path):
    classifier, _ = fitted()
    classifier.features = tensors.DEFAULT
    with pytest.raises(
        ModelFileError, match=r"^compact: takes tensors \(2, 1456\), its features have \(4, 2912\); set"
    ):
        classifier.save(tmp_path)


class TestDamage:
    def test_missing(self, tmp_path):
        assert refusal(tmp_path / "none").startswith("No such file or directory; name the file of")

    def test_cut_short(self, saved, tmp_path):
        whole = (saved[0] / FILE).read_bytes()
        (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
        assert refusal(tmp_path).startswith(("no fer.json in it: cut short", "damaged"))

    def test_no_flipped_byte_gets_through(self, saved, tmp_path):
        whole, draw = (saved[0] / FILE).read_bytes(), np.random.default_rng(1)
        for place in [*draw.integers(0, len(whole), 20), *draw.integers(len(whole) - 600, len(whole), 10)]:
            damaged = bytearray(whole)
            damaged[place] ^= int(draw.integers(1, 256))
            (tmp_path / FILE).write_bytes(damaged)
            refusal(tmp_path)


@pytest.fixture
def forged(saved, tmp_path):
    """forge(name=content, ...): a folder whose file has a right checksum, but other contents."""

    def forge(**changed):
        with zipfile.ZipFile(saved[0] / FILE) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        facts = json.loads(files["fer.json"])
        files["fer.json"] = json.dumps({**facts, **changed.pop("facts", {})})
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, held in {**files, **{name.replace("_", "."): held for name, held in changed.items()}}.items():
                if held is not None:
                    archive.writestr(name, held)
            archive.comment = b"0" * 64
        content = content.getvalue()[:-64]
        (tmp_path / FILE).write_bytes(content + hashlib.sha256(content).hexdigest().encode())
        return tmp_path

    return forge


class TestFilesThatAreNotRight:
    def test_what_was_not_changed_is_taken(self, forged, saved):
        _, x, expected = saved
        np.testing.assert_array_equal(classifiers.SequenceClassifier.load(forged()).predict_proba(x), expected)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"facts": {"format": 9}}, "format 9, this version reads up to 1; update fer-utils"),
            (
                {"facts": {"classes": ["anger", "fear"]}},
                "not a saved model (it holds no weights that fit compact for tensors (2, 1456) and 2 classes); train",
            ),
            ({"facts": {"network": "svm"}}, "not a saved model ('svm'); train it anew"),
            ({"scaler_f4": bytes(8)}, "its scaler is not one of 1456 features; train it anew"),
            ({"scaler_f4": bytes(8 * 1456)}, "its scaler is not one of 1456 features; train it anew"),  # scale of 0
            ({"scaler_f4": np.full(2 * 1456, np.nan, "<f4").tobytes()}, "its scaler is not one of 1456 features"),
            ({"scaler_f4": b"odd"}, "not a saved model ("),
            ({"scaler_f4": None}, "not a classifier of this project (\"There is no item named 'scaler.f4'"),
            ({"network_keras": b"no network"}, "not a saved model ("),
        ],
    )
    def test_parts(self, forged, change, reason):
        assert refusal(forged(**change)).startswith(reason)

    def test_features_of_another_shape_than_the_network_s(self, forged):
        options = {**tensors.DEFAULT.__dict__}
        message = refusal(forged(facts={"features": options, "shape": [4, 2912]}))
        assert "no weights that fit compact for tensors (4, 2912) and 3 classes" in message

    def test_code_in_a_file_is_not_run(self, forged, tmp_path):
        network = keras.Sequential(
            [keras.Input((*SHAPE, 1)), layers.Flatten(), layers.Lambda(lambda x: x[:, :3]), layers.Softmax()]
        )
        network.save(tmp_path / "evil.keras")
        folder = forged(network_keras=(tmp_path / "evil.keras").read_bytes())
        assert refusal(folder).startswith("not a saved model (")
