"""Emotions as combinations of action units, posed as in a laboratory or shown in everyday life.

Half of the expressions follow the prototypes and variants of the FACS Investigator's Guide (Ekman, Friesen & Hager,
2002), half the shares of people that Du, Tao & Martinez (2014, PNAS 111, E1454, table 1) counted; their figures are
quoted from memory and about right. How strong each unit is, how much people differ, and what is blended or left out is
our choice: posed expressions are strong and nearly complete, everyday ones weak and partial.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from fer_utils.data.facs import LETTERS
from fer_utils.standins.action_units import ROW, UNITS
from fer_utils.standins.actors import Actor

Way = Literal["posed", "everyday"]


# How much people differ in showing one emotion
STRENGTH: dict[Way, tuple[float, float]] = {"posed": (0.6, 1.1), "everyday": (0.3, 0.8)}  # of the whole expression
MISSING: dict[Way, float] = {"posed": 0.04, "everyday": 0.2}  # chance that a unit of a variant is not shown
UNIT_SPREAD = 0.28  # standard deviation of the logarithm of each unit's own strength
ASYMMETRY = 0.10  # standard deviation of the difference of the sides, as a fraction
STRAY, STRAY_STRENGTH = 0.12, (0.05, 0.35)  # chance of one unit that has nothing to do with the emotion
POSED = 0.55  # share of expressions that are posed, if the way is not given

# The guide's variants: emotion -> (how often, {unit or units of which one is shown: usual intensity})
VARIANTS = {
    "anger": [
        (3, {4: 0.8, 5: 0.5, 7: 0.6, 23: 0.7, (25, 26): 0.4}),
        (3, {4: 0.8, 5: 0.5, 7: 0.6, 24: 0.8}),
        (3, {4: 0.8, 5: 0.4, 7: 0.6, 17: 0.6, 23: 0.7}),
        (1, {4: 0.8, 5: 0.4, 7: 0.6, 10: 0.5, 23: 0.6, (25, 26): 0.4}),
        (2, {4: 0.8, 7: 0.6, 17: 0.6, 24: 0.7}),
        (1, {4: 0.7, 7: 0.5, 23: 0.7}),
        (1, {7: 0.6, 17: 0.5, 24: 0.7}),
        (1, {4: 0.8, 5: 0.5, 17: 0.6, 23: 0.6}),
    ],
    "contempt": [],  # one side more than the other: see `_contempt`
    "disgust": [
        (3, {9: 0.8, 17: 0.5}),
        (3, {9: 0.8}),
        (1, {9: 0.7, 16: 0.4, 15: 0.3}),
        (1, {9: 0.7, 16: 0.4, 25: 0.5, 26: 0.3}),
        (2, {10: 0.8, 17: 0.5}),
        (1, {10: 0.8}),
        (2, {10: 0.7, 16: 0.5, 25: 0.5}),
        (1, {10: 0.7, 16: 0.5, 26: 0.4, 25: 0.4}),
        (2, {9: 0.7, 10: 0.6, 25: 0.5}),
        (2, {9: 0.8, 6: 0.4, 7: 0.5, 4: 0.4}),
    ],
    "fear": [
        (3, {1: 0.8, 2: 0.6, 4: 0.6, 5: 0.7, 20: 0.7, 25: 0.5}),
        (2, {1: 0.8, 2: 0.6, 4: 0.6, 5: 0.7, 20: 0.6, 26: 0.5, 25: 0.4}),
        (1, {1: 0.8, 2: 0.6, 4: 0.6, 5: 0.8, 20: 0.5, 27: 0.5, 25: 0.4}),
        (2, {1: 0.8, 2: 0.6, 4: 0.6, 5: 0.7, (25, 26): 0.5}),
        (1, {1: 0.8, 2: 0.6, 5: 0.8, 20: 0.4}),
        (1, {5: 0.7, 20: 0.7, 25: 0.4}),
    ],
    "happiness": [
        (4, {6: 0.7, 12: 0.8, 25: 0.85}),
        (2, {6: 0.7, 12: 0.8}),
        (2, {12: 0.7}),
        (2, {6: 0.7, 12: 0.9, 25: 0.85, 26: 0.4}),
    ],
    "sadness": [
        (3, {1: 0.7, 4: 0.5, 15: 0.6}),
        (2, {1: 0.7, 4: 0.5, 11: 0.4, 15: 0.4}),
        (2, {6: 0.4, 15: 0.6}),
        (1, {1: 0.7, 4: 0.5, 11: 0.5}),
        (3, {1: 0.7, 4: 0.5, 15: 0.5, 17: 0.5}),
        (1, {11: 0.5, 15: 0.5}),
        (1, {11: 0.5, 17: 0.6}),
    ],
    "surprise": [
        (4, {1: 0.8, 2: 0.8, 5: 0.4, 26: 0.7, 25: 0.5}),
        (5, {1: 0.9, 2: 0.9, 5: 0.5, 27: 0.7, 25: 0.5}),
        (1, {1: 0.8, 2: 0.8, 5: 0.4}),
        (2, {1: 0.8, 2: 0.8, 26: 0.6, 25: 0.4}),
        (2, {1: 0.8, 2: 0.8, 27: 0.7, 25: 0.5}),
        (1, {5: 0.5, 26: 0.6, 25: 0.4}),
    ],
}
# Du, Tao & Martinez: emotion -> {unit: (share of people, usual intensity)}; where they say "more than 70 %", 0.85 here
COUNTED = {
    "anger": {4: (0.9, 0.8), 7: (0.85, 0.6), 24: (0.8, 0.7), 10: (0.2, 0.4), 17: (0.6, 0.55), 23: (0.35, 0.6),
              5: (0.15, 0.4)},
    "disgust": {9: (0.85, 0.75), 10: (0.7, 0.6), 17: (0.75, 0.5), 4: (0.31, 0.5), 24: (0.2, 0.4), 6: (0.2, 0.4),
                7: (0.3, 0.4)},
    "fear": {1: (0.9, 0.8), 4: (0.85, 0.55), 20: (0.85, 0.65), 25: (0.9, 0.55), 2: (0.57, 0.6), 5: (0.6, 0.65),
             26: (0.3, 0.5)},
    "happiness": {12: (1.0, 0.8), 25: (0.9, 0.8), 6: (0.6, 0.65)},
    "sadness": {4: (0.85, 0.55), 15: (0.85, 0.55), 1: (0.7, 0.65), 6: (0.4, 0.4), 11: (0.26, 0.4), 17: (0.7, 0.55)},
    "surprise": {1: (0.95, 0.8), 2: (0.95, 0.8), 25: (0.9, 0.5), 26: (0.6, 0.65), 27: (0.35, 0.7), 5: (0.66, 0.5)},
}  # fmt: skip
# What posed expressions hardly ever lack: emotion -> (chance that it is added, one of these units, intensity)
COMPLETED = {
    "anger": [(1.0, (17, 23, 24), 0.6)],
    "fear": [(0.6, (20,), 0.6)],
    "happiness": [(0.85, (6,), 0.6), (0.85, (12,), 0.8), (0.85, (25,), 0.8)],
    "sadness": [(1.0, (1, 17), 0.55)],
}
STRAYS = (1, 2, 4, 7, 10, 12, 14, 15, 17, 18, 24, 25, 26, 28, 43)
MILD, BROWS = 0.35, 0.3  # shares of everyday smiles that are mild, with closed lips mostly, and that raise the brows


def express(emotion: str, actor: Actor, rng: np.random.Generator, way: Way | None = None) -> np.ndarray:
    """Return the activation (23, 2) at the apex of an emotion as the actor shows it this time.

    The face at rest is not in it.
    """
    way = way or ("posed" if rng.random() < POSED else "everyday")
    if emotion == "contempt":
        units = _contempt(rng)
    elif emotion == "happiness" and way == "everyday" and rng.random() < MILD:
        units = _mild_smile(rng)
    else:
        units = _shown(emotion, way, rng)
    if emotion == "happiness" and 25 in units and 26 not in units and rng.random() < 0.6:
        units[26] = rng.uniform(0.05, 0.45)  # a laugh opens the jaw
    if emotion == "happiness" and way == "everyday" and rng.random() < BROWS:
        units |= {1: rng.uniform(0.1, 0.5), 2: rng.uniform(0.1, 0.5), 5: rng.uniform(0.0, 0.3)}
    activation = np.zeros((len(UNITS), 2))
    for unit, intensity in units.items():
        own = np.exp(rng.normal(0, UNIT_SPREAD))
        tilt = np.clip(rng.normal(0, ASYMMETRY), -0.35, 0.35)
        activation[ROW[unit]] = intensity * own * np.array([1 - tilt, 1 + tilt])
    activation *= rng.uniform(*STRENGTH[way]) * actor.expressivity
    if rng.random() < STRAY:
        stray = ROW[int(rng.choice(STRAYS))]
        activation[stray] = np.maximum(activation[stray], rng.uniform(*STRAY_STRENGTH))
    return np.clip(activation, 0, 1)


def intensity_code(activation: float) -> int:
    """Return FACS's five letters A to E as 1 to 5, as CK+ writes them; 0 where the unit is not seen."""
    return int(np.digitize(activation, LETTERS[1:-1]))


