"""Onset, apex and offset of curves drawn by hand, and the key frames chosen from them."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from fer_utils.features import phases
from fer_utils.features.phases import Phases

FPS = 30.0


def times(count, fps=FPS):
    return np.arange(count) / fps


def hill(total=61, start=15, top=30, end=45):
    """Zero, a straight rise from `start` to 1 at `top`, a straight fall to `end`, zero."""
    return np.interp(np.arange(total), [start, top, end], [0, 1, 0])


def of(found):
    return found.onset, found.apex, found.offset


def drawn(curve, onset, apex):
    return Phases(onset, apex, len(curve) - 1, np.asarray(curve, float))


class TestFind:
    def test_hill(self):
        # smoothing rounds the corners, so that a flank ends a frame outside of them
        assert of(phases.find(hill(), times(61), "inside")) == (14, 30, 46)

    def test_the_apex_is_where_the_rise_ends_not_the_highest_frame_of_a_plateau(self):
        plateau = np.interp(np.arange(70), [10, 20, 35, 50, 69], [0, 1, 1.02, 0, 0])
        assert of(phases.find(plateau, times(70), "inside")) == pytest.approx((10, 20, 50), abs=2)

    def test_the_last_frame_is_the_apex_where_it_is_said_to_be(self):
        assert of(phases.find(hill()[:29], times(29), "last")) == (14, 28, 28)
        assert phases.find(hill()[:36], times(36), "last").apex == 35

    def test_a_recording_that_ends_before_the_face_is_back(self):
        assert of(phases.find(hill()[:41], times(41), "inside")) == (14, 30, 40)

    def test_a_scaled_and_raised_curve_has_the_same_phases(self):
        assert of(phases.find(7 + 0.01 * hill(), times(61), "inside")) == (14, 30, 46)

    def test_a_drift_before_the_onset_is_not_the_onset(self):
        drifting = hill(91, 45, 60, 75) + np.interp(np.arange(91), [0, 45], [0.1, 0])
        assert of(phases.find(drifting, times(91), "inside")) == pytest.approx((45, 60, 75), abs=1)

    def test_noise_moves_them_by_a_few_frames_at_most(self):
        for seed in range(20):
            noisy = hill() + np.random.default_rng(seed).normal(0, 0.02, 61)
            assert of(phases.find(noisy, times(61), "inside")) == pytest.approx((15, 30, 45), abs=3)

    def test_a_blink_is_not_taken_for_the_apex(self):
        curve = hill()
        curve[5] = 1.5
        assert of(phases.find(curve, times(61), "inside")) == (14, 30, 46)

    def test_how_much_of_the_highest_intensity_is_left_at_the_apex(self):
        assert phases.find(hill()[:38], times(38), "last").apex_share == pytest.approx(8 / 15, abs=0.12)
        assert phases.find(hill(), times(61), "inside").apex_share > 0.95
        assert drawn(np.zeros(9), 0, 8).apex_share == 1

    def test_smoothing_is_in_seconds_not_in_frames(self):
        fine = phases.find(np.interp(np.arange(241) / 4, np.arange(61), hill()), times(241, 4 * FPS), "inside")
        coarse = phases.find(hill(), times(61), "inside")
        np.testing.assert_allclose(fine.intensity[::4], coarse.intensity, atol=0.01)
        assert np.array(of(fine)) / 4 == pytest.approx((14.5, 30, 45.5), abs=0.75)
        assert coarse.intensity[30] < 0.95

    @pytest.mark.parametrize("fps", [0.5, 5, 25, 240])
    @pytest.mark.parametrize("count", [1, 4, 70])
    def test_the_filter_has_the_values_of_scipy(self, fps, count):
        curve = np.random.default_rng(count).random(count)
        smooth, change = phases._smoothed(curve, phases.SMOOTHING * fps)
        for order, values in enumerate((smooth, change)):
            wanted = gaussian_filter1d(curve, phases.SMOOTHING * fps, order=order, mode="nearest")
            np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-15)
        assert not phases._smoothed(np.full(count, 0.3), phases.SMOOTHING * fps)[1].any()

    def test_a_flat_curve(self):
        assert of(phases.find(np.zeros(10), times(10), "last")) == (0, 9, 9)
        assert of(phases.find(np.full(10, 3.0), times(10), "inside"))[1] in range(10)

    def test_equal_timestamps_are_taken_as_frames(self):
        assert phases.find(hill(), np.zeros(61), "inside").apex == pytest.approx(30, abs=1)

    def test_stamps_a_microsecond_apart_need_no_more_memory_than_those_of_the_fastest_camera(self):
        curve = np.repeat(hill(), 50)
        tracemalloc.start()
        found = phases.find(curve, times(len(curve), 1e6), "inside")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 50e6  # a filter of 0.06 s would take 6 GB
        assert of(found) == of(phases.find(curve, times(len(curve), phases.FASTEST), "inside"))

    def test_a_falling_curve_has_its_apex_first(self):
        assert of(phases.find(hill()[30:], times(31), "inside"))[:2] == (0, 0)


class TestKeyFrames:
    square = np.linspace(0, 1, 21) ** 2

    def test_evenly_spaced_in_intensity(self):
        # a quarter, half and three quarters of the way are reached at 10, 14.1 and 17.3
        assert phases.key_frames(drawn(self.square, 0, 20)).tolist() == [0, 10, 15, 18, 20]

    def test_evenly_spaced_in_time(self):
        assert phases.key_frames(drawn(self.square, 0, 20), spacing="time").tolist() == [0, 5, 10, 15, 20]

    def test_even_spacing_is_between_onset_and_apex(self):
        curve = np.concatenate([np.zeros(30), np.linspace(0, 1, 13), np.zeros(9)])
        for spacing in ("intensity", "time"):
            assert phases.key_frames(drawn(curve, 30, 42), spacing=spacing).tolist() == [30, 33, 36, 39, 42]

    def test_a_dip_on_the_way_up_is_stepped_over(self):
        curve = [0, 0.1, 0.3, 0.1, 0.2, 0.45, 0.6, 0.8, 1]
        assert phases.key_frames(drawn(curve, 0, 8)).tolist() == [0, 2, 6, 7, 8]

    @pytest.mark.parametrize("count", [2, 3, 9])
    def test_other_counts(self, count):
        frames = phases.key_frames(drawn(np.linspace(0, 1, 17), 0, 16), count)
        assert frames.tolist() == np.linspace(0, 16, count).tolist()

    @pytest.mark.parametrize("spacing", ["intensity", "time"])
    def test_a_short_onset_is_filled_up_with_neutral_frames(self, spacing):
        assert phases.key_frames(drawn(np.arange(12), 7, 9), spacing=spacing).tolist() == [5, 6, 7, 8, 9]

    @pytest.mark.parametrize("spacing", ["intensity", "time"])
    def test_an_early_apex_is_filled_up_with_frames_after_it(self, spacing):
        assert phases.key_frames(drawn(np.arange(12)[::-1], 0, 2), spacing=spacing).tolist() == [0, 1, 2, 3, 4]

    def test_a_jump_leaves_room_for_all(self):
        curve = np.concatenate([np.zeros(10), [1]])
        assert phases.key_frames(drawn(curve, 0, 10)).tolist() == [0, 7, 8, 9, 10]
        curve = np.concatenate([[0], np.ones(10)])
        assert phases.key_frames(drawn(curve, 0, 10)).tolist() == [0, 1, 2, 3, 10]

    def test_too_few_frames(self):
        with pytest.raises(ValueError, match=r"^4 frames cannot give 5 key frames$"):
            phases.key_frames(drawn(np.arange(4), 0, 3))

    def test_unknown_spacing(self):
        with pytest.raises(ValueError, match="spacing 'even': must be one of 'intensity', 'time'"):
            phases.key_frames(drawn(np.arange(9), 0, 8), spacing="even")

    @given(
        st.lists(st.floats(0, 1e6), min_size=5, max_size=60),
        st.integers(2, 5),
        st.sampled_from(["last", "inside"]),
        st.sampled_from(["intensity", "time"]),
        st.sampled_from([5.0, 30.0, 120.0]),
    )
    @settings(derandomize=True, deadline=None, max_examples=300)
    def test_whatever_the_curve_they_rise_strictly_inside_the_sequence(self, curve, count, apex, spacing, fps):
        found = phases.find(np.array(curve), times(len(curve), fps), apex)
        assert 0 <= found.onset <= found.apex <= found.offset < len(curve)
        frames = phases.key_frames(found, count, spacing)
        assert len(frames) == count
        assert (np.diff(frames) > 0).all()
        assert frames[0] >= 0
        assert frames[-1] == max(found.apex, count - 1)
