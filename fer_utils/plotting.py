"""Figures from tracks and result tables. Draws; computes no result."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from fer_utils import paths, regions
from fer_utils.datasets.sequence import Sequence
from fer_utils.errors import UserError
from fer_utils.evaluation import STAND_IN, confusion
from fer_utils.features import SequenceFeatures, SequenceRefused, sequence_features
from fer_utils.landmarks import LandmarkTrack
from fer_utils.phases import Phases
from fer_utils.video import Video

# Okabe and Ito's palette, made to be told apart by colour-blind readers
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#222222",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK)
REGION_COLOURS = dict(zip(regions.REGIONS, (BLUE, SKY, GREEN, "#66C2A5", BLACK, RED, PURPLE), strict=True))


def mark(figure: Figure, rendered: bool) -> Figure:
    """Write the stand-in's mark into the figure's corner, where its data are rendered."""
    if rendered:
        if (layout := figure.get_layout_engine()) is not None:
            layout.set(rect=(0, 0.18 / figure.get_figheight(), 1, 1 - 0.18 / figure.get_figheight()))
        figure.text(0.995, 0.005, STAND_IN, ha="right", va="bottom", fontsize=8, color=RED, weight="bold")
    return figure


def save(figure: Figure, path: Path) -> Figure:
    """Write the figure as PNG, atomically, and return it for showing."""
    with paths.replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)  # else a notebook shows it twice
    return figure


def pictures_of(sequence: Sequence, track: LandmarkTrack) -> list[np.ndarray | None]:
    """The frames of a sequence, turned as they were when the track was made."""
    frames = sequence.frames
    turned = replace(frames, quarter_turns=track.quarter_turns) if isinstance(frames, Video) else frames
    return [frame.image for frame in turned]


def face(
    axes: Axes,
    points: np.ndarray,
    image: np.ndarray | None = None,
    labels: bool = False,
    category: str = "",
) -> None:
    """Draw one frame's points (478, 3), coloured by region, over its BGR picture, or on white where none is given.

    `labels` adds a legend of the regions, `category` the pairs of that category as lines. A frame with no face shows
    only its picture.
    """
    if image is not None:
        axes.imshow(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    axes.set_aspect("equal")
    axes.set_axis_off()
    if np.isnan(points).any():
        return
    if category:
        shown = [index for name in regions.CATEGORIES[category] for index in regions.REGIONS[name]]
        lines = points[list(combinations(shown, 2)), :2]
        axes.add_collection(LineCollection(lines, colors=ORANGE, linewidths=0.25, alpha=0.6))
    for name, indices in regions.REGIONS.items():
        chosen = points[list(indices)]
        axes.scatter(*chosen[:, :2].T, s=7, color=REGION_COLOURS[name], label=name, linewidths=0)
    if labels:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8, markerscale=2)
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    margin = 0.25 * (high - low).max()
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(high[1] + margin, low[1] - margin)


def pair_over_time(
    times: np.ndarray, distance: np.ndarray, angle: np.ndarray, phases: Phases, key_frames: np.ndarray, title: str
) -> Figure:
    """Distance and angle of a pair, and the intensity of the whole face, over time in seconds, with onset, apex,
    offset and the key frames."""
    figure, panels = plt.subplots(3, 1, figsize=(7.5, 6), sharex=True, layout="constrained")
    rows = (
        (distance, "distance (inter-ocular)", BLUE),
        (np.degrees(np.unwrap(angle)), "angle (degrees)", PURPLE),
        (phases.intensity, "whole face: intensity\n(inter-ocular)", GREEN),
    )
    for axes, (values, name, colour) in zip(panels, rows, strict=True):
        axes.plot(times, values, color=colour, linewidth=1.8)
        axes.plot(times[key_frames], values[key_frames], "o", color=colour, markersize=5, label="key frames")
        _mark_phases(axes, times, phases)
        axes.set_ylabel(name)
    figure.suptitle(title, fontsize=10)
    panels[0].legend(frameon=False, fontsize=8, ncols=4, loc="best")
    panels[-1].set_xlabel("time (s)")
    return figure


def contact_sheet(sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack], pictures: bool) -> Figure:
    """The first sequence of each emotion with its points: first frame above, apex below."""
    shown = _one_of_each(sequences, tracks)
    figure, panels = plt.subplots(2, len(shown), figsize=(2.1 * len(shown), 4.6), squeeze=False, layout="constrained")
    for column, (sequence, made) in zip(panels.T, shown, strict=True):
        track = tracks[sequence.id]
        images = dict(enumerate(pictures_of(sequence, track))) if pictures else {}
        for axes, frame in zip(column, (0, made.phases.apex), strict=True):
            face(axes, track.points[frame], images.get(frame))
        column[0].set_title(sequence.emotion, fontsize=10)
    return mark(figure, sequence.rendered)


def categories(sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack]) -> Figure:
    """The pairs of each of the five categories, drawn on the points of one neutral face."""
    sequence, _ = _one_of_each(sequences, tracks)[0]
    points = tracks[sequence.id].points
    neutral = points[~np.isnan(points).any(axis=(1, 2))][0]
    figure, panels = plt.subplots(
        1, len(regions.CATEGORIES), figsize=(2.6 * len(regions.CATEGORIES), 3), layout="constrained"
    )
    for axes, units in zip(panels, regions.CATEGORIES, strict=True):
        face(axes, neutral, category=units)
        axes.set_title(units, fontsize=9)
    return mark(figure, sequence.rendered)


def intensities(sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack]) -> Figure:
    """Intensity over time with onset, apex and key frames, for each emotion's first sequence that gives features."""
    shown = _one_of_each(sequences, tracks)
    figure, panels = plt.subplots(
        2, (len(shown) + 1) // 2, figsize=(9.5, 4.4), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, (sequence, made) in zip(panels.flat, shown, strict=False):
        times = tracks[sequence.id].times
        axes.plot(times, made.phases.intensity, color=GREEN, linewidth=1.8)
        axes.plot(times[made.key_frames], made.phases.intensity[made.key_frames], "o", color=GREEN, markersize=4)
        _mark_phases(axes, times, made.phases)
        axes.set_title(sequence.emotion, fontsize=10)
    for axes in panels.flat[len(shown) :]:
        axes.set_axis_off()
    panels[0, 0].legend(frameon=False, fontsize=8)
    figure.supxlabel("time (s)", fontsize=9)
    figure.supylabel("intensity (inter-ocular)", fontsize=9)
    return mark(figure, sequence.rendered)


def mean_changes(tensors: np.ndarray, emotions: np.ndarray) -> Figure:
    """Mean absolute change of the distances from key frame to key frame, a line an emotion. Tensors (n, K−1, A)."""
    figure, axes = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
    size = np.abs(tensors[:, :, : tensors.shape[2] // 2]).mean(axis=2)
    for number, name in enumerate(np.unique(emotions)):
        values = size[emotions == name]
        axes.plot(
            range(1, size.shape[1] + 1),
            values.mean(axis=0),
            color=PALETTE[number % 7],
            marker="osD^vPX"[number % 7],
            label=name,
        )
    axes.set_xticks(range(1, size.shape[1] + 1), [f"{k} → {k + 1}" for k in range(1, size.shape[1] + 1)])
    axes.set_xlabel("key frames")
    axes.set_ylabel("mean change of distance\n(inter-ocular)")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def training_curves(history: pd.DataFrame) -> Figure:
    """Loss and accuracy over epochs, a thin line a fold, fitted and validation part, a row a protocol."""
    protocols = list(dict.fromkeys(history["protocol"]))
    figure, panels = plt.subplots(
        len(protocols), 2, figsize=(8, 2.6 * len(protocols)), sharex=True, squeeze=False, layout="constrained"
    )
    for row, protocol in zip(panels, protocols, strict=True):
        for axes, name in zip(row, ("loss", "accuracy"), strict=True):
            for _, fold in history[history["protocol"] == protocol].groupby("fold"):
                first = fold["fold"].iloc[0] == 0
                axes.plot(
                    fold["epoch"], fold[name], color=BLUE, alpha=0.6, linewidth=1, label="fitted" if first else None
                )
                axes.plot(
                    fold["epoch"],
                    fold[f"val_{name}"],
                    color=ORANGE,
                    linewidth=1.2,
                    label="validation" if first else None,
                )
            axes.set_title(f"{protocol}: {name}", fontsize=10)
        # a loss that runs away in one fold would flatten all others
        row[0].set_ylim(0, np.nanquantile(history[["loss", "val_loss"]].to_numpy(), 0.98) * 1.1)
        row[1].set_ylim(0, 1.02)
    panels[0, 1].legend(frameon=False, fontsize=8)
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    return figure


def confusions(predictions: pd.DataFrame) -> Figure:
    """Confusion matrices summed over folds, one a protocol: shares of each true emotion in %, counts below."""
    protocols = list(dict.fromkeys(predictions["protocol"]))
    figure, panels = plt.subplots(
        1, len(protocols), figsize=(5.2 * len(protocols), 4.6), squeeze=False, layout="constrained"
    )
    for axes, protocol in zip(panels[0], protocols, strict=True):
        counts = confusion(predictions[predictions["protocol"] == protocol])
        shares = 100 * counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
        text = [
            [f"{share:.0f}\n({count})" if count else "" for share, count in zip(*row, strict=True)]
            for row in zip(shares.to_numpy(), counts.to_numpy(), strict=True)
        ]
        sns.heatmap(
            shares, ax=axes, annot=np.array(text), fmt="", cmap="Blues", vmin=0, vmax=100, cbar=False, square=True,
            annot_kws={"fontsize": 7}, linewidths=0.5,
        )  # fmt: skip
        axes.set(title=f"{protocol}: % of the true emotion (sequences)", xlabel="predicted", ylabel="true")
    return figure


def protocols(summary: pd.DataFrame) -> Figure:
    """Accuracy and macro-F1 of the protocols side by side, with their 95 % intervals."""
    figure, panels = plt.subplots(1, 2, figsize=(7, 3.2), sharey=True, layout="constrained")
    for axes, name in zip(panels, ("accuracy", "macro_f1"), strict=True):
        for place, row in enumerate(summary.itertuples()):
            value, low, high = (getattr(row, name + part) for part in ("", "_low", "_high"))
            axes.errorbar(
                place,
                100 * value,
                100 * np.array([[value - low], [high - value]]),
                fmt="o",
                color=(BLUE, ORANGE)[place % 2],
                capsize=5,
            )
            axes.annotate(
                f"{100 * value:.1f}", (place, 100 * value), xytext=(8, 0), textcoords="offset points", va="center"
            )
        axes.set_xticks(range(len(summary)), summary["protocol"])
        axes.set_xlim(-0.6, len(summary) - 0.4)
        axes.set_title(f"{name.replace('_', '-')} (%), 95 % interval over subjects", fontsize=9)
    panels[0].set_ylim(0, 105)
    return figure


def _one_of_each(
    sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack]
) -> list[tuple[Sequence, SequenceFeatures]]:
    """The first sequence of every emotion that gives features, and these. Raises UserError where there is none."""
    first: dict[str, tuple[Sequence, SequenceFeatures]] = {}
    for sequence in sequences:
        if sequence.id in tracks and sequence.emotion not in first:
            with suppress(SequenceRefused):
                first[sequence.emotion] = sequence, sequence_features(tracks[sequence.id], sequence.apex)
    if not first:
        raise UserError("no sequence gives features: look at the pictures, and at what was left out and why")
    return [first[emotion] for emotion in sorted(first)]


def _mark_phases(axes: Axes, times: np.ndarray, phases: Phases) -> None:
    lines = [(phases.onset, ":", "onset"), (phases.apex, "-", "apex")]
    if phases.offset > phases.apex:
        lines.append((phases.offset, "--", "offset"))
    for frame, style, label in lines:
        axes.axvline(times[frame], color=BLACK, linestyle=style, linewidth=1, label=label)
