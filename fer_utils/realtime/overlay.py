"""What was recognised, drawn on the frame."""

from __future__ import annotations

import cv2
import numpy as np

from fer_utils.landmarks import regions
from fer_utils.plots import style
from fer_utils.realtime.streaming import Recognition

POINTS = list(regions.landmarks())
LIGHT, DARK = (240, 240, 240), (40, 40, 40)


def draw(frame: np.ndarray, recognition: Recognition, model: str = "") -> np.ndarray:
    """Return a copy of a BGR uint8 frame with the 61 points, the phase, and bars of probability or why there are none.

    At its lower edge stands what `model` says of the classifier.
    """
    drawn = frame.copy()
    unit = max(1, round(frame.shape[0] / 240))
    if recognition.points is not None:
        _points(drawn, recognition, unit)
    lines = [recognition.phase or "", recognition.why]
    for name, value in (recognition.probabilities or {}).items():
        top = 8 * unit * (len(lines) + 1)
        end = 58 * unit + round(60 * unit * value), top
        cv2.rectangle(drawn, (58 * unit, top - 5 * unit), end, style.bgr(style.emotion_colour(name)), -1)
        lines.append(name)
    for number, text in enumerate(lines, 1):
        _write(drawn, text, (4 * unit, 8 * unit * number), 0.28 * unit, unit)
    (width, _), _ = cv2.getTextSize(model, cv2.FONT_HERSHEY_SIMPLEX, 0.28 * unit, unit)
    fits = min(1.0, (frame.shape[1] - 8 * unit) / max(width, 1))
    _write(drawn, model, (4 * unit, frame.shape[0] - 4 * unit), 0.28 * unit * max(fits, 0.1), unit)
    return drawn


def draw_all(frame: np.ndarray, recognitions: list[Recognition], model: str = "") -> np.ndarray:
    """Return a copy of a frame as `draw` makes it for the first face, with points, number and label of the others."""
    drawn = draw(frame, recognitions[0], model)
    unit = max(1, round(frame.shape[0] / 240))
    for seen in recognitions if len(recognitions) > 1 else ():
        if seen is not recognitions[0]:
            _points(drawn, seen, unit)
        x, y = seen.points[:, :2].min(axis=0)
        _write(drawn, f"{seen.face} {seen.emotion or ''}", (max(int(x), 0), max(int(y), 8 * unit)), 0.35 * unit, unit)
    return drawn


def _points(drawn: np.ndarray, recognition: Recognition, unit: int) -> None:
    for x, y in np.rint(recognition.points[POINTS, :2] * 8).astype(int).tolist():
        cv2.circle(drawn, (x, y), 8 * unit, (0, 200, 255), -1, cv2.LINE_AA, shift=3)


def _write(image: np.ndarray, text: str, place: tuple[int, int], size: float, unit: int) -> None:
    for colour, width in ((DARK, 3 * unit), (LIGHT, unit)):  # readable on light and on dark
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, width, cv2.LINE_AA)
