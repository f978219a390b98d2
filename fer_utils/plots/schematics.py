"""Figures of the method itself, drawn from the tables of `regions` and the canonical face: they hold no data."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.patheffects import withStroke

from fer_utils.features import tensors
from fer_utils.landmarks import canonical, regions
from fer_utils.plots.style import BLACK, BLUE, DARK_GREY, LIGHT_GREY, ORANGE, RED, REGION_COLOURS

DASHES = (0, (2, 1))
WIDEST, THINNEST = 6, 0.3  # line widths in points, of the largest loss and of the smallest that is drawn
STABLE = 2 / 3  # of the folds
NAMED, APART = 6, 1.2  # action units whose numbers are on the face; cm between two numbers


def canonical_face() -> np.ndarray:
    """Return MediaPipe's canonical face (468, 2) in centimetres, x to the right, y down."""
    return canonical.VERTICES[:, :2] * [1, -1]


def method() -> Figure:
    """Draw the method on one page: points in regions, pairs in categories, phases and key frames, the network."""
    figure = plt.figure(figsize=(11, 6.4), layout="constrained")
    grid = figure.add_gridspec(2, 6, height_ratios=(1.35, 1))
    axes = figure.add_subplot(grid[0, :2])
    _face(axes, 61)
    axes.set_title("1  61 of 478 landmarks, in seven regions", fontsize=10, loc="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=3, frameon=False, fontsize=7, markerscale=1.5)
    groups = figure.add_subfigure(grid[0, 2:])
    groups.suptitle("2  1456 pairs, inside five groups of action units", fontsize=10, ha="left", x=0.02)
    inner = groups.add_gridspec(2, 3)
    for number, units in enumerate(regions.CATEGORIES):
        axes = groups.add_subplot(inner[number // 3, number % 3])
        _face(axes, 61, category=units)
        axes.set_title(units, fontsize=8)
    _pair(groups.add_subplot(inner[1, 2]))
    _phases(figure.add_subplot(grid[1, :3]))
    _boxes(figure.add_subplot(grid[1, 3:]))
    return figure


def landmark_sets() -> Figure:
    """Draw the sets of 61, 122 and 250 landmarks on the canonical face, by region."""
    figure, panels = plt.subplots(1, len(regions.SIZES), figsize=(10, 4.4), layout="constrained")
    for axes, size in zip(panels, regions.SIZES, strict=True):
        _face(axes, size)
        n_pairs = len(regions.pairs(size))
        axes.set_title(f"{size} landmarks, {n_pairs} pairs, {2 * n_pairs} features", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=7, frameon=False, fontsize=8, markerscale=1.5)
    return figure


def architecture() -> Figure:
    """Draw the paper's network and the compact one, with shapes and numbers of weights."""
    from fer_utils.models import networks  # TensorFlow, which no other figure needs

    n_features = tensors.shape()[1]
    figure, panels = plt.subplots(2, 1, figsize=(9, 3.6), layout="constrained")
    weights = networks.paper_weights(n_features, 7)
    _boxes(panels[0])
    panels[0].set_title(f"the paper's network (figure 3): {weights / 1e6:.1f} million weights", fontsize=9, loc="left")
    compact = networks.compact_network(4, n_features, 7)
    given, named = ("differences\n4 × 2912", LIGHT_GREY), ("softmax\n7 emotions", LIGHT_GREY)
    _chain(panels[1], [given, ("Dense 64\nReLU\neach step", ORANGE), ("LSTM\n64", BLUE), named])
    panels[1].set_title(
        f"the compact network (ours): {compact.count_params() / 1e6:.2f} million weights; half of each layer's inputs "
        "left out in training", fontsize=9, loc="left",
    )  # fmt: skip
    return figure


def important_pairs(table: pd.DataFrame, title: str) -> Figure:
    """Draw how much accuracy is lost without the distances (left) or angles (right) between two regions.

    Lines join the regions; rings stand for the pairs inside one. The thicker, the more is lost; dashed if any is lost
    in fewer than STABLE of the folds. `table` is that of `results.importance`.
    """
    figure, panels = plt.subplots(1, 2, figsize=(8, 4.9), layout="constrained")
    centres = {name: canonical_face()[list(indices)].mean(axis=0) for name, indices in regions.by_region().items()}
    largest = max(table["lost"].max(), 0) if len(table) else 0
    for axes, values in zip(panels, ("distances", "angles"), strict=True):
        _face(axes, 61)
        axes.set_title(values, fontsize=9)
        # lines too thin to be seen are left out: their dashes would be tiny, and take minutes to draw
        shown = table[(table["values"] == values) & (WIDEST * table["lost"] > THINNEST * largest) & (table["lost"] > 0)]
        for row in shown[::-1].itertuples():
            ends = row.regions.split(" – ")
            width = WIDEST * row.lost / largest
            style = {"color": BLACK, "linestyle": "-" if row.stable >= STABLE else DASHES, "alpha": 0.7}
            if len(ends) == 1:
                ring = plt.Circle(centres[ends[0]], 0.75, fill=False, linewidth=width, zorder=3, **style)
                axes.add_patch(ring)
            else:
                axes.plot(*_between(*ends, centres).T, linewidth=width, zorder=0, **style)
    if largest:
        scale = [
            Line2D([], [], color=BLACK, linewidth=WIDEST * share, label=f"{100 * share * largest:.1f} points lost")
            for share in (1, 0.5)
        ]
        scale.append(Line2D([], [], color=BLACK, linestyle=DASHES, linewidth=2,
                            label="lost in fewer than 2/3 of the folds"))  # fmt: skip
        figure.legend(handles=scale, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=10)
    return figure


def important_units(table: pd.DataFrame, moved: Mapping[str, np.ndarray]) -> Figure:
    """Draw how much accuracy is lost without each action unit: as bars, and on the face where the units move it.

    `table` is that of `results.units`; error bars are one standard deviation over folds, and a bar is hatched if any is
    lost in fewer than STABLE of them. `moved` says by unit how far it moves each vertex (468,). A place of the face has
    the colour of the largest loss among the units that move it, less if they move it less than their own largest move.
    """
    figure, (bars, face) = plt.subplots(1, 2, figsize=(9, 5), width_ratios=(3, 2), layout="constrained")
    places = np.arange(len(table))[::-1]
    bars.barh(places, 100 * table["lost"], xerr=100 * table["sd"], color=BLUE, edgecolor="white",
              error_kw={"linewidth": 0.8})  # fmt: skip
    for bar, stable in zip(bars.patches, table["stable"], strict=True):
        bar.set_hatch("" if stable >= STABLE else "///")
    bars.set_yticks(places, table["unit"], fontsize=8)
    bars.set_xlabel("accuracy lost, points; hatched: any lost in fewer than two thirds of the folds", fontsize=8)
    bars.axvline(0, color=BLACK, linewidth=0.8)
    bars.spines[["top", "right"]].set_visible(False)
    shares = [100 * max(row.lost, 0) * moved[row.unit] / moved[row.unit].max() for row in table.itertuples()]
    colours = np.max(shares, axis=0) if shares else np.zeros(len(canonical.VERTICES))
    drawn = face.tripcolor(*canonical_face().T, colours, triangles=canonical.SKIN, shading="gouraud", cmap="Blues",
                           vmin=0, rasterized=True)  # fmt: skip
    face.triplot(*canonical_face().T, canonical.SKIN, color=LIGHT_GREY, linewidth=0.2)
    numbers: list[tuple[np.ndarray, list[str]]] = []  # of units, where they move most on the right of the picture
    for row in table.head(NAMED).itertuples():
        if row.lost > 0:
            at = canonical_face()[np.argmax(moved[row.unit] * (canonical_face()[:, 0] > 0))]
            near = next((names for place, names in numbers if np.hypot(*(place - at)) < APART), [])
            if not near:
                numbers.append((at, near))
            near.append(str(int(row.unit[2:])))
    for at, names in numbers:
        face.annotate(", ".join(names), at, color=RED, weight="bold", fontsize=9,
                      path_effects=[withStroke(linewidth=2, foreground="white")])  # fmt: skip
    face.set_aspect("equal")
    face.invert_yaxis()
    face.set_axis_off()
    figure.colorbar(drawn, ax=face, shrink=0.6, label="accuracy lost, points")
    return figure


def _between(one: str, other: str, centres: dict[str, np.ndarray]) -> np.ndarray:
    """Return a line (n, 2) between the centres of two regions, bent if a third centre is in its way."""
    start, end = centres[one], centres[other]
    along, others = end - start, np.array([centre for name, centre in centres.items() if name not in (one, other)])
    length = np.hypot(*along)
    across = np.array([along[1], -along[0]]) / length
    at, off = (others - start) @ along / length**2, (others - start) @ across
    if not ((at > 0) & (at < 1) & (abs(off) < 0.5)).any():
        return np.array([start, end])
    t = np.linspace(0, 1, 30)[:, None]
    return start + t * along + 4 * t * (1 - t) * 0.25 * length * across


def _face(axes: Axes, size: int, category: str = "") -> None:
    points = canonical_face()
    axes.plot(*points.T, ".", color=LIGHT_GREY, markersize=1.2, zorder=0)
    table = regions.by_region(size)
    shown = regions.CATEGORIES[category] if category else list(table)
    if category:
        pairs = list(combinations([index for name in shown for index in table[name]], 2))
        lines = LineCollection(points[pairs], colors=ORANGE, linewidths=0.2, alpha=0.5, zorder=0, rasterized=True)
        axes.add_collection(lines)
    for name in shown:
        axes.plot(*points[list(table[name])].T, "o", color=REGION_COLOURS[name], markersize=2.4, label=name)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_axis_off()


def _pair(axes: Axes) -> None:
    """Draw a pair's distance and angle (eqs. 1 and 2)."""
    axes.plot([0, 2], [0, 1.2], "o-", color=BLUE, markersize=6)
    axes.plot([0, 0], [0, 1.2], ":", color=DARK_GREY, linewidth=1)
    axes.annotate("distance", (1, 0.6), xytext=(4, -10), textcoords="offset points", fontsize=8, color=BLUE)
    turn = np.linspace(0, np.arctan2(2, 1.2), 30)
    axes.plot(0.6 * np.sin(turn), 0.6 * np.cos(turn), color=ORANGE)
    axes.annotate("angle", (0.15, 0.62), xytext=(0, 6), textcoords="offset points", fontsize=8, color="#b36b00")
    axes.set(xlim=(-0.4, 2.4), ylim=(-0.3, 1.6), aspect="equal")
    axes.set_title("3  two numbers a pair", fontsize=9)
    axes.set_axis_off()


def _phases(axes: Axes) -> None:
    """Draw the key frames on a made-up expression."""
    times = np.linspace(0, 2.3, 200)
    level = 0.5 * (1 + np.tanh(4 * (times - 0.9))) - 0.5 * (1 + np.tanh(6 * (times - 1.75)))
    axes.plot(times, level, color=BLUE)
    rising = times[: np.argmax(level)]
    keys = np.interp(np.linspace(0.03, level.max(), tensors.N_KEY_FRAMES), level[: len(rising)], rising)
    axes.plot(keys, np.interp(keys, times, level), "o", color=BLUE)
    for number, (one, two) in enumerate(pairwise(keys), 1):
        axes.annotate("", (two, -0.12), (one, -0.12), arrowprops={"arrowstyle": "->", "color": DARK_GREY})
        axes.text((one + two) / 2, -0.26, f"Δ{number}", ha="center", fontsize=8)
    for at, name, align in ((keys[0], "onset", "right"), (keys[-1], "apex", "left"), (2.0, "offset", "left")):
        axes.text(at, np.interp(at, times, level) + 0.08, name, ha=align, fontsize=9)
    axes.set(ylim=(-0.35, 1.3), xlabel="time (s)", ylabel="intensity", yticks=[])
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("4  five key frames from onset to apex, four differences (a sketch)", fontsize=10, loc="left")


def _boxes(axes: Axes) -> None:
    """Draw the paper's network as boxes."""
    steps, n_features = tensors.shape()
    _chain(
        axes,
        [
            (f"differences\n{steps} × {n_features}", LIGHT_GREY),
            ("ConvLSTM1D\n8 filters\nkernel 1", BLUE),
            (f"Flatten\n{8 * n_features}", LIGHT_GREY),
            ("Dense\n2048\nReLU", ORANGE),
            ("Dense\n1024\nReLU", ORANGE),
            ("softmax\n7 emotions", LIGHT_GREY),
        ],
    )
    axes.set_title("5  the network", fontsize=10, loc="left")


def _chain(axes: Axes, steps: list[tuple[str, str]]) -> None:
    for place, (text, colour) in enumerate(steps):
        box = FancyBboxPatch((place + 0.08, 0.25), 0.76, 0.5, boxstyle="round,pad=0.02", facecolor="white",
                             edgecolor=colour, linewidth=2)  # fmt: skip
        axes.add_patch(box)
        axes.text(place + 0.46, 0.5, text, ha="center", va="center", fontsize=6.5)
        if place:
            axes.annotate("", (place + 0.06, 0.5), (place - 0.14, 0.5), arrowprops={"arrowstyle": "->"})
    axes.set(xlim=(0, max(6, len(steps))), ylim=(0.15, 0.85))
    axes.set_axis_off()
