"""Distances, angles and their changes on points worked out by hand, and what the tensor does not depend on."""

from dataclasses import replace
from math import cos, hypot, pi, radians, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_utils import features, regions
from fer_utils.features import SequenceRefused

ONE_PAIR = np.array([[0, 1]])
RISE = 1 / (1 + np.exp(-np.linspace(-4, 5, 17)))


def two_points(*offsets):
    """Points (K, 2, 3): the second lies at (7, −2), the first by `offsets` away from it."""
    return np.array([[(7 + dx, -2 + dy, 5.0), (7, -2, -1.0)] for dx, dy in offsets], np.float32)


def pointing(*degrees):
    """Pairs of length 2 whose angle after eq. 2 is `degrees`."""
    return two_points(*((2 * sin(radians(angle)), 2 * cos(radians(angle))) for angle in degrees))


def moved(track, scale=1.0, roll=0.0, shift=(0.0, 0.0)):
    """The whole track scaled, turned by `roll` degrees and shifted in the picture."""
    turn = np.array([[cos(radians(roll)), sin(radians(roll))], [-sin(radians(roll)), cos(radians(roll))]])
    points = scale * track.points.astype(float)
    points[..., :2] = points[..., :2] @ turn + shift
    return replace(track, points=points.astype(np.float32))


class TestEquations:
    @pytest.mark.parametrize(
        ("offset", "distance", "angle"),
        [
            ((3, 4), 5, 0.6435011),  # arctan(3/4)
            ((-3, -4), 5, 0.6435011 - pi),  # the opposite direction: the same Δx/Δy
            ((3, -4), 5, pi - 0.6435011),
            ((-3, 4), 5, -0.6435011),
            ((2, 0), 2, pi / 2),  # Δy = 0
            ((-2, 0), 2, -pi / 2),
            ((0, 3), 3, 0),
            ((0, -3), 3, pi),  # π, not −π
            ((0, 0), 0, 0),
        ],
    )
    def test_distance_and_angle_of_a_pair(self, offset, distance, angle):
        points = two_points(offset)
        assert features.distances(points, ONE_PAIR) == pytest.approx(np.array([[distance]]))
        assert features.angles(points, ONE_PAIR) == pytest.approx(np.array([[angle]]), abs=1e-6)

    def test_depth_plays_no_part(self):
        points = two_points((3, 4))
        np.testing.assert_array_equal(
            features.distances(points, ONE_PAIR), features.distances(points[..., :2], ONE_PAIR)
        )

    @pytest.mark.parametrize(
        ("angle", "wrapped"),
        [(pi, pi), (-pi, pi), (3 * pi, pi), (0, 0), (4, 4 - 2 * pi), (-4, 2 * pi - 4), (2 * pi, 0), (-3, -3)],
    )
    def test_wrap(self, angle, wrapped):
        assert features.wrap(np.array([angle])) == pytest.approx([wrapped], abs=1e-12)

    @given(st.floats(-1e3, 1e3))
    @settings(derandomize=True, deadline=None)
    def test_wrapped_angles_differ_by_whole_turns_and_lie_in_the_half_open_interval(self, angle):
        wrapped = float(features.wrap(np.array([angle]))[0])
        assert -pi < wrapped <= pi
        turns = (angle - wrapped) / (2 * pi)
        assert turns == pytest.approx(round(turns), abs=1e-9)

    @pytest.mark.parametrize("angle", [np.nextafter(pi, 4), np.nextafter(np.float32(pi), np.float32(4))])
    def test_an_angle_just_above_half_a_turn_does_not_round_to_the_open_end(self, angle):
        wrapped = features.wrap(np.array([angle]))
        assert wrapped[0] > -wrapped.dtype.type(pi)
        assert wrapped.dtype == angle.dtype


