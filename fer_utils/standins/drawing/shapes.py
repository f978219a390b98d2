"""Polygons and lines, placed to a sixteenth of a pixel."""

from __future__ import annotations

import cv2
import numpy as np

SHIFT = 4  # binary digits behind the point, as OpenCV calls it


def fixed(points: np.ndarray) -> np.ndarray:
    """Return points in sixteenths of a pixel, as OpenCV draws them with SHIFT."""
    return np.rint(points * 2**SHIFT).astype(np.int32)


def fill(image: np.ndarray, outline: np.ndarray, colour) -> np.ndarray:
    """Fill the polygon with an `outline` (N, 2) in pixels, and return the image."""
    return cv2.fillPoly(image, [fixed(outline)], colour, cv2.LINE_AA, SHIFT)


def draw_line(image: np.ndarray, points: np.ndarray, colour, thickness: int = 1, closed: bool = False) -> None:
    """Draw a line through points (N, 2) in pixels."""
    cv2.polylines(image, [fixed(points)], closed, colour, thickness, cv2.LINE_AA, SHIFT)
