"""Rendered actors as additional training rows, with a weight that is chosen inside the training part."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fer_utils.evaluation.cross_validation import BASE
from fer_utils.evaluation.jobs import rows_of
from fer_utils.evaluation.metrics import prediction_rows, result_key
from fer_utils.evaluation.splits import Folds, of_people
from fer_utils.features.tensors import FeatureTable

MODEL = "logistic + actors"
WEIGHTS = (0.0, 0.05, 0.2, 0.5, 1.0)  # of an actor's row, where a recording's own is 1


def run(table: FeatureTable, actors: FeatureTable, folds: Folds) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test a logistic regression in the folds of people, trained on their training rows and on actors.

    Return predictions, with the column `weight`, and costs as `cross_validation.run` has them. The model sees the
    change from the first key frame to the last, as "logistic" does. Actors of emotions that the table lacks are left
    out. The weight of an actor's row is the one that is best on the validation part, the smallest of equals; then the
    model is fitted on all training rows.
    """
    own = np.isin(actors.emotions, table.emotions)
    added = actors.x[own].sum(axis=1), actors.emotions[own]
    x, frames, costs = table.x.sum(axis=1), [], []
    with threadpool_limits(1):
        for split in of_people(folds):
            fit, validation, test = (rows_of(table, ids) for ids in (split.fit, split.validation, split.test))
            start = time.perf_counter()
            right = []  # of the validation part, by weight
            for weight in WEIGHTS:
                names, proba = _probabilities(x, table.emotions, fit, validation, added, weight)
                right.append((names[proba.argmax(axis=1)] == table.emotions[validation]).sum())
            weight = WEIGHTS[int(np.argmax(right))]
            names, proba = _probabilities(x, table.emotions, [*fit, *validation], test, added, weight)
            size = len(names) * (x.shape[1] + 1)
            costs.append({"model": MODEL, "weights": size, "seconds": time.perf_counter() - start})
            key = result_key(MODEL, BASE, split)
            frames.append(prediction_rows(key, table, test, names, proba).assign(weight=weight))
    return pd.concat(frames, ignore_index=True), pd.DataFrame(costs)


def _probabilities(x, emotions, train, test, added, weight) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, and their probabilities for the rows `test`."""
    scaler = StandardScaler().fit(x[train])  # without the actors
    rows, names, weights = scaler.transform(x[train]), emotions[train], np.ones(len(train))
    if weight and len(added[0]):
        rows = np.concatenate([rows, scaler.transform(added[0])])
        names, weights = np.concatenate([names, added[1]]), np.concatenate([weights, np.full(len(added[0]), weight)])
    if len(classes := np.unique(names)) == 1:  # a few people may all show the same emotion
        return classes, np.ones((len(test), 1))
    # what it learns lies in the space of its rows: with that space's coordinates, which are fewer, it is three times as
    # fast, and the same up to the solver's tolerance
    space, _ = np.linalg.qr(rows.T)
    model = LogisticRegression(max_iter=2000).fit(rows @ space, names, sample_weight=weights)
    return model.classes_, model.predict_proba(scaler.transform(x[test]) @ space)
