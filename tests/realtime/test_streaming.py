"""The stream against the batch on the same frames, its phases on synthetic faces, a stated outcome for bad input."""

import itertools
import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from fer_utils.errors import ModelFileError, UserError
from fer_utils.features import geometry, tensors
from fer_utils.landmarks import regions
from fer_utils.landmarks.detectors import open_detector
from fer_utils.realtime import evidence, streaming, tracker
from fer_utils.realtime.sampling import ROUNDING
from fer_utils.realtime.streaming import Recognizer

EYES = [regions.LEFT_EYE_CORNER, regions.RIGHT_EYE_CORNER]
SAME = {"rtol": 2.5e-7, "atol": 1e-9}  # two steps of float32; 1e-6 is asked for
PHASES = ["neutral", "onset", "apex", "offset"]


class Recorder:
    """A classifier that keeps the tensors it is given."""

    classes = ("anger", "fear", "surprise")

    def __init__(self, probabilities=(0.2, 0.7, 0.1)):
        self.probabilities, self.seen = probabilities, []

    def predict_proba(self, x):
        assert x.dtype == np.float32
        self.seen.append(x.copy())
        return np.array([self.probabilities], np.float32)

    @property
    def newest(self):
        return self.seen[-1][0]


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture(scope="module")
def make_track(make_track):
    """As everywhere, but the bone does not move: no head turns with an expression."""

    def make(levels, times=None):
        track = make_track(levels, times)
        track.points[:, regions.BONE] = make_track([0]).points[:, regions.BONE]
        return track

    return make


@pytest.fixture(scope="module")
def face(make_track):
    return make_track([0]).points[0]


@pytest.fixture(scope="module")
def moving(face):
    """make(times): points (T, 478, 3) float32 of a face that changes, rolls through whole turns, and comes nearer."""
    rng = np.random.default_rng(5)
    ways, rates, starts = rng.uniform(-3, 3, face.shape), rng.uniform(0.5, 4, face.shape), rng.uniform(0, 6, face.shape)

    def make(times):
        times = np.asarray(times, float)[:, None, None]
        points = face + ways * np.sin(rates * times + starts) - face[EYES].mean(axis=0)
        roll, size = 1.1 * times[..., 0], 1.5 + 0.4 * np.sin(times[..., 0])
        x, y = points[..., 0].copy(), points[..., 1].copy()
        points[..., 0], points[..., 1] = np.cos(roll) * x - np.sin(roll) * y, np.sin(roll) * x + np.cos(roll) * y
        return (size[..., None] * points + 400).astype(np.float32)

    return make


SOFT = np.setdiff1d(np.arange(478), regions.BONE)


def growing(face, times):
    """A face whose points but for the bone's lie 1 times as far from the eye at time 0, and 11 times at time 1."""
    points = np.repeat(face[None].astype(float), len(times), axis=0)
    size = 1 + 0.1 * np.asarray(times, float)[:, None, None]
    points[:, SOFT] = face[EYES[0]] + size * (face[SOFT] - face[EYES[0]])
    return points


def key_times(tensor, face, now):
    """The times of the five key frames of a face that is `growing`, from the changes of its distances."""
    across = np.hypot(*(face[EYES[0]] - face[EYES[1]])[:2])
    soft = np.isin(geometry.PAIRS, SOFT).all(axis=1)
    distances = geometry.distances(face, geometry.PAIRS) * soft
    column = int(np.argmax(distances))
    steps = tensor[:, column] / (distances[column] / across)
    sizes = 1 + 0.1 * now - np.concatenate([np.cumsum(steps[::-1])[::-1], [0]])
    return (sizes - 1) / 0.1


def batch(points, times, interval=0.4):
    """The tensor after the last of these frames, by the functions of the batch; points that are NaN are no face."""
    seen = [row for row in range(len(times)) if np.isfinite(points[row]).all()]
    wanted = [times[seen[-1]] - back * interval for back in (4, 3, 2, 1, 0)]
    nearest = [min(abs(times[row] - time) for row in seen) for time in wanted]
    chosen = [
        next(row for row in seen if abs(times[row] - time) <= least + ROUNDING)
        for time, least in zip(wanted, nearest, strict=True)
    ]
    return geometry.differences(geometry.normalise(points[chosen].astype(np.float64)), geometry.PAIRS)


def outcomes(recognizer, points, times):
    return [recognizer.push_points(each, time) for each, time in zip(points, times, strict=True)]


def whys(recognizer, points, times):
    return [outcome.why for outcome in outcomes(recognizer, points, times)]


def fixed(classifier, **options):
    return Recognizer(classifier, sampling="fixed", **options)


