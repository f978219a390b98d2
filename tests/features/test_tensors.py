"""Distances, angles and their changes on points worked out by hand, and what the tensor does not depend on."""

import warnings
import zlib
from dataclasses import replace
from math import cos, hypot, pi, radians, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_utils.evaluation import results
from fer_utils.features import geometry, tensors
from fer_utils.features.geometry import SequenceRefused
from fer_utils.features.phases import Phases
from fer_utils.features.tensors import Options
from fer_utils.landmarks import regions

EYES = [regions.LEFT_EYE_CORNER, regions.RIGHT_EYE_CORNER]
ONE_PAIR = np.array([[0, 1]])
RISE = 1 / (1 + np.exp(-np.linspace(-4, 5, 17)))
AFTER_REST = np.concatenate([np.zeros(10), RISE, np.ones(3)])  # 30 frames


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


def turn(yaw, pitch, roll):
    """The rotation (3, 3) by three angles in degrees."""
    matrix = np.eye(3)
    for angle, axes in ((yaw, [0, 2]), (pitch, [1, 2]), (roll, [0, 1])):
        c, s = cos(radians(angle)), sin(radians(angle))
        one = np.eye(3)
        one[np.ix_(axes, axes)] = [[c, -s], [s, c]]
        matrix = one @ matrix
    return matrix


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
        assert geometry.distances(points, ONE_PAIR) == pytest.approx(np.array([[distance]]))
        assert geometry.angles(points, ONE_PAIR) == pytest.approx(np.array([[angle]]), abs=1e-6)

    def test_depth_plays_no_part(self):
        points = two_points((3, 4))
        np.testing.assert_array_equal(
            geometry.distances(points, ONE_PAIR), geometry.distances(points[..., :2], ONE_PAIR)
        )

    @pytest.mark.parametrize(
        ("angle", "wrapped"),
        [(pi, pi), (-pi, pi), (3 * pi, pi), (0, 0), (4, 4 - 2 * pi), (-4, 2 * pi - 4), (2 * pi, 0), (-3, -3)],
    )
    def test_wrap(self, angle, wrapped):
        assert geometry.wrap(np.array([angle])) == pytest.approx([wrapped], abs=1e-12)

    @given(st.floats(-1e3, 1e3))
    @settings(derandomize=True, deadline=None)
    def test_wrapped_angles_differ_by_whole_turns_and_lie_in_the_half_open_interval(self, angle):
        wrapped = float(geometry.wrap(np.array([angle]))[0])
        assert -pi < wrapped <= pi
        turns = (angle - wrapped) / (2 * pi)
        assert turns == pytest.approx(round(turns), abs=1e-9)

    @pytest.mark.parametrize("angle", [np.nextafter(pi, 4), np.nextafter(np.float32(pi), np.float32(4))])
    def test_an_angle_just_above_half_a_turn_does_not_round_to_the_open_end(self, angle):
        wrapped = geometry.wrap(np.array([angle]))
        assert wrapped[0] > -wrapped.dtype.type(pi)
        assert wrapped.dtype == angle.dtype


class TestDifferences:
    def test_distances_come_before_angles(self):
        change = geometry.differences(two_points((3, 4), (6, 8), (0, 8)), ONE_PAIR)
        assert change == pytest.approx(np.array([[5, 0], [-2, -0.6435011]]), abs=1e-6)
        assert change.dtype == np.float32

    @pytest.mark.parametrize(
        ("start", "end", "turn"),
        [(179, -179, 2), (-179, 179, -2), (170, -100, 90), (-90, 89, 179), (-90, 91, -179), (10, 50, 40)],
    )
    def test_turns_go_the_short_way_round(self, start, end, turn):
        change = geometry.differences(pointing(start, end), ONE_PAIR)
        assert np.degrees(change[0, 1]) == pytest.approx(turn, abs=1e-3)
        assert change[0, 0] == pytest.approx(0, abs=1e-6)