class TestDifferences:
    def test_distances_come_before_angles(self):
        change = features.differences(two_points((3, 4), (6, 8), (0, 8)), ONE_PAIR)
        assert change == pytest.approx(np.array([[5, 0], [-2, -0.6435011]]), abs=1e-6)
        assert change.dtype == np.float32

    @pytest.mark.parametrize(
        ("start", "end", "turn"),
        [(179, -179, 2), (-179, 179, -2), (170, -100, 90), (-90, 89, 179), (-90, 91, -179), (10, 50, 40)],
    )
    def test_turns_go_the_short_way_round(self, start, end, turn):
        change = features.differences(pointing(start, end), ONE_PAIR)
        assert np.degrees(change[0, 1]) == pytest.approx(turn, abs=1e-3)
        assert change[0, 0] == pytest.approx(0, abs=1e-6)


class TestNormalise:
    def test_the_first_frames_eyes_lie_level_and_one_apart(self, make_track):
        upright = features.normalise(make_track(RISE).points)
        across = upright[0, regions.RIGHT_EYE_CORNER] - upright[0, regions.LEFT_EYE_CORNER]
        assert across[:2] == pytest.approx([1, 0], abs=1e-5)

    def test_a_quarter_turn_by_hand(self):
        points = np.zeros((1, 478, 3), np.float32)
        points[0, regions.LEFT_EYE_CORNER] = 10, 10, 0
        points[0, regions.RIGHT_EYE_CORNER] = 10, 14, 0  # the eyes one above the other, 4 apart
        points[0, 1] = 6, 12, 8
        x, y, z = (features.normalise(points)[0, 1] - features.normalise(points)[0, regions.LEFT_EYE_CORNER]).tolist()
        assert (x, y, z) == pytest.approx((0.5, 1, 2))

    def test_one_turn_and_scale_for_the_whole_sequence(self, make_track):
        track = make_track([0, 0, 0])
        track.points[1] *= 2  # the face comes nearer: it stays twice as large
        upright = features.normalise(track.points)
        np.testing.assert_allclose(upright[1], 2 * upright[0], rtol=1e-5)

    def test_eyes_in_one_place_are_refused(self, make_track):
        track = make_track(RISE)
        track.points[0, regions.LEFT_EYE_CORNER] = track.points[0, regions.RIGHT_EYE_CORNER]
        with pytest.raises(SequenceRefused, match="the eyes of the first frame have no distance between them"):
            features.sequence_features(track)


class TestBridge:
    times = np.array([0, 0.03, 0.1, 0.15, 0.16])
    line = np.stack([np.full((478, 3), value, np.float32) for value in (0, 99, 99, 30, 40)])

    def test_a_straight_line_in_time_not_in_frames(self):
        points = self.line.copy()
        points[1:3] = np.nan
        bridged = features.bridge(points, self.times)
        assert bridged[:, 7, 1] == pytest.approx([0, 6, 20, 30, 40], abs=1e-4)
        assert bridged.dtype == np.float32
        assert np.isnan(points[1:3]).all()

    def test_before_the_first_and_after_the_last_face_the_points_stay(self):
        points = self.line.copy()
        points[[0, 1, 4]] = np.nan
        bridged = features.bridge(points, self.times)
        assert bridged[:, 0, 0] == pytest.approx([99, 99, 99, 30, 30])

    def test_two_gaps_are_bridged_each_by_its_own_neighbours(self):
        points = np.stack([np.full((478, 3), value, np.float32) for value in (0, 0, 4, 0, 0, 10)])
        points[[1, 3, 4]] = np.nan
        bridged = features.bridge(points, np.arange(6) / 30)
        assert bridged[:, 0, 0] == pytest.approx([0, 2, 4, 6, 8, 10])

    def test_whole_tracks_are_left_alone(self):
        np.testing.assert_array_equal(features.bridge(self.line, self.times), self.line)

    @pytest.mark.parametrize("missing", [range(4, 9), range(6), range(9, 15)])
    def test_the_limit_is_still_bridged(self, make_track, missing):
        """Six steps of 1/30 s, from face to face, or from a face to the sequence's first or last frame."""
        track = make_track(np.linspace(0, 1, 15), missing=missing)
        assert not np.isnan(features.bridge(track.points, track.times, max_gap=0.2)).any()
        with pytest.raises(SequenceRefused, match=r"0\.20 s, 0\.19 s can be bridged"):
            features.bridge(track.points, track.times, max_gap=0.19)

    def test_a_gap_too_long_is_named(self, make_track):
        track = make_track(np.linspace(0, 1, 20), missing=[2, *range(5, 12)])
        with pytest.raises(SequenceRefused) as refused:
            features.sequence_features(track)
        assert str(refused.value) == "no face in frames 5 to 11: 0.27 s, 0.20 s can be bridged"
        assert features.sequence_features(track, max_gap=0.27).tensor.shape == (4, 2912)

    def test_no_face_at_all(self, make_track):
        track = make_track(np.zeros(6), missing=range(6))
        with pytest.raises(SequenceRefused, match=r"^no face in any of 6 frames$"):
            features.sequence_features(track)


