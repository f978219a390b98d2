"""Skin: what is painted on the mesh in its texture plane, once an actor, and the lines that expressions draw there."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import cv2
import numpy as np

from fer_utils.landmarks import canonical
from fer_utils.landmarks.canonical import MIRROR, UV
from fer_utils.standins import mesh
from fer_utils.standins.action_units import ROW
from fer_utils.standins.actors import Actor
from fer_utils.standins.drawing.shapes import draw_line, fill

TEXTURE = 512  # pixels a side of the texture; about 25 a cm of face
LINES = 256  # pixels a side of the maps of lines

# Lines of the face: name -> paths of vertices on the actor's right, width in cm, depth (1 is black), and the units
# that draw it with their weights. Which unit draws which line follows FACS; the paths and depths are our choice.
WRINKLES = {
    "nasolabial": ([[129, 203, 206, 216, 212]], 0.30, 0.30, {12: 0.8, 10: 0.9, 9: 0.6, 6: 0.3, 20: 0.3}),
    "infraorbital": ([[243, 233, 232, 231, 230, 229]], 0.25, 0.22, {6: 0.9, 7: 0.5, 9: 0.4}),
    "crow's feet": ([[35, 143], [31, 111], [113, 156]], 0.08, 0.32, {6: 1.0, 7: 0.2}),
    "frown": ([[55, 107], [8, 9]], 0.20, 0.32, {4: 1.0, 9: 0.3}),
    "inner forehead": ([[151, 108, 69]], 0.16, 0.22, {1: 1.0}),
    "outer forehead": ([[69, 104, 68]], 0.16, 0.20, {2: 1.0}),
    "nose root": ([[6, 122, 188], [197, 196, 174], [168, 193, 244]], 0.16, 0.34, {9: 1.0}),
    "dimple": ([[186, 57, 43]], 0.20, 0.38, {14: 1.0, 12: 0.25}),
    "mouth corner": ([[61, 202]], 0.22, 0.32, {15: 1.0, 17: 0.2}),
    # above the edge of the jaw: lines near it make a detector take them for it
    "chin": ([[194, 201, 200], [204, 211, 208]], 0.22, 0.2, {17: 1.0}),
    "chin crease": ([[106, 182, 83, 18]], 0.25, 0.26, {17: 0.2, 16: 0.4, 24: 0.4, 23: 0.3}),
    "lip seam": ([[165, 92, 186], [182, 106, 43]], 0.20, 0.16, {24: 0.9, 23: 0.7}),
    "lip lines": ([[37, 167], [39, 165]], 0.06, 0.18, {18: 1.0, 28: 0.6}),
    "nose to lip": ([[129, 203, 206]], 0.25, 0.26, {11: 1.0}),
    "stretch": ([[212, 202], [214, 210]], 0.22, 0.22, {20: 1.0}),
}


def paint_skin(actor: Actor) -> np.ndarray:
    """Paint the texture (512, 512, 3) float32 of an actor's skin with lips and brows: BGR, about 0 to 255."""
    rng = np.random.default_rng([actor.seed, 2])
    skin = np.tile(np.array(actor.skin, np.float32), (TEXTURE, TEXTURE, 1))
    for cells, strength in ((10, 3.0), (60, 1.6), (220, 2.2)):  # blotches, then pores
        cloud = rng.normal(0, strength, (cells, cells)).astype(np.float32)
        skin += cv2.resize(cloud, (TEXTURE, TEXTURE), interpolation=cv2.INTER_CUBIC)[..., None]
    for vertices, radius, strength in (([50, 280], 45, 0.10), ([4], 26, 0.08), ([152], 40, 0.04)):
        for vertex in vertices:
            skin *= 1 - _spot(vertex, radius)[..., None] * strength * np.array([1.0, 1.0, 0.25], np.float32)
    for vertices, radius, strength in (([223, 443], 24, 0.10), ([230, 450], 22, 0.09), ([133, 362], 12, 0.14)):
        for vertex in vertices:
            skin *= 1 - _spot(vertex, radius)[..., None] * strength
    _paint_stubble(skin, actor, rng)
    _paint_nostrils(skin)
    for side in (canonical.RIGHT, canonical.LEFT):
        crease = _stroke([mesh.UPPER_FOLD[side]], 3.5, TEXTURE)
        skin *= 1 - 0.3 * cv2.GaussianBlur(crease, (0, 0), 1.5)[..., None]
        _paint_brow(skin, actor, side, rng)
    _paint_lips(skin, actor)
    return skin


@cache
def wrinkle_maps() -> np.ndarray:
    """Return one map (256, 256) float32 a line and side (26 in all): how much light it takes, or gives if below 0."""
    maps = []
    for paths, width, depth, _ in WRINKLES.values():
        for side in (canonical.RIGHT, canonical.LEFT):
            ids = [path if side == canonical.RIGHT else MIRROR[path].tolist() for path in paths]
            line = _stroke(ids, max(1.0, width * 12), LINES)
            groove = cv2.GaussianBlur(line, (0, 0), 1.0)
            # a groove has a bright rim where the skin bulges
            rim = cv2.GaussianBlur(line, (0, 0), 3.2)
            maps.append(depth * (1.35 * groove - 0.55 * rim))
    return np.array(maps, np.float32)


