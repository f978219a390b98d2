"""The Oulu-CASIA stand-in: rendered actors filmed in visible light and in near infrared at once, in three lights.

Layout of Oulu-CASIA NIR&VIS (Zhao et al., 2011): `OriginalImg/VL/Strong/P001/Anger/000.jpeg`, `NI` for near infrared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from fer_utils.data.labels import SHARED
from fer_utils.standins.actors import make_actor, near_infrared, seeds
from fer_utils.standins.drawing.camera import Sensor, View
from fer_utils.standins.drawing.painter import Painter
from fer_utils.standins.performances import Performance, perform
from fer_utils.standins.truth import truth_row

SUBJECTS = 16
OTHER_LIGHTS = 4  # so many subjects are filmed in weak and dark light too; the usual experiments use strong light
SIZE = (320, 240)
DRAWN = (640, 480)  # small faces are drawn larger and averaged down, or lids and lips would be a pixel thick
DATASET = 2
# How bright a picture is, and its noise at black and at white in grey levels. Our choice.
EXPOSURES = {
    ("VL", "Strong"): (1.0, 0.6, 1.8),
    ("VL", "Weak"): (0.42, 1.2, 3.5),
    ("VL", "Dark"): (0.16, 1.8, 6.0),
    ("NI", "Strong"): (0.95, 1.5, 3.0),
    ("NI", "Weak"): (0.9, 1.5, 3.0),
    ("NI", "Dark"): (0.85, 1.5, 3.0),
}


def write(root: Path, seed: int, number: int) -> list[dict]:
    """Write all sequences of one subject, both cameras; return their rows of the truth."""
    subject = f"P{number:03d}"
    actor_seed, order_seed = seeds(seed, DATASET, number)
    rng = np.random.default_rng(order_seed)
    actor = make_actor(actor_seed)
    painters = {"VL": Painter(actor, DRAWN), "NI": Painter(near_infrared(actor), DRAWN)}
    view = View(DRAWN, (320 + rng.uniform(-25, 25), 205 + rng.uniform(-10, 10)), rng.uniform(11.5, 14.0))
    rows = []
    for light in ("Strong", "Weak", "Dark") if number <= OTHER_LIGHTS else ("Strong",):
        for emotion in SHARED:
            performance = perform(actor, emotion, view, rng)
            for camera, dataset in (("VL", "oulu_vis"), ("NI", "oulu_nir")):
                name = f"{camera}/{light}/{subject}/{emotion.title()}"
                seen = performance if camera == "VL" else _beside(performance)
                _write_frames(root / "OriginalImg" / name, seen.frames(painters[camera]), camera, light, rng)
                rows.append(truth_row(dataset, f"oulu/{subject}", name, performance, light == "Strong"))
    return rows


def _beside(performance: Performance) -> Performance:
    """Return the same performance from the second camera, which stands a little to one side."""
    views = [
        replace(view, yaw=view.yaw + 0.04, centre=(view.centre[0] + 14, view.centre[1])) for view in performance.views
    ]
    return replace(performance, views=views)


def _write_frames(folder: Path, pictures: Iterable[np.ndarray], camera: str, light: str, rng: np.random.Generator):
    folder.mkdir(parents=True)
    gain, dark, bright = EXPOSURES[camera, light]
    sensor = Sensor(rng, SIZE, dark, bright)
    for number, image in enumerate(pictures):
        small = cv2.convertScaleAbs(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), alpha=gain)
        noisy = sensor.expose(small if camera == "VL" else cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))
        _, data = cv2.imencode(".jpeg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 92])
        (folder / f"{number:03d}.jpeg").write_bytes(data.tobytes())
