"""Figures of faces, tracks and phases; how figures are marked and saved.

`charts` draws tables of results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from fer_utils import paths
from fer_utils.data import registry
from fer_utils.data.sequence import STAND_IN, Sequence
from fer_utils.data.video import turned
from fer_utils.features.geometry import PAIRS
from fer_utils.features.phases import Phases
from fer_utils.features.tensors import one_of_each
from fer_utils.landmarks import regions
from fer_utils.landmarks.track import LandmarkTrack
from fer_utils.plots.style import (
    BLACK,
    BLUE,
    DARK_GREY,
    ORANGE,
    PHASE_LINES,
    PURPLE,
    RED,
    REGION_COLOURS,
    emotion_colour,
    emotion_marker,
)

STREAM = ("time", "emotion", "phase", "intensity")  # columns of a stream's table; the others are classes
QUICK_RUN = "quick run"
LETTER = 0.012  # width of a letter in `stream`, as a share of the time shown


def mark(figure: Figure, rendered: bool, quick: bool = False) -> Figure:
    """Write into the figure's corner that its data are rendered, and that its numbers are of a quick run; return it."""
    if marks := [text for text, holds in ((STAND_IN, rendered), (QUICK_RUN, quick)) if holds]:
        _leave_room_below(figure)
        figure.text(0.995, 0.005, ", ".join(marks), ha="right", va="bottom", fontsize=8, color=RED, weight="bold")
    return figure


def save(figure: Figure, out: Path, dataset: str, name: str, vector: bool = False) -> Figure:
    """Write the figure into the run `out` as PNG, with `vector` as SVG too, and return it for showing.

    `dataset` is `paths.ALL` if the figure belongs to no single dataset. Otherwise the dataset's title is written into a
    corner, since figures of two datasets look alike. `name` is one of `registry.FIGURES`. A file is replaced as a whole
    or not at all. Raises OutputError.
    """
    path = paths.figure(out, dataset, name)
    if dataset != paths.ALL:
        _leave_room_below(figure)
        figure.text(0.005, 0.005, registry.title(dataset), ha="left", va="bottom", fontsize=8, color=DARK_GREY)
    with paths.replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, pil_kwargs={"optimize": True})
    if vector:
        # text stays text, and two runs write the same bytes
        reproducible = plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem})
        with reproducible, paths.replacing(path.with_suffix(".svg")) as temporary:
            figure.savefig(temporary, metadata={"Date": None})
    plt.close(figure)  # else a notebook shows it twice
    return figure


def _leave_room_below(figure: Figure) -> None:
    """Keep a line free for the mark and for the dataset's title."""
    if (layout := figure.get_layout_engine()) is not None:
        layout.set(rect=(0, 0.18 / figure.get_figheight(), 1, 1 - 0.18 / figure.get_figheight()))


def pictures_of(sequence: Sequence, track: LandmarkTrack) -> Iterator[np.ndarray | None]:
    """Return the frames of a sequence, turned as they were when the track was made."""
    return (frame.image for frame in turned(sequence.frames, track.quarter_turns))


def face(
    axes: Axes, points: np.ndarray, image: np.ndarray | None = None, labels: bool = False, category: str = ""
) -> None:
    """Draw one frame's points (478, 3), coloured by region, over its BGR picture or, without one, on white.

    `labels` adds a legend of the regions, `category` the pairs of that category as lines. A frame without a face shows
    its picture only.
    """
    if image is not None:
        axes.imshow(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    axes.set_aspect("equal")
    axes.set_axis_off()
    if np.isnan(points).any():
        return
    if category:
        paired = [index for name in regions.CATEGORIES[category] for index in regions.by_region()[name]]
        lines = points[list(combinations(paired, 2)), :2]
        axes.add_collection(LineCollection(lines, colors=ORANGE, linewidths=0.25, alpha=0.6))
    for name, indices in regions.by_region().items():
        chosen = points[list(indices)]
        axes.scatter(*chosen[:, :2].T, s=7, color=REGION_COLOURS[name], label=name, linewidths=0)
    if labels:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8, markerscale=2)
    shown = points[:, :2] if image is not None else points[list(regions.landmarks()), :2]
    low, high = shown.min(axis=0), shown.max(axis=0)
    margin = (0.25 if image is not None else 0.05) * (high - low).max()
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(high[1] + margin, low[1] - margin)


def pair_over_time(
    times: np.ndarray,
    distance: np.ndarray,
    angle: np.ndarray,
    phases: Phases,
    key_frames: np.ndarray,
    title: str,
    points: np.ndarray,
    pair: tuple[int, int],
) -> Figure:
    """Draw a pair on one frame's points (478, 3); beside it, over time in seconds, its distance and angle.

    Below them is the intensity of the whole face; all show onset, apex, offset and the key frames. Faint lines on the
    face join the first point to all points that the study pairs it with.
    """
    figure = plt.figure(figsize=(10, 5), layout="constrained")
    grid = figure.add_gridspec(3, 2, width_ratios=(2, 3))
    panels = [figure.add_subplot(grid[0, 1])]
    panels += [figure.add_subplot(grid[row, 1], sharex=panels[0]) for row in (1, 2)]
    rows = (
        (distance, "distance\n(inter-ocular)", BLUE),
        (np.degrees(np.unwrap(angle)), "angle\n(degrees)", PURPLE),
        (phases.intensity, "intensity of the face\n(inter-ocular)", BLACK),
    )
    for axes, (values, name, colour) in zip(panels, rows, strict=True):
        axes.plot(times, values, color=colour, linewidth=1.8)
        axes.plot(times[key_frames], values[key_frames], "o", color=colour, markersize=5, label="key frames")
        _mark_phases(axes, times, phases)
        axes.set_ylabel(name, fontsize=9)
        axes.tick_params(labelbottom=axes is panels[-1])
    figure.suptitle(title, fontsize=10)
    panels[0].legend(frameon=False, fontsize=8, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1))
    panels[-1].set_xlabel("time (s)")
    _pair_on_face(figure.add_subplot(grid[:, 0]), points, pair)
    return figure


