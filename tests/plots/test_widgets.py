"""The widgets, moved as a reader would move them, and the figures in their place."""

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from fer_utils.features import geometry, tensors
from fer_utils.plots import widgets
from tests.clips import patterned

pytestmark = pytest.mark.usefixtures("no_windows")

RISE = 1 / (1 + np.exp(-np.linspace(-4, 5, 12)))


@pytest.fixture
def shown(monkeypatch):
    """All figures that a widget puts on show, in order."""
    figures, encode = [], widgets._png

    def keep(figure):
        figures.append(figure)
        return encode(figure)

    monkeypatch.setattr(widgets, "_png", keep)
    return figures


@pytest.fixture
def dataset(make_sequence, make_track):
    """Three sequences of 12, 20 and 3 frames (too few for features), and one without a track."""
    sequences = [
        make_sequence("long", "fear", rendered=True),
        make_sequence("longer", "anger"),
        make_sequence("short", "sadness"),
        make_sequence("no track"),
    ]
    tracks = {
        "long": make_track(RISE, missing=[2]),
        "longer": make_track(np.linspace(0, 1, 20), seed=2),
        "short": make_track([0, 0.5, 1], seed=3),
    }
    return sequences, tracks


def controls(view):
    """The view's controls by their names."""
    return {control.description: control for control in view.children[0].children}


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


class TestFaces:
    def test_figure_of_first_middle_and_last_frame(self, dataset):
        figure = widgets.frames(*dataset, pictures=False, interactive=False)
        assert isinstance(figure, Figure)
        assert titles(figure) == ["frame 0, 0.00 s", "frame 5, 0.17 s", "frame 11, 0.37 s"]
        assert figure.get_suptitle() == "long: fear"
        assert [text.get_text() for text in figure.texts].count("rendered stand-in") == 1

    def test_figure_with_the_pictures(self, make_sequence, make_track, tmp_path):
        files = [tmp_path / f"{index}.png" for index in range(3)]
        for index, file in enumerate(files):
            cv2.imwrite(str(file), patterned(index))
        sequence = make_sequence("a", files=files)
        figure = widgets.frames([sequence], {"a": make_track([0, 0, 0])}, pictures=True, interactive=False)
        for index, axes in enumerate(figure.axes):
            np.testing.assert_array_equal(axes.images[0].get_array(), patterned(index)[..., ::-1])

    def test_the_widget_opens_with_the_first_frame(self, dataset, shown):
        found = controls(widgets.frames(*dataset, pictures=False, interactive=True))
        assert found["recording"].options == (
            ("long · fear", "long"),
            ("longer · anger", "longer"),
            ("short · sadness", "short"),
        )
        assert (found["frame"].min, found["frame"].max) == (0, 11)
        assert [titles(figure) for figure in shown] == [["frame 0, 0.00 s"]]

    def test_the_slider_draws_its_frame_and_says_why_one_is_empty(self, dataset, shown):
        found = controls(widgets.frames(*dataset, pictures=False, interactive=True))
        found["frame"].value = 11
        found["frame"].value = 2
        assert [titles(figure)[0] for figure in shown[1:]] == ["frame 11, 0.37 s", "frame 2, 0.07 s: no face found"]
        assert [len(figure.axes[0].collections) for figure in shown[1:]] == [7, 0]

    def test_the_slider_ends_with_the_sequence(self, dataset, shown):
        found = controls(widgets.frames(*dataset, pictures=False, interactive=True))
        found["frame"].value = 9
        for name, last, frame in (("longer", 19, 9), ("short", 2, 2), ("long", 11, 2)):
            found["recording"].value = name
            assert (found["frame"].max, found["frame"].value) == (last, frame)
            assert shown[-1].get_suptitle().startswith(f"{name}: ")
            assert titles(shown[-1])[0].startswith(f"frame {frame}, ")

    def test_pairs_of_a_category_on_and_off(self, dataset, shown):
        found = controls(widgets.frames(*dataset, pictures=False, interactive=True))
        found["pairs"].value = "AU 6"
        assert len(shown[-1].axes[0].collections[0].get_segments()) == 325
        found["pairs"].value = ""
        assert len(shown[-1].axes[0].collections) == 7

    def test_pictures_follow_the_sequence(self, make_sequence, make_track, tmp_path, shown):
        sequences = []
        for number, name in enumerate("ab"):
            files = [tmp_path / f"{name}{index}.png" for index in range(2 + number)]
            for index, file in enumerate(files):
                cv2.imwrite(str(file), patterned(10 * number + index))
            sequences.append(make_sequence(name, files=files))
        tracks = {"a": make_track([0, 0]), "b": make_track([0, 0, 0])}
        found = controls(widgets.frames(sequences, tracks, pictures=True, interactive=True))
        for name, frame, seed in (("b", 2, 12), ("a", 1, 1), ("a", 0, 0)):
            found["recording"].value = name
            found["frame"].value = frame
            np.testing.assert_array_equal(shown[-1].axes[0].images[0].get_array(), patterned(seed)[..., ::-1])


