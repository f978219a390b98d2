"""How exactly points are found on rendered faces, whose drawn points are known."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.signal import savgol_filter

from fer_utils.data.labels import EMOTIONS
from fer_utils.errors import StudyError
from fer_utils.landmarks import regions
from fer_utils.landmarks.detectors import open_detector
from fer_utils.standins.actors import make_actor
from fer_utils.standins.drawing.camera import Sensor, View, compress
from fer_utils.standins.drawing.painter import Painter
from fer_utils.standins.performances import FPS, perform

SIZE, SCALE, POSE = (640, 490), (6.0, 14.0), 0.08  # pixels; pixels a cm; radians of the head's mean turn
QUALITY = (25, 95)  # of JPEG compression
FIRST_SEED = 9_000_000  # of these actors, whom no other part of the project draws
# how the points of a frame are found: options of `open_detector`
FOUND: Mapping[str, Mapping] = {
    "video mode": {"mode": "video"},
    "image mode": {"mode": "image"},
    "4 views": {"mode": "image", "views": 4},
    "8 views": {"mode": "image", "views": 8},
}
# and smoothed over time: by polynomials of degree 2 over an odd number of frames (Savitzky & Golay, 1964)
SMOOTHED = {"": 1, "over 5 frames": 5, "over 9 frames": 9}


def measure(actors: int = len(EMOTIONS)) -> pd.DataFrame:
    """Return the errors of points of rendered actors, who each show one emotion and go back to rest.

    A row is a way to find points (`found`, `smoothed`), with the mean over actors, frames and points, in % of the
    distance of the outer corners of the eyes: `position`, how far points are from where they were drawn; `motion`, how
    far their way since the first frame is from the drawn way, which is what features are made of; and the same by
    region of the 61 landmarks. `ms` is the median time of a frame without smoothing, which takes almost none. An actor
    whose face a way does not find in every frame is left out for all. Raises StudyError if that is so of all actors.
    """
    rows, times = [], {name: [] for name in FOUND}
    for number in range(actors):
        pictures, drawn = _recording(number)
        points = {}
        for name, options in FOUND.items():
            points[name], taken = _find(pictures, options)
            times[name] += taken
        if any(np.isnan(values).any() for values in points.values()):
            continue
        rows += [
            {"found": name, "smoothed": over, **_errors(_smoothed(found, frames), drawn)}
            for name, found in points.items()
            for over, frames in SMOOTHED.items()
        ]
    if not rows:
        raise StudyError(f"exactness: no face was found in every frame of {actors} actors; measure more actors")
    table = pd.DataFrame(rows).groupby(["found", "smoothed"], sort=False).mean().reset_index()
    return table.assign(ms=table["found"].map({name: 1000 * np.median(taken) for name, taken in times.items()}))


def _recording(number: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return pictures of an actor, BGR uint8, and the drawn points (T, 468, 2) in pixels."""
    rng = np.random.default_rng([FIRST_SEED, number])
    actor = make_actor(FIRST_SEED + number)
    centre = (SIZE[0] / 2 + rng.uniform(-20, 20), 215 + rng.uniform(-20, 20))
    view = View(SIZE, centre, rng.uniform(*SCALE), *rng.normal(0, POSE, 3))
    performance = perform(actor, EMOTIONS[number % len(EMOTIONS)], view, rng, returns=True)
    painter, sensor = Painter(actor, SIZE), Sensor(rng, SIZE)
    quality = int(rng.uniform(*QUALITY))
    pictures = [compress(sensor.expose(image), quality) for image in performance.frames(painter)]
    shown = zip(performance.activation, performance.views, strict=True)
    return pictures, np.array([painter.landmarks(activation, seen) for activation, seen in shown])


def _find(pictures: list[np.ndarray], options: Mapping) -> tuple[np.ndarray, list[float]]:
    """Find points (T, 468, 2), NaN if there is no face, and the seconds that each frame took."""
    points, taken = np.full((len(pictures), 468, 2), np.nan), []
    with open_detector("face_landmarker", **options) as detector:
        for number, picture in enumerate(pictures):
            start = time.perf_counter()
            face, _ = detector.detect(picture, number / FPS)
            taken.append(time.perf_counter() - start)
            if face is not None:
                points[number] = face[:468, :2]
    return points, taken


def _smoothed(points: np.ndarray, frames: int) -> np.ndarray:
    return savgol_filter(points, frames, 2, axis=0) if frames > 1 else points


def _errors(found: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """Return errors in %, of all 61 landmarks and by region, of points (T, 468, 2)."""
    across = drawn[0, regions.RIGHT_EYE_CORNER] - drawn[0, regions.LEFT_EYE_CORNER]
    off = 100 * (found - drawn) / np.hypot(*across)
    position, motion = (np.linalg.norm(values, axis=2).mean(axis=0) for values in (off, (off - off[0])[1:]))
    chosen = list(regions.landmarks())
    by_region = {name: float(motion[list(indices)].mean()) for name, indices in regions.by_region().items()}
    return {"position": float(position[chosen].mean()), "motion": float(motion[chosen].mean()), **by_region}
