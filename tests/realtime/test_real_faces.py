"""Landmarks of real people through the stream: 51 pairs of a neutral and a smiling photograph, and 40 neutral faces.

Found in photographs of DeBruine & Jones (2017), doi 10.6084/m9.figshare.5047666 and 10.6084/m9.figshare.4220517
(CC BY 4.0). They are not part of the project: the tests are skipped if they are not in `FER_REAL` or beside the clone.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from fer_utils import paths
from fer_utils.features import geometry
from fer_utils.landmarks import regions
from fer_utils.models import litert
from fer_utils.realtime.streaming import Recognizer

FILE = Path(os.environ.get("FER_REAL", paths.root().parent / "shared" / "real")) / "london_canada.npz"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="no landmarks of real people here")
FPS, JITTER = 25, 0.003  # of a coordinate, in inter-ocular distances


@pytest.fixture(scope="module")
def classifier():
    return litert.load_classifier()


@pytest.fixture(scope="module")
def smiles():
    return np.load(FILE)["smiles"].astype(float)


@pytest.fixture(scope="module")
def neutral(smiles):
    return np.concatenate([smiles[:, 0], np.load(FILE)["neutral"].astype(float)])


def pushed(classifier, points, seed):
    """What is recognised in points (T, 478, 3) with the detector's jitter."""
    eyes = points[0, regions.LEFT_EYE_CORNER] - points[0, regions.RIGHT_EYE_CORNER]
    jitter = np.random.default_rng(seed).normal(0, JITTER * np.linalg.norm(eyes), points.shape)
    recognizer = Recognizer(classifier)
    return [recognizer.push_points(each, row / FPS) for row, each in enumerate(points + jitter)]


def turned(face, angles, axis):
    """The face (478, 3) turned in space by each of the angles (T,) about an axis (3,) through its middle."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turns = np.eye(3) + np.sin(angles)[:, None, None] * cross + (1 - np.cos(angles))[:, None, None] * cross @ cross
    return (face - face.mean(axis=0)) @ turns.swapaxes(1, 2) + face.mean(axis=0)


def test_a_neutral_face_that_turns_by_ten_degrees_is_no_expression(classifier, neutral):
    assert len(neutral) == 91
    time = np.arange(4 * FPS) / FPS
    angles = np.radians(10) * np.sin(2 * np.pi * 0.5 * time) * (time > 1)
    for seed, face in enumerate(neutral):
        found = pushed(classifier, turned(face, angles, np.random.default_rng(seed).normal(size=3)), seed)
        assert {outcome.phase for outcome in found} == {"neutral"}, seed


@pytest.mark.parametrize(("slower", "step"), [(1, 1), (2, 3), (3, 3)])
def test_a_smile_has_one_name_and_it_is_that_of_the_pair(classifier, smiles, slower, step):
    """At rest, then to the smile in 0.6 s or slower, then held for half a second."""
    time = np.arange(0, 1.5 + 0.6 * slower + 0.5, 1 / FPS)
    level = np.clip((time - 1.5) / (0.6 * slower), 0, 1)
    level = (level**2 * (3 - 2 * level))[:, None, None]
    same = changed = 0
    for seed, (rest, smile) in enumerate(smiles[::step]):
        key_frames = rest + np.linspace(0, 1, 5)[:, None, None] * (smile - rest)
        tensor = geometry.differences(geometry.normalise(key_frames), geometry.PAIRS)
        expected = str(classifier.classes[classifier.predict_proba(tensor[None])[0].argmax()])
        named = [outcome.emotion for outcome in pushed(classifier, rest + level * (smile - rest), seed)]
        named = [name for name in named if name]
        same += bool(named) and named[-1] == expected
        changed += len(set(named)) > 1
    total = len(smiles[::step])
    assert same >= 0.85 * total  # the mildest smiles are not seen in the jitter
    assert changed <= 0.06 * total
