"""The CK+ stand-in: rendered actors in the layout of the Extended Cohn-Kanade set (Lucey et al., 2010)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fer_utils.data.labels import EMOTIONS, SHARED
from fer_utils.data.readers.ckplus import CODES
from fer_utils.standins.action_units import UNITS
from fer_utils.standins.actors import make_actor, seeds
from fer_utils.standins.drawing.camera import Sensor, View
from fer_utils.standins.drawing.painter import Painter
from fer_utils.standins.expressions import intensity_code
from fer_utils.standins.performances import Performance, perform
from fer_utils.standins.truth import truth_row

SUBJECTS = 20
SIZE = (640, 490)
CODE = {emotion: code for code, emotion in CODES.items()}
# noise has no repeats to look for: Huffman codes alone are smaller and faster than a search for them
PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY)
DATASET = 1  # keeps its actors apart from those of the other sets


def write(root: Path, seed: int, number: int) -> list[dict]:
    """Write all sequences of one subject; return their rows of the truth.

    Every other subject shows contempt too, and every tenth has one more sequence, whose label folder is empty: in CK+
    contempt is rare and many label folders are empty.
    """
    subject = f"S{number:03d}"
    actor_seed, order_seed = seeds(seed, DATASET, number)
    rng = np.random.default_rng(order_seed)
    actor = make_actor(actor_seed)
    painter = Painter(actor, SIZE)
    emotions = EMOTIONS if number % 2 else SHARED
    emotions = [emotions[k] for k in rng.permutation(len(emotions))]
    unlabelled = [emotions[0]] if number % 10 == 5 else []
    view = View(SIZE, (320 + rng.uniform(-20, 20), 205 + rng.uniform(-12, 12)), rng.uniform(12.5, 14.5))
    rows = []
    for take, emotion in enumerate(emotions + unlabelled, start=1):
        performance = perform(actor, emotion, view, rng)
        labelled = take <= len(emotions)
        name = f"{subject}_{take:03d}"
        _write_frames(
            root / "cohn-kanade-images" / subject / f"{take:03d}", name, painter, performance, Sensor(rng, SIZE)
        )
        last = f"{name}_{len(performance):08d}"
        label = root / "Emotion" / subject / f"{take:03d}"
        label.mkdir(parents=True)
        if labelled:
            (label / f"{last}_emotion.txt").write_text(f"   {CODE[emotion]:.7e}\n", encoding="ascii")
        coded = root / "FACS" / subject / f"{take:03d}"
        coded.mkdir(parents=True)
        (coded / f"{last}_facs.txt").write_text(_facs(performance), encoding="ascii")
        rows.append(truth_row("ckplus", f"ckplus/{subject}", f"{subject}/{take:03d}", performance, labelled))
    return rows


def _write_frames(folder: Path, name: str, painter: Painter, performance: Performance, sensor: Sensor) -> None:
    folder.mkdir(parents=True)
    for number, image in enumerate(performance.frames(painter), start=1):
        grey = sensor.expose(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
        _, data = cv2.imencode(".png", grey, PNG)
        (folder / f"{name}_{number:08d}.png").write_bytes(data.tobytes())


def _facs(performance: Performance) -> str:
    """Return the units seen at the apex and their intensities (1 to 5), a line each, in CK+'s own number format."""
    pairs = zip(UNITS, (intensity_code(float(sides.max())) for sides in performance.shown), strict=True)
    return "".join(f"   {unit:.7e}   {code:.7e}\n" for unit, code in pairs if code)
