"""Detectors by name: what finds the points of a face in a frame."""

from __future__ import annotations

from typing import Literal

from fer_utils.landmarks import face_landmarker, face_mesh
from fer_utils.landmarks.face_landmarker import FaceLandmarker, Mode, model_bundle
from fer_utils.landmarks.face_mesh import FaceMesh

Detector = Literal["face_landmarker", "face_mesh"]
# what the points depend on besides frames and options: part of the cache's key
IDENTITY: dict[str, list] = {"face_landmarker": face_landmarker.IDENTITY}
IDENTITY["face_mesh"] = [*face_mesh.IDENTITY, *IDENTITY["face_landmarker"]]


def open_detector(
    detector: Detector = "face_landmarker", mode: Mode = "video", blendshapes: bool = False
) -> FaceLandmarker | FaceMesh:
    """A detector for one stream of frames, to be used as a context manager. `face_mesh` is several times as fast, and
    has neither irises nor blendshapes. Raises ModelFileError, and ValueError for an option that there is not."""
    if detector not in IDENTITY:
        raise ValueError(f"detector {detector!r}: must be one of {', '.join(map(repr, IDENTITY))}")
    if detector == "face_landmarker":
        return FaceLandmarker(mode, blendshapes)
    if blendshapes:
        raise ValueError("blendshapes=True: 'face_mesh' gives none; leave them out, or take 'face_landmarker'")
    return FaceMesh(model_bundle(), mode)
