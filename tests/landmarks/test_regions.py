"""The index tables against the numbers that the paper gives, and what a hand that edits them must keep."""

from math import comb

import numpy as np
import pytest

from fer_utils import paths
from fer_utils.landmarks import regions

SETS = (61, 122, 250)


@pytest.fixture(scope="module")
def mirrored():
    """The partner of each of the 468 points of the canonical face on its other side."""
    with np.load(paths.ASSETS / "canonical_face.npz", allow_pickle=False) as arrays:
        points = arrays["vertices"].astype(float)
    apart = np.linalg.norm(points[:, None] - points * [-1, 1, 1], axis=2)
    partner = apart.argmin(axis=1)
    assert apart.min(axis=1).max() < 1e-6 and (partner[partner] == np.arange(468)).all()
    return partner


@pytest.mark.parametrize(
    ("size", "counts"),
    [
        (61, [8, 8, 7, 7, 10, 16, 5]),  # the paper's
        (122, [16, 16, 11, 11, 21, 34, 13]),
        (250, [36, 36, 18, 18, 43, 64, 35]),
    ],
)
def test_sizes_of_sets_and_regions(size, counts):
    assert sum(counts) == size
    assert [len(indices) for indices in regions.by_region(size).values()] == counts
    names = ["left eye", "right eye", "left brow", "right brow", "nose", "mouth", "lower jaw"]
    assert list(regions.by_region(size)) == list(regions.REGIONS) == names
    assert len(regions.landmarks(size)) == size


def test_the_set_of_61_is_the_default():
    assert regions.by_region() == regions.by_region(61)
    assert regions.landmarks() == regions.landmarks(61)
    assert regions.pairs() == regions.pairs(61, "grouped")


def test_no_point_is_there_twice_and_all_are_on_the_canonical_face():
    """Points 468 to 477 are the irises, which the canonical face does not have."""
    everything = [index for indices in regions.REGIONS.values() for index in indices]
    assert len(everything) == len(set(everything)) == 250
    assert min(everything) >= 0 and max(everything) < 468


def test_each_set_holds_the_smaller_ones_region_by_region():
    for small, large in ((61, 122), (122, 250)):
        assert set(regions.landmarks(small)) < set(regions.landmarks(large))
        for name, indices in regions.by_region(small).items():
            assert regions.by_region(large)[name][: len(indices)] == indices
    assert regions.by_region(250) == regions.REGIONS


@pytest.mark.parametrize("size", SETS)
def test_left_and_right_mirror_each_other(mirrored, size):
    table = regions.by_region(size)
    partner = {"left eye": "right eye", "left brow": "right brow", "nose": "nose", "mouth": "mouth"}
    for one, other in (partner | {"lower jaw": "lower jaw"}).items():
        assert set(mirrored[list(table[one])].tolist()) == set(table[other])
    assert mirrored[list(table["left eye"])].tolist() == list(table["right eye"])  # point by point


def test_left_is_left_in_the_picture():
    with np.load(paths.ASSETS / "canonical_face.npz", allow_pickle=False) as arrays:
        x = arrays["vertices"][:, 0]
    for side, sign in (("left", -1), ("right", 1)):
        for part in ("eye", "brow"):
            assert (sign * x[list(regions.REGIONS[f"{side} {part}"])] > 0).all()


@pytest.mark.parametrize("size", [0, 60, 478])
def test_a_set_that_is_not_there(size):
    with pytest.raises(KeyError, match=str(size)):
        regions.landmarks(size)


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
    inside = {index for name in regions.CATEGORIES[units] for index in regions.by_region()[name]}
    assert len(inside) == points
    assert sum(1 for pair in regions.pairs() if set(pair) <= inside) == pairs == comb(points, 2)


@pytest.mark.parametrize(("size", "count"), [(61, 1456), (122, 5931), (250, 25041)])
def test_united_pairs_each_once(size, count):
    """1456 is the paper's. Left out are brows with mouth and jaw, and eyes with jaw: 1830 − 14 · 21 − 16 · 5 = 1456,
    7381 − 22 · 47 − 32 · 13 = 5931 and 31125 − 36 · 99 − 72 · 35 = 25041."""
    pairs = regions.pairs(size)
    assert len(pairs) == count
    assert len({frozenset(pair) for pair in pairs}) == count
    assert all(first != second for first, second in pairs)
    assert {index for pair in pairs for index in pair} == set(regions.landmarks(size))


@pytest.mark.parametrize(("size", "count"), [(61, 1830), (122, 7381), (250, 31125)])
def test_all_pairs_of_a_set(size, count):
    pairs = regions.pairs(size, "all")
    assert len(pairs) == count == size * (size - 1) // 2
    assert len({frozenset(pair) for pair in pairs}) == count
    assert set(regions.pairs(size)) < set(pairs)  # as ordered pairs: the angle's sign is the same in both


@pytest.mark.parametrize("size", SETS)
def test_only_brows_with_mouth_and_all_but_nose_and_mouth_with_jaw_are_left_out(size):
    seen = {frozenset(regions.region_of(index) for index in pair) for pair in regions.pairs(size)}
    absent = {frozenset({one, other}) for one in regions.REGIONS for other in regions.REGIONS if one < other} - seen
    brows, eyes = ("left brow", "right brow"), ("left eye", "right eye")
    assert absent == {
        *(frozenset({brow, other}) for brow in brows for other in ("mouth", "lower jaw")),
        *(frozenset({eye, "lower jaw"}) for eye in eyes),
    }


@pytest.mark.parametrize("pairing", ["grouped", "all"])
@pytest.mark.parametrize("size", [61, 122])
def test_pairs_come_in_the_order_of_the_regions(size, pairing):
    place = {index: position for position, index in enumerate(regions.landmarks(size))}
    places = [(place[first], place[second]) for first, second in regions.pairs(size, pairing)]
    assert places == sorted(places)
    assert all(first < second for first, second in places)


@pytest.mark.parametrize(
    ("index", "name"),
    [
        *((33, "left eye"), (263, "right eye"), (70, "left brow"), (300, "right brow"), (1, "nose"), (13, "mouth")),
        *((157, "left eye"), (152, "lower jaw"), (149, "lower jaw"), (360, "nose")),  # in the larger sets too
    ],
)
def test_region_of(index, name):
    assert regions.region_of(index) == name


def test_region_of_a_point_in_none():
    with pytest.raises(KeyError, match="9"):
        regions.region_of(9)


def test_eye_corners_are_the_outer_ones():
    assert regions.REGIONS["left eye"][0] == regions.LEFT_EYE_CORNER
    assert regions.REGIONS["right eye"][0] == regions.RIGHT_EYE_CORNER
    with np.load(paths.ASSETS / "canonical_face.npz", allow_pickle=False) as arrays:
        x = arrays["vertices"][:, 0]
    corners, inner = [regions.LEFT_EYE_CORNER, regions.RIGHT_EYE_CORNER], [133, 362]
    assert (np.abs(x[corners]) > np.abs(x[inner])).all()
