"""Videos that were filmed lying on their side or upside down, turned upright.

The landmark network draws an upright mesh even on a face that stands on its head, so a face that it finds may lie any
way. What tells up from down is how sure the face detector and the landmark network are, each shown the same frame in
all four turns. Their sum was right for each of 100 photographs of faces of 25 pixels (scikit-image's), a photograph of
an astronaut in eight versions, and 40 rendered actors; the detector alone for 146 of these 148, the network alone for
139.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from fer_utils.data.video import FrameSource, Video
from fer_utils.landmarks.engine.face_detector import FaceDetector
from fer_utils.landmarks.engine.picture_network import LandmarkNetwork
from fer_utils.landmarks.face_landmarker import networks
from fer_utils.quiet import native_logs_hidden

ROUNDS = (3, 9, 27)  # frames looked at, spread over the video, until enough of them show a face
ENOUGH = 3  # frames with a face
DETECTOR_WEIGHT = 8.0  # its logits differ less from turn to turn than the network's
NO_FACE = -15.0  # instead of the network's logit, if the detector sees no upright face to show it
CLEARLY = 10.0  # by which a turn must be better than none, over all frames
SIDE = 640  # pixels; larger frames are scaled down


def set_upright(frames: FrameSource) -> FrameSource:
    """Return a video that lies on its side, as some of MMI, set upright; other frames as they are. Raises OSError."""
    return replace(frames, quarter_turns=find_turns(frames)[0]) if isinstance(frames, Video) else frames


def find_turns(video: Video) -> tuple[int, str]:
    """Return by how many quarter turns, counter-clockwise, faces in a video stand upright, and a note for its user.

    Frames spread over the video are looked at in all four turns. A file that says itself which way is up is
    believed, and frames that disagree are outvoted: someone may lie down. The note is empty if there is nothing to
    say. Raises OSError if the video cannot be opened.
    """
    video = replace(video, quarter_turns=0)
    with native_logs_hidden():
        network, detector = networks()
    scores = np.empty((0, 4))
    for count in ROUNDS:
        looks = (look_around(image, network, detector) for image in video.sample(count))
        scores = np.array([look for look in looks if look is not None]).reshape(-1, 4)
        if len(scores) >= ENOUGH and _agree(scores):
            break
    if not len(scores):
        return 0, ""
    total = scores.sum(axis=0)
    best = int(total.argmax())
    turns = best if total[best] - total[0] > CLEARLY else 0
    if turns and (told := video.shown().turns):
        lying = "upside down" if turns == 2 else "on their side"
        return 0, f"faces lie {lying} although the file sets its frames upright by {90 * told}°: left as it is"
    apart = int((scores.argmax(axis=1) != turns).sum())
    other = f"in {apart} of {len(scores)} frames looked at, the face lies otherwise" if apart else ""
    turned = f"turned by {90 * turns}° counter-clockwise, to set faces upright" if turns else ""
    return turns, "; ".join(filter(None, (turned, other)))


def look_around(image: np.ndarray, network: LandmarkNetwork, detector: FaceDetector) -> np.ndarray | None:
    """Return how upright the largest face of a BGR uint8 picture stands in each of four turns; None without a face."""
    scale = SIDE / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scores, seen = np.full(4, NO_FACE), False
    for turn in range(4):
        turned = np.ascontiguousarray(np.rot90(image, turn))
        faces = detector.faces(turned)
        seen |= bool(faces)
        scores[turn] += DETECTOR_WEIGHT * max((logit for _, logit in faces), default=0.0)
        if level := [window for window, _ in faces if abs(window.angle) < np.pi / 4]:
            scores[turn] += network.look(turned, level[0])[1] - NO_FACE
    return scores if seen else None


def _agree(scores: np.ndarray) -> bool:
    """Return whether one turn is the best in all frames, and clearly."""
    best = scores.sum(axis=0).argmax()
    others = np.delete(scores, best, axis=1).max(axis=1)
    return bool((scores[:, best] > others).all() and (scores[:, best] - others).sum() > CLEARLY)