def _shown(emotion: str, way: Way, rng: np.random.Generator) -> dict[int, float]:
    """Return units of one of the guide's variants, or as they were counted; never none."""
    shown: dict[int, float] = {}
    while not shown:
        if rng.random() < 0.5:
            shown = {unit: value for unit, (share, value) in COUNTED[emotion].items() if rng.random() < share}
            continue
        weights = np.array([often for often, _ in VARIANTS[emotion]], float)
        variant = VARIANTS[emotion][rng.choice(len(weights), p=weights / weights.sum())][1]
        for unit, value in variant.items():
            if rng.random() >= MISSING[way]:
                shown[unit[rng.integers(len(unit))] if isinstance(unit, tuple) else unit] = value
    if way == "posed":
        for chance, units, value in COMPLETED.get(emotion, ()):
            if not shown.keys() & set(units) and rng.random() < chance:
                shown[units[rng.integers(len(units))]] = value
    return shown


def _mild_smile(rng: np.random.Generator) -> dict[int, float]:
    """Return corners up on both sides, cheeks and one other unit at times."""
    units = {12: rng.uniform(0.35, 1.0)}
    if rng.random() < 0.5:
        units[6] = rng.uniform(0.1, 0.5)
    if rng.random() < 0.25:
        units[int(rng.choice([1, 2, 14, 17, 24]))] = rng.uniform(0.1, 0.4)
    return units


def _contempt(rng: np.random.Generator) -> dict[int, np.ndarray | float]:
    """Return one corner of the mouth tightened (14), seldom raised (12); the other side less, or not at all."""
    side, kind = rng.integers(2), rng.random()
    other = rng.uniform(0.0, 0.25) if rng.random() < 0.6 else rng.uniform(0.3, 0.9)
    corners = {14: rng.uniform(0.5, 1.0)}
    if kind < 0.15:
        corners, other = {12: rng.uniform(0.3, 0.7)}, rng.uniform(0.0, 0.2)
    elif kind < 0.3:
        corners[12], other = rng.uniform(0.15, 0.45), min(other, 0.4)
    sides = np.where(np.arange(2) == side, 1.0, other)
    units = {unit: value * sides for unit, value in corners.items()}
    if rng.random() < 0.25:
        units[int(rng.choice([17, 24]))] = rng.uniform(0.2, 0.5)
    return units