class TestNormalise:
    def test_the_first_frames_eyes_lie_level_and_one_apart(self, make_track):
        upright = geometry.normalise(make_track(RISE).points)
        across = upright[0, regions.RIGHT_EYE_CORNER] - upright[0, regions.LEFT_EYE_CORNER]
        assert across[:2] == pytest.approx([1, 0], abs=1e-5)

    def test_a_quarter_turn_by_hand(self):
        points = np.zeros((1, 478, 3), np.float32)
        points[0, regions.LEFT_EYE_CORNER] = 10, 10, 0
        points[0, regions.RIGHT_EYE_CORNER] = 10, 14, 0  # the eyes one above the other, 4 apart
        points[0, 1] = 6, 12, 8
        x, y, z = (geometry.normalise(points)[0, 1] - geometry.normalise(points)[0, regions.LEFT_EYE_CORNER]).tolist()
        assert (x, y, z) == pytest.approx((0.5, 1, 2))

    def test_one_turn_and_scale_for_the_whole_sequence(self, make_track):
        track = make_track([0, 0, 0])
        track.points[1] *= 2  # the face comes nearer: it stays twice as large
        upright = geometry.upright(track.points)
        np.testing.assert_allclose(upright[1], 2 * upright[0], rtol=1e-5)

    def test_the_head_s_motion_is_removed_and_the_face_s_is_kept(self, make_track):
        track = make_track([0, 0, 0])
        mouth = list(regions.REGIONS["mouth"])
        moved = track.points.astype(float)
        moved[1:, mouth, 1] += 9  # pixels
        moved[2] = 1.7 * (moved[2] - 200) @ turn(20, 10, 30).T + [310, 40, -70]
        still = geometry.normalise(moved)
        np.testing.assert_allclose(still[2], still[1], atol=1e-9)
        across = np.hypot(*np.diff(moved[0, EYES, :2], axis=0)[0])
        change = np.linalg.norm(still[1] - still[0], axis=1)
        np.testing.assert_allclose(change[mouth], 9 / across, rtol=1e-9)
        assert np.delete(change, mouth).max() < 1e-9

    def test_frames_without_a_face_stay_so(self, make_track):
        still = geometry.steady(make_track(RISE, missing=[3]).points)
        assert np.isnan(still[3]).all() and np.isfinite(np.delete(still, 3, axis=0)).all()

    def test_eyes_in_one_place_are_refused(self, make_track):
        track = make_track(RISE)
        track.points[0, regions.LEFT_EYE_CORNER] = track.points[0, regions.RIGHT_EYE_CORNER]
        with pytest.raises(SequenceRefused, match="the eyes of the first frame have no distance between them"):
            tensors.sequence_features(track)


class TestBridge:
    times = np.array([0, 0.03, 0.1, 0.15, 0.16])
    line = np.stack([np.full((478, 3), value, np.float32) for value in (0, 99, 99, 30, 40)])

    def test_a_straight_line_in_time_not_in_frames(self):
        points = self.line.copy()
        points[1:3] = np.nan
        bridged = geometry.bridge(points, self.times)
        assert bridged[:, 7, 1] == pytest.approx([0, 6, 20, 30, 40], abs=1e-4)
        assert bridged.dtype == np.float32
        assert np.isnan(points[1:3]).all()

    def test_before_the_first_and_after_the_last_face_the_points_stay(self):
        points = self.line.copy()
        points[[0, 1, 4]] = np.nan
        bridged = geometry.bridge(points, self.times)
        assert bridged[:, 0, 0] == pytest.approx([99, 99, 99, 30, 30])

    def test_two_gaps_are_bridged_each_by_its_own_neighbours(self):
        points = np.stack([np.full((478, 3), value, np.float32) for value in (0, 0, 4, 0, 0, 10)])
        points[[1, 3, 4]] = np.nan
        bridged = geometry.bridge(points, np.arange(6) / 30)
        assert bridged[:, 0, 0] == pytest.approx([0, 2, 4, 6, 8, 10])

    def test_whole_tracks_are_left_alone(self):
        np.testing.assert_array_equal(geometry.bridge(self.line, self.times), self.line)

    @pytest.mark.parametrize("missing", [range(4, 9), range(6), range(9, 15)])
    def test_the_limit_is_still_bridged(self, make_track, missing):
        """Six steps of 1/30 s, from face to face, or from a face to the sequence's first or last frame."""
        track = make_track(np.linspace(0, 1, 15), missing=missing)
        assert not np.isnan(geometry.bridge(track.points, track.times, max_gap=0.2)).any()
        with pytest.raises(SequenceRefused, match=r"0\.20 s, 0\.19 s can be bridged"):
            geometry.bridge(track.points, track.times, max_gap=0.19)

    def test_a_gap_too_long_is_named(self, make_track):
        track = make_track(np.linspace(0, 1, 20), missing=[2, *range(5, 12)])
        with pytest.raises(SequenceRefused) as refused:
            tensors.sequence_features(track)
        assert str(refused.value) == "no face in frames 5 to 11: 0.27 s, 0.20 s can be bridged"
        assert tensors.sequence_features(track, options=Options(max_gap=0.27)).tensor.shape == (4, 2912)

    def test_no_face_at_all(self, make_track):
        track = make_track(np.zeros(6), missing=range(6))
        with pytest.raises(SequenceRefused, match=r"^no face in any of 6 frames$"):
            tensors.sequence_features(track)


