"""What is around the face: wall, hair, ears, neck and shoulders. Solid parts are ellipsoids that turn with the head."""

from __future__ import annotations

import cv2
import numpy as np

from fer_utils.standins.actors import Actor
from fer_utils.standins.drawing.camera import DISTANCE, View, place
from fer_utils.standins.drawing.shapes import fill

# vertices at the upper edge of the forehead, and those that a fringe of hair can reach
_HAIRLINE = [127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356]
_FRINGE = [34, 139, 71, 68, 104, 69, 108, 151, 337, 299, 333, 298, 301, 368, 264]
_MARGIN = 200  # pixels of hair around the picture, so that it can move with the head


def draw_wall(actor: Actor, size: tuple[int, int]) -> np.ndarray:
    """Draw the wall behind the actor: (height, width, 3) uint8, a little lighter towards the lamp."""
    width, height = size
    slope = np.linspace(-1, 1, width) * actor.light[0] + np.linspace(1, -1, height)[:, None] * actor.light[1]
    wall = actor.backdrop * (1 + 0.25 * slope)
    return np.clip(wall[..., None] * [1.04, 1.0, 0.97], 0, 255).astype(np.uint8)


def draw_hair(actor: Actor, size: tuple[int, int]) -> np.ndarray:
    """Draw strands that fall from the crown, BGR uint8, 200 pixels wider and higher on each side than the picture."""
    rng = np.random.default_rng([actor.seed, 3])
    width, height = size[0] + 2 * _MARGIN, size[1] + 2 * _MARGIN
    x, y = np.arange(width) - width / 2, (np.arange(height) - height * 0.3)[:, None]
    angle, radius = np.arctan2(x * 0.55, y + 60), np.hypot(x, y)
    strands = np.cumsum(rng.normal(0, 1, 4096)) * 0.25 + rng.normal(0, 1, 4096)
    strands = cv2.GaussianBlur(strands.astype(np.float32)[None], (0, 0), 2.0)[0]
    bent = angle + 0.05 * np.sin(radius / 45 + rng.uniform(0, 6))
    strand = strands[((bent / (2 * np.pi) + 0.5) * 4095).astype(int) % 4096]
    strand = np.clip((strand - strands.mean()) / strands.std(), -2, 2)
    gleam = np.exp(-(((radius - 105) / 35) ** 2)) * (1 + 0.8 * actor.light[0] * np.sign(x))
    shade = 0.92 + 0.13 * strand + 0.35 * gleam
    return np.clip(np.array(actor.hair) * shade[..., None] + 5 * gleam[..., None], 0, 255).astype(np.uint8)


def draw_head(image: np.ndarray, actor: Actor, hair: np.ndarray, view: View) -> None:
    """Draw what lies behind the face into the picture; `hair` as `draw_hair` gives it."""
    face = actor.neutral
    width, top, chin = np.abs(face[454, 0]), face[10, 1], face[152, 1]
    skin, volume = np.array(actor.skin), actor.hair_volume
    cover = np.zeros(image.shape[:2], np.uint8)
    if actor.hair_length > 0.2:
        half = 8 + 4.5 * actor.hair_length
        _ellipsoid(cover, view, (0, 8 - half, -5), (width * 1.16 * volume, half, 6), (255,))
        _comb(image, hair, cover, view, 0.7)
    trunk = View(view.size, view.centre, view.scale, yaw=0.3 * view.yaw, roll=0.2 * view.roll)
    _ellipsoid(image, trunk, (0, chin - 3, -6.5), (width * 0.7, 9, 5.5), skin * 0.6)
    _ellipsoid(image, trunk, (0, chin - 16, -7), (23, 11, 8), np.array(actor.cloth))
    _ellipsoid(image, trunk, (0, chin - 6.0, -5.5), (width * 0.62, 2.2, 4.0), skin * 0.6)
    _ellipsoid(image, view, (0, chin + 4.0, -3.0), (width * 0.66, 5.2, 5.0), skin * 0.5)
    if actor.hair_length <= 0.45:
        for sign in (-1, 1):
            _ellipsoid(image, view, (sign * (width + 0.2), 0.6, -3.4), (0.9, 2.3, 1.4), skin * 0.8)
    cover[:] = 0
    crown = 8.2 if actor.hair_length > 0.2 else 6.8
    _ellipsoid(cover, view, (0, top - 3.0, -4.0), (width * 1.05 * volume, crown * volume, 9.0), (255,))
    _comb(image, hair, cover, view)


def draw_fringe(image: np.ndarray, actor: Actor, hair: np.ndarray, pixels: np.ndarray) -> None:
    """Draw the hair that falls over the forehead; `pixels` (468, 2) is the projected face."""
    root, end = pixels[_HAIRLINE], pixels[_FRINGE]
    along = np.linspace(-1, 1, len(root)) * (1 if actor.seed % 2 else -1)
    # parted at one side; hair lies over the temples where it is long
    depth = actor.fringe * np.clip(0.75 - (along - 0.35) ** 2 * 1.4, 0.05, 1) + 0.12
    depth = depth + 0.45 * np.abs(along) ** 3 * (actor.hair_length > 0.2)
    edge = root + depth[:, None] * (end - root)
    outline = np.concatenate([root + (pixels[10] - pixels[152]) * 0.05, edge[::-1]])
    cover = np.zeros(image.shape[:2], np.uint8)
    fill(cover, outline, 255)
    middle = (pixels[454] + pixels[234]) / 2
    _comb(image, hair, cover, View(image.shape[1::-1], tuple(middle), 1.0))


def _comb(image: np.ndarray, hair: np.ndarray, cover: np.ndarray, view: View, light: float = 1.0) -> None:
    """Lay the strands over the picture where `cover` is set, their crown moving with the head."""
    height, width = cover.shape
    x, y, w, h = cv2.boundingRect(cover)
    if not w:
        return
    dx, dy = (round(float(c)) for c in (view.centre[0] - width / 2, view.centre[1] - height * 0.42))
    left = np.clip(_MARGIN + x - dx, 0, hair.shape[1] - w)
    up = np.clip(_MARGIN + y - dy, 0, hair.shape[0] - h)
    strands = hair[up : up + h, left : left + w]
    if light != 1.0:
        strands = cv2.convertScaleAbs(strands, alpha=light)
    cv2.copyTo(strands, cover[y : y + h, x : x + w], image[y : y + h, x : x + w])


def _ellipsoid(image: np.ndarray, view: View, centre, radii, colour) -> None:
    """Draw an ellipsoid of the head, with `centre` and `radii` in cm, as the ellipse that it is in the picture."""
    x, y, depth = place(np.array([centre], float), view)[0]
    axes = view.rotation[:2] * np.array(radii) * view.scale * DISTANCE / (DISTANCE - depth)
    values, vectors = np.linalg.eigh(axes @ axes.T)
    angle = np.degrees(np.arctan2(-vectors[1, 1], vectors[0, 1]))
    half = np.sqrt(values[::-1])
    middle, half = (round(x * 16), round(y * 16)), (round(half[0] * 16), round(half[1] * 16))
    colour = tuple(float(v) for v in np.clip(colour, 0, 255))
    cv2.ellipse(image, middle, half, angle, 0, 360, colour, -1, cv2.LINE_AA, 4)
