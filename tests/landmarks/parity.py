"""How far the default detector's points are from MediaPipe's, as the table in docs/method.md:

    python -m tests.landmarks.parity

renders two people of each stand-in (a minute or two) and prints a row for each of them, the shipped clip and the
photograph. Distances are in pixels of a picture 640 pixels wide.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
from skimage import data

from fer_utils import paths
from fer_utils.data.pictures import Frame
from fer_utils.data.video import Video
from fer_utils.landmarks.detectors import open_detector
from fer_utils.landmarks.upright import set_upright
from fer_utils.standins.source import inventory

SEQUENCES, FRAMES = 8, 60  # of each stand-in; of each sequence, at most


def both(frames, mode):
    """Points (T, 478, 3) and scores (T, 52) of the default detector, then of MediaPipe's."""
    found = []
    for name in ("face_landmarker", "mediapipe"):
        with open_detector(name, mode, blendshapes=True) as detector:
            rows = [detector.detect(frame.image, frame.time) for frame in frames]
        found += [np.array(column) for column in zip(*rows, strict=True)]
    return found


def distances(ours, theirs, width):
    """(T, 478): in the picture's plane, in pixels of a picture 640 pixels wide."""
    return np.hypot(*(ours - theirs)[..., :2].T).T * 640 / width


def recordings():
    """By name, lists of frames."""
    photograph = np.ascontiguousarray(data.astronaut()[..., ::-1])
    yield (
        "photograph (astronaut), moved by 3 pixels a frame",
        [[Frame(number, number / 25, np.roll(photograph, 3 * number, axis=1)) for number in range(20)]],
    )
    yield "the shipped clip", [list(Video(paths.CLIP))]
    for name in ("ckplus", "oulu_vis", "oulu_nir", "mmi"):
        sequences = inventory(name, subjects=2).sequences
        chosen = sequences[:: max(1, len(sequences) // SEQUENCES)][:SEQUENCES]
        yield f"stand-in of {name}", [list(islice(set_upright(sequence.frames), FRAMES)) for sequence in chosen]


def main():
    print("| recording | mode | frames | mean | 99.9 % | largest | depth, mean | blendshapes, largest |")
    print("|---|---|---|---|---|---|---|---|")
    for name, sequences in recordings():
        for mode in ("image", "video"):
            off, depth, scores = [], [], []
            for frames in sequences:
                width = frames[0].image.shape[1]
                ours, our_scores, theirs, their_scores = both(frames, mode)
                off.append(distances(ours, theirs, width))
                depth.append(np.abs(ours - theirs)[..., 2] * 640 / width)
                scores.append(np.abs(our_scores - their_scores))
            off, depth, scores = map(np.concatenate, (off, depth, scores))
            print(
                f"| {name} | {mode} | {len(off)} | {off.mean():.3f} | {np.quantile(off, 0.999):.2f} | {off.max():.2f} "
                f"| {depth.mean():.3f} | {scores.max():.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
