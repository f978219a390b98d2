"""Units and emotions in folds of people: scores by hand, the ceiling, and what a unit is worth."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.errors import TrainingError
from fer_utils.evaluation import action_units, metrics, splits
from fer_utils.evaluation.splits import Scheme
from fer_utils.features.tensors import FeatureTable
from tests.models.test_units import NAMES, made_up


@pytest.fixture(scope="module")
def outcome():
    x, levels, emotions, subjects = made_up()
    ids = np.array([f"r{number}" for number in range(len(x))])
    table = FeatureTable(x, emotions, subjects, ids, datasets=np.full(len(x), "toy"))
    known = pd.DataFrame(levels, index=ids, columns=list(NAMES)).drop(index="r0")  # of one nothing is known
    made = {Scheme(name): splits.make(name, table) for name in ("grouped", "stratified")}
    return action_units.run(table, known, made), known


@pytest.mark.parametrize("coded", [0, 1, 2])
def test_units_of_too_few_people_are_refused(coded):
    x, levels, emotions, subjects = made_up()
    ids = np.array([f"r{number}" for number in range(len(x))])
    table = FeatureTable(x, emotions, subjects, ids)
    of_few = np.isin(subjects, list(dict.fromkeys(subjects))[:coded])
    known = pd.DataFrame(levels, index=ids, columns=list(NAMES))[of_few]
    with pytest.raises(TrainingError, match="two people" if coded else "no sequence"):
        action_units.run(table, known, {Scheme("grouped"): splits.make("grouped", table)})


def test_everyone_known_is_tested_once_in_folds_of_people(outcome):
    predictions = outcome[0].predictions
    assert set(predictions["protocol"]) == {"grouped"} and set(predictions["source"]) == {"toy"}
    assert set(predictions["model"]) == {"by units", "human units"} and set(predictions["variant"]) == {"action units"}
    for _, rows in predictions.groupby("model"):
        assert sorted(rows["id"]) == sorted(outcome[1].index)
    assert (predictions["predicted"] == predictions["emotion"]).mean() > 0.9
    np.testing.assert_allclose(predictions[["p_happiness", "p_sadness"]].sum(axis=1), 1, atol=1e-5)
    assert len(metrics.summary(predictions)) == 2


def test_a_row_a_unit_and_side(outcome):
    scores = outcome[0].scores
    assert (scores["unit"] + "_" + scores["side"]).tolist() == sorted(NAMES)
    assert scores["shown"].tolist() == [int((outcome[1][name] >= 2).sum()) for name in sorted(NAMES)]
    assert scores["icc"].min() > 0.8 and scores["f1"].min() > 0.8
    assert scores.groupby("unit")["lost"].nunique().eq(1).all()  # of both sides together
    assert scores["lost"].between(0, 1).all() and scores["stable"].between(0, 1).all()


def test_a_unit_that_alone_tells_an_emotion_is_worth_most():
    x, _, _, subjects = made_up()
    levels = np.random.default_rng(3).uniform(0, 5, (len(x), 6))
    x[:, 0, :6] += levels - x[:, :, :6].sum(axis=1)
    emotions = np.where(levels[:, 2] > 2.5, "surprise", "sadness")  # AU12's left side says it, and nothing else
    ids = np.array([f"r{number}" for number in range(len(x))])
    table = FeatureTable(x, emotions, subjects, ids)
    made = {Scheme("grouped"): splits.make("grouped", table)}
    scores = action_units.run(table, pd.DataFrame(levels, index=ids, columns=list(NAMES)), made).scores
    assert scores.loc[scores["lost"].idxmax(), "unit"] == "AU12" and scores["lost"].max() > 0.05


def test_intensities_are_of_the_tested(outcome):
    found = outcome[0].intensities
    assert found["explained"].str.match(r"(happiness|sadness), since AU \d+").mean() > 0.9
    assert found.columns.tolist() == ["seed", "fold", "id", "explained", *NAMES] and len(found) == len(outcome[1])


class TestAgreement:
    def test_by_hand(self):
        """Shrout and Fleiss' ICC(3,1): mean squares 10.5 between and 0.5 within."""
        one, other = np.array([1.0, 2, 4, 6]), np.array([2.0, 4, 5, 7])
        both = np.stack([one, other])
        between = 2 * ((both.mean(axis=0) - both.mean()) ** 2).sum() / 3
        rest = (both - both.mean(axis=0) - both.mean(axis=1)[:, None] + both.mean()).ravel()
        rest = (rest**2).sum() / 3
        assert action_units.agreement(one, other) == pytest.approx((between - rest) / (between + rest))

    def test_a_constant_shift_does_not_matter_and_half_the_spread_does(self):
        values = np.array([0.0, 1, 2, 5])
        assert action_units.agreement(values, values + 3) == pytest.approx(1)
        assert action_units.agreement(values, values / 2) == pytest.approx(0.8)
        assert np.isnan(action_units.agreement(np.ones(3), np.ones(3)))