def _pair_on_face(axes: Axes, points: np.ndarray, pair: tuple[int, int]) -> None:
    face(axes, points)
    partners = PAIRS[(pair[0] == PAIRS).any(axis=1)]
    axes.add_collection(LineCollection(points[partners, :2], colors=ORANGE, linewidths=0.4, alpha=0.6))
    x, y = points[list(pair), :2].T
    axes.plot(x, y, "o-", color=BLACK, markersize=6, linewidth=1.5)
    for index, right in zip(pair, x >= x[::-1], strict=True):  # numbers stand outside the line between the points
        axes.annotate(index, points[index, :2], xytext=(6 if right else -6, 0), textcoords="offset points",
                      ha="left" if right else "right", va="center", weight="bold")  # fmt: skip


def stream(table: pd.DataFrame) -> Figure:
    """Draw what was recognised over time, from a table with the columns of `demo.table`.

    Probabilities are above, the intensity below, and lines where a phase begins in both. The label given is a band
    along the top, with its name if there is room.
    """
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(8.5, 5), sharex=True, height_ratios=(3, 2), layout="constrained"
    )
    time, classes = table["time"], [name for name in table.columns if name not in STREAM]
    for name in classes:
        above.plot(time, table[name], color=emotion_colour(name), linewidth=1.6, label=name,
                   marker=emotion_marker(name), markevery=0.08, markersize=4)  # fmt: skip
    named = table["emotion"].fillna("")
    shown = [times for _, times in time[named != ""].groupby((named != named.shift()).cumsum())]
    taken: list[tuple[float, float]] = []
    for times in sorted(shown, key=np.ptp, reverse=True):  # the longest gets its name first
        start, name = times.iloc[0], named[times.index[0]]
        above.plot([start, times.iloc[-1]], [1.04, 1.04], color=emotion_colour(name), linewidth=4)
        end = start + LETTER * len(name) * np.ptp(time)
        if all(end <= left or start >= right for left, right in taken):
            above.text(start, 1.07, name, fontsize=8)
            taken.append((start, end))
    below.plot(time, table["intensity"], color=BLACK, linewidth=1.8)
    phase = table["phase"]
    for first in table.index[(phase != phase.shift()) & phase.isin(PHASE_LINES)]:
        for axes in (above, below):
            axes.axvline(time[first], color=BLACK, linestyle=PHASE_LINES[phase[first]], linewidth=0.8)
    above.set(ylabel="probability", ylim=(0, 1.14))
    above.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    below.set(ylabel="intensity\n(inter-ocular)", xlabel="time (s); onset dotted, apex solid, offset dashed")
    return figure


def contact_sheet(sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack], pictures: bool) -> Figure:
    """Draw the first sequence of each emotion with its points: first frame above, apex below.

    `pictures` draws the frames behind the points.
    """
    shown = one_of_each(sequences, tracks)
    figure, panels = plt.subplots(2, len(shown), figsize=(2.1 * len(shown), 4.6), squeeze=False, layout="constrained")
    for column, (sequence, made) in zip(panels.T, shown, strict=True):
        track = tracks[sequence.id]
        wanted = (0, made.phases.apex)
        images = {n: image for n, image in enumerate(pictures_of(sequence, track)) if n in wanted} if pictures else {}
        for axes, frame in zip(column, wanted, strict=True):
            face(axes, track.points[frame], images.get(frame))
        column[0].set_title(sequence.emotion, fontsize=10)
    return mark(figure, sequence.rendered)


def categories(sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack]) -> Figure:
    """Draw the pairs of each of the five categories on the points of one neutral face."""
    sequence, _ = one_of_each(sequences, tracks)[0]
    points = tracks[sequence.id].points
    neutral = points[~np.isnan(points).any(axis=(1, 2))][0]
    figure, panels = plt.subplots(
        1, len(regions.CATEGORIES), figsize=(2.6 * len(regions.CATEGORIES), 3), layout="constrained"
    )
    for axes, units in zip(panels, regions.CATEGORIES, strict=True):
        face(axes, neutral, category=units)
        axes.set_title(units, fontsize=9)
    return mark(figure, sequence.rendered)


def _mark_phases(axes: Axes, times: np.ndarray, phases: Phases) -> None:
    for name, style in PHASE_LINES.items():
        if name != "offset" or phases.offset > phases.apex:
            axes.axvline(times[getattr(phases, name)], color=BLACK, linestyle=style, linewidth=1, label=name)