class TestSequenceFeatures:
    def test_tensor_holds_the_changes_between_key_frames(self, make_track):
        track = make_track(RISE)
        made = tensors.sequence_features(track, options=Options(normalised=False))
        assert made.tensor.shape == (4, 2912)
        assert made.tensor.dtype == np.float32
        for column in (0, 700, 1455):
            i, j = regions.pairs()[column]
            dx, dy = (track.points[made.key_frames].astype(float)[:, i] - track.points[made.key_frames][:, j]).T[:2]
            distance, angle = np.hypot(dx, dy), np.arctan2(dx, dy)
            assert made.tensor[:, column] == pytest.approx(np.diff(distance), abs=1e-3)
            assert made.tensor[:, 1456 + column] == pytest.approx(np.diff(angle), abs=1e-4)

    def test_key_frames_go_from_neutral_to_apex(self, make_track):
        made = tensors.sequence_features(make_track(np.concatenate([np.zeros(10), np.linspace(0, 1, 11)])))
        assert made.phases.apex == made.key_frames[-1] == 20
        assert 8 <= made.phases.onset == made.key_frames[0] <= 12
        np.testing.assert_allclose(np.diff(made.key_frames), 2.5, atol=1.6)

    def test_apex_inside(self, make_track):
        track = make_track(np.concatenate([np.linspace(0, 1, 16), np.linspace(1, 0, 16)]))
        assert tensors.sequence_features(track, "last").key_frames[-1] == 31
        assert tensors.sequence_features(track, "inside").key_frames[-1] in (15, 16)

    @pytest.mark.parametrize("change", [{"scale": 2.5}, {"roll": 25}, {"roll": -140}, {"shift": (-180, 33)}])
    def test_normalised_form_depends_on_no_scale_roll_or_place(self, make_track, change):
        track = make_track(RISE)
        plain, other = (tensors.sequence_features(each) for each in (track, moved(track, **change)))
        np.testing.assert_array_equal(other.key_frames, plain.key_frames)
        np.testing.assert_allclose(other.tensor, plain.tensor, atol=2e-4)
        assert np.abs(plain.tensor).max(axis=1).min() > 0.02

    def test_unnormalised_form_grows_with_the_face_and_normalised_is_in_inter_ocular_distances(self, make_track):
        track = make_track(RISE)
        plain = Options(normalised=False)
        pixels = tensors.sequence_features(track, options=plain).tensor
        doubled = tensors.sequence_features(moved(track, scale=2), options=plain).tensor
        np.testing.assert_allclose(doubled[:, :1456], 2 * pixels[:, :1456], atol=1e-3)
        np.testing.assert_allclose(doubled[:, 1456:], pixels[:, 1456:], atol=1e-4)
        across = (track.points[0, regions.RIGHT_EYE_CORNER] - track.points[0, regions.LEFT_EYE_CORNER])[:2]
        still = replace(track, points=geometry.steady(track.points))
        normalised = tensors.sequence_features(track).tensor
        pixels = tensors.sequence_features(still, options=plain).tensor
        np.testing.assert_allclose(normalised[:, :1456] * hypot(*across), pixels[:, :1456], atol=1e-3)

    def test_options_reach_the_choice_of_key_frames(self, make_track):
        track = make_track(np.linspace(0, 1, 21) ** 3)
        by_time = tensors.sequence_features(track, options=Options(spacing="time", n_key_frames=3))
        assert by_time.tensor.shape == (2, 2912)
        assert by_time.key_frames[1] == round((by_time.key_frames[0] + 20) / 2)
        by_intensity = tensors.sequence_features(track, options=Options(n_key_frames=3))
        assert by_intensity.key_frames[1] > by_time.key_frames[1]

    def test_five_frames_do_and_four_do_not(self, make_track):
        made = tensors.sequence_features(make_track([0, 0.2, 0.5, 0.9, 1]))
        assert made.key_frames.tolist() == [0, 1, 2, 3, 4]
        for count in (0, 1, 4):
            with pytest.raises(SequenceRefused, match=f"^{count} frames, 5 key frames need at least as many$"):
                tensors.sequence_features(make_track(np.zeros(count)))

    def test_intensity_follows_how_far_the_face_has_moved(self, make_track):
        levels = np.array([0, 0, 0, 0, 0.1, 0.4, 0.8, 1.0, 1.0, 0.5, 0.2, 0])
        points = make_track(levels).points
        found = geometry.intensity(points)
        np.testing.assert_allclose(found / found.max(), levels, atol=0.01)
        i, j = geometry.PAIRS[geometry.WITHOUT_LIDS].T
        eyes = np.linalg.norm(points[:, regions.RIGHT_EYE_CORNER] - points[:, regions.LEFT_EYE_CORNER], axis=1)
        spread = np.linalg.norm(points[:, i] - points[:, j], axis=2) / eyes[:, None]
        assert found.max() == pytest.approx(np.sqrt(np.mean((spread[7] - spread[0]) ** 2)), rel=0.02)

    def test_intensity_does_not_see_a_blink(self, make_track):
        points = make_track(np.array([0, 0, 0, 0, 0.1, 0.4, 0.8, 1.0, 1.0, 0.5, 0.2, 0])).points
        blinking = points.copy()
        blinking[4, geometry.LIDS, 1] += 20
        np.testing.assert_array_equal(geometry.intensity(blinking), geometry.intensity(points))

    def test_intensity_does_not_see_the_head_come_nearer_or_the_detector_settle(self, make_track):
        points = make_track(RISE).points
        nearer = points * np.linspace(1, 1.3, 17)[:, None, None].astype(np.float32)
        np.testing.assert_allclose(geometry.intensity(nearer), geometry.intensity(points), atol=1e-5)
        settling = points.copy()
        settling[0, ::2] += 9
        np.testing.assert_array_equal(geometry.intensity(settling), geometry.intensity(points))


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
        table = tensors.table(sequences, tracks)
        assert len(table) == 3
        assert table.ids.tolist() == ["c", "a", "b"]
        assert table.emotions.tolist() == ["fear", "sadness", "fear"]
        assert table.subjects.tolist() == ["toy/s2", "toy/s3", "toy/s1"]
        assert table.refused == {"short": "2 frames, 5 key frames need at least as many"}
        for row, (name, apex) in enumerate([("c", "last"), ("a", "inside"), ("b", "last")]):
            np.testing.assert_array_equal(table.x[row], tensors.sequence_features(tracks[name], apex).tensor)

    def test_apexes_far_below_the_highest_intensity_are_reported(self, make_track, make_sequence):
        fades = np.concatenate([RISE, np.linspace(1, 0.4, 12)])
        tracks = {"ends at the apex": make_track(RISE), "fades": make_track(fades), "inside": make_track(fades)}
        sequences = [make_sequence(name, apex="inside" if name == "inside" else "last") for name in tracks]
        found = tensors.table(sequences, tracks)
        assert found.low_apexes == {"fades": pytest.approx(0.4, abs=0.05)}
        coverage = results.coverage({"study": found})
        assert coverage.to_dict("records") == [{"variant": "study", "sequences": 3, "refused": 0, "low_apex": 1}]

    def test_points_that_are_not_finite_refuse_their_sequence_and_the_others_go_on(self, make_track, make_sequence):
        tracks = {name: make_track(RISE) for name in "ab"}
        tracks["a"].points[3, 7, 0] = np.inf
        table = tensors.table([make_sequence("a"), make_sequence("b")], tracks)
        assert table.ids.tolist() == ["b"] and table.refused == {"a": "points that are not finite"}

    @pytest.mark.parametrize("count", [0, 1])
    @pytest.mark.parametrize(
        ("options", "shape"),
        [
            (Options(), (4, 2912)),
            (Options(n_key_frames=3), (2, 2912)),
            (Options(values="angles", n_key_frames=9), (8, 1456)),
            (Options(pairs="all"), (4, 3660)),
            (Options(landmarks=122), (4, 11862)),
            (Options(landmarks=250, values="distances"), (4, 25041)),
            (Options(values="trajectory"), (8, 122)),
            (Options(values="trajectory", landmarks=250), (8, 500)),
        ],
    )
    def test_none_and_one_have_the_shape_of_many(self, make_track, make_sequence, count, options, shape):
        assert tensors.shape(options) == shape
        sequences = [make_sequence("a")][:count]
        table = tensors.table(sequences, {"a": make_track(RISE)}, options)
        assert table.x.shape == (count, *shape)
        assert table.x.dtype == np.float32
        assert len(table.ids) == len(table.subjects) == len(table.emotions) == count
        assert {column.dtype.kind for column in (table.ids, table.subjects, table.emotions)} == {"U"}

    def test_options_and_phases_are_those_of_each_sequence(self, make_track, make_sequence):
        track = make_track(np.concatenate([RISE, RISE[::-1]]))
        options = Options(values="distances", share=0.6)
        table = tensors.table([make_sequence("a", apex="inside")], {"a": track}, options)
        made = tensors.sequence_features(track, "inside", options)
        np.testing.assert_array_equal(table.x[0], made.tensor)
        assert list(table.phases) == ["a"]
        found = table.phases["a"]
        assert (found.onset, found.apex, found.offset) == (made.phases.onset, made.phases.apex, made.phases.offset)