class TestKeyFramesAtFixedTimes:
    def test_regular_frames_around_the_ring_several_times(self, moving, recorder):
        times = np.arange(1500) / 60  # 400 frames fit
        points = moving(times)
        recognizer = fixed(recorder)
        for row, time in enumerate(times):
            outcome = recognizer.push_points(points[row], time)
            assert (outcome.probabilities is None) == (row < 96)
            if row >= 96 and row % 7 == 0:
                known = slice(max(row - 110, 0), row + 1)
                np.testing.assert_allclose(recorder.newest, batch(points[known], times[known]), **SAME)
        assert recorder.newest.shape == (4, 2912)
        assert len(recorder.seen) == 1 + 1500 - 96  # one to see whether the classifier fits
        # the face turns by 25° from key frame to key frame, so that some angles pass from π to −π
        unwrapped = np.diff(geometry.angles(points[[-25, -1]].astype(float), geometry.PAIRS), axis=0)
        assert (np.abs(unwrapped) > np.pi).sum() > 50

    @given(
        frames=st.lists(st.tuples(st.floats(0.02, 0.066), st.booleans()), min_size=100, max_size=110),
        start=st.sampled_from([0.0, 1.7e9]),
        interval=st.sampled_from([0.4, 0.41, 0.45]),
    )
    @settings(derandomize=True, deadline=None, max_examples=40)
    def test_irregular_times_and_missing_faces(self, moving, frames, start, interval):
        times = start + np.cumsum([step for step, _ in frames])
        points = moving(times - start)
        for row in range(2, len(frames) - 1):  # no more than two in a row, 0.198 s from face to face
            if frames[row][1] and not np.isnan(points[row - 2 : row]).any(axis=(1, 2)).all():
                points[row] = np.nan
        recorder = Recorder()
        found = outcomes(fixed(recorder, interval=interval), points, times)
        assert [outcome.points is None for outcome in found] == np.isnan(points).any(axis=(1, 2)).tolist()
        assert found[-1].probabilities is not None
        np.testing.assert_allclose(recorder.newest, batch(points, times, interval), **SAME)

    def test_points_in_one_place(self, moving, recorder):
        """Their angle is 0 whatever the roll, so that it changes by more than the head turns when they part."""
        times = np.arange(49) / 30
        points = moving(times)
        i, j = geometry.PAIRS[700]
        points[[0, 24], i] = points[[0, 24], j]
        outcomes(fixed(recorder), points, times)
        np.testing.assert_allclose(recorder.newest, batch(points, times), **SAME)
        assert geometry.distances(points[24], geometry.PAIRS)[700] == 0

    def test_key_frames_are_the_nearest(self, face, recorder):
        times = np.array([0, 0.1, 0.28, 0.45, 0.54, 0.7, 0.81, 0.95, 1.12, 1.3, 1.4, 1.5, 1.61, 1.7])
        outcomes(fixed(recorder), growing(face, times), times)
        # wanted are 0.1, 0.5, 0.9, 1.3 and 1.7; 0.54 is nearer than 0.45, which came last before
        assert key_times(recorder.newest, face, 1.7) == pytest.approx([0.1, 0.54, 0.95, 1.3, 1.7], abs=1e-4)

    def test_of_two_as_near_the_older(self, face, recorder):
        times = np.array([0, 0.1875, 0.3125, 0.5, 0.625, 0.75, 0.875, 1])  # 0.25 lies between two
        outcomes(fixed(recorder, interval=0.25), growing(face, times), times)
        assert key_times(recorder.newest, face, 1) == pytest.approx([0, 0.1875, 0.5, 0.75, 1], abs=1e-4)
        # the same where one of the two lies in the ring's last place and the other in its first
        recognizer = fixed(recorder, interval=0.25)
        earlier = np.arange(-397, 0) / 128
        outcomes(recognizer, growing(face, earlier), earlier)
        outcomes(recognizer, growing(face, times), times)
        assert key_times(recorder.newest, face, 1) == pytest.approx([0, 0.1875, 0.5, 0.75, 1], abs=1e-4)

    @pytest.mark.parametrize("start", [0, 0.3, 7199.4, 1.7e9])
    def test_of_two_as_near_the_older_whatever_the_clock_s_rounding(self, face, recorder, start):
        """Two of the key frames are missed; those before and after each are as near."""
        times = start + np.arange(49) / 30
        points = growing(face, np.arange(49) / 30)
        points[[12, 36]] = np.nan
        outcomes(fixed(recorder), points, times)
        assert key_times(recorder.newest, face, 1.6) == pytest.approx([0, 11 / 30, 0.8, 35 / 30, 1.6], abs=1e-4)

    def test_a_stream_too_fast_to_remember_every_frame(self, face, recorder):
        times = np.arange(4000) / 1000
        outcomes(fixed(recorder), growing(face, times), times)
        assert key_times(recorder.newest, face, 3.999) == pytest.approx([2.399, 2.799, 3.199, 3.599, 3.999], abs=0.0031)

    def test_memory_does_not_grow(self, face, recorder):
        """At the rate that makes 100 kB of 20,000 frames; more of them take long while memory is traced."""
        monitored = Recorder()
        recognizer, shaken = fixed(monitored), face + np.random.default_rng(3).normal(0, 0.1, (7, *face.shape))
        tracemalloc.start()
        try:
            for row in range(2000):
                if row == 500:
                    before, _ = tracemalloc.get_traced_memory()
                points = None if row % 600 > 580 else shaken[row % 7]  # the face is lost, and all started again
                outcome = recognizer.push_points(points, row / 30)
                recognizer.push_points(points, row / 30)  # refused
                monitored.seen.clear()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert outcome.probabilities is not None
        assert after - before < 7_500