def line_strengths(activation: np.ndarray) -> np.ndarray:
    """Return how strong each map of `wrinkle_maps` is (26,) under an activation (23, 2)."""
    strengths = [sum(weight * activation[ROW[unit]] for unit, weight in line[3].items()) for line in WRINKLES.values()]
    return np.clip(np.array(strengths), 0, 1.2).ravel().astype(np.float32)


def _spot(vertex: int, radius: float) -> np.ndarray:
    x, y = UV[vertex] * TEXTURE
    columns, rows = np.arange(TEXTURE, dtype=np.float32), np.arange(TEXTURE, dtype=np.float32)[:, None]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))


def _stroke(paths: list, width: float, size: int) -> np.ndarray:
    """Smooth lines through vertices, drawn 0 to 1 on (size, size) float32, thinner at their ends."""
    canvas = np.zeros((size, size), np.uint8)
    for path in paths:
        points = _smooth(UV[path] * size)
        for k, (start, end) in enumerate(pairwise(points)):
            taper = np.sin(np.pi * (k + 1.5) / (len(points) + 2)) ** 0.5
            draw_line(canvas, np.stack([start, end]), 255, max(1, round(width * taper)))
    return canvas.astype(np.float32) / 255


def _smooth(points: np.ndarray) -> np.ndarray:
    """Return a Catmull-Rom curve through points (N, 2)."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, 6, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True)
    ]
    return np.concatenate([*pieces, points[-1:]])


def _fill(outline: np.ndarray, blur: float) -> np.ndarray:
    canvas = np.zeros((TEXTURE, TEXTURE), np.uint8)
    fill(canvas, outline, 255)
    return cv2.GaussianBlur(canvas, (0, 0), blur).astype(np.float32)[..., None] / 255


def _paint_brow(skin: np.ndarray, actor: Actor, side: int, rng: np.random.Generator) -> None:
    upper, lower = (_smooth(UV[mesh.BROW[side, edge]] * TEXTURE) for edge in (0, 1))
    middle, half = (upper + lower) / 2, (lower - upper) / 2
    taper = np.interp(np.linspace(0, 1, len(middle)), [0, 0.45, 0.85, 1], [0.3, 0.8, 0.9, 0.55])
    weight = actor.brow_weight * taper[:, None]
    outline = np.concatenate([middle - half * weight, (middle + half * weight)[::-1]])
    hair = np.array(actor.hair, np.float32) * 0.85
    cover = 0.62 * _fill(outline, 2.0)
    skin += cover * (hair - skin)
    strokes = np.zeros((TEXTURE, TEXTURE), np.uint8)
    along = rng.uniform(0, len(middle) - 1.01, 170)
    for t, across, length in zip(along, rng.uniform(-0.9, 0.9, 170), rng.uniform(5, 9, 170), strict=True):
        k = int(t)
        root = middle[k] + (t - k) * (middle[k + 1] - middle[k]) + half[k] * weight[k] * across
        growth = (middle[k] - middle[k + 1]) / np.linalg.norm(middle[k] - middle[k + 1]) + [0, -0.45]
        draw_line(strokes, np.stack([root, root + growth * length]), 255)
    skin += 0.6 * (strokes.astype(np.float32) / 255)[..., None] * (hair * 0.8 - skin)


def _paint_lips(skin: np.ndarray, actor: Actor) -> None:
    tone = np.array(actor.skin, np.float32)
    for lip, dark in ((canonical.UPPER_LIP, 0.80), (canonical.LOWER_LIP, 0.93)):
        outline = np.concatenate([_smooth(UV[lip[0]] * TEXTURE), _smooth(UV[lip[3]] * TEXTURE)[::-1]])
        red = tone * np.array([0.72, 0.66, 0.92], np.float32) * dark
        cover = (0.5 + 0.45 * actor.lip_red) * _fill(outline, 1.8)
        skin += cover * (red - skin)
    x, y = UV[canonical.LOWER_LIP[1, 5]] * TEXTURE
    rows, columns = np.arange(TEXTURE)[:, None], np.arange(TEXTURE)
    gleam = 18 * np.exp(-(((columns - x) / 22) ** 2) - ((rows - y) / 4) ** 2)
    skin += gleam[..., None].astype(np.float32)


def _paint_nostrils(skin: np.ndarray) -> None:
    for vertices in ([60, 75, 240, 99], MIRROR[[60, 75, 240, 99]]):
        x, y = UV[vertices].mean(0) * TEXTURE
        canvas = np.zeros((TEXTURE, TEXTURE), np.uint8)
        cv2.ellipse(canvas, (round(x), round(y)), (9, 5), 0, 0, 360, 255, -1, cv2.LINE_AA)
        skin *= 1 - 0.72 * cv2.GaussianBlur(canvas, (0, 0), 2.0).astype(np.float32)[..., None] / 255


def _paint_stubble(skin: np.ndarray, actor: Actor, rng: np.random.Generator) -> None:
    if not actor.stubble:
        return
    beard = [132, 177, 213, 216, 92, 165, 2, 391, 322, 436, 433, 401, 361, 397, 378, 152, 149, 172]
    area = _fill(UV[beard] * TEXTURE, 14)
    bare = _fill(UV[[43, 106, 83, 313, 335, 273, 291, 0, 61]] * TEXTURE, 5)
    grain = rng.uniform(0.4, 1.0, (TEXTURE, TEXTURE, 1)).astype(np.float32)
    cover = 0.4 * actor.stubble * area * (1 - bare) * grain
    skin += cover * (np.array(actor.hair, np.float32) - skin)
