"""Where faces are in a picture: the short-range face detector of the bundle."""

from __future__ import annotations

import cv2
import numpy as np

from fer_utils.landmarks.engine.picture_network import PictureNetwork
from fer_utils.landmarks.engine.windows import Window

MIN_LOGIT = 0.0  # below it there is no face: a score of 0.5
MIN_OVERLAP = 0.3  # intersection over union; boxes that share more are one face


class FaceDetector:
    """MediaPipe's short-range face detector, with the numbers of its graph `face_detector_graph.cc`."""

    def __init__(self, content: bytes):
        self._network = _FrameNetwork(content, low=-1.0, border=cv2.BORDER_CONSTANT)
        # (896, 2), x and y as shares of the side: row by row the cells of two grids, two and six anchors in each
        fine, coarse = ((np.argwhere(np.ones((cells, cells)))[:, ::-1] + 0.5) / cells for cells in (16, 8))
        self._anchors = np.concatenate([fine.repeat(2, axis=0), coarse.repeat(6, axis=0)])

    def faces(self, image: np.ndarray) -> list[tuple[Window, float]]:
        """Return the windows around the faces of a BGR uint8 picture, the largest first, each with its logit."""
        height, width = image.shape[:2]
        side = self._network.side
        to_frame = Window(width / 2, height / 2, max(width, height)).to_frame(side)
        rows, logits = (output[0] for output in self._network.run(image, to_frame))
        sure = logits[:, 0] >= MIN_LOGIT
        # a row: the middle of the box, its size, and six points, first the eyes; in pixels, all but the size from the
        # anchor on
        rows, logits = rows[sure].reshape(-1, 8, 2), logits[sure, 0]
        middle, eyes = (rows[:, part] + self._anchors[sure][:, None] * side for part in (slice(0, 1), slice(2, 4)))
        half = rows[:, 1:2] / 2
        faces, logits = _merged(np.concatenate([middle - half, middle + half, eyes], axis=1), logits)
        faces = faces @ to_frame[:2, :2].T + to_frame[:2, 3]
        windows = [Window.around(face[:2], face[2], face[3]) for face in faces]
        return sorted(zip(windows, logits, strict=True), key=lambda face: -face[0].side)


class _FrameNetwork(PictureNetwork):
    """Interpolates between pixels in steps of 1/32, as OpenCV did up to version 4, which MediaPipe holds.

    A frame is shrunk so much here that finer steps move the eyes by a quarter of a pixel, and the window with them.
    """

    _of = b""  # the map that `_steps` were made of: as long as the frames' size does not change, the same

    def _cut_out(self, image: np.ndarray, to_frame: np.ndarray) -> None:
        if self._of != to_frame.tobytes():
            self._of = to_frame.tobytes()
            columns, rows = np.meshgrid(*2 * [np.arange(self.side)])
            at = np.stack([columns, rows], axis=2) @ to_frame[:2, :2].T.astype(float) + to_frame[:2, 3]
            self._steps = cv2.convertMaps((np.round(at * 32) / 32).astype(np.float32), None, cv2.CV_16SC2)
        cv2.remap(image, *self._steps, cv2.INTER_LINEAR, dst=self._cut, borderMode=self._border)


def _merged(faces: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Merge overlapping rows (n, 4, 2), each a box's two corners and two eyes, into (m, 4, 2), with a logit for each.

    The rows whose boxes overlap the surest one's are replaced by their mean, weighted by score; then the same with the
    rows that are left. The logit is that of the surest row.
    """
    merged, surest = [], []
    scores = 1 / (1 + np.exp(-logits))
    while len(scores):
        low, high = faces[:, 0], faces[:, 1]
        best = scores.argmax()
        sides = np.minimum(high, high[best]) - np.maximum(low, low[best])
        shared = np.clip(sides, 0, None).prod(axis=1)
        areas = (high - low).prod(axis=1)
        same = shared > MIN_OVERLAP * (areas + areas[best] - shared)
        same[best] = True
        merged.append(np.average(faces[same], axis=0, weights=scores[same]))
        surest.append(float(logits[best]))
        faces, scores, logits = faces[~same], scores[~same], logits[~same]
    return np.array(merged).reshape(-1, 4, 2), surest
