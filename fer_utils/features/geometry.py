"""Points → distances and angles of landmark pairs, their changes between key frames, and the expression's intensity."""

from __future__ import annotations

from functools import cache

import numpy as np

from fer_utils.features import phases
from fer_utils.landmarks import regions

SETTLING = 2  # first frames, in which the detector's tracking settles: points move although the face does not
MAX_GAP = 0.2  # longest time without a face that is bridged, in seconds; our choice
BONE = np.array(regions.BONE)
TRAJECTORY_STEPS = 8  # from onset to apex


class SequenceRefused(Exception):
    """Says why a sequence gives no features."""


def bridge(points: np.ndarray, times: np.ndarray, max_gap: float = MAX_GAP) -> np.ndarray:
    """Return points (T, N, D) with the frames that are NaN filled in from their neighbours in time.

    Between two frames with a face the points move in a straight line; before the first and after the last they stay.
    Raises SequenceRefused if no frame has a face, or if the faces around a gap are more than `max_gap` seconds apart
    (at an end: if the nearest face is farther than that from it).
    """
    found = ~np.isnan(points).any(axis=(1, 2))
    if found.all():
        return points
    if not found.any():
        raise SequenceRefused(f"no face in any of {len(points)} frames")
    known = np.flatnonzero(found)
    place = np.searchsorted(known, np.flatnonzero(~found))
    before, after = np.append(-1, known)[place], np.append(known, len(points))[place]  # the nearest frames with a face
    gaps = times[np.minimum(after, len(points) - 1)] - times[np.maximum(before, 0)]
    wide = np.flatnonzero(gaps > max_gap + 1e-9)
    if wide.size:
        first, last, gap = before[wide[0]] + 1, after[wide[0]] - 1, gaps[wide[0]]
        raise SequenceRefused(f"no face in frames {first} to {last}: {gap:.2f} s, {max_gap:.2f} s can be bridged")
    bridged = _between(points[known], np.interp(times, times[known], np.arange(len(known))))
    return np.where(found[:, None, None], points, bridged).astype(points.dtype)


def normalise(points: np.ndarray) -> np.ndarray:
    """Return points (T, 478, 3) held `steady`, turned and scaled, so that their changes are those of the face.

    In the first frame the outer corners of the eyes lie level and 1 apart: the unit is the inter-ocular distance. Our
    choice; the paper does not say whether it normalises. Raises SequenceRefused if the eyes of the first frame are in
    one place.
    """
    return upright(steady(points))


def upright(points: np.ndarray) -> np.ndarray:
    """Return points (T, 478, 2 or 3) turned and scaled, all frames alike; the head's motion is kept.

    The eyes of the first frame lie level and 1 apart. Raises the same error as `normalise`.
    """
    across = points[0, regions.RIGHT_EYE_CORNER, :2] - points[0, regions.LEFT_EYE_CORNER, :2]
    scale = float(np.hypot(*across))
    if not scale > 0:
        raise SequenceRefused("the eyes of the first frame have no distance between them")
    cos, sin = across / scale
    turned = points / scale
    x, y = turned[..., 0].copy(), turned[..., 1].copy()
    turned[..., 0], turned[..., 1] = cos * x + sin * y, cos * y - sin * x
    return turned


def steady(points: np.ndarray) -> np.ndarray:
    """Return points (T, 478, 3) with the head's own motion removed.

    Each frame is turned in space, moved and scaled so that the points of `regions.BONE` lie as in the first frame: the
    least-squares fit of Umeyama (1991). A nod of a few degrees changes distances and angles in the picture as much as a
    weak expression does. (On 51 real pairs of a neutral and a smiling photograph one classifier named 44 smiles with
    it, 36 without.)
    """
    found = np.isfinite(points).all(axis=(1, 2)) & np.isfinite(points[0]).all()
    still = points.copy()
    if found.any():
        turn, middle, centre = pose(points[found], points[0])
        still[found] = (points[found] - middle) @ turn + centre
    return still