def expression(fps, *parts):
    """Times and levels: parts are (seconds, level at their end), each a smooth way from the level before."""
    levels, level = [], 0.0
    for seconds, end in parts:
        share = np.arange(round(seconds * fps)) / round(seconds * fps)
        levels.append(level + (end - level) * (1 - np.cos(np.pi * share)) / 2)
        level = end
    levels = np.concatenate(levels)
    return np.arange(len(levels)) / fps, levels


def runs(found):
    """The phases one after the other, each once, with the number of its first frame."""
    rows = [(outcome.phase, row) for row, outcome in enumerate(found)]
    return [next(group) for _, group in itertools.groupby(rows, key=lambda pair: pair[0])]


ONCE = ((1, 0), (0.4, 1), (0.8, 1), (0.4, 0), (1, 0))  # onset at 1 s, apex at 1.4, offset from 2.2 to 2.6


class TestPhases:
    @pytest.mark.parametrize("fps", [15, 25, 30, 60, 240])
    @pytest.mark.parametrize("strength", [0.5, 1, 4])
    def test_neutral_onset_apex_offset_neutral(self, make_track, fps, strength):
        times, levels = expression(fps, *ONCE)
        found = outcomes(Recognizer(), make_track(strength * levels, times).points, times)
        assert [phase for phase, _ in runs(found)] == [*PHASES, "neutral"]
        onset, apex, offset, rest = (times[row] for _, row in runs(found)[1:])
        assert 1 < onset < 1.45  # late: what is shorter than PROMPT is no onset
        assert abs(apex - 1.4) < 0.21
        assert 2.25 < offset < 2.45
        assert abs(rest - 2.6) < 0.17
        (expression_,) = [outcome.expression for outcome in found if outcome.expression]
        assert 1 < expression_.start < 1.3 and expression_.onset == onset
        assert 1.3 < expression_.apex < 1.5 and expression_.end == rest
        assert expression_.intensity == pytest.approx(max(outcome.intensity for outcome in found), rel=0.02)
        intensity = np.array([outcome.intensity for outcome in found])
        assert 1.4 <= times[intensity.argmax()] <= 2.4
        assert intensity[times < 1].max() < 1e-4
        assert intensity[-1] < 0.12 * intensity.max()

    def test_intensity_is_the_mean_change_of_distances_in_inter_ocular_distances(self, make_track):
        times, levels = expression(30, *ONCE)
        points = make_track(levels, times).points.astype(float)
        rest, apex = geometry.distances(geometry.normalise(points[[0, 60]]), geometry.PAIRS[geometry.WITHOUT_LIDS])
        found = outcomes(Recognizer(), points, times)
        assert found[60].intensity == pytest.approx(np.abs(apex - rest).mean(), rel=0.03)
        assert found[60].intensity > 0.01

    @pytest.mark.parametrize("second", [1, 0.5])
    def test_two_expressions_one_after_the_other(self, make_track, second):
        times, levels = expression(30, *ONCE, (0.4, second), (0.8, second), (0.4, 0), (1, 0))
        found = outcomes(Recognizer(), make_track(levels, times).points, times)
        assert [phase for phase, _ in runs(found)] == [*PHASES, *PHASES, "neutral"]

    def test_a_face_that_rises_again_in_the_offset_has_a_new_onset(self, make_track):
        times, levels = expression(30, (1, 0), (0.4, 1), (0.6, 1), (0.5, 0.6), (0.4, 1), (0.6, 1), (0.4, 0), (1, 0))
        found = outcomes(Recognizer(), make_track(levels, times).points, times)
        assert [phase for phase, _ in runs(found)] == [*PHASES, *PHASES[1:], "neutral"]

    def test_head_that_turns_and_comes_nearer_is_at_rest(self, face):
        times = np.arange(90) / 30
        centred = face - face[EYES].mean(axis=0).astype(float)
        for axes in ([0, 1], [0, 2]):  # in the picture, and to the side
            points = np.empty((90, *face.shape))
            for row, time in enumerate(times):
                turn = np.eye(3)
                c, s = np.cos(np.sin(2 * time)), np.sin(np.sin(2 * time))
                turn[np.ix_(axes, axes)] = [[c, -s], [s, c]]
                points[row] = (1 + 0.3 * np.sin(3 * time)) * centred @ turn
            found = outcomes(Recognizer(), points, times)
            assert {outcome.phase for outcome in found} == {"neutral"}
            assert max(outcome.intensity for outcome in found) < 1e-6

    @pytest.mark.parametrize("jitter", [0.002, 0.004])
    def test_jitter_is_at_rest_and_an_expression_is_seen_in_it(self, make_track, jitter):
        times, levels = expression(30, (5, 0), (0.4, 2), (0.8, 2), (0.4, 0), (2, 0))
        points = make_track(levels, times).points
        points += np.random.default_rng(2).normal(0, 60 * jitter, points.shape).astype(np.float32)
        found = outcomes(Recognizer(), points, times)
        assert [phase for phase, _ in runs(found)] == [*PHASES, "neutral"]

    @pytest.mark.parametrize("slower", [1, 2, 3, 8])
    def test_a_slow_onset_is_seen(self, make_track, slower):
        times, levels = expression(30, (2, 0), (0.5 * slower, 1), (0.8, 1), (0.5 * slower, 0), (1, 0))
        found = outcomes(Recognizer(), make_track(levels, times).points, times)
        assert [phase for phase, _ in runs(found)] == [*PHASES, "neutral"]
        assert max(outcome.intensity for outcome in found) > 0.012

    def test_a_blink_is_no_expression(self, make_track):
        times = np.arange(150) / 30
        points = make_track(np.zeros(150), times).points.astype(float)
        lids = [*tracker.UPPER, *tracker.LOWER]
        points[:, tracker.UPPER, 1], points[:, tracker.LOWER, 1] = 300, 315
        shut = points.copy()
        shut[:, lids, 1] = 315
        brows = list(regions.REGIONS["left brow"] + regions.REGIONS["right brow"])
        shut[:, brows, 1] += 4  # they go with the lids
        for first in (60, 110):  # a fifth of a second each
            points[first : first + 6] = shut[first : first + 6]
        found = outcomes(Recognizer(), points, times)
        assert max(outcome.intensity for outcome in found) > 1.5 * tracker.START
        assert {outcome.phase for outcome in found} == {"neutral"}

    def test_a_detector_that_settles_does_not_spoil_the_reference(self, make_track):
        times, levels = expression(30, *ONCE)
        points = make_track(levels, times).points
        points[0, 100:300] += 30
        found = outcomes(Recognizer(), points, times)
        assert [phase for phase, _ in runs(found)] == [*PHASES, "neutral"]

    def test_the_face_at_rest_is_at_first_the_mean_of_all_frames(self, make_track):
        points = make_track(np.zeros(30)).points
        points[2, SOFT[100:300]] += 0.1  # the first that counts
        found = outcomes(Recognizer(), points, np.arange(30) / 30)
        highest = max(outcome.intensity for outcome in found)
        assert highest > 0.0002
        assert found[28].intensity < 0.3 * highest

    def test_what_is_held_for_long_becomes_the_face_at_rest(self, make_track):
        times, levels = expression(15, (0.8, 0), (0.4, -1), (40, -1))
        found = outcomes(Recognizer(), make_track(levels, times).points, times)
        assert [phase for phase, _ in runs(found)] == [*PHASES[:3], "neutral"]
        assert 20 < times[runs(found)[3][1]] < 23  # an expression may be held for so long

    def test_the_face_at_rest_can_be_set(self, make_track):
        times, levels = expression(30, (0.5, 0), (0.4, 1), (3, 1))
        points, recognizer = make_track(levels, times).points, Recognizer()
        found = outcomes(recognizer, points[:60], times[:60])
        assert found[-1].phase == "apex"
        recognizer.set_neutral()
        found = outcomes(recognizer, points[60:], times[60:])
        assert {outcome.phase for outcome in found} == {"neutral"}
        assert found[0].expression.end == times[60]
        assert max(outcome.intensity for outcome in found) < 1e-3


