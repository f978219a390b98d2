"""The classifier that ships: made again at toy size, and as it lies in the package."""

import os
from pathlib import Path

import numpy as np
import pytest

from fer_utils import paths
from fer_utils.data.labels import EMOTIONS
from fer_utils.features import geometry, tensors
from fer_utils.models.litert import load_classifier
from fer_utils.standins import shipped
from fer_utils.standins.action_units import ROW, UNITS
from fer_utils.standins.actors import make_actor
from fer_utils.standins.expressions import express
from fer_utils.standins.training_set import POSED, change, photograph, sample

REAL = Path(os.environ.get("FER_REAL", paths.root().parent / "shared" / "real")) / "london_canada.npz"


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """(file, lines of the log) of a training with ten actors of each rig."""
    lines = []
    path = shipped.train(tmp_path_factory.mktemp("shipped") / "toy.tflite", actors=10, drawn=4, log=lines.append)
    return path, lines


@pytest.fixture(scope="module")
def classifier():
    return load_classifier()


def tensors_of(changes):
    """Tensors whose four steps are each a quarter of the change."""
    return np.repeat(changes[:, None] / 4, 4, axis=1)


def test_the_same_seed_gives_the_same_classifier(toy, tmp_path):
    path, lines = toy
    again = shipped.train(tmp_path / "again.tflite", actors=10, drawn=4, log=lambda line: None)
    x = tensors_of(sample("fields", 1, seed=5).change)
    np.testing.assert_array_equal(load_classifier(path).predict_proba(x), load_classifier(again).predict_proba(x))
    assert sum("accuracy" in line for line in lines) == 5


def test_the_file_gives_what_was_fitted(tmp_path):
    samples = sample("muscles", 6)
    fitted = shipped.calibrated(shipped.fit(samples), samples)
    written = load_classifier(shipped.write(fitted, tmp_path / "written.tflite"))
    assert written.trained_on == shipped.TRAINED_ON
    np.testing.assert_allclose(
        written.predict_proba(tensors_of(samples.change)), fitted.predict_proba(samples.change), atol=1e-4
    )


def test_probabilities_of_a_mirrored_face_are_the_same(classifier):
    from fer_utils.standins.training_set import mirrored_columns

    columns, signs = mirrored_columns()
    x = tensors_of(sample("fields", 1, seed=6).change)
    np.testing.assert_allclose(
        classifier.predict_proba(x), classifier.predict_proba(x[..., columns] * signs), atol=1e-3
    )


def test_the_one_that_ships_is_small_and_of_the_studys_form(classifier):
    assert paths.MODEL.stat().st_size <= 3_000_000
    assert tuple(classifier.classes) == EMOTIONS
    assert classifier.features == tensors.DEFAULT
    assert classifier.trained_on == shipped.TRAINED_ON


@pytest.mark.parametrize("rig", ["fields", "muscles"])
def test_the_one_that_ships_knows_unseen_actors(classifier, rig):
    unseen = shipped.part_of(sample(rig, 12, seed=77), slice(0, POSED))
    named = np.array(EMOTIONS)[classifier.predict_proba(tensors_of(unseen.change)).argmax(1)]
    assert (named == unseen.emotions).mean() > 0.85


def test_lids_that_a_blink_lowers_in_one_picture_change_no_name(classifier):
    changes, emotions = [], []
    for number in range(12):
        rng = np.random.default_rng(number)
        actor = make_actor(9_800_000 + number)
        blink = np.zeros((len(UNITS), 2))
        blink[ROW[43]] = 0.8
        for emotion in ("anger", "disgust", "happiness", "sadness", "surprise"):
            shown = express(emotion, actor, rng, "posed")
            for before, after in ((blink, 0), (0, blink)):
                rest, apex = (
                    actor.rig.deform(actor.neutral, np.maximum(shown * share, lids))
                    for share, lids in ((0, before), (1, after))
                )
                changes.append(change(*photograph(rest, apex, rng)))
                emotions.append(emotion)
    named = np.array(EMOTIONS)[classifier.predict_proba(tensors_of(np.array(changes))).argmax(1)]
    right = (named == emotions).reshape(-1, 2).mean(axis=0)
    assert right.min() > 0.8


def test_a_face_at_rest_is_nothing_sure(classifier):
    assert classifier.predict_proba(np.zeros((1, *tensors.shape()), np.float32)).max() < 0.8


@pytest.mark.skipif(not REAL.is_file(), reason="the landmarks of real faces are not here")
@pytest.mark.parametrize(("share", "least"), [(0.3, 47), (0.5, 48), (0.7, 48), (1.0, 49)])
def test_real_smiles_are_happiness(classifier, share, least):
    """51 pairs, neutral and smiling; as the smile grows the same is named."""
    with np.load(REAL) as file:
        pairs = file["smiles"].astype(float)
    steps = np.linspace(0, share, 5)[:, None, None]
    ways = [rest + steps * (smile - rest) for rest, smile in pairs]
    x = np.array([geometry.differences(geometry.normalise(way), geometry.PAIRS) for way in ways])
    named = np.array(EMOTIONS)[classifier.predict_proba(x).argmax(1)]
    assert (named == "happiness").sum() >= least
