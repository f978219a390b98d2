"""Videos that were filmed lying on their side or upside down, turned upright."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np

from fer_utils.data.video import FrameSource, Video
from fer_utils.landmarks.face_landmarker import FaceLandmarker


def upright(video: Video, is_upright: Callable[[np.ndarray], bool], frames: int = 5) -> Video:
    images = [frame.image for frame in islice(replace(video, quarter_turns=0), frames) if frame.image is not None]
    best, turns = 0, 0
    for turn in (0, 1, 3, 2):
        votes = sum(bool(is_upright(np.ascontiguousarray(np.rot90(image, turn)))) for image in images)
        if votes > best:
            best, turns = votes, turn
        if best == len(images):
            break
    return replace(video, quarter_turns=turns)


def set_upright(frames: FrameSource) -> FrameSource:
    """A video that was filmed lying on its side (some MMI clips were), turned upright; other frames as they are."""
    if not isinstance(frames, Video):
        return frames
    with FaceLandmarker("image") as landmarker:

        def is_upright(image: np.ndarray) -> bool:
            points, _ = landmarker.detect(image)
            if points is None:
                return False
            across, down = (points[13] - points[[33, 263]].mean(axis=0))[:2]  # from the eyes to the upper lip
            return bool(down > abs(across))

        return upright(frames, is_upright)