def smoothed(points, times):
    """What the tracker smooths: points (T, 478, 3) held steady on the first one that counts."""
    still = geometry.normalise(points[2:].astype(float))
    shape, shapes = still[0], [still[0]]
    for step, frame in zip(np.diff(times[2:]), still[1:], strict=True):
        shape = shape + (1 - np.exp(-step / tracker.FOLLOWING)) * (frame - shape)
        shapes.append(shape)
    return np.array([shapes[0]] * 2 + shapes)


class TestKeyFramesSinceRest:
    @pytest.mark.parametrize(("seconds", "tolerance"), [(0.2, 0.015), (0.5, 0.04), (1.5, 0.06), (4, 0.1)])
    def test_they_are_a_recordings_whatever_the_speed(self, make_track, recorder, seconds, tolerance):
        """From the face at rest to the newest frame, evenly in intensity: as `tensors.sequence_features` has it. The
        face at rest follows a slow onset a little."""
        times, levels = expression(30, (1, 0), (seconds, 2), (0.5, 2))
        points = make_track(levels, times).points
        recognizer = Recognizer(recorder)
        found = outcomes(recognizer, points, times)
        shapes = smoothed(points, times)
        intensity = np.array([outcome.intensity for outcome in found])
        rising = np.maximum.accumulate(intensity)
        wanted = np.linspace(0, rising[-1], 5)
        chosen = [0, *np.searchsorted(rising, wanted[1:-1]), len(times) - 1]
        expected = geometry.differences(shapes[chosen], geometry.PAIRS)
        np.testing.assert_allclose(recorder.newest, expected, atol=tolerance * np.abs(expected).max())

    def test_a_clip_of_two_thirds_of_a_second_is_enough(self, make_track, recorder):
        times, levels = expression(30, (0.2, 0), (0.25, 2), (0.2, 2))
        recognizer = Recognizer(recorder)
        found = outcomes(recognizer, make_track(levels, times).points, times)
        assert found[-1].probabilities is not None
        assert recognizer.expression.emotion in ("fear", evidence.UNSURE)
        assert recognizer.expression.probability == pytest.approx(0.7)

    def test_of_a_long_rise_not_every_frame_is_remembered(self, make_track, recorder):
        times, levels = expression(60, (1, 0), (6, 2), (0.5, 2))
        outcomes(Recognizer(recorder), make_track(levels, times).points, times)
        steps = np.abs(recorder.newest[:, :1456]).mean(axis=1)
        assert steps.max() < 1.25 * steps.min()