class TestSequenceFeatures:
    def test_tensor_holds_the_changes_between_key_frames(self, make_track):
        track = make_track(RISE)
        made = features.sequence_features(track, normalised=False)
        assert made.tensor.shape == (4, 2912)
        assert made.tensor.dtype == np.float32
        for column in (0, 700, 1455):
            i, j = regions.pairs()[column]
            dx, dy = (track.points[made.key_frames].astype(float)[:, i] - track.points[made.key_frames][:, j]).T[:2]
            distance, angle = np.hypot(dx, dy), np.arctan2(dx, dy)
            assert made.tensor[:, column] == pytest.approx(np.diff(distance), abs=1e-3)
            assert made.tensor[:, 1456 + column] == pytest.approx(np.diff(angle), abs=1e-4)

    def test_key_frames_go_from_neutral_to_apex(self, make_track):
        made = features.sequence_features(make_track(np.concatenate([np.zeros(10), np.linspace(0, 1, 11)])))
        assert made.phases.apex == made.key_frames[-1] == 20
        assert 8 <= made.phases.onset == made.key_frames[0] <= 12
        np.testing.assert_allclose(np.diff(made.key_frames), 2.5, atol=1.6)

    def test_apex_inside(self, make_track):
        track = make_track(np.concatenate([np.linspace(0, 1, 16), np.linspace(1, 0, 16)]))
        assert features.sequence_features(track, "last").key_frames[-1] == 31
        assert features.sequence_features(track, "inside").key_frames[-1] in (15, 16)

    @pytest.mark.parametrize("change", [{"scale": 2.5}, {"roll": 25}, {"roll": -140}, {"shift": (-180, 33)}])
    def test_normalised_form_depends_on_no_scale_roll_or_place(self, make_track, change):
        track = make_track(RISE)
        plain, other = (features.sequence_features(each) for each in (track, moved(track, **change)))
        np.testing.assert_array_equal(other.key_frames, plain.key_frames)
        np.testing.assert_allclose(other.tensor, plain.tensor, atol=2e-4)
        assert np.abs(plain.tensor).max(axis=1).min() > 0.02

    def test_unnormalised_form_grows_with_the_face_and_normalised_is_in_inter_ocular_distances(self, make_track):
        track = make_track(RISE)
        pixels = features.sequence_features(track, normalised=False).tensor
        doubled = features.sequence_features(moved(track, scale=2), normalised=False).tensor
        np.testing.assert_allclose(doubled[:, :1456], 2 * pixels[:, :1456], atol=1e-3)
        np.testing.assert_allclose(doubled[:, 1456:], pixels[:, 1456:], atol=1e-4)
        across = (track.points[0, regions.RIGHT_EYE_CORNER] - track.points[0, regions.LEFT_EYE_CORNER])[:2]
        normalised = features.sequence_features(track).tensor
        np.testing.assert_allclose(normalised[:, :1456] * hypot(*across), pixels[:, :1456], atol=1e-3)

    def test_options_reach_the_choice_of_key_frames(self, make_track):
        track = make_track(np.linspace(0, 1, 21) ** 3)
        by_time = features.sequence_features(track, spacing="time", n_key_frames=3)
        assert by_time.tensor.shape == (2, 2912)
        assert by_time.key_frames[1] == round((by_time.key_frames[0] + 20) / 2)
        assert features.sequence_features(track, n_key_frames=3).key_frames[1] > by_time.key_frames[1]

    def test_five_frames_do_and_four_do_not(self, make_track):
        made = features.sequence_features(make_track([0, 0.2, 0.5, 0.9, 1]))
        assert made.key_frames.tolist() == [0, 1, 2, 3, 4]
        for count in (0, 1, 4):
            with pytest.raises(SequenceRefused, match=f"^{count} frames, 5 key frames need at least as many$"):
                features.sequence_features(make_track(np.zeros(count)))

    def test_intensity_follows_how_far_the_face_has_moved(self, make_track):
        levels = np.array([0, 0, 0, 0, 0.1, 0.4, 0.8, 1.0, 1.0, 0.5, 0.2, 0])
        points = make_track(levels).points
        found = features.intensity(points)
        np.testing.assert_allclose(found / found.max(), levels, atol=0.01)
        i, j = features.PAIRS.T
        eyes = np.linalg.norm(points[:, regions.RIGHT_EYE_CORNER] - points[:, regions.LEFT_EYE_CORNER], axis=1)
        spread = np.linalg.norm(points[:, i] - points[:, j], axis=2) / eyes[:, None]
        assert found.max() == pytest.approx(np.sqrt(np.mean((spread[7] - spread[0]) ** 2)), rel=0.02)

    def test_intensity_does_not_see_the_head_come_nearer_or_the_detector_settle(self, make_track):
        points = make_track(RISE).points
        nearer = points * np.linspace(1, 1.3, 17)[:, None, None].astype(np.float32)
        np.testing.assert_allclose(features.intensity(nearer), features.intensity(points), atol=1e-5)
        settling = points.copy()
        settling[0, ::2] += 9
        np.testing.assert_array_equal(features.intensity(settling), features.intensity(points))


