"""A worker that extracts for hours does not grow."""

from pathlib import Path

import cv2
import psutil
import pytest

from fer_utils.data.video import Video
from fer_utils.landmarks import extraction
from fer_utils.workers import pool

pytestmark = pytest.mark.long

CLIP = Path(__file__).parent / "files" / "face_mesh" / "moving.mp4"  # a rendered actor
FRAMES, RECORDINGS = 100, 200


@pytest.fixture
def recording(tmp_path):
    """A video of so many frames."""
    images = [frame.image for frame in Video(CLIP)]
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (width, height))
    for number in range(FRAMES):
        back = number // len(images) % 2
        writer.write(images[::-1][number % len(images)] if back else images[number % len(images)])
    writer.release()
    return Video(tmp_path / "clip.avi")


def extract(recording, cache, detector):
    """In the worker: how many frames a face was found in, and megabytes of memory afterwards."""
    track, cached = extraction.cached_track(recording, cache, detector=detector)
    assert not cached
    return int(track.found.sum()), psutil.Process().memory_info().rss / 2**20


def test_twenty_thousand_frames(recording, tmp_path):
    found, memory = 0, []
    with pool(1) as worker:
        for number in range(RECORDINGS):
            detector = "face_landmarker" if number % 10 == 0 else "face_mesh"
            seen, used = worker.submit(extract, recording, tmp_path / str(number), detector).result()
            found += seen
            memory.append(used)
    assert found == FRAMES * RECORDINGS == 20_000
    warm = max(memory[20:30])
    assert max(memory[-20:]) - warm < 50
