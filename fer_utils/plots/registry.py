"""The registry of figures: every figure that the notebooks draw and save, in their order.

`faces.save(figure, out, dataset, name)` writes a figure under its name. The report, the index of a run's folder and the
published pages take its title and caption from here. A new figure is a function and one entry below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fer_utils import paths


class Entry(NamedTuple):
    """What readers are told of a figure.

    `notebook` is the number of the notebook that draws it, `title` says what it shows and `see` what to look for in it.
    It is drawn of each dataset or, with `across`, once for all of them.
    """

    notebook: str
    title: str
    see: str
    across: bool = False


FIGURES: Mapping[str, Entry] = {
    "faces": Entry(
        "01",
        "The 61 points on faces",
        "One recording of each emotion: first frame above, apex below. The points should lie on brows, lids, nose and "
        "lips, and move with the expression.",
    ),
    "categories": Entry(
        "02",
        "The pairs of the five categories",
        "A line is a pair of points whose distance and angle are used. Each category stands for a group of action "
        "units; together they give 1456 pairs.",
    ),
    "intensity": Entry(
        "02",
        "Intensity over time",
        "One recording of each emotion. The intensity rises from onset to apex. The dots are the five key frames, "
        "evenly spaced in intensity.",
    ),
    "changes": Entry(
        "02",
        "How much each emotion changes the features",
        "Mean change of a distance from each key frame to the next. Emotions of the same height can still differ in "
        "which pairs change.",
    ),
    "training": Entry(
        "03",
        "Training curves",
        "One line for each fold. If the validation loss rises while the training loss falls, the network overfits: "
        "the epoch of the lowest validation loss is the one that counts.",
    ),
    "confusion": Entry(
        "03",
        "Confusion matrices of the paper's network",
        "Rows are true, columns predicted emotions, in % of the row. Off the diagonal: which emotions are taken for "
        "which.",
    ),
    "protocols": Entry(
        "03",
        "The two protocols side by side",
        "In stratified folds a person can be in training and in test, in grouped folds never. Believe the grouped "
        "row. Bars are 95 % intervals over people.",
    ),
    "models": Entry(
        "03b",
        "The network and simpler models",
        "All on the same folds of people. Notebook 03b says what each model is. Overlapping intervals alone do not say "
        "that two models are alike: the table of pairs tests that.",
    ),
    "leakage": Entry(
        "03b",
        "What leakage adds",
        "The same model, tested on new people (first row), on people it has seen, with its epoch chosen on the test "
        "set, and with each person left out. What the second and third row gain is not skill. The last trains on more "
        "people.",
    ),
    "ablations": Entry(
        "03b",
        "What is needed",
        "One change in each row, the rest as in the study, with one seed. A difference within the intervals may be "
        "noise.",
    ),
    "importance": Entry(
        "03c",
        "What decides",
        "Accuracy lost when a group of features is shuffled among the test sequences. Groups can stand in for each "
        "other: a small loss does not mean that a group says nothing.",
    ),
    "important_pairs": Entry(
        "03c",
        "What decides, on the face",
        "The same, drawn between the regions: distances left, angles right. The thicker the line, the more is lost.",
    ),
    "conditions": Entry(
        "03c",
        "How early, and how exact",
        "A model trained on whole sequences and tested on less: on the first part of the rise to the apex, and on "
        "points with added noise.",
    ),
    "important_units": Entry(
        "03c",
        "What decides, in action units",
        "Accuracy that emotion by way of units loses if one unit is shuffled, as bars and where the units move the "
        "face. Hatched bars lost some in fewer than two thirds of the folds.",
    ),
    "matrix": Entry(
        "04",
        "Trained on one dataset, tested on another",
        "Accuracy in %. Compare within a column: its cells have the same test set. The diagonal is folds of people "
        "within a set.",
        across=True,
    ),
    "composites": Entry(
        "04",
        "The paper's composites",
        "Trained on three datasets and tested on MMI; then all merged, in folds of people and in folds of sequences.",
        across=True,
    ),
    "reliability": Entry(
        "04b",
        "How far the probabilities can be trusted",
        "The classifier that ships, on drawn points. A dot below the dotted line: it is too sure of itself there.",
        across=True,
    ),
    "ledger": Entry(
        "05",
        "The speed of each stage",
        "Frames a second, on a logarithmic scale: limits (such as a bare network) with dots, whole streams hatched. "
        "Notebook 05 says what each stage is. The slowest one decides how fast a stream is.",
        across=True,
    ),
    "method": Entry(
        "06",
        "The method",
        "From a video to a label: 478 points a frame, 61 of them in pairs, distances and angles, their changes "
        "between five key frames, and the network.",
        across=True,
    ),
    "landmark_sets": Entry(
        "06",
        "Three sets of landmarks",
        "61, 122 and 250 of the 478 points, in seven regions of the face.",
        across=True,
    ),
    "architecture": Entry(
        "06",
        "The two networks",
        "Shapes and numbers of weights. Nearly all weights of the paper's lie in its first dense layer.",
        across=True,
    ),
    "stream": Entry(
        "07",
        "A stream, frame by frame",
        "The rendered clip that ships: probabilities above, intensity below. A label is given from onset to offset "
        "only.",
        across=True,
    ),
}


def drawn(place: str, *notebooks: str) -> dict[str, Entry]:
    """Return the figures of a dataset, or of `paths.ALL`, by name; only those of some notebooks, if any are named."""
    return {
        name: entry
        for name, entry in FIGURES.items()
        if entry.across == (place == paths.ALL) and (not notebooks or entry.notebook in notebooks)
    }
