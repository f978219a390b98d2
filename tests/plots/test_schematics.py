"""The figures of the method agree with the tables and networks that they draw."""

import re
from math import comb

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Circle
from matplotlib.text import Text

from fer_utils.landmarks import regions
from fer_utils.models import networks
from fer_utils.plots import schematics, style

pytestmark = pytest.mark.usefixtures("no_windows")


def points(axes, region):
    return np.concatenate([np.empty((0, 2)), *(line.get_xydata() for line in axes.lines if line.get_label() == region)])


def pair_lines(axes):
    (found,) = [each for each in axes.collections if isinstance(each, LineCollection)]
    return found.get_segments()


def words(axes):
    return [text.get_text().replace("\n", " ") for text in axes.texts]


def titles(axes):
    return " ".join(axes.get_title(loc) for loc in ("left", "center", "right")).strip()


def test_the_canonical_face_stands_upright():
    """In the picture y grows downwards: brow, eye, mouth and chin from the top. The left eye is the picture's."""
    face = schematics.canonical_face()
    assert face.shape == (468, 2)
    brow, eye, mouth, chin = face[[105, 159, 13, 152], 1]
    assert brow < eye < mouth < chin
    assert face[regions.LEFT_EYE_CORNER, 0] < 0 < face[regions.RIGHT_EYE_CORNER, 0]
    assert 8 < face[regions.RIGHT_EYE_CORNER, 0] - face[regions.LEFT_EYE_CORNER, 0] < 10  # centimetres


class TestMethod:
    def test_points_pairs_and_shapes_are_the_papers(self):
        figure = schematics.method()
        by_title = {titles(axes): axes for axes in figure.axes}
        faces = by_title["1  61 of 478 landmarks, in seven regions"]
        drawn = [len(points(faces, name)) for name in regions.REGIONS]
        assert drawn == [8, 8, 7, 7, 10, 16, 5]
        assert [text.get_text() for text in faces.get_legend().get_texts()] == list(regions.REGIONS)
        counts = {units: len(pair_lines(by_title[units])) for units in regions.CATEGORIES}
        assert list(counts.values()) == [435, 325, 780, 465, 861]
        everything = [text.get_text().replace("\n", " ") for text in figure.findobj(Text)]
        assert "2  1456 pairs, inside five groups of action units" in everything
        assert {"differences 4 × 2912", "Flatten 23296", "ConvLSTM1D 8 filters kernel 1"} <= set(everything)
        assert [word for word in everything if word.startswith("Dense")] == ["Dense 2048 ReLU", "Dense 1024 ReLU"]
        figure.canvas.draw()

    def test_no_word_lies_across_a_line(self):
        figure = schematics.method()
        figure.canvas.draw()
        (axes,) = [each for each in figure.axes if titles(each) == "5  the network"]
        for word, box in zip([text for text in axes.texts if text.get_text()], axes.patches, strict=True):
            inside, frame = word.get_window_extent(), box.get_window_extent()
            assert frame.x0 + 2 < inside.x0 and inside.x1 < frame.x1 - 2, word.get_text()
        (axes,) = [each for each in figure.axes if titles(each).startswith("4  five key frames")]
        curve = axes.lines[0].get_transform().transform(axes.lines[0].get_xydata())
        for word in axes.texts:
            assert not any(word.get_window_extent().contains(*point) for point in curve), word.get_text()

    def test_a_category_shows_its_own_points_only(self):
        figure = schematics.method()
        (axes,) = [each for each in figure.axes if titles(each) == "AU 6"]
        assert {name for name in regions.REGIONS if len(points(axes, name))} == {"left eye", "right eye", "nose"}
        assert len(pair_lines(axes)) == comb(26, 2)
        face = schematics.canonical_face()
        np.testing.assert_allclose(pair_lines(axes)[0], face[[33, 133]], atol=1e-6)

    def test_five_key_frames_lie_evenly_in_intensity_and_give_four_differences(self):
        figure = schematics.method()
        (axes,) = [each for each in figure.axes if titles(each).startswith("4  five key frames")]
        (dots,) = [line for line in axes.lines if line.get_marker() == "o"]
        assert len(dots.get_xdata()) == 5
        assert np.diff(dots.get_ydata()) == pytest.approx([np.diff(dots.get_ydata()).mean()] * 4, rel=0.02)
        assert [word for word in words(axes) if word.startswith("Δ")] == ["Δ1", "Δ2", "Δ3", "Δ4"]
        curve = axes.lines[0].get_ydata()
        assert dots.get_ydata()[-1] == pytest.approx(curve.max(), abs=0.01)
        assert {"onset", "apex", "offset"} <= set(words(axes))

    def test_the_angle_is_drawn_from_the_vertical(self):
        """Eq. 2: arctan(Δx / Δy)."""
        figure = schematics.method()
        (axes,) = [each for each in figure.axes if titles(each) == "3  two numbers a pair"]
        pair, upright, arc = axes.lines
        ends = arc.get_xydata()
        assert ends[0] == pytest.approx([0, 0.6])
        assert np.arctan2(*ends[-1]) == pytest.approx(np.arctan2(*(pair.get_xydata()[1] - pair.get_xydata()[0])))
        assert upright.get_xdata()[0] == upright.get_xdata()[1] == 0


