"""Frames → points by the first-generation FaceMesh network, at a fraction of the cost of `FaceLandmarker`.

The way of tracking and its numbers are those of `mp.solutions.face_mesh.FaceMesh(max_num_faces=1,
refine_landmarks=False)` in MediaPipe 0.10.21, read off its graph `face_landmark_front_cpu`; what is done otherwise is
said at `FaceMesh`. As there, points are not smoothed over time.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from fer_utils import paths
from fer_utils.errors import ModelFileError
from fer_utils.quiet import native_logs_hidden

MODEL = paths.ASSETS / "face_landmark.tflite"
MODEL_SHA256 = "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"
# for the cache's key; the number rises when the same frames come to give other points
IDENTITY = ["face_mesh", 1, MODEL_SHA256, "ai-edge-litert", version("ai-edge-litert")]

N_MESH, N_IRIS = 468, 10  # points of the network, and those that stand for the irises it does not have
MIN_LOGIT = 0.0  # of face detector and network, below which there is no face: a score of 0.5
MARGIN = 1.5  # the side of the region looked at, over the long side of the box around the face
# A tracked face is checked where the network is less sure than SURE_LOGIT (of a profile it is surer), or where the face
# moved by more than HURRIED. The detector is believed where it sees a face within REACH of the tracked region's middle,
# but ASTRAY from the points; right points stay within 0.1 of what it sees, on clips of moving heads, rolls to 85° and
# profiles. All but the first in sides of the region.
SURE_LOGIT, HURRIED, REACH, ASTRAY = 6.0, 0.03, 0.6, 0.12
BESIDE = 2  # pixels beside a place, from which its edge is interpolated

_EYE_CORNERS = [33, 263]  # the outer ones, left and right in the picture
_EYE_CONTOURS = np.array(
    [
        [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173],  # around iris points 468 to 472
        [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398],  # around 473 to 477
    ]
)


def read_model(path: Path, sha256: str) -> bytes:
    """The bytes of a model file of the package, after its hash was checked. Raises ModelFileError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror}; restore it: git checkout -- fer_utils/assets") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelFileError(f"{path}: not the expected model; restore it: git checkout -- fer_utils/assets")
    return content


class FaceMesh:
    """The FaceMesh network for one stream of frames (`mode="video"`, tracking) or for single pictures. It takes the
    place of `FaceLandmarker`: use it as a context manager, one a stream.

    While a face is tracked, the region looked at comes from the points of the frame before. The face detector searches
    the whole frame where there is no such region: at first, after a frame without a face, where the frames' size
    changed, and in every frame with `mode="image"`. Three things are done otherwise than by MediaPipe:

    - Where the network finds no face in the tracked region, the same frame is searched, not the next.
    - The network takes half a face at the edge of its region for a whole one, and draws it in the wrong place. So where
      it is less sure, or the face moved far since the frame before, the detector is asked too.
    - Of several faces, the largest that the network confirms is followed, not the one that the detector is surest of.

    `bundle` is `model_bundle()`, which holds the face detector; `threads` is how many a network may use;
    `searches` counts the frames that were searched. Raises ModelFileError where the network's file is missing or
    damaged, ValueError for an unknown mode.
    """

    def __init__(self, bundle: bytes, mode: Literal["video", "image"] = "video", threads: int = 1):
        if mode not in ("video", "image"):
            raise ValueError(f"mode {mode!r}: must be 'video' or 'image'")
        self.mode, self.searches = mode, 0
        with native_logs_hidden():
            self._network = _Network(read_model(MODEL, MODEL_SHA256), threads)
            self._detector = _FaceDetector(bundle, threads)
        self._place: np.ndarray | None = None
        self._shape: tuple[int, ...] | None = None

    def __enter__(self) -> FaceMesh:
        return self

    def __exit__(self, *_) -> None:
        self._network = self._detector = self._place = None

    def detect(self, image: np.ndarray, time: float = 0.0) -> tuple[np.ndarray | None, None]:
        """Points (478, 3) float32 in pixels (x to the right, y down, z in the same scale) of the face in a BGR uint8
        picture, or None where there is no face; and None, as there are no blendshapes. `time` does not matter.

        The network has no iris points. In their place, 468 to 472 and 473 to 477 are the mean of the 16 points of that
        eye's contour: a found face has no NaN, but these points do not follow the gaze.

        Raises ValueError where the picture is not BGR uint8.
        """
        if image.dtype != np.uint8 or image.shape[2:] != (3,):
            raise ValueError(f"picture of {image.dtype}, shape {image.shape}: must be BGR uint8 (height, width, 3)")
        place = self._place if self.mode == "video" and image.shape == self._shape else None
        face = None if place is None else self._look(image, place)
        if face is None:
            looks = (self._look(image, place) for place in self._search(image))
            face = next((seen for seen in looks if seen is not None), None)
        elif face.logit < SURE_LOGIT or _apart(face.place, place) > HURRIED:
            face = self._checked(image, face, place)
        self._shape = image.shape
        self._place = None if face is None else face.place
        return None if face is None else face.points, None

    def _search(self, image: np.ndarray) -> list[np.ndarray]:
        self.searches += 1
        return self._detector.places(image)

    def _checked(self, image: np.ndarray, face: _Face, looked_at: np.ndarray) -> _Face:
        """The face, or a better look at it, where the detector sees one in the region looked at but off its points."""
        seen = [place for place in self._search(image) if _apart(place, looked_at) < REACH]
        nearest = min(seen, key=lambda place: _apart(place, face.place), default=face.place)
        better = self._look(image, nearest) if _apart(nearest, face.place) > ASTRAY else None
        return face if better is None else better

    def _look(self, image: np.ndarray, place: np.ndarray) -> _Face | None:
        """The face in one place of the picture, or None where the network sees none there."""
        mesh, logit = self._network.run(image, place, (0, 1), cv2.BORDER_REPLICATE)
        if logit.item() <= MIN_LOGIT:
            return None
        points = np.empty((N_MESH + N_IRIS, 3), np.float32)
        points[:N_MESH] = cv2.transform(mesh.reshape(N_MESH, 1, 3), place)[:, 0]
        points[N_MESH:].reshape(2, 5, 3)[:] = points[_EYE_CONTOURS].mean(axis=1, keepdims=True)
        return _Face(points, _place(points[:N_MESH, :2], *points[_EYE_CORNERS, :2]), logit.item())


