"""Performances: how an actor moves over time from the face at rest to the apex of an expression, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fer_utils.standins.action_units import UNITS
from fer_utils.standins.actors import Actor
from fer_utils.standins.drawing.camera import View
from fer_utils.standins.expressions import express

FPS = 25
LEAN = (0.03, 0.05, 0.025)  # radians that the head yaws, pitches and rolls with an expression: our choice


@dataclass(frozen=True)
class Performance:
    """One recording. `activation` (T, 23, 2) holds every frame's units, `views` and `gazes` the head and eyes.

    `onset` is the last frame at rest, `apex` the first one at full expression, `offset` the first one at rest again,
    or None if the recording ends at the apex; all count from 0. `shown` (23, 2) is the expression at the apex
    without the face at rest.
    """

    emotion: str
    shown: np.ndarray
    activation: np.ndarray
    views: list[View]
    gazes: np.ndarray
    onset: int
    apex: int
    offset: int | None

    def __len__(self) -> int:
        return len(self.activation)

    def frames(self, painter) -> Iterator[np.ndarray]:
        """Yield the pictures in turn, BGR uint8, as a `Painter` draws them, without the sensor's noise."""
        for activation, view, gaze in zip(self.activation, self.views, self.gazes, strict=True):
            yield painter.draw(activation, view, tuple(gaze))


def perform(actor: Actor, emotion: str, view: View, rng: np.random.Generator, returns: bool = False) -> Performance:
    """Return a performance of an emotion, seen from about `view`: neutral to apex, and back if it `returns`."""
    shown = express(emotion, actor, rng)
    wait, rise, hold = int(rng.integers(2, 6)), int(rng.integers(6, 14)), int(rng.integers(1, 4))
    if returns:
        wait, hold, fall, rest = (int(rng.integers(*span)) for span in ((4, 10), (6, 15), (9, 19), (3, 9)))
    frames = wait + rise + hold + 1 + (fall + rest if returns else 0)
    time = np.arange(frames, dtype=float)
    onset, apex = wait, wait + rise
    offset = apex + hold + fall if returns else None
    # units start a little before or after each other, inside the span of the whole
    early = rng.uniform(0.0, 0.25, len(UNITS)) * rise
    late = rng.uniform(0.0, 0.15, len(UNITS)) * rise
    early[rng.integers(len(UNITS))] = late[rng.integers(len(UNITS))] = 0.0
    curve = minimum_jerk((time[:, None] - onset - early) / (rise - early - late))
    if returns:
        curve *= 1 - minimum_jerk((time[:, None] - apex - hold) / fall)
    activation = np.clip(actor.resting + curve[..., None] * shown, 0, 1)
    # heads nod and lean with expressions
    lean = curve.mean(1)[:, None] * rng.normal(0, LEAN)
    views = [
        seen.moved(yaw, pitch, roll)
        for seen, (yaw, pitch, roll) in zip(_sway(view, frames, rng), lean.tolist(), strict=True)
    ]
    gazes = _drift(rng, frames, 2) * 0.05
    return Performance(emotion, shown, activation, views, gazes, onset, apex, offset)


def minimum_jerk(t: np.ndarray) -> np.ndarray:
    """Return a rise from 0 at t = 0 to 1 at t = 1: slow, fast, slow, as limbs and faces move (Flash & Hogan, 1985)."""
    t = np.clip(t, 0.0, 1.0)
    return t**3 * (10 - 15 * t + 6 * t**2)


def _sway(view: View, frames: int, rng: np.random.Generator) -> list[View]:
    """Return the view of each frame: the head is never quite still."""
    turns = _drift(rng, frames, 3) * [0.035, 0.03, 0.02] + rng.normal(0, 1, 3) * [0.05, 0.04, 0.025]
    shifts = _drift(rng, frames, 3) * [0.35, 0.3, 0.006]
    return [view.moved(*turn, *shift) for turn, shift in zip(turns.tolist(), shifts.tolist(), strict=True)]


def _drift(rng: np.random.Generator, frames: int, channels: int) -> np.ndarray:
    """Return slow smooth wandering (frames, channels) from 0, about 1 wide over a second."""
    time = np.arange(frames)[:, None] / FPS
    drift = rng.normal(0, 0.6, channels) * time
    for _ in range(3):
        rate, phase = rng.uniform(0.2, 1.1, channels), rng.uniform(0, 2 * np.pi, channels)
        drift += rng.normal(0, 0.35, channels) * (np.sin(2 * np.pi * rate * time + phase) - np.sin(phase))
    return drift
