"""What figures of faces and tracks show: the mark, the right points, the right frames; and how figures are saved."""

from dataclasses import replace
from itertools import combinations
from math import comb
from xml.etree import ElementTree

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fer_utils.data.video import Video
from fer_utils.errors import UserError
from fer_utils.features import geometry, tensors
from fer_utils.features.phases import Phases
from fer_utils.landmarks import regions
from fer_utils.plots import faces
from tests.clips import patterned
from tests.data.test_video import write_video

pytestmark = pytest.mark.usefixtures("no_windows")

MARK = "rendered stand-in"
RISE = 1 / (1 + np.exp(-np.linspace(-4, 5, 12)))


def words(figure):
    return [text.get_text() for text in figure.texts]


def verticals(axes):
    """x and label of the upright lines."""
    return {line.get_label(): line.get_xdata()[0] for line in axes.lines if line.get_xdata()[0] == line.get_xdata()[-1]}


def drawn_points(axes, region):
    (found,) = [dots for dots in axes.collections if dots.get_label() == region]
    return found.get_offsets()


@pytest.fixture
def dataset(make_sequence, make_track):
    """make(rendered): five sequences of three emotions; the first of anger is too short, one has no track."""

    def make(rendered=True):
        there_and_back = np.concatenate([RISE, RISE[::-1]])
        sequences = [
            make_sequence("hidden", "anger", rendered=rendered),
            make_sequence("s", "sadness", rendered=rendered),
            make_sequence("a", "anger", rendered=rendered, apex="inside"),
            make_sequence("a later", "anger", rendered=rendered),
            make_sequence("no track", "fear", rendered=rendered),
        ]
        tracks = {
            "hidden": make_track([0, 1]),
            "s": make_track(RISE, seed=2),
            "a": make_track(there_and_back, seed=3),
            "a later": make_track(RISE, seed=4),
        }
        return sequences, tracks

    return make


class TestMark:
    @pytest.mark.parametrize("layout", [None, "constrained"])
    def test_rendered_data_are_marked_and_real_ones_are_not(self, layout):
        assert words(faces.mark(plt.figure(layout=layout), True)) == [MARK]
        assert words(faces.mark(plt.figure(layout=layout), False)) == []
        assert words(faces.mark(plt.figure(layout=layout), False, quick=True)) == ["quick run"]
        assert words(faces.mark(plt.figure(layout=layout), True, quick=True)) == [f"{MARK}, quick run"]

    def test_it_lies_inside_the_figure_below_what_is_drawn(self):
        figure, axes = plt.subplots(layout="constrained")
        axes.set_xlabel("time (s)")
        faces.mark(figure, True)
        figure.canvas.draw()
        mark, label = (text.get_window_extent() for text in (figure.texts[0], axes.xaxis.label))
        assert 0 <= mark.x0 < mark.x1 <= figure.bbox.width
        assert 0 <= mark.y0 < mark.y1 <= label.y0

    @pytest.mark.parametrize("rendered", [True, False])
    @pytest.mark.parametrize("name", ["contact_sheet", "categories"])
    def test_figures_of_sequences_carry_it(self, dataset, name, rendered):
        options = {"pictures": False} if name == "contact_sheet" else {}
        figure = getattr(faces, name)(*dataset(rendered), **options)
        assert words(figure).count(MARK) == rendered


