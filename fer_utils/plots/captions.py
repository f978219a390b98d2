"""What each figure of a run is called, and what to see in it: one line a figure, in the notebooks' order.

`faces.save(figure, out, dataset, name)` writes a figure under such a name, and the report shows it with its caption.
"""

from __future__ import annotations

from collections.abc import Mapping

# of one dataset: title, and what to see
FIGURES: Mapping[str, tuple[str, str]] = {
    "faces": (
        "The 61 points on faces",
        "One sequence an emotion: first frame above, apex below. The points should lie on brows, lids, nose and lips, "
        "and move with the expression.",
    ),
    "categories": (
        "The pairs of the five categories",
        "A line is a pair of points whose distance and angle are used. Each category stands for a group of action "
        "units; together they give 1456 pairs.",
    ),
    "intensity": (
        "Intensity over time",
        "One sequence an emotion. The intensity rises from onset to apex; the dots are the five key frames, evenly "
        "spaced in intensity.",
    ),
    "changes": (
        "How much each emotion changes the features",
        "Mean change from neutral to apex. Emotions of the same height can still differ in which pairs change.",
    ),
    "training": (
        "Training curves",
        "One line a fold. Where the validation loss rises while the training loss falls, the network learns by heart; "
        "the epoch of the lowest validation loss is the one that counts.",
    ),
    "confusion": (
        "Confusion matrices of the paper's network",
        "Rows are true, columns recognised emotions, in % of the row. Off the diagonal: which emotions are taken for "
        "which.",
    ),
    "protocols": (
        "The two protocols side by side",
        "In stratified folds a person can be in training and in test; in grouped folds never. Believe the grouped row. "
        "Bars are 95 % intervals over people.",
    ),
    "models": (
        "The network and simpler models",
        "All on the same folds of people. Overlapping intervals alone do not say that two models are alike: the table "
        "of pairs tests that.",
    ),
    "leakage": (
        "What leakage adds",
        "The same model, tested on people it has seen, on new people, and with its epoch chosen by the test rows. The "
        "difference to the grouped row is not skill.",
    ),
    "ablations": (
        "What is needed",
        "One change a row, the rest as in the study; one seed. Differences smaller than the intervals are noise.",
    ),
    "conditions": (
        "How early, and how exact",
        "A model trained on whole sequences, tested on less: on the first part of the way to the apex, and on points "
        "with added noise.",
    ),
    "importance": (
        "What decides",
        "Accuracy lost when a group of features is shuffled among the test sequences. Groups can stand in for each "
        "other: a small loss does not mean that a group says nothing.",
    ),
    "important_pairs": (
        "What decides, on the face",
        "The same, drawn between the regions: distances left, angles right. The thicker the line, the more is lost.",
    ),
}
# of all datasets, or of none
ACROSS: Mapping[str, tuple[str, str]] = {
    "method": (
        "The method",
        "From a video to a label: 478 points a frame, 61 of them in pairs, distances and angles, their changes between "
        "five key frames, and the network.",
    ),
    "landmark_sets": (
        "Three sets of landmarks",
        "61, 122 and 250 of the 478 points, in seven regions of the face.",
    ),
    "architecture": (
        "The paper's network",
        "Shapes and numbers of weights. Nearly all weights lie in the first dense layer.",
    ),
    "matrix": (
        "Trained on one dataset, tested on another",
        "Accuracy in %. Compare within a column: its cells have the same test set. The diagonal is folds of people "
        "within a set.",
    ),
    "composites": (
        "The paper's composites",
        "Trained on three sets and tested on MMI; and all merged, in folds of people and in folds of sequences.",
    ),
    "ledger": (
        "The speed of each stage",
        "Frames a second on one core, on a logarithmic scale. Finding the landmarks takes nearly all of the time.",
    ),
    "stream": (
        "A stream, frame by frame",
        "The rendered clip that ships: probabilities above, intensity below. A label is given from onset to offset "
        "only.",
    ),
}