class TestValues:
    def test_distances_and_angles_are_the_halves_of_both(self, make_track):
        track = make_track(RISE)
        both, distances, angles = (
            tensors.sequence_features(track, options=Options(values=values)).tensor
            for values in ("both", "distances", "angles")
        )
        np.testing.assert_array_equal(distances, both[:, :1456])
        np.testing.assert_array_equal(angles, both[:, 1456:])
        assert np.abs(distances).max() > 0 and np.abs(distances - angles).max() > 0.01

    @pytest.mark.parametrize(("landmarks", "pairs"), [(122, "grouped"), (250, "grouped"), (61, "all")])
    def test_larger_sets_hold_the_pairs_of_the_paper_and_more(self, make_track, landmarks, pairs):
        track = make_track(RISE)
        plain = tensors.sequence_features(track)
        made = tensors.sequence_features(track, options=Options(landmarks=landmarks, pairs=pairs))
        np.testing.assert_array_equal(made.key_frames, plain.key_frames)  # the phases are found in one way
        place = {pair: number for number, pair in enumerate(regions.pairs(landmarks, pairs))}
        columns = [place[pair] for pair in regions.pairs()]
        np.testing.assert_array_equal(made.tensor[:, columns], plain.tensor[:, :1456])
        n_pairs = len(place)
        np.testing.assert_array_equal(made.tensor[:, n_pairs:][:, columns], plain.tensor[:, 1456:])
        last = regions.pairs(landmarks, pairs)[-1]
        upright = geometry.normalise(track.points)[made.key_frames]
        distance = np.hypot(*(upright[:, last[0]] - upright[:, last[1]])[:, :2].T)
        assert made.tensor[:, n_pairs - 1] == pytest.approx(np.diff(distance), abs=1e-5)

    def test_pairs_of_a_set(self):
        assert geometry.PAIRS.tolist() == [list(pair) for pair in regions.pairs()]
        assert geometry.pairs_of(61, "all").shape == (1830, 2)
        assert geometry.pairs_of(122).shape == (5931, 2)


