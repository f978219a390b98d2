"""Colours that all figures and the demo share: one for each emotion, one for each region of the face.

They are Okabe and Ito's (https://jfly.uni-koeln.de/color/), which colour-blind readers can tell apart, and
a brown. Imports no plotting library, so that the demo and `fer predict` load it at no cost.
"""

from __future__ import annotations

from fer_utils.data.labels import EMOTIONS
from fer_utils.landmarks import regions

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
BROWN, BLACK, DARK_GREY, GREY, LIGHT_GREY = "#7A4A1E", "#222222", "#555555", "#8A8A8A", "#c8c8c8"
GRID = "#dddddd"

EMOTION_COLOURS = dict(zip(EMOTIONS, (RED, BROWN, GREEN, PURPLE, ORANGE, BLUE, SKY), strict=True))
EMOTION_MARKERS = dict(zip(EMOTIONS, "^XDvos*", strict=True))  # for print without colour
PHASE_LINES = {"onset": ":", "apex": "-", "offset": "--"}  # Matplotlib's line styles
REGION_COLOURS = dict(zip(regions.REGIONS, (BLUE, SKY, GREEN, "#66C2A5", BLACK, RED, PURPLE), strict=True))


def emotion_colour(name: str) -> str:
    """Return the colour of an emotion as "#RRGGBB"; grey for a class that is not one of `labels.EMOTIONS`."""
    return EMOTION_COLOURS.get(name, GREY)


def emotion_marker(name: str) -> str:
    """Return the Matplotlib marker of an emotion; a point for a class that is not one of `labels.EMOTIONS`."""
    return EMOTION_MARKERS.get(name, ".")


def bgr(colour: str) -> tuple[int, int, int]:
    """Return "#RRGGBB" as OpenCV takes it: blue, green, red, 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return blue, green, red
