"""Points averaged over several views of one face: turned, scaled and mirrored regions of the same picture.

The network's error depends on how the face lies in its window. Averaged over windows that lie a little differently,
part of that error cancels out. Each view costs one run of the network: eight regions in one call are no faster.
"""

from __future__ import annotations

import numpy as np

from fer_utils.landmarks import canonical
from fer_utils.landmarks.engine.picture_network import LandmarkNetwork
from fer_utils.landmarks.engine.windows import Window

TURN, SCALE = np.radians(5), 0.1  # the farthest view: by this angle, and by this share of the window's side
# the point on the other side of the face, for every point; those of the irises come last
MIRROR = np.concatenate([canonical.MIRROR, [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]])


def average_points(network: LandmarkNetwork, image: np.ndarray, points: np.ndarray, views: int = 8) -> np.ndarray:
    """Return the mean (478, 3) float32 of a face's points over `views` views of a BGR uint8 picture, in its pixels.

    `points` (478, 3) are those of one look. Every second view is a mirror image. Turns go from -5° to 5° and sizes
    from 90 % to 110 %, spread evenly; views in which the network sees no face are left out.
    """
    window = Window.around_face(points)
    seen = [points]
    for number in range(views):
        # a low-discrepancy sequence: any number of views is spread evenly over turns and sizes
        turn, size = (np.array([0.7548776662, 0.5698402910]) * (number // 2 + 1) % 1) * 2 - 1
        turned = window._replace(angle=window.angle + TURN * turn, side=window.side * (1 + SCALE * size))
        mirrored = number % 2 == 1
        drawn, logit = network.look(image, turned, mirrored)
        if logit > 0:
            seen.append(drawn[MIRROR] if mirrored else drawn)
    return np.mean(seen[1:] or seen, axis=0, dtype=np.float32)