class TestSave:
    def test_a_picture_is_written_and_the_figure_closed(self, tmp_path):
        figure = plt.figure(figsize=(2, 1))
        assert faces.save(figure, tmp_path / "new", "all", "a") is figure
        assert cv2.imread(str(tmp_path / "new/figures/all/a.png")).shape == (110, 220, 3)
        assert plt.get_fignums() == []
        assert [path.name for path in (tmp_path / "new/figures/all").iterdir()] == ["a.png"]

    @staticmethod
    def drawn():
        figure, axes = plt.subplots(figsize=(3, 2), layout="constrained")
        axes.plot([0, 1, 2], [0, 1, 0], "o-", clip_on=True)
        axes.fill_between([0, 2], [0, 0], [1, 1], hatch="//", alpha=0.3)
        axes.plot([0, 2], [1, 0], rasterized=True)
        axes.set_title("Δ of 14 pairs – öäü <&>")
        return faces.mark(figure, True)

    def test_a_vector_picture_lies_beside_it_with_its_text_as_text(self, tmp_path):
        faces.save(self.drawn(), tmp_path, "mmi", "a", vector=True)
        folder = tmp_path / "figures/mmi"
        assert sorted(path.name for path in folder.iterdir()) == ["a.png", "a.svg"]
        drawing = ElementTree.parse(folder / "a.svg").getroot()
        assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
        assert (drawing.get("width"), drawing.get("height")) == ("216pt", "144pt")
        texts = ["".join(each.itertext()) for each in drawing.iter("{http://www.w3.org/2000/svg}text")]
        assert "Δ of 14 pairs – öäü <&>" in texts and MARK in texts and "MMI" in texts

    def test_two_runs_write_the_same_bytes(self, tmp_path):
        for folder in ("one", "two"):
            faces.save(self.drawn(), tmp_path / folder, "mmi", "a", vector=True)
        for name in ("a.png", "a.svg"):
            first, second = ((tmp_path / folder / "figures/mmi" / name).read_bytes() for folder in ("one", "two"))
            assert first == second
        assert b"<dc:date>" not in (tmp_path / "one/figures/mmi/a.svg").read_bytes()

    def test_settings_of_other_figures_stay_as_they_are(self, tmp_path):
        before = {name: plt.rcParams[name] for name in ("svg.fonttype", "svg.hashsalt")}
        faces.save(self.drawn(), tmp_path, "mmi", "a", vector=True)
        assert {name: plt.rcParams[name] for name in before} == before


class TestFace:
    def test_points_without_a_picture(self, make_track):
        points = make_track([0]).points[0]
        axes = plt.figure().subplots()
        faces.face(axes, points, labels=True)
        assert len(axes.images) == 0
        for region, indices in regions.by_region().items():
            np.testing.assert_allclose(drawn_points(axes, region), points[list(indices), :2])
        colours = {tuple(dots.get_facecolor()[0]) for dots in axes.collections}
        assert len(colours) == 7
        assert [text.get_text() for text in axes.get_legend().get_texts()] == list(regions.REGIONS)
        bottom, top = axes.get_ylim()
        drawn = points[list(regions.landmarks()), 1]
        assert bottom > drawn.max() > drawn.min() > top  # y grows downwards

    def test_over_a_picture_in_its_colours(self, make_track):
        image = np.full((40, 60, 3), (255, 0, 0), np.uint8)  # blue in OpenCV's order
        axes = plt.figure().subplots()
        faces.face(axes, make_track([0]).points[0], image)
        assert axes.images[0].get_array().shape == (40, 60, 3)
        assert axes.images[0].get_array()[0, 0].tolist() == [0, 0, 255]
        assert axes.get_legend() is None

    @pytest.mark.parametrize("image", [None, np.zeros((40, 60, 3), np.uint8)])
    def test_a_frame_with_no_face_shows_only_its_picture(self, image):
        figure = plt.figure()
        axes = figure.subplots()
        faces.face(axes, np.full((478, 3), np.nan, np.float32), image, labels=True, category="AU 6")
        assert len(axes.collections) == 0
        assert len(axes.images) == (image is not None)
        figure.canvas.draw()

    def test_pairs_of_a_category(self, make_track):
        points = make_track([0]).points[0]
        axes = plt.figure().subplots()
        faces.face(axes, points, category="AU 6")
        segments = axes.collections[0].get_segments()
        assert len(segments) == comb(8 + 8 + 10, 2)
        np.testing.assert_allclose(segments[0], points[[33, 133], :2])


