"""How the classifier that ships does by beards and glasses: `python -m tests.standins.wearers [FOLDER]`.

Prints the table of `docs/model_card.md`, and draws the actors into `actors_worn.png` of a folder if one is given.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fer_utils.data.labels import EMOTIONS
from fer_utils.landmarks.detectors import open_detector
from fer_utils.models.litert import load_classifier
from fer_utils.standins.actors import Actor, make_actor
from fer_utils.standins.drawing.camera import Sensor, View
from fer_utils.standins.expressions import express
from fer_utils.standins.training_set import SIZE, change
from tests.standins.worn import WornPainter

FIRST_SEED = 7_600_000  # of these actors, whom no other part of the project draws
BEARDS = (0.3, 1.8)  # cm past the chin
POSE, TURN = (0.12, 0.1, 0.04), (0.04, 0.05, 0.03)  # standard deviations of the head's pose and of its turn, in radians


def looks(actor: Actor) -> Mapping[str, dict]:
    """Return options of `WornPainter`: nothing, glasses and, if the actor is a man, a full beard and both."""
    worn = {"nothing": {}, "glasses": {"glasses": True}}
    if actor.hair_length < 0.2:  # women's hair is longer
        beard = float(np.random.default_rng([actor.seed, 7]).uniform(*BEARDS))
        worn |= {"beard": {"beard": beard}, "beard and glasses": {"beard": beard, "glasses": True}}
    return worn


def measure(actors: int = 300) -> pd.DataFrame:
    """Return the accuracy of the classifier on pairs of pictures of nearly frontal actors, found by `face_landmarker`.

    Each actor shows a posed and an everyday expression. A row is a look of `looks`, compared with nothing on the same
    actors' same expressions: pairs, accuracies in %, and their difference with its 95 % interval, from draws of actors.
    A face that is not found counts as wrong, and in `not_found`.
    """
    rows, classifier = [], load_classifier()
    with open_detector("face_landmarker", "image") as detector:
        for number in range(actors):
            actor = make_actor(FIRST_SEED + number)
            for look, worn in looks(actor).items():
                for way, emotion, points in _shoot(actor, worn, number, detector):
                    named = ""
                    if all(found is not None for found in points):
                        tensor = np.repeat(change(*(found.astype(float) for found in points))[None, None] / 4, 4, 1)
                        named = classifier.classes[classifier.predict_proba(tensor.astype(np.float32)).argmax()]
                    rows.append((look, number, way, 100.0 * (named == emotion), not named))
    pairs = pd.DataFrame(rows, columns=["look", "actor", "way", "right", "not_found"])
    right = pairs.pivot_table(index=["actor", "way"], columns="look", values="right")
    return pd.DataFrame(
        {
            "look": look,
            "pairs": len(both),
            "without": both["nothing"].mean(),
            "with": both[look].mean(),
            **_difference((both[look] - both["nothing"]).groupby("actor").mean().to_numpy()),
            "not_found": pairs.loc[pairs["look"] == look, "not_found"].sum(),
        }
        for look in ("glasses", "beard", "beard and glasses")
        if look in right
        for both in [right[["nothing", look]].dropna()]
    )


def _difference(by_actor: np.ndarray) -> dict[str, float]:
    """Return the mean of the actors' differences (n,) with its 95 % interval: the bootstrap over actors."""
    draws = np.random.default_rng(0).choice(by_actor, (10_000, len(by_actor))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"difference": by_actor.mean(), "difference_low": low, "difference_high": high}


def _shoot(actor: Actor, worn: dict, number: int, detector):
    """Return way, emotion and the points found at rest and at the apex; all but the looks is the same for a number."""
    rng = np.random.default_rng([FIRST_SEED, number])
    painter, sensor, pose = WornPainter(actor, SIZE, **worn), Sensor(rng, SIZE), rng.normal(0, POSE)

    def shot(activation, turn):
        view = View(SIZE, (320 + rng.uniform(-20, 20), 215), rng.uniform(11, 14), *(pose + turn))
        return detector.detect(sensor.expose(painter.draw(activation, view)))[0]

    rest = shot(actor.resting, np.zeros(3))
    for shift, way in ((0, "posed"), (3, "everyday")):
        emotion = EMOTIONS[(number + shift) % len(EMOTIONS)]
        shown = express(emotion, actor, rng, way)
        yield way, emotion, (rest, shot(np.clip(actor.resting + shown, 0, 1), rng.normal(0, TURN)))


def draw_sheet(path: Path) -> Path:
    """Draw a man's looks, at rest and showing three emotions, into a PNG file and return its path."""
    size = (200, 225)
    view, rows = View(size, (100, 94), 8.4), []
    actor = make_actor(FIRST_SEED + 7)
    for worn in list(looks(actor).values())[1:]:
        shown = [np.zeros_like(actor.resting)]
        shown += [
            express(name, actor, np.random.default_rng(3), "posed") for name in ("happiness", "disgust", "surprise")
        ]
        painter = WornPainter(actor, size, **worn)
        rows.append(np.hstack([painter.draw(np.clip(actor.resting + each, 0, 1), view) for each in shown]))
    sheet = Image.fromarray(np.vstack(rows)[:, :, ::-1])
    # this method keeps rare colours, those of eyes and teeth
    sheet.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


if __name__ == "__main__":
    if sys.argv[1:]:
        print(draw_sheet(Path(sys.argv[1]) / "actors_worn.png"))
    print(measure().round(3).to_string(index=False))