class TestPairs:
    def test_figure_of_the_first_sequence_and_the_corners_of_the_mouth(self, dataset):
        tracks = dataset[1]
        figure = widgets.pairs(*dataset, interactive=False)
        assert figure.get_suptitle() == "long (fear), pair 61–291: mouth to mouth, one of the study's pairs"
        assert [text.get_text() for text in figure.texts].count("rendered stand-in") == 1
        points = geometry.normalise(geometry.bridge(tracks["long"].points, tracks["long"].times))
        across = points[:, 61, :2] - points[:, 291, :2]
        distance, angle, *_ = (axes.lines[0].get_ydata() for axes in figure.axes)
        assert distance == pytest.approx(np.hypot(*across.T), rel=1e-5)
        assert angle == pytest.approx(np.degrees(np.arctan2(*across.T)), abs=1e-2)
        made = tensors.sequence_features(tracks["long"])
        key_times = figure.axes[0].lines[1].get_xdata()
        np.testing.assert_array_equal(key_times, tracks["long"].times[made.key_frames])

    def test_figure_of_another_pair(self, dataset):
        figure = widgets.pairs(*dataset, interactive=False, pair=(33, 70))
        assert figure.get_suptitle() == "long (fear), pair 33–70: left eye to left brow, one of the study's pairs"
        points = dataset[1]["long"].points[tensors.sequence_features(dataset[1]["long"]).phases.apex]
        np.testing.assert_allclose(figure.axes[3].lines[0].get_xydata(), points[[33, 70], :2])

    def test_figure_passes_over_a_sequence_that_gives_no_features(self, dataset):
        sequences, tracks = dataset
        figure = widgets.pairs(sequences[::-1], tracks, interactive=False)
        assert figure.get_suptitle().startswith("longer (anger)")

    def test_every_change_draws_anew(self, dataset, shown):
        found = controls(widgets.pairs(*dataset, interactive=True))
        found["recording"].value = "longer"
        found["point"].value = 70
        found["and point"].value = 33
        assert [figure.get_suptitle() for figure in shown] == [
            "long (fear), pair 61–291: mouth to mouth, one of the study's pairs",
            "longer (anger), pair 61–291: mouth to mouth, one of the study's pairs",
            "longer (anger), pair 70–291: left brow to mouth, not one of the study's pairs",
            "longer (anger), pair 70–33: left brow to left eye, one of the study's pairs",
        ]
        assert len(found["point"].options) == 61
        assert found["point"].options[0] == ("33 (left eye)", 33)

    def test_a_point_is_no_pair_with_itself(self, dataset, shown):
        view = widgets.pairs(*dataset, interactive=True)
        _, message, picture = view.children
        controls(view)["and point"].value = 61
        assert message.value == "point 61 twice: choose two different points"
        assert picture.layout.display == "none" and len(shown) == 1

    def test_the_picture_keeps_the_size_that_it_is_drawn_in(self, dataset):
        """A box stretches what is in it to its own width: twice the size of the picture."""
        for view in (widgets.pairs(*dataset, interactive=True), widgets.frames(*dataset, False, interactive=True)):
            assert view.children[-1].layout.align_self == "flex-start"

    def test_a_refused_sequence_shows_its_reason_and_the_next_one_draws(self, dataset, shown):
        view = widgets.pairs(*dataset, interactive=True)
        _, message, picture = view.children
        first = bytes(picture.value)
        assert first.startswith(b"\x89PNG") and (message.value, picture.layout.display) == ("", "")
        controls(view)["recording"].value = "short"
        assert message.value == "short: 3 frames, 5 key frames need at least as many"
        assert picture.layout.display == "none" and len(shown) == 1
        controls(view)["recording"].value = "longer"
        assert (message.value, picture.layout.display) == ("", "") and len(shown) == 2
        assert bytes(picture.value) not in (b"", first)