def pose(points: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how `steady` moves points (T, 478, 3): by (points − middle) @ turn + centre.

    `turn` (T, 3, 3) is a rotation times a scale; `middle` (T, 1, 3) and `centre` (3,) are those of `regions.BONE`.
    """
    here, there = points.take(BONE, axis=1).astype(float), reference.take(BONE, axis=0).astype(float)
    middle, centre = here.sum(axis=1, keepdims=True) / len(BONE), there.sum(axis=0) / len(BONE)
    here, there = here - middle, there - centre
    left, size, right = np.linalg.svd(here.swapaxes(1, 2) @ there)
    sign = np.sign(np.linalg.det(left @ right))  # a rotation, not a mirror image
    left[..., -1] *= sign[:, None]
    size[..., -1] *= sign
    extent = np.maximum((here * here).sum(axis=(1, 2)), np.finfo(float).tiny)
    return (size.sum(axis=1) / extent)[:, None, None] * (left @ right), middle, centre


def offsets(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the differences (D, …, P) between the points (…, 478, D) of `pairs` (P, 2), in the points' unit.

    One row for each coordinate: the first point's minus the second's.
    """
    coordinates = points.transpose(-1, *range(points.ndim - 1))  # as np.moveaxis, but faster
    return coordinates.take(pairs[:, 0], axis=-1) - coordinates.take(pairs[:, 1], axis=-1)


def distances(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the distances (…, P) in the picture between the points (…, 478, ≥2) of `pairs` (P, 2).

    They have the points' unit. Eq. 1 of arXiv:2512.05669.
    """
    dx, dy = offsets(points[..., :2], pairs)
    return np.sqrt(dx * dx + dy * dy)


def angles(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the angles (…, P) between the pairs and the picture's vertical, in radians in (−π, π].

    Eq. 2 of arXiv:2512.05669, arctan(Δx / Δy), by arctan2: it needs no division, and does not jump where Δy changes its
    sign.
    """
    return np.arctan2(*offsets(points[..., :2], pairs))


def wrap(angle: np.ndarray) -> np.ndarray:
    """Return angles in radians, brought into (−π, π]."""
    wrapped = np.pi - np.mod(np.pi - angle, 2 * np.pi)
    # for an angle just above π the remainder is rounded up to 2π
    return np.where(wrapped <= -np.pi, np.pi, wrapped)


def differences(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the changes (K − 1, 2P) of distances, then of wrapped angles, from key frame to key frame (K, 478, ≥2)."""
    return changes(values(points, pairs))


def values(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the distances, then the angles (…, 2P), of the pairs (P, 2) of points (…, 478, ≥2): equations 1 and 2."""
    across, down = offsets(points[..., :2], pairs)
    return np.concatenate([np.sqrt(across * across + down * down), np.arctan2(across, down)], axis=-1)


def changes(frames: np.ndarray) -> np.ndarray:
    """Return the changes (K − 1, 2P) float32 of the `values` (K, 2P) from key frame to key frame, angles wrapped."""
    change = np.diff(frames, axis=0)
    turn = change[:, change.shape[1] // 2 :]
    far = np.abs(turn) >= np.pi  # seldom any, and a remainder is slow
    if far.any():
        turn[far] = wrap(turn[far])
    return change.astype(np.float32)


def trajectory(points: np.ndarray, times: np.ndarray, expression: phases.Phases) -> np.ndarray:
    """Return where points (T, N, 2) are at TRAJECTORY_STEPS times from onset to apex, (TRAJECTORY_STEPS, 2N) float32.

    The times are evenly spaced; x and y of one point are side by side.
    """
    first, last = expression.onset, max(expression.apex, min(expression.onset + 1, len(times) - 1))
    at = np.interp(np.linspace(times[first], times[last], TRAJECTORY_STEPS), times, np.arange(len(times)))
    return _between(points, at).reshape(TRAJECTORY_STEPS, -1).astype(np.float32)


def intensity(points: np.ndarray) -> np.ndarray:
    """Return how far the face is from rest, (T,), along the direction in which it changes most; points (T, 478, 3).

    The distances in space of the pairs without a point on a lid (a blink is no expression), in units of each frame's
    own inter-ocular distance, are projected on their first principal component over the sequence. The value is the
    root mean square change of a distance since the first frames. arXiv:2512.05669 takes the mean change of all
    distances in the picture. The projection is our choice: the head's own motion goes in other directions. (On the MMI
    stand-in, when it was chosen, the apex was found within two frames in 97 % of the clips instead of 71 %.)
    """
    i, j = PAIRS[WITHOUT_LIDS].T
    eyes = points[:, regions.LEFT_EYE_CORNER] - points[:, regions.RIGHT_EYE_CORNER]
    spread = np.linalg.norm(points[:, i] - points[:, j], axis=2) / np.linalg.norm(eyes, axis=1)[:, None]
    settled = min(SETTLING, len(points) - 1)
    spread[:settled] = spread[settled]
    left, size, _ = np.linalg.svd(spread - spread.mean(axis=0), full_matrices=False)
    along = left[:, 0] * (size[0] / np.sqrt(len(i)))
    along = along - along[0]
    return along * np.sign(along[np.argmax(np.abs(along))])


@cache
def pairs_of(landmarks: int = 61, pairing: regions.Pairing = "grouped") -> np.ndarray:
    """Return the pairs (P, 2) of MediaPipe indices of a set of landmarks."""
    return np.array(regions.pairs(landmarks, pairing))


PAIRS = pairs_of()
LIDS = (159, 145, 158, 153, 160, 144, 386, 374, 385, 380, 387, 373)
WITHOUT_LIDS = ~np.isin(PAIRS, LIDS).any(axis=1)  # (P,): the pairs by which intensity is measured


def _between(points: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return points (len(at), N, D) at fractional frame numbers, on straight lines between the frames."""
    lower = np.floor(at).astype(int)
    upper = np.minimum(lower + 1, len(points) - 1)
    share = (at - lower)[:, None, None]
    return points[lower] * (1 - share) + points[upper] * share
