"""Figures of result tables. The module draws and computes no result."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from fer_utils.data import registry
from fer_utils.plots.style import BLACK, BLUE, GREY, GRID, ORANGE, PHASE_LINES, RED, emotion_colour, emotion_marker


def curves(table: pd.DataFrame) -> Figure:
    """Draw intensity and mouth opening over time, a panel an emotion in its colour, with key frames and phases."""
    emotions = list(dict.fromkeys(table["emotion"]))
    figure, panels = plt.subplots(
        2, (len(emotions) + 1) // 2, figsize=(9.5, 4.6), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, name in zip(panels.flat, emotions, strict=False):
        rows = table[table["emotion"] == name]
        keys = rows[rows["key_frame"]]
        colour = emotion_colour(name)
        axes.plot(rows["time"], rows["intensity"], color=colour, linewidth=1.8, label="intensity")
        axes.plot(keys["time"], keys["intensity"], "o", color=colour, markersize=4, label="key frames")
        axes.plot(rows["time"], rows["mouth_opening"], color=GREY, linewidth=1, linestyle="-.", label="mouth opening")
        for phase, style in PHASE_LINES.items():
            for at in rows.loc[rows["phase"] == phase, "time"]:
                axes.axvline(at, color=BLACK, linestyle=style, linewidth=1, label=phase)
        axes.set_title(name, fontsize=10)
    for axes in panels.flat[len(emotions) :]:
        axes.set_axis_off()
    legend = {
        label: line for axes in panels.flat for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    key = figure.legend(legend.values(), legend.keys(), loc="outside upper center", ncols=6, frameon=False, fontsize=8)
    for line in key.legend_handles[:2]:  # their colour differs from panel to panel
        line.set_color(BLACK)
    figure.supxlabel("time (s)", fontsize=9)
    figure.supylabel("inter-ocular distances", fontsize=9)
    return figure


def mean_changes(tensors: np.ndarray, emotions: np.ndarray) -> Figure:
    """Draw the mean absolute change of the distances from key frame to key frame, one line for each emotion.

    `tensors` is (n, K − 1, A); `emotions` (n,) names each row's.
    """
    figure, axes = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
    size = np.abs(tensors[:, :, : tensors.shape[2] // 2]).mean(axis=2)
    steps = range(1, size.shape[1] + 1)
    for name in np.unique(emotions):
        mean = size[emotions == name].mean(axis=0)
        axes.plot(steps, mean, color=emotion_colour(name), marker=emotion_marker(name), label=name)
    axes.set_xticks(steps, [f"{k} → {k + 1}" for k in steps])
    axes.set_xlabel("key frames")
    axes.set_ylabel("mean change of distance\n(inter-ocular)")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def training_curves(history: pd.DataFrame) -> Figure:
    """Draw loss and accuracy over epochs, a row for each protocol, two lines for each fold: fitted and validation."""
    protocols = list(dict.fromkeys(history["protocol"]))
    figure, panels = plt.subplots(
        len(protocols), 2, figsize=(8, 2.6 * len(protocols)), sharex=True, squeeze=False, layout="constrained"
    )
    for row, protocol in zip(panels, protocols, strict=True):
        for axes, name in zip(row, ("loss", "accuracy"), strict=True):
            folds = history[history["protocol"] == protocol].groupby(["seed", "fold"])
            parts = (("fitted", name, BLUE, "--"), ("validation", f"val_{name}", ORANGE, "-"))
            for number, (_, fold) in enumerate(folds):
                for part, column, colour, line in parts:
                    label = None if number else part
                    axes.plot(fold["epoch"], fold[column], line, color=colour, linewidth=1.1, label=label)
            axes.set_title(f"{protocol}: {name}", fontsize=10)
        # one fold whose loss grows without limit would flatten all others
        row[0].set_ylim(0, np.nanquantile(history[["loss", "val_loss"]].to_numpy(), 0.98) * 1.1)
        row[1].set_ylim(0, 1.02)
    panels[0, 1].legend(frameon=False, fontsize=8, loc="lower right")
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    return figure


def confusions(matrices: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw confusion matrices, by title, as `metrics.confusions` returns them.

    A cell shows the share of the true emotion in %, and the count below.
    """
    figure, panels = plt.subplots(
        1, len(matrices), figsize=(5.2 * len(matrices), 4.6), squeeze=False, layout="constrained"
    )
    for axes, (title, counts) in zip(panels[0], matrices.items(), strict=True):
        shares = 100 * counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
        text = [
            [f"{share:.0f}\n({count})" if count else "" for share, count in zip(*row, strict=True)]
            for row in zip(shares.to_numpy(), counts.to_numpy(), strict=True)
        ]
        sns.heatmap(
            shares, ax=axes, annot=np.array(text), fmt="", cmap="Blues", vmin=0, vmax=100, cbar=False, square=True,
            annot_kws={"fontsize": 7}, linewidths=0.5,
        )  # fmt: skip
        axes.set(title=f"{title}: % of the true emotion (sequences)", xlabel="predicted", ylabel="true")
        # seaborn turns labels before the layout is known, and names would overlap
        axes.tick_params(axis="x", labelrotation=90)
        axes.tick_params(axis="y", labelrotation=0)
    return figure


