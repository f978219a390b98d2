"""Faces as pictures: the mesh, projected, textured and shaded, over what is behind it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from fer_utils.landmarks import canonical
from fer_utils.standins import mesh
from fer_utils.standins.actors import Actor
from fer_utils.standins.drawing.backdrop import draw_fringe, draw_hair, draw_head, draw_wall
from fer_utils.standins.drawing.camera import View, place
from fer_utils.standins.drawing.openings import draw_edges, draw_eyes, draw_mouth
from fer_utils.standins.drawing.shapes import SHIFT, fixed
from fer_utils.standins.drawing.skin import LINES, TEXTURE, line_strengths, paint_skin, wrinkle_maps


class Painter:
    """Draws one actor; the skin and the wall are painted once."""

    def __init__(self, actor: Actor, size: tuple[int, int]):
        """`size`: (width, height) of the pictures in pixels."""
        self.actor = actor
        self._skin = np.clip(paint_skin(actor), 0, 255).astype(np.uint8)
        self._wrinkles = wrinkle_maps()
        self._wall = draw_wall(actor, size)
        self._hair = draw_hair(actor, size)

    def landmarks(self, activation: np.ndarray, view: View) -> np.ndarray:
        """Return where the mesh's points (468, 2) are in the picture, in pixels."""
        return place(self.actor.rig.deform(self.actor.neutral, activation), view)[:, :2]

    def draw(self, activation: np.ndarray, view: View, gaze: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
        """Draw the actor with an activation (23, 2), seen in a view: BGR uint8 (height, width, 3)."""
        face = self.actor.rig.deform(self.actor.neutral, activation)
        placed = place(face, view)
        pixels = placed[:, :2]
        image = self._wall.copy()
        self._draw_behind(image, pixels, view)

        left, top = np.maximum(np.floor(pixels.min(0)).astype(int) - 4, 0)
        right, bottom = np.ceil(pixels.max(0)).astype(int) + 5
        patch = image[top:bottom, left:right]
        corner = np.array([left, top])
        near = replace(view, centre=tuple(np.array(view.centre) - corner))
        pixels = pixels - corner
        draw_eyes(patch, self.actor, pixels, near, gaze)
        draw_mouth(patch, self.actor, pixels, activation, near)
        self._draw_skin(patch, face, np.column_stack([pixels, placed[:, 2]]), activation, view)
        draw_edges(patch, self.actor, pixels, near)
        self._draw_in_front(image, view)
        return cv2.GaussianBlur(image, (0, 0), 0.7)

    def _draw_behind(self, image: np.ndarray, pixels: np.ndarray, view: View) -> None:
        """Draw what the face covers; `pixels` (468, 2) is the face as it is projected."""
        draw_head(image, self.actor, self._hair, view)

    def _draw_in_front(self, image: np.ndarray, view: View) -> None:
        """Draw what covers the face."""
        if abs(view.yaw) < 0.6:  # hair does not follow the skin of the forehead
            draw_fringe(image, self.actor, self._hair, place(self.actor.neutral, view)[:, :2])

    def _draw_skin(self, patch, face, placed, activation, view) -> None:
        """Draw the triangles (placed: pixels in the patch and depth) with texture, lines and Lambert's shading."""
        triangles = canonical.SKIN[np.argsort(placed[canonical.SKIN, 2].mean(1))]
        corners = placed[triangles, :2]
        index = np.zeros(patch.shape[:2], np.int32)
        for k, corner in enumerate(fixed(corners), start=1):
            cv2.fillConvexPoly(index, corner, k, cv2.LINE_8, SHIFT)

        normal = mesh.normals(face) @ view.rotation.T
        light = 0.52 + 0.56 * np.clip(normal @ self.actor.light, 0, None)
        values = np.column_stack([canonical.UV * TEXTURE, light])[triangles]
        rows, columns = np.nonzero(index)
        inside = index[rows, columns] - 1
        where = np.stack([columns, rows, np.ones_like(rows)], axis=1).astype(np.float32)
        drawn = np.einsum("nij,nj->ni", _planes(corners, values)[inside], where)
        # pixels on the rim of a triangle lie a little outside: they keep to its values
        low, high = values.min(1).astype(np.float32), values.max(1).astype(np.float32)
        drawn = np.clip(drawn, low[inside], high[inside])

        u, v, shade = mapped = np.zeros((3, *index.shape), np.float32)
        mapped[:, rows, columns] = drawn.T
        skin = cv2.remap(self._skin, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        strengths = self.actor.lines * line_strengths(activation)
        if strengths.any():
            lines = sum(strengths[k] * self._wrinkles[k] for k in np.flatnonzero(strengths))
            ratio = LINES / TEXTURE
            shade *= 1 - cv2.remap(lines, u * ratio, v * ratio, cv2.INTER_LINEAR)
        lit = np.clip(skin * shade[..., None], 0, 255).astype(np.uint8)
        cv2.copyTo(lit, (index > 0).astype(np.uint8), patch)


def _planes(corners: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return planes (M, A, 3) through values (M, 3, A) at triangles (M, 3, 2): times (x, y, 1), the value there."""
    a = corners[:, 0]
    (bx, by), (cx, cy) = (corners[:, 1] - a).T[..., None], (corners[:, 2] - a).T[..., None]
    area = bx * cy - by * cx
    area = np.where(np.abs(area) < 1e-3, 1e-3, area)
    db, dc = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    dx, dy = (db * cy - dc * by) / area, (dc * bx - db * cx) / area
    return np.stack([dx, dy, values[:, 0] - dx * a[:, :1] - dy * a[:, 1:]], axis=2).astype(np.float32)
