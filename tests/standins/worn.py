"""What some people wear on the face, a full beard and glasses, to test classifiers with: no stand-in has them.

Sizes and colours are our choice, by eye.
"""

from __future__ import annotations

import cv2
import numpy as np

from fer_utils.landmarks import canonical
from fer_utils.landmarks.canonical import MIRROR, UV
from fer_utils.standins.actors import Actor
from fer_utils.standins.drawing.camera import View, place
from fer_utils.standins.drawing.painter import Painter
from fer_utils.standins.drawing.shapes import SHIFT, draw_line, fill, fixed
from fer_utils.standins.drawing.skin import LINES, paint_skin

# the upper edge of the beard from the ear to below the nose, and the edge of the jaw, both on the actor's right
_UPPER, _JAW = [234, 227, 137, 177, 213, 192, 216, 92, 167], [234, 93, 132, 58, 172, 136, 150, 149, 176, 148]
UPPER = [*_UPPER, 164, *MIRROR[_UPPER[::-1]].tolist()]
JAW = [*_JAW, 152, *MIRROR[_JAW[::-1]].tolist()]
HAIRS = 9000  # strands on the skin


class WornPainter(Painter):
    """Draws an actor with a full beard that stands out `beard` cm at the chin (0: none), and with glasses."""

    def __init__(self, actor: Actor, size: tuple[int, int], beard: float = 0.0, glasses: bool = False):
        super().__init__(actor, size)
        self.beard, self.glasses = beard, glasses
        if beard:
            skin = paint_skin(actor)
            paint_beard(skin, actor)
            self._skin = np.clip(skin, 0, 255).astype(np.uint8)
            self._wrinkles = self._wrinkles * (1 - beard_cover(LINES))  # hair hides lines

    def _draw_behind(self, image: np.ndarray, pixels: np.ndarray, view: View) -> None:
        super()._draw_behind(image, pixels, view)
        if self.beard:
            draw_beard(image, self.actor, self.beard, pixels, view)

    def _draw_in_front(self, image: np.ndarray, view: View) -> None:
        super()._draw_in_front(image, view)
        if self.glasses:
            draw_glasses(image, self.actor, view)


def beard_cover(size: int) -> np.ndarray:
    """Return how much of the texture (size, size) float32 a beard hides, 0 to 1."""
    jaw = UV[1] + 1.15 * (UV[JAW[::-1]] - UV[1])  # past the edge of the texture's face
    lips = np.concatenate(
        [UV[canonical.UPPER_LIP[:2]].mean(0), UV[canonical.LOWER_LIP[0]][::-1]]
    )  # hair hangs over the upper one
    beard, bare = (
        cv2.fillPoly(np.zeros((size, size), np.float32), [fixed(outline * size)], 1, shift=SHIFT)
        for outline in (np.concatenate([UV[UPPER], jaw]), lips)
    )
    return cv2.GaussianBlur(beard, (0, 0), size / 128) * (1 - cv2.GaussianBlur(bare, (0, 0), size / 350))


def paint_beard(skin: np.ndarray, actor: Actor) -> None:
    """Paint the beard on a texture (size, size, 3) float32: strands that grow down and away from the nose."""
    rng, size = np.random.default_rng([actor.seed, 4]), len(skin)
    tone = np.full((size, size), 110, np.uint8)
    roots = np.stack([rng.uniform(0, 1, HAIRS), rng.uniform(UV[2, 1] - 0.15, 1, HAIRS)], axis=1) * size
    growth = (roots - UV[2] * size) / size + [0, 0.35] + rng.normal(0, 0.12, (HAIRS, 2))
    tips = roots + growth * rng.uniform(14, 34, (HAIRS, 1))
    _strands(tone, roots, tips, rng.uniform(40, 240, HAIRS))
    cover = beard_cover(size)
    ragged = np.clip(1.9 * cover - 0.8 * rng.uniform(0, 1, cover.shape).astype(np.float32) * (1 - cover), 0, 1)
    hair = np.array(actor.hair, np.float32) * (tone[..., None] / np.float32(150))
    skin += 0.95 * ragged[..., None] * (hair - skin)