class TestSequences:
    def test_contact_sheet_shows_first_frame_and_apex_of_the_first_usable_sequence(self, dataset):
        sequences, tracks = dataset()
        figure = faces.contact_sheet(sequences, tracks, pictures=False)
        above, below = np.reshape(figure.axes, (2, 2))
        assert [axes.get_title() for axes in above] == ["anger", "sadness"]
        for column, (name, apex) in enumerate([("a", "inside"), ("s", "last")]):
            points = tracks[name].points[:, list(regions.by_region()["mouth"]), :2]
            np.testing.assert_allclose(drawn_points(above[column], "mouth"), points[0])
            strongest = tensors.sequence_features(tracks[name], apex).phases.apex
            np.testing.assert_allclose(drawn_points(below[column], "mouth"), points[strongest])
        assert not any(axes.images for axes in figure.axes)

    def test_contact_sheet_with_pictures(self, make_sequence, make_track, tmp_path):
        files = [tmp_path / f"{index}.png" for index in range(6)]
        for index, file in enumerate(files):
            cv2.imwrite(str(file), patterned(index))
        sequence = make_sequence("a", files=files)
        figure = faces.contact_sheet([sequence], {"a": make_track(np.linspace(0, 1, 6))}, pictures=True)
        for axes, index in zip(figure.axes, (0, 5), strict=True):
            np.testing.assert_array_equal(axes.images[0].get_array(), patterned(index)[..., ::-1])

    def test_pictures_of_a_video_are_turned_as_its_track_says(self, make_sequence, make_track, tmp_path):
        file = write_video(tmp_path / "a.avi", [patterned(0, 64, 48)] * 3)
        sequence = replace(make_sequence("a"), frames=Video(file))
        track = make_track(np.zeros(3))
        assert [image.shape for image in faces.pictures_of(sequence, track)] == [(48, 64, 3)] * 3
        turned = replace(track, quarter_turns=1)
        assert [image.shape for image in faces.pictures_of(sequence, turned)] == [(64, 48, 3)] * 3

    def test_categories(self, dataset):
        figure = faces.categories(*dataset())
        assert [axes.get_title() for axes in figure.axes] == list(regions.CATEGORIES)
        assert [len(axes.collections[0].get_segments()) for axes in figure.axes] == [435, 325, 780, 465, 861]

    @pytest.mark.parametrize("name", ["contact_sheet", "categories"])
    def test_no_face_anywhere(self, make_sequence, make_track, name):
        options = {"pictures": False} if name == "contact_sheet" else {}
        with pytest.raises(UserError, match="no sequence gives features"):
            getattr(faces, name)([make_sequence("a")], {"a": make_track(RISE, missing=range(12))}, **options)


@pytest.mark.parametrize("offset", [4, 5])
def test_pair_over_time(offset, make_track):
    times, degrees = np.arange(6) / 10, np.array([160, 170, -175, -160, -150, -150])
    phases = Phases(1, 4, offset, np.linspace(0, 0.5, 6))
    key_frames = np.array([1, 2, 4])
    points = make_track([0]).points[0]
    pair = (145, 263)
    figure = faces.pair_over_time(
        times, np.arange(6.0), np.radians(degrees), phases, key_frames, "a title", points, pair
    )
    assert figure.get_suptitle() == "a title"
    *over_time, face = figure.axes
    distance, angle, intensity = over_time
    assert distance.lines[0].get_ydata().tolist() == [0, 1, 2, 3, 4, 5]
    assert angle.lines[0].get_ydata() == pytest.approx([160, 170, 185, 200, 210, 210])  # no jump by 360
    assert angle.lines[1].get_ydata() == pytest.approx([170, 185, 210])
    assert intensity.lines[0].get_ydata().tolist() == phases.intensity.tolist()
    np.testing.assert_array_equal(face.lines[0].get_xydata(), points[list(pair), :2])
    assert [text.get_text() for text in face.texts] == ["145", "263"]
    lines = next(each for each in face.collections if hasattr(each, "get_segments")).get_segments()
    partners = {int(index) for used in geometry.PAIRS for index in used if 145 in used} - {145}
    assert len(lines) == len(partners) and all((points[145, :2] == line).all(axis=1).any() for line in lines)
    for axes in over_time:
        assert axes.lines[1].get_xdata() == pytest.approx([0.1, 0.2, 0.4])
        assert verticals(axes) == pytest.approx({"onset": 0.1, "apex": 0.4} | ({"offset": 0.5} if offset == 5 else {}))


def test_names_along_a_stream_do_not_run_into_each_other():
    """Two that last, and between them some that come and go within a second."""
    names = ["", "fear", "happiness", "contempt", "fear", "contempt", "", "surprise", ""]
    named = np.repeat(names, [48, 2, 60, 3, 2, 5, 40, 70, 20])
    table = pd.DataFrame({"time": np.arange(len(named)) / 25, "emotion": named})
    table = table.assign(phase="neutral", intensity=0.0, happiness=0.5, contempt=0.3, fear=0.1, surprise=0.1)
    table["emotion"] = table["emotion"].replace("", np.nan)
    figure = faces.stream(table)
    above = figure.axes[0]
    figure.canvas.draw()
    assert {"happiness", "surprise"} <= {text.get_text() for text in above.texts}
    boxes = [text.get_window_extent() for text in above.texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    bands = sorted(band.get_xdata().tolist() for band in above.lines if set(band.get_ydata()) == {1.04})
    assert bands[1] == [2.0, 4.36] and bands[-1] == [6.4, 9.16] and len(bands) == 6