class TestLabels:
    def test_one_emotion_an_expression(self, make_track, recorder):
        times, levels = expression(
            30, (1, 0), (0.4, 1), (0.8, 1), (0.4, 0), (1, 0), (0.4, 1), (0.8, 1), (0.4, 0), (1, 0)
        )
        found = outcomes(Recognizer(recorder), make_track(levels, times).points, times)
        for outcome in found:
            if outcome.phase == "neutral":
                assert (outcome.emotion, outcome.probabilities) == (None, None)
                assert outcome.why == streaming.NEUTRAL
            else:
                assert outcome.probabilities in (None, pytest.approx({"anger": 0.2, "fear": 0.7, "surprise": 0.1}))
                assert (outcome.emotion is None) == bool(outcome.why)
                assert outcome.emotion or outcome.why.startswith("unsure: ")
        named = [name for name, _ in itertools.groupby(outcome.emotion for outcome in found)]
        assert named == [None, "fear", None, "fear", None]
        ended = [outcome.expression for outcome in found if outcome.expression]
        assert [(each.emotion, round(each.probability, 6)) for each in ended] == 2 * [("fear", 0.7)]
        assert ended[0].end < ended[1].start
        first = next(outcome for outcome in found if outcome.emotion)
        assert 1.3 < first.time < 1.8
        np.testing.assert_array_equal(found[-1].points, make_track(levels, times).points[-1])

    def test_what_the_frames_do_not_agree_on_is_unsure(self, make_track):
        class Undecided(Recorder):
            def predict_proba(self, x):
                self.seen.append(x)
                return np.roll([[0.8, 0.1, 0.1]], len(self.seen), axis=1).astype(np.float32)

        times, levels = expression(30, *ONCE)
        found = outcomes(Recognizer(Undecided()), make_track(levels, times).points, times)
        assert {outcome.emotion for outcome in found} == {None}
        (ended,) = [outcome.expression for outcome in found if outcome.expression]
        assert ended.emotion == "unsure" and ended.probability < 0.4
        assert "unsure: not enough evidence" in {outcome.why for outcome in found}

    def test_a_face_that_rises_and_falls_as_in_speech_is_not_named(self, make_track, recorder):
        times = np.arange(300) / 30
        levels = np.where(times > 1, 1 - np.cos(2 * np.pi * 4 * times), 0)
        found = outcomes(Recognizer(recorder), make_track(levels, times).points, times)
        assert {outcome.emotion for outcome in found} == {None}
        assert "onset" in {outcome.phase for outcome in found}

    def test_jitter_is_no_restlessness(self, make_track, recorder):
        times, levels = expression(30, (2, 0), (0.5, 0.6), (1, 0.6))
        points = make_track(levels, times).points
        noise = np.random.default_rng(0).normal(0, 0.005 * np.ptp(points[0, [33, 263], 0]), points.shape)
        assert outcomes(Recognizer(recorder), points + noise, times)[-1].emotion == "fear"

    def test_a_head_that_is_turned_away_is_not_named(self, make_track, recorder):
        times, levels = expression(30, (1, 0), (0.5, 2), (1, 2))
        points = make_track(levels, times).points.astype(float)
        angle = np.radians(40) * np.clip(times - 0.5, 0, 0.5) / 0.5
        x, z = points[..., 0] - 400, points[..., 2].copy()
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        points[..., 0], points[..., 2] = 400 + cos * x - sin * z, sin * x + cos * z
        found = outcomes(Recognizer(recorder), points, times)
        assert found[-1].why == "unsure: the head is turned away"
        assert {outcome.emotion for outcome in found} == {None}

    def test_at_fixed_times_each_frame_has_a_label(self, make_track, recorder):
        times, levels = expression(30, (1.7, 0), (0.4, 1), (0.8, 1))
        found = outcomes(fixed(recorder), make_track(levels, times).points, times)
        for outcome in found:
            if outcome.time < 1.6 - 1e-9:
                assert outcome.probabilities is None
                assert outcome.why == f"filling: {outcome.time:.2f} of 1.60 s"
                assert outcome.emotion is None
            else:
                assert outcome.probabilities == pytest.approx({"anger": 0.2, "fear": 0.7, "surprise": 0.1})
                neutral = outcome.phase == "neutral"
                assert outcome.emotion == (None if neutral else "fear")
                assert outcome.why == (streaming.NEUTRAL if neutral else "")
        assert found[-1].phase == "apex"

    @pytest.mark.parametrize("given", [(np.nan, 0.7, 0.1), (7.0, 0.1, 0.1), (-0.2, 0.7, 0.5)])
    def test_what_are_no_probabilities_name_nothing(self, make_track, recorder, given):
        times, levels = expression(30, (1.7, 0), (0.4, 2))
        for recognizer, why in ((Recognizer(recorder), "unsure: "), (fixed(recorder), "")):
            recorder.probabilities = given
            last = outcomes(recognizer, make_track(levels, times).points, times)[-1]
            recorder.probabilities = (0.2, 0.7, 0.1)
            assert (last.emotion, last.probabilities, last.phase) == (None, None, "onset")
            assert last.why == f"{why}what the classifier gives are not probabilities"

    def test_without_a_classifier(self, make_track):
        times, levels = expression(30, *ONCE)
        found = outcomes(Recognizer(), make_track(levels, times).points, times)
        assert {outcome.why for outcome in found} == {"no classifier"}
        assert {outcome.emotion for outcome in found} == {None}

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"landmarks": 122}, "exported for another landmark set: landmarks 122, the stream has 61; train again"),
            ({"normalised": False}, "exported for another form of features: normalised False, the stream has True"),
            ({"pairs": "all"}, "exported for another form of features: pairs 'all', the stream has 'grouped'"),
            ({"values": "distances"}, "exported for another form of features: values 'distances', the stream has 'bo"),
            ({"n_key_frames": 3}, "exported for another form of features: n_key_frames 3, the stream has 5"),
        ],
    )
    def test_a_classifier_trained_on_other_features(self, recorder, change, message):
        recorder.features = tensors.Options(**change)
        with pytest.raises(ModelFileError) as refused:
            Recognizer(recorder)
        assert str(refused.value).startswith(message)
        assert isinstance(refused.value, UserError)
        assert recorder.seen == []

    def test_what_does_not_change_the_form_of_features_is_taken(self, recorder):
        recorder.features = tensors.Options(spacing="time", max_gap=0.5, share=0.8, jitter=0.01)
        assert Recognizer(recorder).classifier is recorder

    @pytest.mark.parametrize("shape", [(4, 11840), (2, 2912)])
    def test_a_classifier_that_does_not_say_what_it_was_trained_on(self, shape):
        class Linear:
            classes = ("anger", "fear")

            def predict_proba(self, x):
                return x.reshape(len(x), -1) @ np.zeros((shape[0] * shape[1], 2))

        message = r"^exported for another landmark set: no tensor \(4, 2912\) goes in \(matmul: .*\)$"
        with pytest.raises(ModelFileError, match=message):
            Recognizer(Linear())

    def test_a_classifier_with_other_classes(self, recorder):
        recorder.probabilities = (0.5, 0.5)
        with pytest.raises(ModelFileError, match=r"exported with other classes: \(1, 2\) probabilities for 3 names"):
            Recognizer(recorder)