def test_landmark_sets():
    figure = schematics.landmark_sets()
    assert [axes.get_title() for axes in figure.axes] == [
        "61 landmarks, 1456 pairs, 2912 features",
        "122 landmarks, 5931 pairs, 11862 features",
        "250 landmarks, 25041 pairs, 50082 features",
    ]
    face = schematics.canonical_face()
    for axes, size in zip(figure.axes, (61, 122, 250), strict=True):
        drawn = np.concatenate([points(axes, name) for name in regions.REGIONS])
        np.testing.assert_allclose(drawn, face[list(regions.landmarks(size))])
        for name in regions.REGIONS:
            (line,) = [each for each in axes.lines if each.get_label() == name]
            assert to_rgba(line.get_color()) == to_rgba(style.REGION_COLOURS[name])
        bottom, top = axes.get_ylim()
        assert bottom > top  # y grows downwards
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(regions.REGIONS)


def test_the_architecture_counts_the_weights_that_the_networks_have():
    figure = schematics.architecture()
    paper, compact = figure.axes
    millions = [float(re.search(r"([\d.]+) million weights", titles(axes))[1]) for axes in figure.axes]
    # 4 · 8 · (1 + 8 + 1) + (8 · 2912 + 1) · 2048 + 2049 · 1024 + 1025 · 7 = 49,817,927
    assert millions[0] == 49.8
    assert networks.paper_weights(2912, 7) == 49_817_927
    # 2913 · 64 + 4 · 64 · (64 + 64 + 1) + 65 · 7 = 219,911
    assert millions[1] == 0.22
    assert "differences 4 × 2912" in words(paper) and "differences 4 × 2912" in words(compact)
    layers = ["ConvLSTM1D 8 filters kernel 1", "Flatten 23296", "Dense 2048 ReLU", "Dense 1024 ReLU"]
    assert [word for word in words(paper) if word] == ["differences 4 × 2912", *layers, "softmax 7 emotions"]
    assert [word for word in words(compact) if word][1:3] == ["Dense 64 ReLU each step", "LSTM 64"]


