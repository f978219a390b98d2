"""Action units out of features: what was learnt comes back, calibrated, and says why; files that are not right."""

import os
from pathlib import Path

import numpy as np
import pytest

from fer_utils import paths
from fer_utils.data import labels
from fer_utils.errors import ModelFileError, TrainingError
from fer_utils.features import geometry, tensors
from fer_utils.models import units
from fer_utils.models.units import UnitModel

NAMES = ("AU06_left", "AU06_right", "AU12_left", "AU12_right", "AU15_left", "AU15_right")


def made_up(people=20, seed=0):
    """Tensors (n, 4, 30) whose first numbers change with six units; happiness has 6 and 12, sadness 15."""
    draw = np.random.default_rng(seed)
    emotions = np.resize(["happiness", "sadness"], 4 * people)
    subjects = np.repeat([f"s{number}" for number in range(people)], 4)
    levels = np.zeros((len(emotions), 6))
    levels[emotions == "happiness", :4] = draw.uniform(1, 5, (2 * people, 4))
    levels[emotions == "sadness", 4:] = draw.uniform(1, 5, (2 * people, 2))
    change = draw.normal(0, 0.1, (len(emotions), 30))
    change[:, :6] += levels
    shares = draw.dirichlet(np.ones(4), (len(emotions), 30)).transpose(0, 2, 1)
    return (change[:, None] * shares).astype(np.float32), levels, emotions, subjects


@pytest.fixture(scope="module")
def model():
    x, levels, emotions, subjects = made_up()
    return units.fit(x, levels, NAMES, emotions, subjects)


def test_units_of_new_people_are_found_with_their_spread(model):
    x, levels, emotions, _ = made_up(seed=1)
    found = model.predict(x)
    assert found.min() >= 0 and found.max() <= 5
    for number in range(6):
        assert np.corrcoef(found[:, number], levels[:, number])[0, 1] > 0.8
        assert 0.7 < found[:, number].std() / levels[:, number].std() < 1.3  # not pulled to the mean
    proba = model.emotion_proba(found)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (np.array(model.emotions)[proba.argmax(axis=1)] == emotions).mean() > 0.95


def test_the_sum_of_the_steps_is_what_counts(model):
    x, *_ = made_up(seed=2)
    np.testing.assert_allclose(model.predict(x[:, ::-1]), model.predict(x), atol=1e-4)


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ([3, 3, 4, 4, 0, 0], "happiness, since AU 6 and 12"),
        ([0, 0, 4, 4, 0, 0], "happiness, since AU 12"),
        ([0, 0, 0, 0, 3, 3], "sadness, since AU 15"),
    ],
)
def test_the_units_that_speak_for_an_emotion_are_named(model, levels, words):
    assert model.explain(np.array(levels, float)) == words


def test_of_a_face_without_units_it_says_so(model):
    assert model.explain(np.zeros(6)).endswith(", though no unit speaks for it")


def test_a_unit_that_features_do_not_show_stays_near_its_mean():
    x, levels, emotions, subjects = made_up()
    levels = np.concatenate([levels, np.random.default_rng(5).uniform(0, 4, (len(levels), 1))], axis=1)
    model = units.fit(x, levels, (*NAMES, "AU43_left"), emotions, subjects)
    assert model.predict(made_up(seed=1)[0])[:, 6].std() < 0.4 * levels[:, 6].std()


def test_a_model_comes_back_from_its_file(model, tmp_path):
    x, *_ = made_up(seed=1)
    again = UnitModel.load(model.save(tmp_path / "units.npz"))
    assert (again.names, again.emotions) == (model.names, model.emotions)
    np.testing.assert_allclose(again.predict(x), model.predict(x), atol=0.02)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 nothing", b"a" * 2000])
def test_files_that_are_no_model(tmp_path, content):
    path = tmp_path / "units.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError) as refused:
        UnitModel.load(path)
    assert str(refused.value).startswith(f"{path}: ") and "\n" not in str(refused.value)


def test_one_person_is_too_few():
    x, levels, emotions, subjects = made_up()
    with pytest.raises(TrainingError, match="two people and two emotions"):
        units.fit(x, levels, NAMES, emotions, np.full(len(subjects), "s0"))


@pytest.fixture(scope="module")
def real():
    """Landmarks of real people, where they are (FER_REAL names the folder); they are no part of the project."""
    file = Path(os.environ.get("FER_REAL") or paths.root().parent / "shared" / "real") / "london_canada.npz"
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    with np.load(file) as arrays:
        return dict(arrays)


class TestShipped:
    def test_it_takes_the_studys_features_and_is_small(self):
        model = UnitModel.load(paths.ACTION_UNITS)
        assert len(model.mean) == tensors.shape()[1] and set(model.emotions) == set(labels.EMOTIONS)
        assert {"AU06_left", "AU12_left", "AU12_right", "AU25_right"} <= set(model.names)
        assert paths.ACTION_UNITS.stat().st_size < 300_000

    def test_smiles_of_real_people_are_happiness_by_way_of_units_12_and_6(self, real):
        """It has seen rendered actors only."""
        pairs = real["smiles"].astype(float)
        changes = [geometry.differences(geometry.normalise(pair), geometry.PAIRS) for pair in pairs]
        model = UnitModel.load(paths.ACTION_UNITS)
        found = model.predict(np.array(changes))
        words = [model.explain(row) for row in found]
        assert sum(text.startswith("happiness") for text in words) >= 46  # of 51
        mean = dict(zip(model.names, found.mean(axis=0), strict=True))
        assert {name[:4] for name in sorted(mean, key=mean.get)[-6:]} == {"AU06", "AU12", "AU25"}
        assert mean["AU15_left"] < 1 and mean["AU01_left"] < 1