class TestTrajectory:
    times = np.array([0.0, 1, 3, 7, 8])

    def test_evenly_in_time_from_onset_to_apex(self):
        """One point moves right by 2 a second; the other jumps down by 6 between 3 s and 7 s, and is still else."""
        one = np.stack([2 * self.times, np.full(5, 4.0)], axis=1)
        other = np.stack([np.full(5, -1.0), [5, 5, 5, 11, 11]], axis=1)
        found = geometry.trajectory(np.stack([one, other], axis=1), self.times, Phases(1, 3, 4, np.zeros(5)))
        assert found.shape == (8, 4) and found.dtype == np.float32
        seconds = np.linspace(0, 6, 8)  # since the onset
        assert found[:, 0] == pytest.approx(2 + 2 * seconds, abs=1e-6)
        assert found[:, 1] == pytest.approx(np.full(8, 4.0))
        assert found[:, 2] == pytest.approx(np.full(8, -1.0))
        assert found[:, 3] == pytest.approx(5 + np.clip(6 * (seconds - 2) / 4, 0, 6), abs=1e-6)
        assert found[-1].tolist() == [14, 4, -1, 11]

    @pytest.mark.parametrize(("onset", "end"), [(2, 4), (4, 0)])
    def test_where_onset_and_apex_are_one_frame_the_next_is_the_end(self, onset, end):
        points = np.array([0.0, 1, 3, 7, 8])[:, None, None] * np.ones((1, 1, 2))
        found = geometry.trajectory(points, self.times, Phases(onset, onset, 4, np.zeros(5)))
        start = points[onset, 0, 0]
        assert found[0].tolist() == [start, start] and found[-1].tolist() == [start + end, start + end]

    def test_of_a_track_it_ends_at_the_apex_in_inter_ocular_distances(self, make_track):
        track = make_track(AFTER_REST)
        options = Options(values="trajectory", landmarks=122)
        made = tensors.sequence_features(track, options=options)
        assert made.tensor.shape == (8, 244)
        upright = geometry.normalise(track.points)[:, regions.landmarks(122), :2]
        way = upright[made.phases.apex] - upright[made.phases.onset]
        done = made.tensor - made.tensor[0]
        assert done[-1] == pytest.approx(way.ravel(), abs=1e-6)  # x and y of one point side by side
        assert 0.01 < np.abs(way).max() < 0.05  # 1.5 pixels of 60
        for change in ({"scale": 2.5}, {"roll": 25}, {"shift": (-180, 33)}):
            other = tensors.sequence_features(moved(track, **change), options=options).tensor
            np.testing.assert_allclose(other - other[0], done, atol=2e-4)


