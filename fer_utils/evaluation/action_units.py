"""How well action units are found, and emotions by way of them; with known units, how high an accuracy can be."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from sklearn.naive_bayes import BernoulliNB
from threadpoolctl import threadpool_limits

from fer_utils.errors import TrainingError
from fer_utils.evaluation import splits
from fer_utils.evaluation.jobs import accuracy_lost, rows_of
from fer_utils.evaluation.metrics import prediction_rows, result_key
from fer_utils.evaluation.splits import Folds
from fer_utils.features.tensors import FeatureTable
from fer_utils.models import units

# two models: by units that are found in the features; by those that coders, or the truth of a stand-in, have
BY_UNITS, HUMAN = "by units", "human units"
VARIANT = "action units"  # what both of them see of a sequence
FEWEST = 5  # sequences that must show a unit for it to be scored


@dataclass(frozen=True)
class Outcome:
    """What was found of emotions and action units."""

    predictions: pd.DataFrame  # of emotions, and `costs`, as `cross_validation.run` returns them
    scores: pd.DataFrame  # a row a unit and side
    intensities: pd.DataFrame  # a row a tested sequence, with the emotion that they speak for
    costs: pd.DataFrame


def run(table: FeatureTable, known: pd.DataFrame, folds: Folds) -> Outcome:
    """Find action units and emotions in every fold of people, for the sequences whose units are known.

    `known` is as `data.facs.known` returns it. BY_UNITS learns units from the features and emotions from units;
    HUMAN is a naive Bayes classifier on the known units themselves, shown at level B or not: the ceiling that every
    accuracy is read against. Raises TrainingError if units are known of too few people or emotions to
    train a fold.
    """
    known = known.reindex(table.ids[np.isin(table.ids, known.index)])
    if known.empty:
        raise TrainingError("no sequence that has features has known action units: check the files of FACS codes")
    predictions, intensities_found, lost, costs = [], [], [], []
    with threadpool_limits(1):
        for split in splits.of_people(folds):
            train, test = (rows_of(table, [i for i in ids if i in known.index]) for ids in (split.train, split.test))
            if not test:
                continue
            train_levels, test_levels = (known.loc[table.ids[rows]].to_numpy() for rows in (train, test))
            start = time.perf_counter()
            model = units.fit(table.x[train], train_levels, tuple(known), table.emotions[train], table.subjects[train])
            seconds = time.perf_counter() - start
            costs.append({"model": BY_UNITS, "weights": model.weights.size + model.by_units.size, "seconds": seconds})
            intensities = model.predict(table.x[test])
            key, emotions = result_key(BY_UNITS, VARIANT, split), np.array(model.emotions)
            predictions.append(prediction_rows(key, table, test, emotions, model.emotion_proba(intensities)))
            start = time.perf_counter()
            bayes = BernoulliNB().fit(train_levels >= units.LEVEL_B, table.emotions[train])
            seconds = time.perf_counter() - start
            costs.append({"model": HUMAN, "weights": bayes.feature_log_prob_.size, "seconds": seconds})
            key, proba = result_key(HUMAN, VARIANT, split), bayes.predict_proba(test_levels >= units.LEVEL_B)
            predictions.append(prediction_rows(key, table, test, bayes.classes_, proba))
            keys = {"seed": split.seed, "fold": split.fold, "id": table.ids[test]}
            keys["explained"] = [model.explain(row) for row in intensities]
            intensities_found.append(pd.DataFrame({**keys, **dict(zip(known, intensities.T, strict=True))}))
            lost.append(_lost_without_a_unit(model, intensities, table.emotions[test], split.seed))
    found = pd.concat(intensities_found, ignore_index=True)
    scores = _scores(found, known, pd.concat(lost))
    return Outcome(pd.concat(predictions, ignore_index=True), scores, found, pd.DataFrame(costs))


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intraclass correlation ICC(3,1) of two raters' values (n,) (Shrout & Fleiss, 1979).

    It is 1 if they agree or differ by a constant, 0 if they agree as often as by chance, and NaN if both are constant.
    """
    together, apart = np.var(one + other), np.var(one - other)
    return float((together - apart) / (together + apart)) if together + apart > 0 else float("nan")


def _lost_without_a_unit(
    model: units.UnitModel, intensities: np.ndarray, emotions: np.ndarray, seed: int
) -> pd.DataFrame:
    """Return the accuracy that emotion by way of units loses if one unit's intensities, of both sides, are shuffled."""
    names, unit_of = np.array(model.emotions), [name.split("_")[0] for name in model.names]

    def count_right(values: np.ndarray) -> int:
        return int((names[model.emotion_proba(values).argmax(axis=1)] == emotions).sum())

    distinct = list(dict.fromkeys(unit_of))
    groups = [np.flatnonzero(np.array(unit_of) == unit) for unit in distinct]
    return pd.DataFrame({"unit": distinct, "lost": accuracy_lost(count_right, intensities, groups, seed)})


def _scores(found: pd.DataFrame, known: pd.DataFrame, lost: pd.DataFrame) -> pd.DataFrame:
    """Return a row a unit and side.

    It says in how many sequences the unit is known to be shown (level B or above), the agreement and F1 of the
    intensities found, if these are enough, and the accuracy lost without the unit, with its spread over folds.
    """
    truth = known.loc[found["id"]]
    by_unit = lost.groupby("unit")["lost"].agg(lost="mean", sd="std", stable=lambda values: (values > 0).mean())
    rows = []
    for name in known:
        unit, side = name.split("_")
        shown = truth[name].to_numpy() >= units.LEVEL_B
        row = {"unit": unit, "side": side, "shown": int((known[name] >= units.LEVEL_B).sum()), "sequences": len(known)}
        if row["shown"] >= FEWEST:
            values = found[name].to_numpy()
            row["icc"] = agreement(values, truth[name].to_numpy())
            row["f1"] = float(f1_score(shown, values >= units.LEVEL_B, zero_division=0))
        rows.append(row | by_unit.loc[unit].to_dict())
    return pd.DataFrame(rows, columns=["unit", "side", "shown", "sequences", "icc", "f1", "lost", "sd", "stable"])