def intervals(table: pd.DataFrame, *names: str) -> Figure:
    """Draw accuracy and macro-F1 with their 95 % intervals, a row for each row of the table, the first at the top.

    A row is named by its values in the columns `names`; by its model, if there are several; and by its number of
    seeds, if it differs.
    """
    if table.empty:
        figure, axes = plt.subplots(figsize=(9, 0.9))
        axes.text(0.5, 0.5, "no such runs could be made", ha="center", va="center", fontsize=9)
        axes.set_axis_off()
        return figure
    label = _labels(table, names)
    if "model" not in names and "model" in table and len(set(table["model"])) > 1:
        label = label + ": " + table["model"].astype(str)
    if "seeds" in table and len(set(table["seeds"])) > 1:
        label = label + table["seeds"].map(lambda seeds: f" ({seeds} seed{'s' * (seeds > 1)})")
    height = 0.9 + 0.27 * len(table) * (1 + label.str.count("\n").max())
    figure, panels = plt.subplots(1, 2, figsize=(9, height), sharey=True, sharex=True, layout="constrained")
    places = np.arange(len(table))[::-1]
    styles = (("accuracy", BLUE, "o"), ("macro_f1", RED, "s"))
    for axes, (measure, colour, marker) in zip(panels, styles, strict=True):
        low, value, high = (table[measure + part].to_numpy() for part in ("_low", "", "_high"))
        axes.hlines(places, low, high, color=colour, linewidth=1.6)  # none of too few people, which have no interval
        axes.plot(value, places, marker, color=colour, markersize=5)
        for place, at, end in zip(places, value, high, strict=True):
            axes.annotate(f"{100 * at:.1f}", (np.fmax(at, end), place), xytext=(4, 0), textcoords="offset points",
                          va="center", fontsize=8)  # fmt: skip
        axes.set_title(f"{measure.replace('_f1', '-F1')}, 95 % interval over people", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.grid(axis="x", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(places, label, fontsize=8)
    panels[0].set_ylim(-0.6, len(table) - 0.4)
    return figure


def conditions(table: pd.DataFrame) -> Figure:
    """Draw accuracy against how much is seen, and against the noise of the points, with 95 % intervals.

    A value of fewer sequences than the others is labelled with their number.
    """
    kinds = list(dict.fromkeys(table["kind"]))
    figure, panels = plt.subplots(
        1, max(1, len(kinds)), figsize=(4.4 * max(1, len(kinds)), 3), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, kind, colour in zip(panels[0], kinds, (BLUE, RED), strict=False):
        rows = table[table["kind"] == kind]
        axes.fill_between(
            rows["amount"], rows["accuracy_low"], rows["accuracy_high"], color=colour, alpha=0.2, linewidth=0
        )
        axes.plot(rows["amount"], rows["accuracy"], "o-", color=colour, markersize=5)
        for row in rows[rows["sequences"] < rows["sequences"].max()].itertuples():
            below = np.fmin(row.accuracy, row.accuracy_low)
            axes.annotate(f"{row.sequences} of {rows['sequences'].max()}\nsequences", (row.amount, below),
                          xytext=(6, -2), textcoords="offset points", va="top", fontsize=7)  # fmt: skip
        axes.set_xlabel(kind)
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(color=GRID, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0, 0].set_ylabel("accuracy")
    return figure


def importance(table: pd.DataFrame, shown: int = 16) -> Figure:
    """Draw the accuracy lost when a group of features is shuffled among the test sequences.

    Error bars are one standard deviation over folds and seeds.
    """
    rows = table.head(shown)
    figure, axes = plt.subplots(figsize=(7.5, 0.9 + 0.27 * len(rows)), layout="constrained")
    places = np.arange(len(rows))[::-1]
    for value, colour, hatch in (("distances", BLUE, ""), ("angles", ORANGE, "///")):
        chosen = (rows["values"] == value).to_numpy()
        axes.barh(places[chosen], 100 * rows["lost"][chosen], xerr=100 * rows["sd"][chosen], color=colour, hatch=hatch,
                  edgecolor="white", label=value, error_kw={"linewidth": 0.8})  # fmt: skip
    axes.set_yticks(places, rows["regions"], fontsize=8)
    axes.set_xlabel("accuracy lost, points")
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    if len(rows):
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def matrix(table: pd.DataFrame) -> Figure:
    """Draw accuracy with its interval by the dataset trained on (rows) and the dataset tested on (columns)."""
    names = list(dict.fromkeys([*table["source"], *table["target"]]))
    titles = [registry.title(name).replace(" ", "\n") for name in names]
    values = table.pivot_table(index="source", columns="target", values="accuracy").reindex(index=names, columns=names)
    text = {}
    for row in table.itertuples():
        ends = "" if np.isnan(row.accuracy_low) else f"\n[{100 * row.accuracy_low:.0f}, {100 * row.accuracy_high:.0f}]"
        text[row.source, row.target] = f"{100 * row.accuracy:.0f}{ends}"
    width = max(4.2, 1.6 + 1.1 * len(names))  # as wide as the title
    figure, axes = plt.subplots(figsize=(width, 0.9 + 0.9 * len(names)), layout="constrained")
    if names:
        sns.heatmap(
            100 * values, ax=axes, annot=np.array([[text.get((s, t), "") for t in names] for s in names]), fmt="",
            cmap="Blues", vmin=0, vmax=100, cbar=False, square=True, annot_kws={"fontsize": 8}, linewidths=0.5,
            xticklabels=titles, yticklabels=titles,
        )  # fmt: skip
        axes.tick_params(labelsize=9, labelrotation=0)
    axes.set(xlabel="tested on", ylabel="trained on")
    whose = " and ".join(dict.fromkeys(table["model"]))
    axes.set_title(f"accuracy of the {whose} network, one seed, % [95 %]", fontsize=9)
    return figure


def ledger(table: pd.DataFrame) -> Figure:
    """Draw the frames a second of every measured stage, the fastest at the top, on a logarithmic scale.

    Bars of whole streams and of limits are hatched.
    """
    rows = table.dropna(subset=["frames_per_s"]).sort_values("frames_per_s").reset_index(drop=True)
    figure, axes = plt.subplots(figsize=(8.5, 0.9 + 0.26 * len(rows)), layout="constrained")
    for place, row in rows.iterrows():
        whole, limit = row["stage"].startswith("whole"), row["stage"].startswith(("limit", "instead"))
        colour, hatch = (RED, "///") if whole else ((ORANGE, "...") if limit else (BLUE, ""))
        axes.barh(place, row["frames_per_s"], color=colour, hatch=hatch, edgecolor="white")
        axes.annotate(f"{row['frames_per_s']:,.0f}", (row["frames_per_s"], place), xytext=(3, 0), fontsize=8,
                      textcoords="offset points", va="center",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip
    axes.axvline(165, color=BLACK, linestyle=":", linewidth=1)
    axes.annotate("165, as the paper reports\nwith an RTX 3060", (165, -0.4), xytext=(4, 0), fontsize=7,
                  textcoords="offset points")  # fmt: skip
    axes.set_yticks(range(len(rows)), rows["stage"], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("frames a second")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _labels(table: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    """Return what each row is, by some of its columns; source and target as "source → target" on a line above."""
    words = {name: table[name].astype(str) for name in names}
    if "source" in words and "target" in words:
        source, target = (words.pop(name).map(registry.title) for name in ("source", "target"))
        words = {"sides": source.where(source == target, source + " → " + target) + "\n", **words}
    if "select_on" in words:
        words["select_on"] = "epoch chosen on " + words["select_on"]
    first, *others = words.values()
    return first.str.cat(others, sep=", ").str.replace("\n, ", "\n")


def _percent(value: float, _: int) -> str:
    """Return the label of a tick with all its decimals: a rounded label would be beside its place."""
    return f"{100 * value:.6g}%"