class TestShare:
    def test_all_of_the_way_is_the_default(self, make_track):
        track = make_track(AFTER_REST)
        whole = tensors.sequence_features(track, options=Options(share=1.0))
        np.testing.assert_array_equal(whole.tensor, tensors.sequence_features(track).tensor)

    @pytest.mark.parametrize("values", ["both", "trajectory"])
    @pytest.mark.parametrize("apex", ["last", "inside"])
    def test_a_share_is_what_the_track_gives_that_ends_there(self, make_track, apex, values):
        track = make_track(np.concatenate([AFTER_REST, RISE[::-1]]), missing=[14, 15, 21])
        whole = tensors.sequence_features(track, apex)
        onset, last = whole.phases.onset, whole.phases.apex
        assert last == 46 if apex == "last" else 20 < last < 32
        for share in (0.43, 0.77, 0.93):
            seen = int(onset + share * (last - onset) + 0.5)
            made = tensors.sequence_features(track, apex, Options(share=share, values=values))
            ending = tensors.first_frames(track, seen + 1)
            assert len(ending) == len(ending.points) == len(ending.reasons) == seen + 1
            expected = tensors.sequence_features(ending, "last", Options(values=values))
            np.testing.assert_array_equal(made.tensor, expected.tensor)
            assert made.key_frames[-1] == made.phases.apex == seen

    def test_all_that_is_seen_counts_where_the_rise_slows_down(self, make_track):
        """Where the frames end, smoothing flattens the slope; this does not say that the apex has been reached."""
        slopes = np.concatenate([np.zeros(10), np.ones(5), np.full(20, 0.3), np.zeros(8), np.full(11, -1)])
        track = make_track(np.cumsum(slopes) / 11)
        onset, apex = (getattr(tensors.sequence_features(track, "inside").phases, name) for name in ("onset", "apex"))
        assert 30 < apex < 40
        made = tensors.sequence_features(track, "inside", Options(share=0.7))
        assert made.key_frames[-1] == made.phases.apex == round(onset + 0.7 * (apex - onset))

    def test_what_comes_later_changes_nothing_but_where_the_apex_lies(self, make_track):
        track, early = make_track(AFTER_REST), Options(share=0.5)
        whole = tensors.sequence_features(track)
        seen = whole.phases.onset + round((29 - whole.phases.onset) / 2)
        points = track.points.copy()
        points[seen + 1 :, 61] += 0.5  # pixels, of a corner of the mouth
        other = replace(track, points=points)
        changed = tensors.sequence_features(other)
        assert (changed.phases.onset, changed.phases.apex) == (whole.phases.onset, whole.phases.apex)
        assert np.abs(changed.tensor - whole.tensor).max() > 0.005
        np.testing.assert_array_equal(
            tensors.sequence_features(other, options=early).tensor,
            tensors.sequence_features(track, options=early).tensor,
        )
        points[seen, 61] += 0.5  # the last frame that is seen
        assert np.abs(
            tensors.sequence_features(other, options=early).tensor
            - tensors.sequence_features(track, options=early).tensor
        ).max() > 0.005  # fmt: skip

    def test_too_little_to_see_is_refused(self, make_track):
        track = make_track(np.linspace(0, 1, 11) ** 0.5)
        assert tensors.sequence_features(track).phases.onset == 0
        with pytest.raises(SequenceRefused, match=r"^3 frames, 5 key frames need at least as many$"):
            tensors.sequence_features(track, options=Options(share=0.2))


