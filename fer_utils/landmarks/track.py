"""Frames → `LandmarkTrack`: the points of one face, a row per frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.data.pictures import Frame
from fer_utils.errors import first_line
from fer_utils.landmarks.detectors import open_detector

N_POINTS = 478
NO_FACE = "no face found"


@dataclass(frozen=True)
class LandmarkTrack:
    """The points of one sequence, one row a frame, always.

    Attributes
    ----------
    points : (T, 478, 3) float32
        Pixels; x to the right, y down, z in the same scale, smaller is nearer. NaN in frames with no face.
    times : (T,) float64
        Seconds from the start of the sequence.
    reasons : (T,) str
        Why a frame has no points; empty if it has.
    size : (int, int)
        Width and height of the frames in pixels; (0, 0) where no frame could be read.
    blendshapes : (T, 52) float32 or None
        MediaPipe's blendshape scores, if they were asked for.
    quarter_turns : int
        By how many turns of 90 degrees, counter-clockwise, the frames were set upright first; the points are in the
        turned frames.
    """

    points: np.ndarray
    times: np.ndarray
    reasons: np.ndarray
    size: tuple[int, int]
    blendshapes: np.ndarray | None = None
    quarter_turns: int = 0

    def __len__(self) -> int:
        return len(self.times)

    @property
    def found(self) -> np.ndarray:
        """(T,) bool: in which frames a face was found."""
        return self.reasons == ""

    @property
    def coverage(self) -> float:
        """Share of frames in which a face was found."""
        return float(self.found.mean()) if len(self) else 0.0

    def save(self, path: Path) -> None:
        """Write the track as an `.npz` file without pickles, whole or not at all. Raises OutputError."""
        arrays = {name: value for name, value in vars(self).items() if value is not None}
        with paths.replacing(path) as temporary:
            np.savez_compressed(temporary, **arrays)

    @classmethod
    def load(cls, path: Path) -> LandmarkTrack:
        """Read a track. Raises OSError if there is no such file, ValueError if it cannot be read."""
        with path.open("rb") as file:
            try:
                with np.load(file, allow_pickle=False) as archive:
                    arrays = dict(archive)
                size, turns = tuple(arrays.pop("size").tolist()), int(arrays.pop("quarter_turns"))
                return cls(**arrays, size=size, quarter_turns=turns)
            except Exception as error:  # any error of zipfile, zlib or NumPy that a damaged file causes
                reason = first_line(error)
                raise ValueError(f"{path}: not a landmark track ({reason}); delete it and it is made again") from None


def track(frames: Iterable[Frame], detector: str = "face_landmarker", **options) -> LandmarkTrack:
    """Return the track of a sequence of frames: one row a frame, NaN and a reason if no face was found.

    The options are those of `open_detector`.
    """
    points, times, reasons, scores = [], [], [], []
    size = (0, 0)
    with open_detector(detector, **options) as landmarker:
        for frame in frames:
            face = face_scores = None
            if frame.image is not None:
                size = frame.image.shape[1::-1]
                face, face_scores = landmarker.detect(frame.image, frame.time)
            points.append(np.full((N_POINTS, 3), np.nan, np.float32) if face is None else face)
            scores.append(np.full(52, np.nan, np.float32) if face_scores is None else face_scores)
            reasons.append("" if face is not None else frame.problem or NO_FACE)
            times.append(frame.time)
    return LandmarkTrack(
        points=np.array(points, np.float32).reshape(-1, N_POINTS, 3),
        times=np.array(times, np.float64),
        reasons=np.array(reasons, np.str_),
        size=tuple(int(v) for v in size),
        blendshapes=np.array(scores, np.float32).reshape(-1, 52) if options.get("blendshapes") else None,
        quarter_turns=getattr(frames, "quarter_turns", 0),
    )