class TestTable:
    def test_rows_stay_together_and_refused_ones_are_listed(self, make_track, make_sequence):
        sequences = [
            make_sequence("c", "fear", "toy/s2"),
            make_sequence("short", "anger", "toy/s1"),
            make_sequence("a", "sadness", "toy/s3", apex="inside"),
            make_sequence("no track", "anger", "toy/s1"),
            make_sequence("b", "fear", "toy/s1"),
        ]
        there_and_back = np.concatenate([RISE, RISE[::-1]])
        tracks = {
            "a": make_track(there_and_back, seed=2),
            "b": make_track(RISE, seed=3),
            "c": make_track(RISE, seed=4),
            "short": make_track([0, 1]),
        }
        table = features.table(sequences, tracks)
        assert len(table) == 3
        assert table.ids.tolist() == ["c", "a", "b"]
        assert table.emotions.tolist() == ["fear", "sadness", "fear"]
        assert table.subjects.tolist() == ["toy/s2", "toy/s3", "toy/s1"]
        assert table.refused == {"short": "2 frames, 5 key frames need at least as many"}
        for row, (name, apex) in enumerate([("c", "last"), ("a", "inside"), ("b", "last")]):
            np.testing.assert_array_equal(table.x[row], features.sequence_features(tracks[name], apex).tensor)

    @pytest.mark.parametrize("count", [0, 1])
    @pytest.mark.parametrize("n_key_frames", [3, 5])
    def test_none_and_one_have_the_shape_of_many(self, make_track, make_sequence, count, n_key_frames):
        sequences = [make_sequence("a")][:count]
        table = features.table(sequences, {"a": make_track(RISE)}, n_key_frames=n_key_frames)
        assert table.x.shape == (count, n_key_frames - 1, 2912)
        assert table.x.dtype == np.float32
        assert len(table.ids) == len(table.subjects) == len(table.emotions) == count
        assert {column.dtype.kind for column in (table.ids, table.subjects, table.emotions)} == {"U"}
