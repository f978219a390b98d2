"""What faces do that is no expression of an emotion: rest and blink, speak, chew, look about, nod, turn away.

A detector of expressions must not name any of it. Rates and sizes are our choice, after what is usual: four to six
syllables a second, a blink every two to five seconds, 1.3 chewing strokes a second.
"""

from __future__ import annotations

import numpy as np

from fer_utils.standins.action_units import ROW, UNITS
from fer_utils.standins.actors import Actor
from fer_utils.standins.drawing.camera import View
from fer_utils.standins.performances import FPS, Performance, minimum_jerk

HABITS = ("rest", "speak", "chew", "look about", "nod", "turn away")


def behave(actor: Actor, habit: str, view: View, rng: np.random.Generator, seconds: float = 20.0) -> Performance:
    """Return a performance without an expression; `emotion` is the habit's name. The first second is at rest."""
    time = np.arange(round(seconds * FPS)) / FPS
    awake = minimum_jerk(time - 1.0)
    activation = np.zeros((len(time), len(UNITS), 2))
    turns = np.zeros((3, len(time)))  # yaw, pitch, roll
    gazes = np.zeros((len(time), 2))
    if habit == "speak":
        syllables = _syllables(time, rng)
        closed = np.clip(_wander(time, rng, 3.0), 0, 1)
        for unit, amount in ((26, 0.55), (25, 0.6), (16, 0.15)):
            activation[:, ROW[unit]] = (amount * syllables)[:, None]
        for unit, amount in ((20, 0.3), (23, 0.4), (24, 0.3), (17, 0.2)):  # vowels and closed lips, in turn
            share = np.clip(_wander(time, rng, 2.5), 0, 1) * (closed if unit in (23, 24, 17) else syllables)
            activation[:, ROW[unit]] = (amount * share)[:, None]
        stress = np.clip(_wander(time, rng, 0.4) - 0.6, 0, 1)
        activation[:, [ROW[1], ROW[2]]] = (0.6 * stress)[:, None, None]
        turns += [0.05 * _wander(time, rng, 0.4), 0.06 * _wander(time, rng, 0.8), 0.03 * _wander(time, rng, 0.4)]
    elif habit == "chew":
        stroke = np.clip(np.sin(2 * np.pi * 1.3 * time + rng.uniform(0, 6)), 0, 1)
        tired = np.clip(0.6 + 0.6 * _wander(time, rng, 0.3), 0, 1)
        side = rng.uniform(0.7, 1.0, 2)
        for unit, amount in ((26, 0.45), (24, 0.4), (17, 0.25), (14, 0.15)):
            activation[:, ROW[unit]] = amount * (tired * stroke)[:, None] * side
    elif habit == "look about":
        targets = np.repeat(rng.uniform(-1, 1, (2, len(time) // 30 + 2)), 30, axis=1)[:, : len(time)]
        smooth = np.array([np.convolve(np.pad(row, 8, mode="edge"), np.ones(17) / 17, "valid") for row in targets])
        turns[:2] = smooth * [[0.26], [0.15]]
        gazes = (targets - 0.5 * smooth).T * 0.5
    elif habit == "nod":
        turns[1] = 0.17 * np.sin(2 * np.pi * 1.4 * time) * np.clip(_wander(time, rng, 0.3) + 0.5, 0, 1)
        turns[0] = 0.05 * _wander(time, rng, 0.3)
    elif habit == "turn away":
        turns[0] = rng.choice([-1, 1]) * 0.75 * np.clip(2 * _wander(time, rng, 0.15), 0, 1)
    elif habit != "rest":
        raise ValueError(f"habit {habit!r}: must be one of {', '.join(HABITS)}")
    activation *= awake[:, None, None]
    activation[:, ROW[43]] = np.maximum(activation[:, ROW[43]], blinks(time, rng)[:, None])
    turns, gazes = turns * awake, gazes * awake[:, None]
    views = [
        each.moved(yaw, pitch, roll)
        for each, yaw, pitch, roll in zip(sit(view, time, rng), *turns.tolist(), strict=True)
    ]
    activation = np.clip(actor.resting + activation, 0, 1)
    return Performance(habit, np.zeros_like(actor.resting), activation, views, gazes, 0, 0, None)


def sit(view: View, time: np.ndarray, rng: np.random.Generator) -> list[View]:
    """Return the view at each time of somebody who sits before a camera: within 3 degrees, never quite still."""
    turns = [amount * _wander(time, rng, 0.3) for amount in (0.05, 0.035, 0.025)]
    shifts = [amount * _wander(time, rng, 0.2) for amount in (0.5, 0.4, 0.02)]
    return [view.moved(*change) for change in np.array([*turns, *shifts]).T.tolist()]


def _syllables(time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how open the mouth is, 0 to 1: syllables of varied length and size, and a pause after each phrase."""
    opening, at = np.zeros(len(time)), 1.0
    while at < time[-1]:
        for _ in range(rng.integers(4, 14)):
            length = rng.uniform(0.15, 0.28)
            inside = (time >= at) & (time < at + length)
            opening[inside] = rng.uniform(0.3, 1.0) * np.sin(np.pi * (time[inside] - at) / length)
            at += length
        at += rng.uniform(0.2, 0.8)
    return opening


def blinks(time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how closed the lids are, 0 to 1."""
    closed, at = np.zeros(len(time)), rng.uniform(0.5, 3.0)
    while at < time[-1]:
        closed = np.maximum(closed, np.exp(-((time - at) ** 2) / (2 * rng.uniform(0.04, 0.08) ** 2)))
        at += rng.uniform(2.0, 5.0)
    return closed


def _wander(time: np.ndarray, rng: np.random.Generator, rate: float) -> np.ndarray:
    """Smooth wandering between about −1 and 1, about `rate` times a second."""
    rates, starts = rate * rng.uniform(0.6, 1.4, 4), rng.uniform(0, 2 * np.pi, 4)
    return np.sin(2 * np.pi * rates[:, None] * time + starts[:, None]).mean(axis=0) * 1.5