class _Face(NamedTuple):
    points: np.ndarray  # (478, 3)
    place: np.ndarray  # where to look for it in the next frame
    logit: float  # how sure the network is


class _Network:
    """A LiteRT network that looks at a square RGB picture.

    A *place* is what it looks at: the map (3, 4) from x, y, z in pixels of that square to pixels of the frame.
    """

    def __init__(self, content: bytes, threads: int):
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        (given,) = self._interpreter.get_input_details()
        self._input, self.side = given["index"], int(given["shape"][1])
        self._outputs = [details["index"] for details in self._interpreter.get_output_details()]
        self._middle = np.array([self.side / 2, self.side / 2, 0, 1], np.float32)
        self._picture = np.empty((0, 0, 4), np.uint8)
        self._cut, self._rgb = (np.empty((self.side, self.side, channels), np.uint8) for channels in (4, 3))

    def run(self, image: np.ndarray, place: np.ndarray, bounds: tuple[float, float], border: int) -> list[np.ndarray]:
        """The outputs for a place in a BGR uint8 picture, whose 0 and 255 the network knows as `bounds`."""
        cv2.warpAffine(
            self._four_channels(image, place),
            place[:2, [0, 1, 3]],
            (self.side, self.side),
            dst=self._cut,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=border,
        )
        cv2.cvtColor(self._cut, cv2.COLOR_RGBA2RGB, dst=self._rgb)
        low, high = bounds
        tensor = self._interpreter.tensor(self._input)()[0]
        np.multiply(self._rgb, np.float32((high - low) / 255), out=tensor)
        if low:
            tensor += np.float32(low)
        del tensor  # LiteRT does not run while a view of its memory is held
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]

    def _four_channels(self, image: np.ndarray, place: np.ndarray) -> np.ndarray:
        """The picture as RGBA, up to date around the place alone: from four channels OpenCV cuts in half the time that
        it takes from three."""
        if self._picture.shape[:2] != image.shape[:2]:
            self._picture = np.empty((*image.shape[:2], 4), np.uint8)
        x, y = (place[:2] @ self._middle).tolist()
        reach = self.side / 2 * float(np.abs(place[:2, 0]).sum()) + BESIDE
        around = _within(y - reach, y + reach, len(image)), _within(x - reach, x + reach, image.shape[1])
        cv2.cvtColor(image[around], cv2.COLOR_BGR2RGBA, dst=self._picture[around])
        return self._picture


