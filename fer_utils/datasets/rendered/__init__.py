"""Rendered actors: stand-ins for the licensed datasets, drawn with NumPy and OpenCV, with the truth known.

They let every stage run from pixels. They say nothing about real faces, and every tree they write says so in its
`manifest.json` (`"rendered": true`).
"""

from fer_utils.datasets.rendered.truth import read_truth
from fer_utils.datasets.rendered.writing import NAMES, ensure

__all__ = ["NAMES", "ensure", "read_truth"]
