"""Emotions as combinations of action units, with the variety that people show.

The prototypes and their variants follow the tables of the FACS Investigator's Guide and EMFACS (Ekman, Friesen &
Hager, 2002). How often each variant and unit is seen, and how strong, is our choice, made so that the classes overlap
where people's do: fear with surprise, anger with disgust and sadness, contempt with a weak smile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_utils.standins.action_units import ROW, UNITS
from fer_utils.standins.actors import Actor

EMOTIONS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")


@dataclass(frozen=True)
class Variety:
    """How much people differ in showing one emotion; intensities from 0 to 1."""

    strength: tuple[float, float] = (0.55, 1.0)  # of the whole expression, from weak to full
    unit_spread: float = 0.25  # standard deviation of the logarithm of each unit's own strength
    missing: float = 0.07  # chance that a unit of the variant is not shown
    blend: float = 0.16  # chance that units of a neighbouring emotion mix in
    blend_strength: tuple[float, float] = (0.15, 0.6)
    stray: float = 0.18  # chance of one unit that has nothing to do with the emotion
    stray_strength: tuple[float, float] = (0.1, 0.4)
    asymmetry: float = 0.10  # standard deviation of the difference of the sides, as a fraction


VARIETY = Variety()

# emotion -> variants as (how often, {unit: usual intensity})
VARIANTS = {
    "anger": [
        (3, {4: 0.8, 5: 0.4, 7: 0.7, 23: 0.7, 17: 0.3}),
        (3, {4: 0.8, 7: 0.6, 24: 0.8, 17: 0.4}),
        (2, {4: 0.7, 7: 0.6, 17: 0.5, 15: 0.3}),
        (1, {4: 0.8, 5: 0.4, 7: 0.5, 10: 0.4, 25: 0.5, 16: 0.3}),
    ],
    "contempt": [],  # one side only: see `_contempt`
    "disgust": [
        (3, {9: 0.8, 10: 0.4, 4: 0.4, 7: 0.4}),
        (2, {9: 0.7, 17: 0.5, 4: 0.4, 7: 0.4}),
        (2, {10: 0.8, 17: 0.4, 7: 0.4, 15: 0.2}),
        (2, {9: 0.6, 10: 0.6, 16: 0.5, 25: 0.5, 6: 0.3}),
    ],
    "fear": [
        (3, {1: 0.8, 2: 0.5, 4: 0.5, 5: 0.7, 20: 0.7, 25: 0.5}),
        (2, {1: 0.8, 2: 0.6, 4: 0.4, 5: 0.8, 25: 0.6, 26: 0.5}),
        (2, {1: 0.7, 4: 0.5, 5: 0.5, 20: 0.6, 25: 0.4}),
        (1, {1: 0.7, 2: 0.7, 5: 0.8, 26: 0.4, 25: 0.4, 20: 0.3}),
    ],
    "happiness": [
        (4, {6: 0.7, 12: 0.8, 25: 0.6}),
        (2, {6: 0.8, 12: 0.9, 25: 0.6, 26: 0.4, 7: 0.3}),
        (2, {6: 0.4, 12: 0.6}),
        (1, {12: 0.6, 25: 0.3}),
    ],
    "sadness": [
        (3, {1: 0.7, 4: 0.5, 15: 0.7, 17: 0.5}),
        (2, {1: 0.6, 15: 0.6, 17: 0.3}),
        (2, {15: 0.6, 17: 0.7, 4: 0.3, 24: 0.3}),
        (1, {1: 0.5, 4: 0.6, 6: 0.3, 15: 0.5, 43: 0.25}),
        (1, {4: 0.5, 7: 0.3, 15: 0.6, 20: 0.3}),
    ],
    "surprise": [
        (4, {1: 0.9, 2: 0.9, 5: 0.6, 25: 0.5, 26: 0.8, 27: 0.3}),
        (2, {1: 0.8, 2: 0.9, 5: 0.7, 25: 0.5, 27: 0.8}),
        (2, {1: 0.8, 2: 0.8, 5: 0.6, 25: 0.4, 26: 0.3}),
        (1, {1: 0.7, 2: 0.8, 5: 0.5}),
    ],
}

# units that mix in from the neighbours of an emotion
NEIGHBOURS = {
    "anger": [{9: 0.5, 10: 0.4}, {15: 0.5, 1: 0.3}],
    "contempt": [{12: 0.4}, {17: 0.4, 24: 0.3}],
    "disgust": [{4: 0.8, 23: 0.5, 7: 0.4}, {15: 0.5, 1: 0.3}],
    "fear": [{26: 0.6, 2: 0.6}, {15: 0.4, 17: 0.3}],
    "happiness": [{1: 0.5, 2: 0.5}, {14: 0.5}],
    "sadness": [{4: 0.6, 7: 0.4, 24: 0.4}, {10: 0.4, 20: 0.3}],
    "surprise": [{4: 0.4, 20: 0.5}, {12: 0.4, 6: 0.3}],
}


def express(emotion: str, actor: Actor, rng: np.random.Generator) -> np.ndarray:
    """An activation (20, 2) at the apex of an emotion as the actor shows it this time, without the face at rest."""
    units = _contempt(rng) if emotion == "contempt" else _variant(emotion, rng)
    activation = np.zeros((len(UNITS), 2))
    strength = rng.uniform(*VARIETY.strength)
    if rng.random() < VARIETY.blend:
        neighbours = NEIGHBOURS[emotion]
        share = rng.uniform(*VARIETY.blend_strength)
        for unit, intensity in neighbours[rng.integers(len(neighbours))].items():
            units[unit] = np.maximum(units.get(unit, 0.0), share * intensity)
    for unit, intensity in units.items():
        own = np.exp(rng.normal(0, VARIETY.unit_spread))
        tilt = np.clip(rng.normal(0, VARIETY.asymmetry), -0.3, 0.3)
        activation[ROW[unit]] = intensity * own * np.array([1 - tilt, 1 + tilt])
    activation *= strength * actor.expressivity * actor.habit[:, None]
    if rng.random() < VARIETY.stray:
        stray = ROW[int(rng.choice([1, 2, 4, 7, 10, 12, 14, 15, 17, 24, 25]))]
        activation[stray] = np.maximum(activation[stray], rng.uniform(*VARIETY.stray_strength))
    return np.clip(activation, 0, 1)


def intensity_code(activation: float) -> int:
    """FACS's five letters A to E as 1 to 5, as CK+ writes them; 0 where the unit is not seen."""
    return int(np.digitize(activation, [0.08, 0.2, 0.4, 0.65, 0.88]))


def _variant(emotion: str, rng: np.random.Generator) -> dict[int, float]:
    weights = np.array([often for often, _ in VARIANTS[emotion]], float)
    units = VARIANTS[emotion][rng.choice(len(weights), p=weights / weights.sum())][1]
    return {unit: value for unit, value in units.items() if rng.random() >= VARIETY.missing}


def _contempt(rng: np.random.Generator) -> dict[int, np.ndarray]:
    """One corner of the mouth tightened or raised (12, 14, or both), the other side hardly."""
    side = rng.integers(2)
    other = rng.uniform(0.0, 0.2)
    units = {}
    kind = rng.random()
    if kind < 0.8:
        units[14] = rng.uniform(0.5, 1.0)
    if kind > 0.4:
        units[12] = rng.uniform(0.35, 0.75)
    if rng.random() < 0.25:
        units[10] = rng.uniform(0.2, 0.5)
    sides = np.where(np.arange(2) == side, 1.0, other)
    return {unit: value * sides for unit, value in units.items()}
