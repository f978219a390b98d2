"""Widgets to step through recordings and pairs in JupyterLab, and the same views as figures without JupyterLab."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from fer_utils.data.sequence import Sequence
from fer_utils.errors import UserError
from fer_utils.features import geometry, tensors
from fer_utils.landmarks import regions
from fer_utils.landmarks.track import LandmarkTrack
from fer_utils.plots import faces


def frames(
    sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack], pictures: bool, interactive: bool
) -> widgets.Widget | Figure:
    """Step through the frames of a recording, with its points by region and the pairs of a category.

    `pictures` draws the frames behind the points. Without `interactive`, return a figure of the first recording's
    first, middle and last frame.
    """
    chosen = {sequence.id: sequence for sequence in sequences if sequence.id in tracks}

    @lru_cache(maxsize=1)  # the recording on show
    def images_of(sequence: str) -> list[np.ndarray | None]:
        return list(faces.pictures_of(chosen[sequence], tracks[sequence]))

    def draw(sequence: str, frames: tuple[int, ...], category: str) -> Figure:
        track = tracks[sequence]
        figure, panels = plt.subplots(
            1, len(frames), figsize=(4.2 * len(frames), 4.4), squeeze=False, layout="constrained"
        )
        for axes, frame in zip(panels[0], frames, strict=True):
            image = images_of(sequence)[frame] if pictures else None
            faces.face(axes, track.points[frame], image, labels=axes is panels[0, -1], category=category)
            note = f": {track.reasons[frame]}" if track.reasons[frame] else ""
            axes.set_title(f"frame {frame}, {track.times[frame]:.2f} s{note}", fontsize=9)
        figure.suptitle(f"{sequence}: {chosen[sequence].emotion}", fontsize=10)
        plt.close(figure)  # else the notebook shows it a second time
        return faces.mark(figure, chosen[sequence].rendered)

    first = next(iter(chosen))
    if not interactive:
        last = len(tracks[first]) - 1
        return draw(first, (0, last // 2, last), "")
    picker = _picker(chosen)
    slider = widgets.IntSlider(0, 0, len(tracks[first]) - 1, description="frame", continuous_update=False)
    category = widgets.Dropdown(
        options=[("none", ""), *((name, name) for name in regions.CATEGORIES)], description="pairs"
    )
    picker.observe(lambda change: setattr(slider, "max", len(tracks[change["new"]]) - 1), "value")
    controls = {"sequence": picker, "frame": slider, "category": category}
    return _view(lambda sequence, frame, category: draw(sequence, (frame,), category), controls)


def pairs(
    sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack], interactive: bool, pair: tuple[int, int] = (61, 291)
) -> widgets.Widget | Figure:
    """Show two chosen points on the face, and their distance and angle over time with onset, apex and key frames.

    The title says whether the study uses the pair. Without `interactive`, return a figure of the first recording that
    gives features and of `pair` (by default the corners of the mouth).
    """
    chosen = {sequence.id: sequence for sequence in sequences if sequence.id in tracks}

    def draw(sequence: str, first: int, second: int) -> Figure:
        if first == second:
            raise UserError(f"point {first} twice: choose two different points")
        track = tracks[sequence]
        made = tensors.sequence_features(track, chosen[sequence].apex)
        points = geometry.bridge(track.points, track.times)
        level, only = geometry.normalise(points), np.array([[first, second]])
        used = {frozenset(pair) for pair in geometry.PAIRS.tolist()}
        verdict = "one of the study's pairs" if frozenset((first, second)) in used else "not one of the study's pairs"
        figure = faces.pair_over_time(
            track.times,
            geometry.distances(level, only)[:, 0],
            geometry.angles(level, only)[:, 0],
            made.phases,
            made.key_frames,
            f"{sequence} ({chosen[sequence].emotion}), pair {first}–{second}: "
            f"{regions.region_of(first)} to {regions.region_of(second)}, {verdict}",
            points[made.phases.apex],
            (first, second),
        )
        plt.close(figure)
        return faces.mark(figure, chosen[sequence].rendered)

    if not interactive:
        for name in chosen:
            with suppress(geometry.SequenceRefused):
                return draw(name, *pair)
        raise UserError("no recording gives features; notebook 01 lists what was left out and why")
    names = [(f"{index} ({regions.region_of(index)})", index) for index in regions.landmarks()]
    return _view(
        draw,
        {
            "sequence": _picker(chosen),
            "first": widgets.Dropdown(options=names, value=pair[0], description="point"),
            "second": widgets.Dropdown(options=names, value=pair[1], description="and point"),
        },
    )


def _picker(chosen: Mapping[str, Sequence]) -> widgets.Dropdown:
    options = [(f"{name} · {sequence.emotion}", name) for name, sequence in chosen.items()]
    return widgets.Dropdown(options=options, description="recording")


def _view(draw: Callable[..., Figure], controls: dict[str, widgets.Widget]) -> widgets.Widget:
    """Return the controls above the figure that `draw` makes of their values, or above the reason why there is none."""
    # not an `Output`: while one is filled, nbclient can miss that the cell has ended, and papermill waits for ever;
    # `align_self` keeps the size of the picture, which a box would stretch
    picture = widgets.Image(format="png", layout=widgets.Layout(align_self="flex-start", max_width="100%"))
    message = widgets.Label()

    def show(_=None) -> None:
        values = {name: control.value for name, control in controls.items()}
        try:
            picture.value, message.value = _png(draw(**values)), ""
        except geometry.SequenceRefused as reason:
            message.value = f"{values['sequence']}: {reason}"
        except UserError as reason:
            message.value = str(reason)
        picture.layout.display = "none" if message.value else ""

    for control in controls.values():
        control.observe(show, "value")
    show()
    return widgets.VBox([widgets.HBox(list(controls.values())), message, picture])


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
