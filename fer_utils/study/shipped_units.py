"""Trains the model of action units that ships: `python -m fer_utils.study.shipped_units`.

It learns from samples of the same kind as the classifier that ships: actors of two rigs, without pictures. On smiles of
real people this worked better than learning from the rendered stand-ins. Run it again after any change of the actors or
of the features.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from fer_utils import paths
from fer_utils.data import facs
from fer_utils.evaluation.action_units import agreement
from fer_utils.landmarks.canonical import LEFT, RIGHT
from fer_utils.models import units as unit_models
from fer_utils.models.units import LEVEL_B, UnitModel
from fer_utils.standins.action_units import UNITS
from fer_utils.standins.training_set import NOTHING, POSED, RIGS, WEAK, Samples, sample

ACTORS = 50  # of each rig
SEED = 0
NAMES = tuple(facs.column(unit, side) for unit in UNITS for side in ("left", "right"))


def train(path: Path, actors: int = ACTORS, seed: int = SEED) -> pd.DataFrame:
    """Write a model that is fitted to both rigs to `path`, and return how well a model of one rig works on the other.

    There is a row for each unit and side, the mean of both ways.
    """
    samples = {rig: sample(rig, actors, seed) for rig in RIGS}
    with threadpool_limits(1):  # several threads would round differently
        ways = [score(fit([samples[one]]), samples[other]) for one, other in zip(RIGS, RIGS[::-1], strict=True)]
        fit(list(samples.values())).save(path)
    return sum(ways) / len(ways)


def fit(sets: list[Samples]) -> UnitModel:
    """Fit a model to the samples of one or more rigs."""
    per_actor = POSED + WEAK + NOTHING
    subjects = [[f"{rig}/{number // per_actor}" for number in range(len(one))] for rig, one in enumerate(sets)]
    return unit_models.fit(
        np.concatenate([one.change for one in sets])[:, None],
        np.concatenate([levels(one) for one in sets]),
        NAMES,
        np.concatenate([one.emotions for one in sets]),
        np.concatenate(subjects),
    )


def levels(samples: Samples) -> np.ndarray:
    """Return the intensities (n, 2 · units) of samples, 0 to 5, in the order of NAMES."""
    shown = np.interp(samples.units[:, :, [LEFT, RIGHT]], facs.LETTERS, facs.LEVELS)
    return shown.reshape(len(samples), -1)


def score(model: UnitModel, samples: Samples) -> pd.DataFrame:
    """Return the agreement (ICC) of found and known intensities of each unit and side, and F1 at FACS level B."""
    found, known = model.predict(samples.change[:, None]), levels(samples)
    rows = [
        (agreement(found[:, column], known[:, column]),
         f1_score(known[:, column] >= LEVEL_B, found[:, column] >= LEVEL_B, zero_division=0))
        for column in range(len(NAMES))
    ]  # fmt: skip
    return pd.DataFrame(rows, index=NAMES, columns=["icc", "f1"])


if __name__ == "__main__":
    print(train(paths.ACTION_UNITS).round(2).to_string())
    print(f"{paths.ACTION_UNITS}: {paths.ACTION_UNITS.stat().st_size} bytes")