class _FaceDetector:
    """The short-range face detector inside the bundle of `FaceLandmarker`, with the numbers of MediaPipe's
    graph `face_detection_short_range`."""

    MIN_OVERLAP = 0.3  # intersection over union; boxes that share more are one face

    def __init__(self, bundle: bytes, threads: int):
        with zipfile.ZipFile(io.BytesIO(bundle)) as files:
            self._network = _Network(files.read("face_detector.tflite"), threads)
        # (896, 2), x and y as shares of the side: row by row the cells of two grids, so many anchors in each
        self._anchors = np.concatenate(
            [
                np.repeat((np.argwhere(np.ones((cells, cells)))[:, ::-1] + 0.5) / cells, each, axis=0)
                for cells, each in ((16, 2), (8, 6))
            ]
        )

    def places(self, image: np.ndarray) -> list[np.ndarray]:
        """Where in a BGR uint8 picture FaceMesh should look, the largest face first."""
        height, width = image.shape[:2]
        side = self._network.side
        whole = _map((width / 2, height / 2), 0.0, max(width, height), side)
        found, logits = (output[0] for output in self._network.run(image, whole, (-1, 1), cv2.BORDER_CONSTANT))
        sure = logits[:, 0] >= MIN_LOGIT
        scores = 1 / (1 + np.exp(-logits[sure, 0]))
        # a row: the middle of the box, its size, and six points, first the eyes; in pixels, all but the size from the
        # anchor on
        found = found[sure].reshape(-1, 8, 2)
        middle, eyes = (found[:, part] + self._anchors[sure][:, None] * side for part in (slice(0, 1), slice(2, 4)))
        half = found[:, 1:2] / 2
        faces = self._merged(np.concatenate([middle - half, middle + half, eyes], axis=1), scores)
        faces = faces @ whole[:2, :2].T + whole[:2, 3]
        places = [_place(face[:2], face[2], face[3]) for face in faces]
        return sorted(places, key=lambda place: -place[2, 2])

    def _merged(self, faces: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(m, 4, 2) out of (n, 4, 2), a box's two corners and two eyes in each row: the mean, weighted by score, of the
        rows whose boxes overlap the surest one's; then of those left in the same way, and so on."""
        merged = []
        while len(scores):
            low, high = faces[:, 0], faces[:, 1]
            best = scores.argmax()
            sides = np.minimum(high, high[best]) - np.maximum(low, low[best])
            shared = np.clip(sides, 0, None).prod(axis=1)
            areas = (high - low).prod(axis=1)
            same = shared > self.MIN_OVERLAP * (areas + areas[best] - shared)
            same[best] = True
            merged.append(np.average(faces[same], axis=0, weights=scores[same]))
            faces, scores = faces[~same], scores[~same]
        return np.array(merged).reshape(-1, 4, 2)


def _place(points: np.ndarray, left_eye: np.ndarray, right_eye: np.ndarray) -> np.ndarray:
    """The place (3, 4) for the network of a face with these points (n, 2), turned so that its eyes are level."""
    across = np.ascontiguousarray(points.T)  # NumPy finds the bounds of long rows faster
    low, high = across.min(axis=1), across.max(axis=1)
    x, y = right_eye - left_eye
    return _map((low + high) / 2, math.atan2(y, x), MARGIN * float((high - low).max()), 192)


def _within(low: float, high: float, size: int) -> slice:
    """The pixels from `low` to `high` of a row of so many; of a part beside the row, the nearest one."""
    first = int(min(max(low, 0), size - 1))
    return slice(first, int(min(max(high, first), size - 1)) + 1)


def _apart(place: np.ndarray, other: np.ndarray) -> float:
    """How far the middles of two places for the network are from each other, in sides of the other."""
    x, y = (place - other)[:2] @ (96, 96, 0, 1)
    return math.hypot(x, y) / (192 * float(other[2, 2]))


def _map(centre, angle: float, side: float, pixels: int) -> np.ndarray:
    """The map (3, 4) from a square of so many pixels to one of another `side` (z by the same scale), turned, about a
    `centre`. MediaPipe's pixels are points here: no half is added."""
    scale = side / pixels
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    x, y = centre
    half = pixels / 2
    rows = [[c, -s, 0, x - half * (c - s)], [s, c, 0, y - half * (s + c)], [0, 0, scale, 0]]
    return np.array(rows, np.float32)