class TestImportantPairs:
    table = pd.DataFrame(
        [
            ("distances", "nose – mouth", 0.2, 1.0),
            ("angles", "left eye – right eye", 0.1, 0.5),
            ("distances", "mouth", 0.05, 0.6),
            ("distances", "left eye", 1e-6, 1.0),  # dashes as short as that would never end
            ("angles", "nose – lower jaw", 0.0, 0.0),
            ("angles", "left brow", -0.1, 0.0),
        ],
        columns=["values", "regions", "lost", "stable"],
    )

    @staticmethod
    def joined(axes):
        return [line for line in axes.lines if len(line.get_xdata()) == 2]

    def test_lines_join_the_regions_as_thick_as_much_is_lost_and_dashed_where_seldom(self):
        figure = schematics.important_pairs(self.table, "a title")
        assert figure.get_suptitle() == "a title"
        assert [axes.get_title() for axes in figure.axes] == ["distances", "angles"]
        face = schematics.canonical_face()
        centre = {name: face[list(regions.by_region()[name])].mean(axis=0) for name in regions.REGIONS}
        (nose,), (eyes,) = map(self.joined, figure.axes)
        assert [nose.get_linewidth(), eyes.get_linewidth()] == pytest.approx([6, 3])
        assert [nose.get_linestyle(), eyes.get_linestyle()] == ["-", "--"]
        np.testing.assert_allclose(nose.get_xydata(), [centre["nose"], centre["mouth"]])
        np.testing.assert_allclose(eyes.get_xydata(), [centre["left eye"], centre["right eye"]])
        legend = [text.get_text() for text in figure.legends[0].get_texts()]
        assert legend == ["20.0 points lost", "10.0 points lost", "lost in fewer than 2/3 of the folds"]

    def test_a_line_that_would_pass_another_region_is_bent(self):
        """Nose, mouth and chin are one below the other: a straight line would lie on those of its parts."""
        names = ["nose – lower jaw", "nose – mouth", "mouth – lower jaw"]
        rows = pd.DataFrame({"values": "angles", "regions": names, "lost": 0.1, "stable": 1.0})
        axes = schematics.important_pairs(rows, "a title").axes[1]
        lines = [line.get_xydata() for line in axes.lines if line.get_label().startswith("_child")]
        (bent,) = [line for line in lines if len(line) == 30]
        assert sum(len(line) == 2 for line in lines) == 2
        face = schematics.canonical_face()
        centre = {name: face[list(regions.by_region()[name])].mean(axis=0) for name in regions.REGIONS}
        np.testing.assert_allclose(bent[[0, -1]], [centre["nose"], centre["lower jaw"]])
        assert abs(bent - centre["mouth"]).max(axis=1).min() > 1

    def test_pairs_inside_a_region_are_a_ring(self):
        figure = schematics.important_pairs(self.table, "a title")
        (ring,), () = ([patch for patch in axes.patches if isinstance(patch, Circle)] for axes in figure.axes)
        assert (ring.get_linewidth(), ring.get_linestyle() == "-") == (pytest.approx(1.5), False)
        mouth = schematics.canonical_face()[list(regions.by_region()["mouth"])].mean(axis=0)
        assert ring.center == pytest.approx(mouth)

    @pytest.mark.parametrize("rows", [table[:0], table[-2:]])
    def test_where_nothing_is_lost_there_are_faces_alone(self, rows):
        figure = schematics.important_pairs(rows, "a title")
        for axes in figure.axes:
            assert self.joined(axes) == [] and len(axes.patches) == 0
            assert len(points(axes, "mouth")) == 16
        figure.canvas.draw()


class TestImportantUnits:
    table = pd.DataFrame(
        {"unit": ["AU12", "AU25", "AU04"], "lost": [0.1, 0.04, -0.02], "sd": 0.01, "stable": [1.0, 0.5, 0.0]}
    )

    def moved(self):
        """Each unit moves one point by 2 cm and the next by 1; those of units 12 and 25 are far apart."""
        motion = {}
        for unit, point in (("AU12", 291), ("AU25", 263), ("AU04", 100)):
            motion[unit] = np.zeros(468)
            motion[unit][[point, point + 1]] = 2, 1
        motion["AU25"][291] = 1
        return motion

    def test_bars_and_the_face_show_the_same_losses(self):
        figure = schematics.important_units(self.table, self.moved())
        bars, face, _ = figure.axes
        assert [bar.get_width() for bar in bars.patches] == pytest.approx([10, 4, -2])
        assert [bool(bar.get_hatch()) for bar in bars.patches] == [False, True, True]
        assert [label.get_text() for label in bars.get_yticklabels()] == ["AU12", "AU25", "AU04"]
        (mesh,) = [each for each in face.collections if each.get_array() is not None]
        colours = mesh.get_array()
        # the larger of two units; half a motion, half the colour; nothing where shuffling helped
        assert [colours[at] for at in (291, 292, 263, 264, 100)] == pytest.approx([10, 5, 4, 2, 0])
        assert words(face) == ["12", "25"]

    def test_numbers_at_one_place_are_written_once(self):
        moved = self.moved()
        face = schematics.important_units(self.table, moved | {"AU25": moved["AU12"]}).axes[1]
        assert words(face) == ["12, 25"]

    def test_no_units(self):
        assert words(schematics.important_units(self.table[:0], {}).axes[1]) == []
