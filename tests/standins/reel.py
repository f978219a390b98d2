"""The demo's clip: an actor before a webcam, who shows one expression after another and rests in between.

`python -m tests.standins.reel` writes the one that ships.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from fer_utils import paths
from fer_utils.standins.actors import make_actor, seeds
from fer_utils.standins.drawing.camera import Sensor, View
from fer_utils.standins.drawing.painter import Painter
from fer_utils.standins.expressions import express
from fer_utils.standins.performances import minimum_jerk
from fer_utils.standins.writing import SEED

FPS = 25
SIZE = (320, 240)
SHOWN = ("happiness", "surprise", "sadness")
REST, RISE, HOLD, FALL = 1.4, 0.5, 0.8, 0.5  # seconds of each expression, in this order: two of them in six seconds
DATASET = 4  # keeps the actor apart from those of the stand-ins: no model was trained on this face
# one of six, of eight looked at, whose three expressions are all named rightly: the clip shows what a label looks like,
# not how often it is right
ACTOR = 3


def pictures(shown: tuple[str, ...] = SHOWN, fps: float = FPS) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the clip's frames, BGR uint8 (240, 320, 3), `fps` of them a second, each with the name of an emotion.

    It is the one on its way to the apex or held there, and empty at other times. The last expression is followed by a
    rest.
    """
    actor_seed, order = seeds(SEED, DATASET, ACTOR)
    rng = np.random.default_rng(order)
    actor = make_actor(actor_seed)
    painter, sensor = Painter(actor, SIZE), Sensor(rng, SIZE, dark=0.5, bright=2.0)
    view = View(SIZE, (160, 100), 6.6)
    expressions = [express(emotion, actor, rng, "posed") for emotion in shown]
    take = REST + RISE + HOLD + FALL
    rates, starts = rng.uniform(0.15, 0.5, (5, 3, 1)), rng.uniform(0, 2 * np.pi, (5, 3, 1))
    for time in np.arange(round((len(shown) * take + REST) * fps)) / fps:
        number, since = divmod(time, take)
        since -= REST
        activation, emotion = actor.resting, ""
        if number < len(shown):
            level = minimum_jerk(since / RISE) * (1 - minimum_jerk((since - RISE - HOLD) / FALL))
            activation = np.clip(actor.resting + level * expressions[int(number)], 0, 1)
            emotion = shown[int(number)] if 0 < since <= RISE + HOLD else ""
        yaw, pitch, roll = np.sin(2 * np.pi * rates * time + starts).mean(axis=0)[:, 0] * [0.05, 0.035, 0.025]
        image = painter.draw(activation, replace(view, yaw=yaw, pitch=pitch, roll=roll))
        yield sensor.expose(image), emotion


if __name__ == "__main__":
    with paths.replacing(paths.CLIP) as temporary:
        writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter_fourcc(*"mp4v"), FPS, SIZE)
        for image, _ in pictures():
            writer.write(image)
        writer.release()
