"""Ids of several faces: rendered actors that meet, cross and part, and faces that come and go."""

import cv2
import numpy as np
import pytest

from fer_utils.landmarks.detectors import open_detector
from fer_utils.standins.actors import make_actor
from fer_utils.standins.drawing.camera import View
from fer_utils.standins.drawing.painter import Painter

SIZE, NOSE = (260, 312), (130, 146)  # of an actor's cut-out, and where its nose is about
FRAMES = 50
LEFT, MIDDLE, RIGHT = (105, 200), (400, 210), (695, 215)


@pytest.fixture(scope="module")
def cut_outs():
    """By actor: a picture of the head, and how opaque each pixel is."""
    opaque = np.zeros(SIZE[::-1], np.float32)
    cv2.ellipse(opaque, NOSE, (92, 135), 0, 0, 360, 1, -1)
    opaque = cv2.GaussianBlur(opaque, (7, 7), 0)[..., None]
    actors = {seed: make_actor(seed) for seed in (1, 2, 4, 6, 9, 11)}
    view = View(SIZE, (130, 137), 6.2)
    return {seed: (Painter(actor, SIZE).draw(actor.resting, view), opaque) for seed, actor in actors.items()}


def scene(cut_outs, places):
    """One frame: the actors by their noses' places, the later ones in front. Outside the frame there may be some."""
    margin = 400
    frame = np.full((420 + 2 * margin, 800 + 2 * margin, 3), (120, 130, 125), np.uint8)
    for seed, (x, y) in places.items():
        picture, opaque = cut_outs[seed]
        left, top = round(x) - NOSE[0] + margin, round(y) - NOSE[1] + margin
        under = frame[top : top + SIZE[1], left : left + SIZE[0]]
        under[:] = under * (1 - opaque) + picture * opaque
    return np.ascontiguousarray(frame[margin:-margin, margin:-margin])


def way(*stops):
    """(FRAMES, 2): from stop to stop in even steps."""
    at = np.linspace(0, len(stops) - 1, FRAMES)
    return np.stack([np.interp(at, range(len(stops)), axis) for axis in zip(*stops, strict=True)], axis=1)


def nearest(nose, places):
    return min(places, key=lambda seed: np.hypot(*(nose - places[seed])))


def followed(cut_outs, ways, name="face_landmarker", faces=None):
    """A row a frame: the actor nearest to each face, by the face's id."""
    rows = []
    with open_detector(name, faces=faces or len(ways)) as detector:
        for number in range(FRAMES):
            places = {seed: places[number] for seed, places in ways.items() if np.isfinite(places[number]).all()}
            found = detector.detect_all(scene(cut_outs, places), number / 25)
            noses = {face.id: face.points[1, :2] for face in found}
            rows.append(
                {id: min(places, key=lambda seed: np.hypot(*(nose - places[seed]))) for id, nose in noses.items()}
            )
    return rows


def assert_lasting(rows, actors):
    """Every id is of one actor, before they meet and after they part; and every actor has been seen again."""
    away = rows[:12] + rows[-8:]
    assert all(sorted(row.values()) == sorted(actors) for row in away)
    assert all(row == rows[0] for row in away)
    assert {id for row in rows for id in row} == set(rows[0])


@pytest.mark.parametrize("name, first, second", [("face_landmarker", 1, 2), ("face_mesh", 4, 6), ("face_mesh", 9, 11)])
def test_two_actors_cross(cut_outs, name, first, second):
    assert_lasting(followed(cut_outs, {first: way(LEFT, RIGHT), second: way(RIGHT, LEFT)}, name), (first, second))


def test_two_actors_meet_and_turn_back(cut_outs):
    ways = {4: way(LEFT, (400, 200), LEFT), 6: way(RIGHT, (410, 210), RIGHT)}
    assert_lasting(followed(cut_outs, ways), (4, 6))


@pytest.mark.parametrize("actors", [(1, 2, 4), (6, 9, 11)])
def test_two_actors_cross_behind_a_third(cut_outs, actors):
    ways = dict(zip(actors, (way(LEFT, RIGHT), way(RIGHT, LEFT), way(MIDDLE, MIDDLE)), strict=True))
    assert_lasting(followed(cut_outs, ways), actors)


def test_a_face_that_is_gone_for_a_moment_keeps_its_id_and_a_new_one_gets_another(cut_outs):
    """Actor 6 stays; 4 is away for half a second, and goes at last; then 9 comes, elsewhere."""
    gone, came = way(LEFT, LEFT), np.full((FRAMES, 2), np.nan)
    gone[12:24] = gone[36:] = np.nan
    came[40:] = MIDDLE
    rows = followed(cut_outs, {4: gone, 6: way(RIGHT, RIGHT), 9: came}, faces=2)
    ids = {seed: id for id, seed in rows[0].items()}
    assert sorted(ids) == [4, 6]
    assert all(row == {ids[6]: 6} for row in rows[12:24] + rows[36:40])
    assert all(row == rows[0] for row in rows[24:36])
    assert all(row == {ids[6]: 6, 2: 9} for row in rows[40:])


def test_more_faces_than_are_wanted(cut_outs):
    """The two followed ones stay the same when a third comes."""
    third = np.full((FRAMES, 2), np.nan)
    third[10:] = MIDDLE
    rows = followed(cut_outs, {1: way(LEFT, LEFT), 2: way(RIGHT, RIGHT), 4: third}, faces=2)
    assert all(row == rows[0] and sorted(row.values()) == [1, 2] for row in rows)


def test_pictures_have_no_memory(cut_outs):
    """In image mode, ids are ranks by size."""
    with open_detector("face_landmarker", "image", faces=3) as detector:
        for places in ({1: LEFT, 2: RIGHT}, {2: LEFT}):
            assert [face.id for face in detector.detect_all(scene(cut_outs, places))] == list(range(len(places)))