class TestTimes:
    times = np.arange(60) / 30

    @pytest.mark.parametrize(
        ("time", "why"),
        [
            (1.5, "time stands still: 1.50 s after 1.50 s: frame refused"),
            (1.49, "time went back: 1.49 s after 1.50 s: frame refused"),
            (0.0, "time went back: 0.00 s after 1.50 s: frame refused"),
        ],
    )
    def test_a_frame_out_of_order_is_refused_and_changes_nothing(self, moving, time, why):
        recorder, undisturbed = Recorder(), Recorder()
        points = moving(self.times)
        recognizer = fixed(recorder)
        found = outcomes(recognizer, points[:46], self.times[:46])
        assert recognizer.push_points(points[7], time) == streaming.Recognition(time, why=why)
        found += outcomes(recognizer, points[46:], self.times[46:])
        expected = outcomes(fixed(undisturbed), points, self.times)
        np.testing.assert_array_equal(recorder.seen, undisturbed.seen)
        assert [(each.phase, each.intensity) for each in found] == [(each.phase, each.intensity) for each in expected]

    def test_time_that_goes_back_far_begins_a_new_stream(self, moving, recorder):
        points, times = moving(self.times), self.times
        recognizer = fixed(recorder)
        outcomes(recognizer, points, times + 5)
        found = outcomes(recognizer, points, times)
        assert found[0].why == "time went back: 0.00 s after 6.97 s: reset"
        assert (found[0].phase, found[0].intensity, found[0].probabilities) == ("neutral", 0, None)
        assert [outcome.probabilities is None for outcome in found] == [True] * 48 + [False] * 12
        np.testing.assert_allclose(recorder.newest, batch(points, times), **SAME)

    @pytest.mark.parametrize("time", [np.nan, np.inf])
    def test_time_that_is_not_finite(self, face, time):
        with pytest.raises(ValueError, match=f"^time {time}: must be a finite number of seconds$"):
            Recognizer().push_points(face, time)

    @pytest.mark.parametrize("interval", [0, -0.4, np.nan, np.inf])
    def test_interval_that_is_none(self, interval):
        with pytest.raises(ValueError, match=f"^interval {interval}: must be a positive number of seconds$"):
            Recognizer(interval=interval)


