"""The index tables: regions of the face, sets of landmarks, categories of action units, and the pairs they give.

The paper compares sets of 61, 122 and 250 of MediaPipe's 478 points, picked by hand in seven regions; the sizes of the
regions in the set of 61 are the paper's (8, 8, 7, 7, 10, 16, 5), the indices are chosen here, since its lists are not
published. Edit the table to try your own: everything downstream follows.

"Left" and "right" are sides of the picture, so the left eye is the person's right eye.
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal

# In each region the points of the set of 61 come first, then those that the set of 122 adds, then those of 250. The
# added ones lie as far apart as the region allows, left and right alike. Of each eye the outer and inner corner come
# first, then the lids; of the mouth the outer lips before the inner.
# fmt: off
REGIONS: dict[str, tuple[int, ...]] = {
    "left eye": (
        33, 133, 159, 145, 158, 153, 160, 144,
        157, 154, 161, 163, 246, 173, 7, 155,
        27, 29, 30, 24, 28, 56, 110, 23, 247, 22, 31, 189, 232, 229, 244, 225, 226, 221, 224, 222,
    ),
    "right eye": (
        263, 362, 386, 374, 385, 380, 387, 373,
        384, 381, 388, 390, 466, 398, 249, 382,
        257, 259, 260, 254, 258, 286, 339, 253, 467, 252, 261, 413, 452, 449, 464, 445, 446, 441, 444, 442,
    ),
    "left brow": (
        70, 63, 105, 66, 107, 55, 65,
        46, 53, 52, 156,
        108, 104, 69, 68, 193, 124, 71,
    ),
    "right brow": (
        336, 296, 334, 293, 300, 285, 295,
        276, 283, 282, 383,
        337, 333, 299, 298, 417, 353, 301,
    ),
    "nose": (
        1, 2, 98, 327, 168, 6, 197, 195, 5, 4,
        121, 350, 198, 420, 142, 371, 218, 438, 245, 465, 94,
        174, 399, 134, 363, 49, 279, 60, 290, 129, 358, 114, 343, 126, 355, 236, 456, 188, 412, 217, 437, 131,
        360,
    ),
    "mouth": (
        61, 291, 0, 17, 37, 267, 84, 314, 13, 14, 78, 308, 82, 312, 87, 317,
        40, 270, 91, 321, 39, 269, 181, 405, 80, 310, 178, 402, 81, 311, 95, 324, 185, 409,
        88, 318, 146, 375, 191, 415, 72, 302, 12, 16, 85, 315, 73, 303, 180, 404, 38, 268, 11, 41, 271, 42,
        272, 90, 320, 15, 74, 304, 183, 407,
    ),
    "lower jaw": (
        152, 175, 199, 200, 18,
        58, 288, 150, 379, 204, 424, 138, 367,
        176, 400, 172, 397, 136, 365, 170, 395, 135, 364, 210, 430, 32, 262, 182, 406, 171, 396, 169, 394,
        149, 378,
    ),
}
# fmt: on

# how many of each region's points are in a set, by the set's size
SIZES: dict[int, tuple[int, ...]] = {
    sum(counts): counts
    for counts in (
        (8, 8, 7, 7, 10, 16, 5),
        (16, 16, 11, 11, 21, 34, 13),
        (36, 36, 18, 18, 43, 64, 35),
    )
}

_EYES, _BROWS = ("left eye", "right eye"), ("left brow", "right brow")

# Table 3 of arXiv:2512.05669: the regions in which a group of FACS action units shows
CATEGORIES: dict[str, tuple[str, ...]] = {
    "AU 1, 2, 4, 5": (*_EYES, *_BROWS),
    "AU 6": (*_EYES, "nose"),
    "AU 7, 9": (*_EYES, *_BROWS, "nose"),
    "AU 12, 14, 15, 16, 23, 26": ("nose", "mouth", "lower jaw"),
    "AU 20": (*_EYES, "nose", "mouth"),
}

# Points that expressions hardly move: corners of the eyes, bridge of the nose, temples.
BONE = (33, 133, 362, 263, 168, 6, 197, 195, 54, 284, 21, 251, 162, 389, 127, 356)

LEFT_EYE_CORNER, RIGHT_EYE_CORNER = 33, 263  # the outer ones; the distance between them is the inter-ocular distance


Pairing = Literal["grouped", "all"]


def by_region(size: int = 61) -> dict[str, tuple[int, ...]]:
    """Return the MediaPipe indices of each region in the set of `size` points. Raises KeyError for an unknown set."""
    return {name: REGIONS[name][:count] for name, count in zip(REGIONS, SIZES[size], strict=True)}


def landmarks(size: int = 61) -> tuple[int, ...]:
    """Return the MediaPipe indices of a set, region by region."""
    return tuple(index for indices in by_region(size).values() for index in indices)


def pairs(size: int = 61, pairing: Pairing = "grouped") -> tuple[tuple[int, int], ...]:
    """Return the P pairs of MediaPipe indices, each pair once.

    They are every two points that share a category ("grouped"), or every two points of the set ("all"). Of the set of
    61, 1456 of 1830 possible pairs share a category, as in the paper.
    """
    every = combinations(landmarks(size), 2)
    if pairing == "all":
        return tuple(every)
    table = by_region(size)
    groups = [{index for name in names for index in table[name]} for names in CATEGORIES.values()]
    return tuple(pair for pair in every if any(group.issuperset(pair) for group in groups))


def region_of(index: int) -> str:
    """Return the region that a MediaPipe index belongs to. Raises KeyError for an index in none."""
    for name, indices in REGIONS.items():
        if index in indices:
            return name
    raise KeyError(index)
