"""Records what MediaPipe's own FaceMesh finds in four clips; `tests/landmarks/test_face_mesh.py` compares with it.

The last MediaPipe that has it does not run beside this project's NumPy, so it gets an environment of its own, outside
the clone. The stand-ins are drawn first (`fer study --quick` does), then, at the top of the repository:

    python3.11 -m venv /tmp/old && /tmp/old/bin/pip install mediapipe==0.10.21
    /tmp/old/bin/python tests/files/face_mesh/record_face_mesh.py data/rendered

Each clip is 20 frames of a rendered actor, as `<name>.mp4`, and `<name>.npz` holds `points`: (20, 468, 3) int16, x, y
and z in 32nds of a pixel. No actor is in profile: there, the network's points move by more than a hundredth of the
distance between the eyes where grey values change by one, and no two ways of sampling a picture agree that well.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np

FRAMES = 20
HERE = Path(__file__).resolve().parent


def from_pictures(folder: Path) -> list[np.ndarray]:
    return [cv2.imread(str(file)) for file in sorted(folder.iterdir())[:FRAMES]]


def from_video(file: Path, every: int = 2) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(file))
    frames = [capture.read()[1] for _ in range(FRAMES * every)]
    return frames[::every]


def moved(frames: list[np.ndarray]) -> list[np.ndarray]:
    """The frames by a moving camera: it rolls to 35 degrees and back, comes nearer, and loses the edge of the face."""
    result = []
    for number, frame in enumerate(frames):
        phase = 2 * np.pi * number / FRAMES
        height, width = frame.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 35 * np.sin(phase), 1 + 0.25 * (1 - np.cos(phase)) / 2)
        turn[:, 2] += 60 * np.sin(2 * phase), 130 * np.sin(phase)
        result.append(cv2.warpAffine(frame, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))
    return result


def written(file: Path, frames: list[np.ndarray]) -> list[np.ndarray]:
    """The frames as they come back from the file they were written to."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 25, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()
    return from_video(file, every=1)


def found(frames: list[np.ndarray]) -> np.ndarray:
    """(T, 468, 3) in pixels. A clip in which MediaPipe loses the face is no use here, and an error."""
    height, width = frames[0].shape[:2]
    points = []
    with mp.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=False) as mesh:
        for frame in frames:
            (face,) = mesh.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).multi_face_landmarks
            points.append([(p.x * width, p.y * height, p.z * width) for p in face.landmark])
    return np.array(points)


def main(rendered: Path) -> None:
    sessions = rendered / "mmi" / "Sessions"
    clips = {
        "ckplus": from_pictures(rendered / "ckplus" / "cohn-kanade-images" / "S001" / "001"),
        "mmi": from_video(sessions / "402" / "S004-002.avi"),
        "infrared": from_pictures(rendered / "oulu_casia" / "OriginalImg" / "NI" / "Strong" / "P011" / "Surprise"),
        "moving": moved(from_video(sessions / "1106" / "S011-006.avi")),
    }
    for name, frames in clips.items():
        points = found(written(HERE / f"{name}.mp4", frames))
        np.savez_compressed(HERE / f"{name}.npz", points=np.round(points * 32).astype(np.int16))
        print(f"{name}: {len(points)} frames of {frames[0].shape[1]}x{frames[0].shape[0]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
