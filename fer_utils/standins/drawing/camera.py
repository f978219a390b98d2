"""Cameras: where the head stands in the picture, and the noise of the sensor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

DISTANCE = 90.0  # from the lens to the middle of the head, in cm


@dataclass(frozen=True)
class View:
    """A head in a picture.

    `yaw`, `pitch`, `roll` in radians (yaw > 0 turns the nose to the right of the picture, pitch > 0 nods), `centre`
    the place (x, y) of the bridge of the nose in pixels, `scale` pixels a cm, `size` (width, height) in pixels,
    `distance` from the lens to the middle of the head in cm.
    """

    size: tuple[int, int]
    centre: tuple[float, float]
    scale: float
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    distance: float = DISTANCE

    @property
    def rotation(self) -> np.ndarray:
        """The (3, 3) matrix that turns the head."""
        cy, sy, cp, sp, cr, sr = (f(a) for a in (self.yaw, self.pitch, self.roll) for f in (np.cos, np.sin))
        turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        return tilt @ turn @ nod

    def moved(
        self, yaw: float, pitch: float, roll: float, right: float = 0.0, down: float = 0.0, nearer: float = 0.0
    ) -> View:
        """Return the view of the head turned further by these angles, and moved by `right` and `down` cm.

        `nearer` is by what share the picture of it grows.
        """
        return replace(
            self,
            yaw=self.yaw + yaw,
            pitch=self.pitch + pitch,
            roll=self.roll + roll,
            centre=(self.centre[0] + right * self.scale, self.centre[1] + down * self.scale),
            scale=self.scale * (1 + nearer),
        )


def place(points: np.ndarray, view: View) -> np.ndarray:
    """Turn points (N, 3) of the head in cm, and return them in pixels: x right, y down, depth z in cm to the camera."""
    # the head turns about the top of the neck, not about the tip of the nose
    pivot = np.array([0.0, -4.0, -6.0])
    turned = (points - pivot) @ view.rotation.T + pivot
    nearness = view.distance / (view.distance - turned[:, 2])
    return np.stack(
        [
            view.centre[0] + view.scale * turned[:, 0] * nearness,
            view.centre[1] - view.scale * turned[:, 1] * nearness,
            turned[:, 2],
        ],
        axis=1,
    )


def compress(image: np.ndarray, quality: int) -> np.ndarray:
    """Return a picture, BGR uint8, as it is after JPEG compression of a quality from 0 to 100."""
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


class Sensor:
    """Noise of one recording: it grows with the light, and comes out of one tile drawn at the start."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], dark: float = 0.12, bright: float = 1.3):
        """`dark` and `bright`: standard deviation in grey levels at black and at white."""
        width, height = size
        self._rng = rng
        self._tile = rng.standard_normal((height + 256, width + 256), dtype=np.float32)
        self._deviation = np.linspace(dark, bright, 256, dtype=np.float32)

    def expose(self, image: np.ndarray) -> np.ndarray:
        """Return the picture, grey (H, W) or BGR (H, W, 3) uint8, with noise that is the same in all colours."""
        height, width = image.shape[:2]
        dy, dx = self._rng.integers(0, 256, 2)
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        grain = self._tile[dy : dy + height, dx : dx + width] * cv2.LUT(grey, self._deviation)
        return cv2.add(image, grain if image.ndim == 2 else cv2.merge([grain] * 3), dtype=cv2.CV_8U)
