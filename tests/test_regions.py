"""The index tables against the numbers that the paper gives."""

from math import comb

import pytest

from fer_utils import regions


def test_sizes_of_the_regions_are_the_papers():
    assert [len(indices) for indices in regions.REGIONS.values()] == [8, 8, 7, 7, 10, 16, 5]
    assert len(regions.landmarks()) == 61
    assert len(set(regions.landmarks())) == 61
    assert all(0 <= index < 478 for index in regions.landmarks())


@pytest.mark.parametrize(
    ("units", "points", "pairs"),
    [
        ("AU 1, 2, 4, 5", 30, 435),
        ("AU 6", 26, 325),
        ("AU 7, 9", 40, 780),
        ("AU 12, 14, 15, 16, 23, 26", 31, 465),
        ("AU 20", 42, 861),
    ],
)
def test_each_category_gives_all_its_pairs(units, points, pairs):
    inside = {index for name in regions.CATEGORIES[units] for index in regions.REGIONS[name]}
    assert len(inside) == points
    assert sum(1 for pair in regions.pairs() if set(pair) <= inside) == pairs == comb(points, 2)


def test_united_pairs_are_the_papers_1456_each_once():
    pairs = regions.pairs()
    assert len(pairs) == 1456
    assert len({frozenset(pair) for pair in pairs}) == 1456
    assert all(first != second for first, second in pairs)


def test_only_brows_with_mouth_and_all_but_nose_and_mouth_with_jaw_are_left_out():
    """1830 − 14 · 16 (brow–mouth) − 14 · 5 (brow–jaw) − 16 · 5 (eye–jaw) = 1456."""
    seen = {frozenset(regions.region_of(index) for index in pair) for pair in regions.pairs()}
    absent = {frozenset({one, other}) for one in regions.REGIONS for other in regions.REGIONS if one < other} - seen
    brows, eyes = ("left brow", "right brow"), ("left eye", "right eye")
    assert absent == {
        *(frozenset({brow, other}) for brow in brows for other in ("mouth", "lower jaw")),
        *(frozenset({eye, "lower jaw"}) for eye in eyes),
    }


def test_pairs_come_in_the_order_of_the_regions():
    place = {index: position for position, index in enumerate(regions.landmarks())}
    places = [(place[first], place[second]) for first, second in regions.pairs()]
    assert places == sorted(places)
    assert all(first < second for first, second in places)


@pytest.mark.parametrize(
    ("index", "name"),
    [(33, "left eye"), (263, "right eye"), (70, "left brow"), (300, "right brow"), (1, "nose"), (13, "mouth")],
)
def test_region_of(index, name):
    assert regions.region_of(index) == name


def test_region_of_a_point_in_none():
    with pytest.raises(KeyError, match="9"):
        regions.region_of(9)


def test_eye_corners_are_the_outer_ones():
    assert regions.REGIONS["left eye"][0] == regions.LEFT_EYE_CORNER
    assert regions.REGIONS["right eye"][0] == regions.RIGHT_EYE_CORNER
