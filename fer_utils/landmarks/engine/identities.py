"""Which face is which: ids that last while a face is followed, through crossings and short losses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from fer_utils.landmarks.engine.smoothing import OneEuroFilter
from fer_utils.landmarks.engine.windows import Window

SAME = 0.3  # two windows whose middles are nearer, in sides of the larger one, show the same face
MEMORY = 2.0  # seconds for which a lost face is remembered
# A new face is one that was lost if it is within NEAR of where that was, or if it is within FAR and its picture differs
# by less than ALIKE grey levels of 255. Distances are in sides of the lost face's window.
NEAR, FAR, ALIKE = 0.6, 4.0, 16.0
LEARN = 0.1  # weight of the newest picture in what is remembered of a face
CUT, THUMB = 32, 8  # pixels of the face's picture, before and after averaging


class Look(NamedTuple):
    """What the network saw in a window: points (478, 3), and where to look for this face in the next frame."""

    points: np.ndarray
    window: Window
    logit: float


@dataclass
class _Identity:
    window: Window
    picture: np.ndarray
    seen: float  # when, in seconds
    smoother: OneEuroFilter = field(default_factory=OneEuroFilter)
    lost: bool = False


class Identities:
    """The faces of one stream that are followed, and those that were lost a short time ago."""

    def __init__(self):
        self._known: dict[int, _Identity] = {}
        self._next = 0

    def forget(self) -> None:
        """Lose all faces for good; ids of new faces go on from the last one."""
        self._known.clear()

    def windows(self) -> dict[int, Window]:
        """Return where the followed faces were in the last frame, by id."""
        return {id: known.window for id, known in self._known.items() if not known.lost}

    def smoother(self, id: int) -> OneEuroFilter:
        """Return the filter of one face's points; a new one after it was lost."""
        return self._known[id].smoother

    def follow(self, image: np.ndarray, looks: dict[int, Look], time: float) -> dict[int, Look]:
        """Return the looks at followed faces, one a face; the faces without a look are lost.

        When one face passes in front of another, both windows end at the front one. It belongs to the face that it
        resembles; the other one is lost.
        """
        kept = dict(looks)
        for id, look in looks.items():
            rivals = [other for other in kept if is_same(kept[other].window, look.window)]
            if id in kept and len(rivals) > 1:
                picture = _thumbnail(image, look.window)
                rivals.remove(min(rivals, key=lambda rival: _difference(self._known[rival].picture, picture)))
                kept = {other: seen for other, seen in kept.items() if other not in rivals}
        for id, known in self._known.items():
            known.lost = id not in kept
        self._known = {id: known for id, known in self._known.items() if not known.lost or time - known.seen <= MEMORY}
        alone = len(self._known) == 1
        for id, look in kept.items():
            known = self._known[id]
            known.window, known.seen = look.window, time
            if not alone and not any(other != id and _overlap(kept[other].window, look.window) for other in kept):
                known.picture += LEARN * (_thumbnail(image, look.window) - known.picture)
        return kept

    def meet(self, image: np.ndarray, looks: list[Look], time: float) -> dict[int, Look]:
        """Return looks at faces that were not followed, by id: of a lost face that one resembles, or a new one."""
        pictures = [_thumbnail(image, look.window) for look in looks]
        pairs = []
        for id, known in self._known.items():
            for number, look in enumerate(looks):
                difference = _difference(known.picture, pictures[number])
                distance = look.window.distance(known.window)
                if known.lost and (distance < NEAR or (distance < FAR and difference < ALIKE)):
                    pairs.append((difference, id, number))
        met: dict[int, int] = {}  # ids → numbers of looks
        for _, id, number in sorted(pairs):
            if id not in met and number not in met.values():
                met[id] = number
        for number in range(len(looks)):
            if number not in met.values():
                met[self._next] = number
                self._next += 1
        for id, number in met.items():
            picture = self._known[id].picture if id in self._known else pictures[number]
            self._known[id] = _Identity(looks[number].window, picture, time)
        return {id: looks[number] for id, number in met.items()}


def is_same(window: Window, other: Window) -> bool:
    """Return whether two windows show the same face."""
    return window.distance(other) * other.side < SAME * max(window.side, other.side)


def _overlap(window: Window, other: Window) -> bool:
    return window.distance(other) * other.side < (window.side + other.side) / 2


def _thumbnail(image: np.ndarray, window: Window) -> np.ndarray:
    """Return a face in 8 by 8 pixels, upright: float32 (8, 8, 3)."""
    inner = window._replace(side=window.side / 1.5).to_frame(CUT)[:2, [0, 1, 3]]
    cut = cv2.warpAffine(image, inner, (CUT, CUT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                         borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    return cv2.resize(cut, (THUMB, THUMB), interpolation=cv2.INTER_AREA).astype(np.float32)


def _difference(picture: np.ndarray, other: np.ndarray) -> float:
    """Return by how many grey levels two pictures of a face differ in their better half: the rest may be hidden."""
    cells = np.abs(picture - other).mean(axis=2).ravel()
    return float(np.partition(cells, cells.size // 2)[: cells.size // 2].mean())
