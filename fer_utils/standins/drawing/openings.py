"""What shows through the openings of the face: eyeballs, teeth and tongue; and the edges of the lids and lips."""

from __future__ import annotations

import cv2
import numpy as np

from fer_utils.landmarks import canonical
from fer_utils.standins.actors import Actor
from fer_utils.standins.drawing.camera import View, place
from fer_utils.standins.drawing.shapes import draw_line, fill

IRIS = 0.59  # radius in cm; it hardly varies among people


def draw_eyes(image: np.ndarray, actor: Actor, pixels: np.ndarray, view: View, gaze: tuple[float, float]) -> None:
    """Draw both eyeballs; `gaze` (x, y) in cm is how far the irises are off the middle."""
    for side in (canonical.RIGHT, canonical.LEFT):
        ring = pixels[canonical.EYE_RING[side]]
        fill(image, ring, (206, 212, 218))
        corners = actor.neutral[canonical.UPPER_LID[side, [0, -1]]]
        lids = actor.neutral[[canonical.UPPER_LID[side, 4], canonical.LOWER_LID[side, 4]]]
        middle = [corners[:, 0].mean() + gaze[0], lids[:, 1].mean() + 0.06 + gaze[1], lids[:, 2].mean()]
        x, y, _ = place(np.array([middle]), view)[0]
        for radius, colour in ((1.0, np.array(actor.iris) * 0.55), (0.86, actor.iris), (0.42, (14, 12, 12))):
            _disc(image, x, y, radius * IRIS * view.scale, colour)
        glint = 0.2 * view.scale
        _disc(image, x + glint * np.sign(actor.light[0]), y - glint, glint / 2, (250, 250, 250))
        # the upper lid and its lashes shade the eyeball
        upper = pixels[canonical.UPPER_LID[side]]
        shade = np.concatenate([upper, (upper + np.array([0, 0.14 * view.scale]))[::-1]])
        left, top = np.floor(ring.min(0) - 3).astype(int).clip(0)
        right, bottom = np.ceil(ring.max(0) + 4 + 0.2 * view.scale).astype(int)
        box = image[top:bottom, left:right]
        dark = box.copy()
        fill(dark, shade - [left, top], (70, 70, 78))
        box[:] = cv2.addWeighted(box, 0.5, dark, 0.5, 0)


def draw_mouth(image: np.ndarray, actor: Actor, pixels: np.ndarray, activation: np.ndarray, view: View) -> None:
    """Draw the inside of the mouth, with teeth and tongue where they are; closed lips hide all of it later."""
    fill(image, pixels[canonical.MOUTH_RING], (26, 18, 34))
    rest = actor.neutral[canonical.UPPER_LIP[3]]
    line, depth = rest[1:-1, 1].mean(), rest[5, 2]
    along = np.linspace(-1, 1, 11)
    half = 0.82 * np.abs(rest[[0, -1], 0]).mean()

    def arch(height: np.ndarray | float) -> np.ndarray:
        return np.stack([along * half, np.broadcast_to(line + height, 11), depth - 0.5 - 1.6 * along**2], axis=1)

    tongue = actor.rig.turn_jaw(arch(-0.75 - 0.5 * along**2) * [0.7, 1, 1], activation)
    floor = actor.rig.turn_jaw(arch(-2.2) * [0.7, 1, 1], activation)
    lower_edge = actor.rig.turn_jaw(arch(-0.22 - 0.1 * along**2), activation)
    lower_root = actor.rig.turn_jaw(arch(-1.0), activation)
    upper_edge, upper_root = arch(-0.2 + 0.16 * along**2), arch(0.8)
    _band(image, tongue, floor, (78, 70, 138), view)
    _band(image, lower_edge, lower_root, (176, 188, 194), view)
    _band(image, upper_root, upper_edge, (206, 216, 222), view)


def draw_edges(image: np.ndarray, actor: Actor, pixels: np.ndarray, view: View) -> None:
    """Draw lashes, the rims of the lower lids, and the shadow between the lips."""
    lash = tuple(float(v) for v in np.array(actor.hair) * 0.5)
    skin = np.array(actor.skin)
    thick = max(1, round(0.13 * view.scale))
    for side, outwards in ((canonical.RIGHT, -1.0), (canonical.LEFT, 1.0)):
        if view.rotation[2] @ [0.35 * outwards, 0.0, 0.94] < 0.15:
            continue  # this eye is behind the nose
        draw_line(image, pixels[canonical.LOWER_LID[side]], tuple(skin * [0.5, 0.5, 0.62]), 1)
        draw_line(image, pixels[canonical.UPPER_LID[side]], lash, thick)
    for lip, shade in ((canonical.UPPER_LIP, 0.32), (canonical.LOWER_LIP, 0.45)):
        draw_line(image, pixels[lip[3]], tuple(skin * [0.6, 0.55, 0.8] * shade), max(1, round(0.07 * view.scale)))


def _disc(image: np.ndarray, x: float, y: float, radius: float, colour) -> None:
    colour = tuple(float(v) for v in colour)
    cv2.circle(image, (round(x * 16), round(y * 16)), round(radius * 16), colour, -1, cv2.LINE_AA, 4)


def _band(image: np.ndarray, upper: np.ndarray, lower: np.ndarray, colour, view: View) -> None:
    outline = np.concatenate([place(upper, view)[:, :2], place(lower, view)[::-1, :2]])
    fill(image, outline, colour)