class TestJitter:
    def test_its_standard_deviation_is_in_inter_ocular_distances(self, make_track):
        track = make_track(np.zeros(30), missing=[3, 4])
        there = np.delete(np.arange(30), [3, 4])
        noisy = tensors.jittered(track, 0.02, seed=7)
        noise = (noisy.points - track.points)[there]
        across = hypot(59, 11)  # pixels between the corners of the eyes
        assert noise.std(axis=(0, 1)) == pytest.approx([0.02 * across] * 3, rel=0.03)
        assert noise.mean() == pytest.approx(0, abs=0.02)
        assert np.diff(noise, axis=0).std() == pytest.approx(0.02 * across * 2**0.5, rel=0.03)  # again in every frame
        assert np.isnan(noisy.points[[3, 4]]).all()
        assert noisy.points.dtype == np.float32
        np.testing.assert_array_equal(noisy.times, track.times)
        np.testing.assert_array_equal(noisy.reasons, track.reasons)

    def test_the_seed_decides_and_the_size_scales(self, make_track):
        track = make_track(RISE)
        one, again, other = (tensors.jittered(track, 0.1, seed).points for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, again)
        assert np.abs(one - other).max() > 1
        np.testing.assert_array_equal(tensors.jittered(track, 0, 1).points, track.points)
        twice = tensors.jittered(track, 0.2, 1).points
        np.testing.assert_allclose(twice - track.points, 2 * (one - track.points), atol=1e-3)

    def test_every_sequence_of_a_table_has_noise_of_its_own_and_always_the_same(self, make_track, make_sequence):
        sequences, track = [make_sequence("a"), make_sequence("b")], make_track(RISE)
        tracks, options = {"a": track, "b": track}, Options(jitter=0.05)
        plain, table = tensors.table(sequences, tracks), tensors.table(sequences, tracks, options)
        np.testing.assert_array_equal(plain.x[0], plain.x[1])
        assert np.abs(table.x[0] - table.x[1]).max() > 0.01
        np.testing.assert_array_equal(tensors.table(sequences[1:], tracks, options).x[0], table.x[1])
        for row, name in enumerate("ab"):
            noisy = tensors.jittered(track, 0.05, zlib.crc32(name.encode()))
            np.testing.assert_array_equal(table.x[row], tensors.sequence_features(noisy).tensor)

    def test_a_track_without_a_face_is_refused_as_ever(self, make_track, make_sequence):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = tensors.table(
                [make_sequence("a")], {"a": make_track(np.zeros(6), missing=range(6))}, Options(jitter=1)
            )
        assert table.refused == {"a": "no face in any of 6 frames"}