class TestFaces:
    @pytest.mark.parametrize("lost", ["without a face", "without a frame"])
    def test_a_face_lost_for_a_moment_is_bridged_and_for_longer_is_not(self, make_track, recorder, lost):
        times, levels = expression(30, (1.5, 0), (0.4, 2), (3, 2))
        points = make_track(levels, times).points
        for count, bridged in ((29, True), (30, False)):  # 1 and 1.03 s from face to face
            rows = range(len(times))
            shown = [row for row in rows if lost == "without a face" or not 80 <= row < 80 + count]
            given_points = [None if 80 <= row < 80 + count else points[row] for row in shown]
            found = dict(zip(shown, outcomes(Recognizer(recorder), given_points, times[shown]), strict=True))
            assert found[79].emotion == "fear"
            if lost == "without a face":
                assert found[80] == streaming.Recognition(times[80], why="no face")
            after = found[80 + count]
            if bridged:
                assert (after.emotion, after.phase, after.why) == ("fear", "apex", "")
            else:
                assert after.why == f"no {lost[10:]} for 1.03 s, 1.00 s can be bridged: reset"
                assert (after.emotion, after.phase, after.intensity) == (None, "neutral", 0)
                assert after.expression.emotion == "fear" and after.expression.end == times[79]
                assert {found[row].phase for row in shown if row > 80 + count} == {"neutral"}

    def test_a_face_lost_for_seconds_is_said_once(self, moving, recorder):
        times = np.arange(200) / 30
        points = moving(times)
        points[60:120] = np.nan
        why = whys(fixed(recorder), points, times)
        assert why[60] == "no face: points that are not finite"
        assert why[90] == "no face for 1.03 s, 1.00 s can be bridged: reset; no face: points that are not finite"
        assert {*why[60:90], *why[91:120]} == {"no face: points that are not finite"}
        assert why[120] == "filling: 0.00 of 1.60 s"
        assert why[167] == "filling: 1.57 of 1.60 s"
        assert not why[168].startswith("filling")

    def test_no_face_from_the_beginning(self):
        assert whys(Recognizer(), [None] * 30, np.arange(30) / 30) == ["no face"] * 30

    def test_a_gap_wider_than_a_short_interval_bears(self, face, recorder):
        times = np.array([*range(0, 30), *range(35, 60)]) / 30
        why = whys(fixed(recorder, interval=0.2), growing(face, times), times)
        # 0.97 and 1.17 s were seen; at 1.27 s the key frame 0.2 s before has none within 0.05 s
        assert why[times.tolist().index(38 / 30)] == "no face within 0.05 s of 0.20 s ago"
        assert "no face" not in why[times.tolist().index(35 / 30)]
        assert "no face" not in why[-1]

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_one_point_that_is_not_finite_is_no_face(self, face, value):
        points = face.copy()
        points[400, 2] = value
        why = "no face: points that are not finite"
        assert Recognizer().push_points(points, 0) == streaming.Recognition(0, why=why)

    def test_eyes_in_one_place_are_no_face(self, face):
        points = face.copy()
        points[EYES[0], :2] = points[EYES[1], :2]
        why = "no face: the eyes have no distance between them"
        assert Recognizer().push_points(points, 0) == streaming.Recognition(0, why=why)
        points[EYES[0], 0] += 1  # level, and apart
        assert Recognizer().push_points(points, 0).why == "no classifier"

    def test_another_face_is_not_taken_for_the_one_before(self, face, recorder):
        other = 0.5 * face  # its eyes are 220 pixels away
        times = np.arange(100) / 30
        why = whys(Recognizer(recorder), [face] * 60 + [other] * 40, times)
        assert why[59] == streaming.NEUTRAL
        assert why[60] == "the face leapt and is taken for another: reset"
        assert why[61] == streaming.NEUTRAL

    def test_a_smaller_face_beside_it_is_another(self, face):
        middle = face[EYES].mean(axis=0)
        across = np.linalg.norm(face[EYES[0]] - face[EYES[1]])
        beside = middle + (face - middle) / 2 + np.float32([0.7 * across, 0, 0])
        why = whys(Recognizer(), [face, face, beside, beside], np.arange(4) / 30)
        assert why[2:] == ["the face leapt and is taken for another: reset", "no classifier"]

    @pytest.mark.parametrize(("step", "another"), [(0.9, False), (1.1, True)])
    def test_a_face_may_move_by_its_inter_ocular_distance(self, face, step, another):
        across = np.linalg.norm(face[EYES[0]] - face[EYES[1]])
        shifted = [face + np.float32([row * step * across, 0, 0]) for row in range(4)]
        assert any("leapt" in why for why in whys(Recognizer(), shifted, np.arange(4) / 30)) == another

    @pytest.mark.parametrize(
        "points", [np.zeros((468, 3)), np.zeros((478, 2)), np.zeros((1, 478, 3)), np.full((478, 3), "a"), [], "points"]
    )
    def test_points_of_another_kind(self, points):
        with pytest.raises(ValueError, match=r"^points of .*, shape .*: must be numbers \(478, 3\)$"):
            Recognizer().push_points(points, 0)

    def test_whole_pixels_will_do(self, face, recorder):
        times, whole = np.arange(49) / 30, face.astype(int)
        outcomes(fixed(recorder), [whole] * 49, times)
        np.testing.assert_array_equal(recorder.newest, np.zeros((4, 2912)))


class Script:
    """A detector that gives what it is told; `opened` counts them, `times` are what it was asked for."""

    opened, times = 0, ()

    def __init__(self, face):
        self.face = face
        Script.opened += 1
        Script.times = ()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.face = None

    def detect(self, image, time):
        Script.times += (time,)
        return (self.face if image.any() else None), None


