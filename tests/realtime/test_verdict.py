"""What a recording showed as a whole, on synthetic faces."""

import numpy as np
import pytest

from fer_utils.landmarks import regions
from fer_utils.realtime import verdict
from fer_utils.realtime.streaming import Recognizer


class Surprised:
    classes = ("fear", "surprise")

    def __init__(self, surprise=0.8):
        self.surprise = surprise

    def predict_proba(self, x):
        return np.array([[1 - self.surprise, self.surprise]], np.float32)


@pytest.fixture
def judged(make_track):
    def judge(levels, fps=30, classifier=None):
        times = np.arange(len(levels)) / fps
        points = make_track(levels, times).points
        points[:, regions.BONE] = make_track([0]).points[:, regions.BONE]
        recognizer, kept = Recognizer(classifier or Surprised()), verdict.Verdict()
        for each, time in zip(points, times, strict=True):
            kept.add(recognizer.push_points(each, time))
        return kept.end(recognizer)

    return judge


REST, RISE, HELD = np.zeros(30), np.linspace(0, 2, 12), np.full(24, 2.0)


def test_every_expression_has_a_row_and_the_last_one_needs_no_end(judged):
    found = judged(np.concatenate([REST, RISE, HELD, RISE[::-1], REST, RISE, HELD]))
    assert [each.emotion for each in found] == ["surprise", "surprise"]
    assert found[0].end < found[1].start
    assert found[1].end == pytest.approx((2 * len(REST) + 3 * len(RISE) + 2 * len(HELD) - 1) / 30)
    for each in found:
        assert each.start < each.onset <= each.apex < each.end
        assert each.probability == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("frames", "fps"), [(5, 10), (8, 25), (15, 30)])
def test_a_clip_too_short_for_the_stream_is_taken_as_one_sequence(judged, frames, fps):
    levels = 2 * np.linspace(0, 1, frames) ** 2
    (found,) = judged(levels, fps)
    assert (found.emotion, found.probability) == ("surprise", pytest.approx(0.8))
    assert found.start == found.onset < found.apex <= found.end == (frames - 1) / fps
    assert found.intensity > 0.01
    (unsure,) = judged(levels, fps, Surprised(0.39999))
    assert unsure.emotion == "fear"  # the more probable of two


@pytest.mark.parametrize("levels", [np.zeros(15), np.linspace(0, 0.1, 15), np.linspace(0, 2, 4)])
def test_a_face_at_rest_and_fewer_than_five_frames_have_none(judged, levels):
    assert judged(levels) == []