class TestDetectorNoise:
    levels = np.concatenate([np.zeros(30), 6 * RISE])
    across = hypot(59, 11)

    def jitter(self, make_track, pixels, seed=0, missing=()):
        track = make_track(self.levels, missing=missing)
        noise = np.random.default_rng(seed).normal(0, pixels, track.points.shape)
        return replace(track, points=(track.points + noise).astype(np.float32))

    @pytest.mark.parametrize("pixels", [0.1, 0.3])
    def test_a_known_noise_is_found(self, make_track, make_sequence, pixels):
        found = tensors.detector_noise([make_sequence("a")], {"a": self.jitter(make_track, pixels)})
        assert found == pytest.approx(pixels / self.across, rel=0.1)

    def test_slow_movement_and_a_larger_face_play_no_part(self, make_track, make_sequence):
        track, sequences = self.jitter(make_track, 0.2), [make_sequence("a")]
        plain = tensors.detector_noise(sequences, {"a": track})
        seconds = np.arange(len(track)) / 30
        drift = np.stack([20 * seconds, 8 * np.sin(seconds), 0 * seconds], axis=1)[:, None].astype(np.float32)
        drifting = replace(track, points=track.points + drift)
        assert np.ptp(drift[:30, 0], axis=0)[0] > 15  # pixels: a hundred times the noise
        assert tensors.detector_noise(sequences, {"a": drifting}) == pytest.approx(plain, rel=0.02)
        assert tensors.detector_noise(sequences, {"a": moved(track, scale=3)}) == pytest.approx(plain, rel=1e-3)

    def test_frames_in_which_the_tracking_settles_and_the_expression_itself_are_left_out(
        self, make_track, make_sequence
    ):
        track, sequences = self.jitter(make_track, 0.2), [make_sequence("a")]
        plain = tensors.detector_noise(sequences, {"a": track})
        rough = track.points.copy()
        others = np.setdiff1d(np.arange(478), [regions.LEFT_EYE_CORNER, regions.RIGHT_EYE_CORNER])
        rough[:2, others] += 30 * (-1.0) ** np.arange(len(others))[:, None]
        assert tensors.detector_noise(sequences, {"a": replace(track, points=rough)}) == pytest.approx(plain)
        rough = track.points.copy()
        rough[-8::2] += 3  # the whole face, up and down
        assert tensors.detector_noise(sequences, {"a": replace(track, points=rough)}) == pytest.approx(plain)

    def test_the_median_of_those_that_can_be_measured(self, make_track, make_sequence):
        tracks = {name: self.jitter(make_track, pixels, 3) for name, pixels in (("a", 0.1), ("b", 0.2), ("c", 0.9))}
        tracks |= {
            "short": make_track([0, 1]),
            "no face at first": self.jitter(make_track, 5, missing=[0]),
            "a gap": self.jitter(make_track, 5, missing=[9]),
            "no rest": make_track(np.linspace(0, 1, 12) ** 0.5),
        }
        sequences = [make_sequence(name) for name in ("no track", *tracks)]
        found = tensors.detector_noise(sequences, tracks)
        assert found == tensors.detector_noise([make_sequence("b")], tracks)
        assert found == pytest.approx(0.2 / self.across, rel=0.1)

    def test_where_nothing_rests_it_is_not_known(self, make_track, make_sequence):
        assert np.isnan(tensors.detector_noise([], {}))
        assert np.isnan(tensors.detector_noise([make_sequence("a")], {"a": make_track(np.linspace(0, 1, 12) ** 0.5)}))


@pytest.mark.parametrize("wrong", [{"values": "angle"}, {"pairs": "some"}, {"landmarks": 68}])
def test_unknown_options_are_refused(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} {value!r}: must be one of"):
        Options(**wrong)
