"""Trains the model of action units that ships: `python -m fer_utils.study.units`.

It learns from all rendered stand-ins whose truth is known, says how well it finds the units of people whom it was not
fitted on, and writes `assets/action_units.npz`. Run it again after any change of the actors or of the features.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils import paths
from fer_utils.data import registry, units
from fer_utils.evaluation import action_units, results, splits
from fer_utils.evaluation.splits import Scheme
from fer_utils.features import tensors
from fer_utils.features.tensors import FeatureTable
from fer_utils.landmarks.extraction import extract
from fer_utils.models import units as unit_models
from fer_utils.standins.source import inventory
from fer_utils.workers import pool


def train(path: Path, jobs: int | None = None) -> pd.DataFrame:
    """Write the model that is fitted on everyone to `path`; return the scores of folds of people, a row a unit."""
    made, known = [], []
    for name in registry.STAND_INS:
        sequences = inventory(name, jobs=jobs).sequences
        with pool(jobs) as workers:
            tracks = extract(sequences, workers).tracks
        table = tensors.table(sequences, tracks)
        ids = np.array([f"{name}/{i}" for i in table.ids.tolist()])
        made.append(FeatureTable(table.x, table.emotions, table.subjects, ids, datasets=table.datasets))
        known.append(units.known(sequences).loc[table.ids].set_axis(ids))
    table, levels = _together(made), pd.concat(known).fillna(0.0)
    folds = {Scheme("grouped"): splits.make("grouped", table)}
    scores = action_units.run(table, levels, folds).scores
    model = unit_models.fit(table.x, levels.to_numpy(), tuple(levels), table.emotions, table.subjects)
    model.save(path)
    return results.units(scores)


def _together(tables: list[FeatureTable]) -> FeatureTable:
    names = ("x", "emotions", "subjects", "ids", "datasets")
    parts = {name: np.concatenate([getattr(table, name) for table in tables]) for name in names}
    return FeatureTable(**parts)


if __name__ == "__main__":
    print(train(paths.ACTION_UNITS).round(2).to_string(index=False))
    print(f"{paths.ACTION_UNITS}: {paths.ACTION_UNITS.stat().st_size} bytes")
