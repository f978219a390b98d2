"""The index tables: regions of the face, sets of landmarks, categories of action units, and the pairs they give.

The paper compares sets of 61, 122 and 250 of MediaPipe's 478 points, picked by hand in seven regions; the sizes of the
regions in the set of 61 are the paper's (8, 8, 7, 7, 10, 16, 5), the indices are chosen here, since its lists are not
published. Edit the table to try your own: everything downstream follows.

"Left" and "right" are sides of the picture, so the left eye is the person's right eye.
"""

from __future__ import annotations

from itertools import combinations

# outer and inner corner, then lids, of each eye; brows from their outer end; outer lips before inner lips
REGIONS: dict[str, tuple[int, ...]] = {
    "left eye": (33, 133, 159, 145, 158, 153, 160, 144),
    "right eye": (263, 362, 386, 374, 385, 380, 387, 373),
    "left brow": (70, 63, 105, 66, 107, 55, 65),
    "right brow": (336, 296, 334, 293, 300, 285, 295),
    "nose": (1, 2, 98, 327, 168, 6, 197, 195, 5, 4),
    "mouth": (61, 291, 0, 17, 37, 267, 84, 314, 13, 14, 78, 308, 82, 312, 87, 317),
    "lower jaw": (152, 175, 199, 200, 18),
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

LEFT_EYE_CORNER, RIGHT_EYE_CORNER = 33, 263  # the outer ones; the distance between them is the inter-ocular distance


def landmarks() -> tuple[int, ...]:
    """The MediaPipe indices of all regions, region by region."""
    return tuple(index for indices in REGIONS.values() for index in indices)


def pairs() -> tuple[tuple[int, int], ...]:
    """The P united pairs of MediaPipe indices: every two points that share a category, each pair once.

    1456 for the set of 61, as in the paper (of 1830 possible ones).
    """
    place = {index: position for position, index in enumerate(landmarks())}
    united = {
        tuple(sorted(pair, key=place.__getitem__))
        for names in CATEGORIES.values()
        for pair in combinations([index for name in names for index in REGIONS[name]], 2)
    }
    return tuple(sorted(united, key=lambda pair: (place[pair[0]], place[pair[1]])))


def region_of(index: int) -> str:
    """The region that a MediaPipe index belongs to. Raises KeyError for an index in none."""
    for name, indices in REGIONS.items():
        if index in indices:
            return name
    raise KeyError(index)