@pytest.fixture
def script(face, monkeypatch):
    monkeypatch.setattr(streaming, "open_detector", lambda detector: Script(face))
    Script.opened = 0
    return Script


GREY = np.full((48, 64, 3), 128, np.uint8)


class TestFrames:
    def test_it_can_be_opened_again_for_another_stream_and_not_twice_at_once(self, script, recorder):
        recognizer = Recognizer(recorder)
        with recognizer:
            first = [recognizer.push(GREY, time).why for time in np.arange(3) / 30]
            with pytest.raises(RuntimeError, match="open already"):
                recognizer.__enter__()
        with recognizer:
            again = [recognizer.push(GREY[:24], time).why for time in np.arange(3) / 30]
        assert script.opened == 2 and first[1:] == again[1:]
        assert again[0] == "another stream: reset"
        recognizer.__exit__(None, None, None)  # nothing is open: nothing happens

    def test_a_frame_longer_than_can_be_looked_at(self, script, recorder):
        with Recognizer(recorder) as recognizer, pytest.raises(ValueError, match="a side may have 32766 pixels"):
            recognizer.push(np.zeros((1, 32767, 3), np.uint8), 0.0)

    def test_frames_do_as_their_points_do(self, script, face, recorder):
        times = np.arange(50) / 30
        with fixed(recorder) as recognizer:
            found = [recognizer.push(GREY if row != 5 else 0 * GREY, time) for row, time in enumerate(times)]
        assert script.opened == 1
        assert script.times == tuple(times)
        assert found[5] == streaming.Recognition(times[5], why="no face")
        expected = outcomes(fixed(recorder), [face if row != 5 else None for row in range(50)], times)
        assert [(each.why, each.intensity) for each in found] == [(each.why, each.intensity) for each in expected]

    def test_changed_frame_size_begins_anew(self, script, recorder):
        with fixed(recorder) as recognizer:
            for row in range(50):
                before = recognizer.push(GREY, row / 30)
            found = [recognizer.push(GREY[:, :32], row / 30) for row in range(50, 100)]
        assert before.probabilities is not None
        assert found[0].why == "frame size changed from 64x48 to 32x48: reset"
        assert [outcome.probabilities is None for outcome in found] == [True] * 48 + [False] * 2
        assert script.opened == 2

    def test_time_that_goes_back_far_opens_a_new_detector_and_a_refused_frame_is_not_looked_at(self, script):
        with Recognizer() as recognizer:
            recognizer.push(GREY, 9.0)
            assert recognizer.push(GREY[:, :32], 8.9).why == "time went back: 8.90 s after 9.00 s: frame refused"
            assert (script.opened, script.times) == (1, (9.0,))
            assert recognizer.push(GREY, 9.1).why == "no classifier"  # the refused frame's size does not count
            assert recognizer.push(GREY, 0.0).why == "time went back: 0.00 s after 9.10 s: reset"
        assert (script.opened, script.times) == (2, (0.0,))

    @pytest.mark.parametrize(
        "frame", [GREY.astype(float), GREY[..., 0], GREY[..., :1], np.zeros((8, 8, 4), np.uint8), GREY[:0], None]
    )
    def test_frames_of_another_kind(self, script, frame):
        with (
            Recognizer() as recognizer,
            pytest.raises(ValueError, match=r"^frame of .*, shape .*: must be BGR uint8 \(height, width, 3\)$"),
        ):
            recognizer.push(frame, 0)

    def test_frames_need_an_open_detector(self):
        with pytest.raises(RuntimeError, match="frames need a detector: use `with Recognizer"):
            Recognizer().push(GREY, 0)
        with pytest.raises(ValueError, match="detector 'none': must be one of"), Recognizer(detector="none"):
            pass


class TestDetectors:
    """With the networks, on a real photograph."""

    @pytest.fixture(scope="class")
    def photograph(self):
        return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)

    @pytest.mark.parametrize("detector", ["face_mesh", "face_landmarker"])
    def test_a_face_then_a_black_frame(self, photograph, detector):
        with Recognizer(detector=detector) as recognizer, open_detector(detector) as alone:
            found = [recognizer.push(photograph, row / 30) for row in range(4)]
            expected = [alone.detect(photograph, row / 30)[0] for row in range(4)]
            np.testing.assert_array_equal([outcome.points for outcome in found], expected)
            dark = recognizer.push(np.zeros_like(photograph), 4 / 30)
        assert dark == streaming.Recognition(4 / 30, why="no face")

    def test_of_two_faces_the_larger_and_the_smaller_one_afterwards_is_another(self, photograph):
        face = photograph[:256, 96:352]
        both = np.zeros((256, 512, 3), np.uint8)
        both[:, :256], both[:180, 320:500] = face, cv2.resize(face, (180, 180))
        alone = both.copy()
        alone[:, :256] = 0
        with Recognizer(detector="face_mesh") as recognizer:
            first = [recognizer.push(both, row / 30) for row in range(4)]
            then = [recognizer.push(alone, row / 30) for row in range(4, 8)]
        assert all(outcome.points[1, 0] < 256 for outcome in first)
        assert all(outcome.points[1, 0] > 320 for outcome in then)
        assert then[0].why == "the face leapt and is taken for another: reset"