def draw_beard(image: np.ndarray, actor: Actor, length: float, pixels: np.ndarray, view: View) -> None:
    """Draw the hair that stands out past the jaw, `length` cm at the chin; `pixels` (468, 2) is the moved face."""
    rng, jaw = np.random.default_rng([actor.seed, 5]), pixels[JAW]
    away = (jaw - pixels[2]) / np.linalg.norm(jaw - pixels[2], axis=1, keepdims=True)
    reach = (0.2 + length * np.cos(np.linspace(-1.4, 1.4, len(jaw))[:, None]) ** 2) * view.scale
    tone = np.array(actor.hair)
    outline = np.concatenate([jaw + 0.8 * reach * away, (jaw - 2 * away)[::-1]])
    fill(image, outline, (tone * 0.6).tolist())
    along, length, shade = (
        rng.uniform(0, len(jaw) - 1, 500),
        rng.uniform(0.3, 1.1, (500, 1)),
        rng.uniform(0.35, 1.2, 500),
    )
    root, out, far = (
        np.stack([np.interp(along, np.arange(len(jaw)), column) for column in values.T], axis=1)
        for values in (jaw, away, reach)
    )
    _strands(image, root, root + far * length * (out + rng.normal(0, 0.15, out.shape)), shade[:, None] * tone * 0.8)


def draw_glasses(image: np.ndarray, actor: Actor, view: View) -> None:
    """Draw frames, lenses with a faint reflection, bridge and temples: on bone, so expressions do not move them."""
    rng, face = np.random.default_rng([actor.seed, 6]), actor.neutral
    roundness, colour = rng.uniform(2, 4), np.array([1.0, 0.95, 1.1]) * rng.uniform(15, 75)
    thickness = max(1, round(rng.uniform(0.12, 0.28) * view.scale))
    c, s = np.cos(angle := np.linspace(0, 2 * np.pi, 48, endpoint=False)), np.sin(angle)
    for side, sign in ((canonical.RIGHT, -1), (canonical.LEFT, 1)):
        x, y = face[canonical.UPPER_LID[side, [0, -1]], :2].mean(0) + np.array([0.15 * sign, -0.1])
        x, y = (m + r * np.sign(t) * np.abs(t) ** (2 / roundness) for m, r, t in ((x, 2.4, sign * c), (y, 1.8, s)))
        rim = np.stack([x, y, face[6, 2] + 0.1 - 0.05 * x**2], axis=1)
        ear = np.array([[sign * (abs(face[454, 0]) + 0.1), rim[4, 1], -2.5]])
        lens, temple = place(rim, view)[:, :2], place(np.concatenate([rim[4:5], ear]), view)[:, :2]
        bridge = place(np.array([rim[20], [0, rim[20, 1] + 0.25, face[6, 2] + 0.25]]), view)[:, :2]
        for outline, share in ((lens, 0.04), (lens[[7, 11, 27, 31]], 0.1)):
            bright = fill(image.copy(), outline, (255, 255, 255))
            cv2.addWeighted(bright, share, image, 1 - share, 0, image)
        parts = [(lens, True), (bridge, False)]
        if sign * (temple[1] - temple[0])[0] > 0:  # else it is behind the head
            parts.append((temple, False))
        for line, closed in parts:
            draw_line(image, line, colour.tolist(), thickness, closed)


def _strands(image: np.ndarray, roots: np.ndarray, tips: np.ndarray, colours: np.ndarray) -> None:
    for root, tip, colour in zip(fixed(roots).tolist(), fixed(tips).tolist(), colours.tolist(), strict=True):
        cv2.line(image, root, tip, colour, 1, cv2.LINE_AA, SHIFT)
