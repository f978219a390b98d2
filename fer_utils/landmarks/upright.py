"""Videos that were filmed lying on their side or upside down, turned upright."""

from __future__ import annotations

import numpy as np

from fer_utils.data.video import FrameSource, Video, upright
from fer_utils.landmarks.face_landmarker import FaceLandmarker


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
