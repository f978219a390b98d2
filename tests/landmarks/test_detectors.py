"""The registry of detectors."""

import subprocess
import sys

import pytest

from fer_utils.errors import ModelFileError
from fer_utils.landmarks import face_landmarker, face_mesh
from fer_utils.landmarks.detectors import DETECTORS, identity, open_detector


def test_every_detector_has_an_identity_of_its_own():
    assert len({str(identity(name)) for name in DETECTORS}) == len(DETECTORS) >= 3
    assert face_landmarker.MODEL_SHA256 in identity("face_landmarker")


def test_options_that_there_are_not():
    with pytest.raises(ValueError, match=r"'face_mesh' gives none.*'face_landmarker'"):
        open_detector("face_mesh", blendshapes=True)
    with pytest.raises(ValueError, match=r"'retina'.*'face_landmarker', 'face_mesh', 'mediapipe'"):
        open_detector("retina")
    for name in DETECTORS:
        with pytest.raises(ValueError, match="'film'"):
            open_detector(name, "film")


@pytest.mark.parametrize("name, module", [("face_landmarker", face_landmarker), ("face_mesh", face_mesh)])
def test_damaged_network(tmp_path, monkeypatch, name, module):
    damaged = tmp_path / module.MODEL.name
    damaged.write_bytes(module.MODEL.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(module, "MODEL", damaged)
    face_landmarker.model_bundle.cache_clear()
    try:
        with pytest.raises(ModelFileError, match=rf"{damaged.name}: not the expected.*git checkout"):
            open_detector(name)
        damaged.unlink()
        with pytest.raises(ModelFileError, match="No such file"):
            open_detector(name)
    finally:
        face_landmarker.model_bundle.cache_clear()


def test_labels_need_neither_mediapipe_nor_tensorflow(tmp_path):
    """With both away, from a clip to points, features and probabilities, in one go and as a stream."""
    code = """
import sys
sys.modules["mediapipe"] = sys.modules["tensorflow"] = sys.modules["keras"] = None
import fer_utils as fer
from fer_utils import paths
from fer_utils.data.video import Video
frames = [frame for _, frame in zip(range(100), Video(paths.CLIP))]
classifier = fer.load_classifier()
for name in ("face_landmarker", "face_mesh"):
    track = fer.track(frames, name)
    print(track.points.shape, classifier.predict_proba(fer.extract_features(track)[None]).shape)
    with fer.Recognizer(classifier, name) as recognizer:
        print(recognizer.push(frames[0].image, 0.0).points.shape)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert run.stdout.splitlines() == ["(100, 478, 3) (1, 7)", "(478, 3)"] * 2, run.stderr


def test_missing_mediapipe_is_one_line(tmp_path):
    code = """
import importlib.metadata
real = importlib.metadata.version
def version(name):
    if name == "mediapipe":
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)
importlib.metadata.version = version
from fer_utils.landmarks.detectors import open_detector
from fer_utils.errors import UserError
try:
    open_detector("mediapipe")
except UserError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert "pip install mediapipe" in run.stdout and "'face_landmarker'" in run.stdout, run.stderr
