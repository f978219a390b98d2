"""The registry of landmark detectors."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # this module imports nothing else: the command line reads the names
    import numpy as np

Mode = Literal["video", "image"]

# A detector's name, and the module and class that make it. The module also says in IDENTITY, a list for JSON, what the
# points depend on besides frames and options: it is part of the key of cached tracks.
DETECTORS = {
    "face_landmarker": "fer_utils.landmarks.face_landmarker:FaceLandmarker",
    "face_mesh": "fer_utils.landmarks.face_mesh:FaceMesh",
    "mediapipe": "fer_utils.landmarks.mediapipe_task:MediaPipeLandmarker",
}


class Detector(Protocol):
    """A detector of faces and their points in one stream of frames. Its class takes the options of `open_detector`."""

    def __enter__(self) -> Detector: ...

    def __exit__(self, *_: object) -> None: ...

    def detect(self, image: np.ndarray, time: float = 0.0) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return points (478, 3) in pixels and blendshape scores (52,) of the face in a BGR uint8 picture.

        Both are None if there is no face; scores are None if they were not asked for. `time` is in seconds.
        """


def open_detector(
    name: str = "face_landmarker", mode: Mode = "video", blendshapes: bool = False, faces: int = 1, views: int = 1
) -> Detector:
    """Return a detector for one stream of frames, to be used as a context manager.

    `face_mesh` is about three times as fast as `face_landmarker`, and has neither irises nor blendshapes. `mediapipe`
    is MediaPipe's own FaceLandmarker, if it is installed. Up to `faces` faces are followed, the largest first, and
    `detect_all` returns them with their ids. With `views` above 1, points are averaged over so many turned, scaled and
    mirrored views of each frame; each view takes as long as the first. Raises ModelFileError if a model file is missing
    or damaged, ValueError for an unknown name or option, UserError if MediaPipe is not installed.
    """
    module, kind = _find(name)
    return getattr(module, kind)(mode, blendshapes, faces, views)


def identity(name: str) -> list:
    """Return what a detector's points depend on besides frames and options. Raises the errors of `open_detector`."""
    return _find(name)[0].IDENTITY


def _find(name: str):
    if name not in DETECTORS:
        raise ValueError(f"detector {name!r}: must be one of {', '.join(map(repr, DETECTORS))}")
    module, kind = DETECTORS[name].split(":")
    return import_module(module), kind
