"""What the figures of result tables show: the numbers that were given, all of them, and what they are called."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from fer_utils.evaluation import metrics, results, tables
from fer_utils.plots import charts, faces, style

pytestmark = pytest.mark.usefixtures("no_windows")


def legend(figure_or_axes):
    found = figure_or_axes.get_legend() if hasattr(figure_or_axes, "get_legend") else figure_or_axes.legends[0]
    return [text.get_text() for text in found.get_texts()]


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def line(axes, label):
    (found,) = [each for each in axes.lines if each.get_label() == label]
    return found


class TestCurves:
    @staticmethod
    def table(*emotions):
        """Six frames an emotion, at 0.1 s; each emotion twice as strong as the one before."""
        frames = []
        for number, emotion in enumerate(emotions):
            frames.append(
                pd.DataFrame(
                    {
                        "id": f"{emotion} 1",
                        "emotion": emotion,
                        "time": np.arange(6) / 10,
                        "intensity": 2.0**number * np.array([0, 0.1, 0.3, 0.6, 0.6, 0.2]),
                        "mouth_opening": 2.0**number * np.array([0.05, 0.05, 0.1, 0.2, 0.2, 0.1]),
                        "key_frame": [False, True, True, True, False, False],
                        "phase": ["", "onset", "", "apex", "", "offset"],
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def test_a_panel_an_emotion_with_both_curves_and_the_key_frames(self):
        table = self.table("anger", "fear", "happiness")
        figure = charts.curves(table)
        assert [axes.get_title() for axes in figure.axes] == ["anger", "fear", "happiness", ""]
        assert [axes.axison for axes in figure.axes] == [True, True, True, False]
        for number, axes in enumerate(figure.axes[:3]):
            scale = 2**number
            for label in ("intensity", "mouth opening"):
                assert line(axes, label).get_xdata() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
            assert line(axes, "intensity").get_ydata() == pytest.approx(scale * np.array([0, 0.1, 0.3, 0.6, 0.6, 0.2]))
            assert line(axes, "mouth opening").get_ydata() == pytest.approx(
                scale * np.array([0.05, 0.05, 0.1, 0.2, 0.2, 0.1])
            )
            assert line(axes, "key frames").get_xdata() == pytest.approx([0.1, 0.2, 0.3])
            assert line(axes, "key frames").get_ydata() == pytest.approx(scale * np.array([0.1, 0.3, 0.6]))

    def test_onset_apex_and_offset_are_told_apart_and_named_once(self):
        figure = charts.curves(self.table("anger", "fear"))
        for axes in figure.axes:
            upright = {name: line(axes, name) for name in ("onset", "apex", "offset")}
            assert {name: each.get_xdata()[0] for name, each in upright.items()} == pytest.approx(
                {"onset": 0.1, "apex": 0.3, "offset": 0.5}
            )
            assert len({each.get_linestyle() for each in upright.values()}) == 3
        assert legend(figure) == ["intensity", "key frames", "mouth opening", "onset", "apex", "offset"]

    def test_a_recording_that_ends_at_its_apex_has_no_offset(self):
        table = self.table("anger", "fear")
        table.loc[table["phase"] == "offset", "phase"] = ""
        figure = charts.curves(table)
        assert {each.get_label() for axes in figure.axes for each in axes.lines} == set(legend(figure))
        assert "offset" not in legend(figure) and "apex" in legend(figure)

    def test_out_of_a_csv(self, tmp_path):
        table = self.table("anger").assign(dataset="mmi", data="real")
        table.to_csv(tmp_path / "curves.csv", index=False)
        figure = charts.curves(tables.read_csv(tmp_path / "curves.csv"))
        assert line(figure.axes[0], "key frames").get_xdata() == pytest.approx([0.1, 0.2, 0.3])
        assert len(figure.axes[0].lines) == 6  # three curves, three phases


class TestMeanChanges:
    def test_by_hand(self):
        tensors = np.zeros((3, 2, 4), np.float32)
        tensors[0, 0] = 1, -3, 50, 50  # two distances, two angles
        tensors[1, 0] = 2, 2, 50, 50
        tensors[2, 1] = 0, -5, 50, 50
        figure = charts.mean_changes(tensors, np.array(["fear", "fear", "anger"]))
        lines = {line.get_label(): line.get_ydata().tolist() for line in figure.axes[0].lines}
        assert lines == {"anger": [0, 2.5], "fear": [2, 0]}
        assert ticks(figure.axes[0].xaxis) == ["1 → 2", "2 → 3"]

    def test_seven_emotions_are_told_apart_without_colour_too(self):
        names = np.array(["anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"])
        figure = charts.mean_changes(np.ones((7, 4, 2)), names)
        lines = figure.axes[0].lines
        assert len({each.get_marker() for each in lines}) == len({each.get_color() for each in lines}) == 7
        assert legend(figure.axes[0]) == names.tolist()

    def test_an_emotion_has_its_colour_whichever_others_there_are(self):
        figure = charts.mean_changes(np.ones((2, 4, 2)), np.array(["fear", "surprise"]))
        colours = [to_rgba(each.get_color()) for each in figure.axes[0].lines]
        assert colours == [to_rgba(style.EMOTION_COLOURS[name]) for name in ("fear", "surprise")]


class TestTrainingCurves:
    @staticmethod
    def history(seeds=(0,), folds=range(3), **columns):
        curve = {"loss": [2.0, 1.0], "val_loss": [3.0, 2.0], "accuracy": [0.5, 0.75], "val_accuracy": [0.25, 0.5]}
        return pd.concat(
            pd.DataFrame({"protocol": protocol, "seed": seed, "fold": fold, "epoch": [1, 2], **curve, **columns})
            for protocol in ("stratified", "grouped")
            for seed in seeds
            for fold in folds
        )

    def test_a_row_a_protocol_and_two_lines_a_fold(self):
        figure = charts.training_curves(self.history())
        titles = ["stratified: loss", "stratified: accuracy", "grouped: loss", "grouped: accuracy"]
        assert [axes.get_title() for axes in figure.axes] == titles
        fitted, validation = to_rgba(style.BLUE), to_rgba(style.ORANGE)
        for axes, values in zip(figure.axes, [([2, 1], [3, 2]), ([0.5, 0.75], [0.25, 0.5])] * 2, strict=True):
            drawn = [(to_rgba(line.get_color()), line.get_ydata().tolist()) for line in axes.lines]
            assert drawn == [(fitted, values[0]), (validation, values[1])] * 3
            assert [line.get_linestyle() for line in axes.lines] == ["--", "-"] * 3  # printed grey too
            assert all(line.get_xdata().tolist() == [1, 2] for line in axes.lines)
        assert legend(figure.axes[1]) == ["fitted", "validation"]

    def test_one_loss_that_runs_away_does_not_flatten_the_others(self):
        history = pd.concat([self.history()] * 10, ignore_index=True)
        history.loc[0, "val_loss"] = 1e9
        assert charts.training_curves(history).axes[0].get_ylim()[1] == pytest.approx(3.3)

    def test_the_folds_of_two_seeds_are_lines_of_their_own(self):
        figure = charts.training_curves(self.history(seeds=(0, 1)))
        for axes in figure.axes:
            assert [line.get_xdata().tolist() for line in axes.lines] == [[1, 2]] * 12

    def test_the_legend_does_not_hang_on_the_first_fold(self):
        """It can be missing, where its training was refused."""
        assert legend(charts.training_curves(self.history(folds=(1, 2))).axes[1]) == ["fitted", "validation"]


class TestConfusions:
    def test_shares_of_the_true_emotion_and_counts(self):
        predictions = pd.DataFrame(
            {
                "protocol": ["stratified"] * 5 + ["grouped"] * 2,
                "emotion": ["anger", "anger", "anger", "fear", "fear", "fear", "fear"],
                "predicted": ["anger", "anger", "fear", "fear", "fear", "anger", "fear"],
            }
        )
        figure = charts.confusions(metrics.confusions(predictions))
        first, second = figure.axes
        assert [text.get_text() for text in first.texts] == ["67\n(2)", "33\n(1)", "", "100\n(2)"]
        assert [text.get_text() for text in second.texts] == ["", "", "50\n(1)", "50\n(1)"]
        assert [axes.get_title().split(":")[0] for axes in figure.axes] == ["stratified", "grouped"]
        assert ticks(first.yaxis) == ["anger", "fear"]
        assert (first.get_xlabel(), first.get_ylabel()) == ("predicted", "true")
        shares = np.ma.getdata(first.collections[0].get_array()).ravel()
        assert shares == pytest.approx([200 / 3, 100 / 3, 0, 100])

    @pytest.mark.parametrize("count", [6, 7])
    def test_names_do_not_run_into_each_other(self, count):
        names = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "contempt"][:count]
        one = pd.DataFrame({"protocol": "stratified", "emotion": names, "predicted": names})
        both = pd.concat([one, one.assign(protocol="grouped")])
        figure = faces.mark(charts.confusions(metrics.confusions(both)), True)
        figure.canvas.draw()
        for axes in figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
                assert not any(one.overlaps(other) for one, other in pairwise(boxes))


class TestIntervals:
    summary = pd.DataFrame(
        {
            "protocol": ["stratified", "grouped"],
            **{"accuracy": [0.9, 2 / 3], "accuracy_low": [0.85, 0.5], "accuracy_high": [0.95, 0.75]},
            **{"macro_f1": [0.8, 0.5], "macro_f1_low": [0.8, 0.25], "macro_f1_high": [0.8, 0.625]},
        }
    )

    def test_a_row_a_result_the_first_at_the_top(self):
        figure = charts.intervals(self.summary, "protocol")
        expected = {
            "accuracy": ([0.9, 2 / 3], ["90.0", "66.7"], [(0.85, 0.95), (0.5, 0.75)]),
            "macro-F1": ([0.8, 0.5], ["80.0", "50.0"], [(0.8, 0.8), (0.25, 0.625)]),
        }
        for axes, (name, (values, numbers, spans)) in zip(figure.axes, expected.items(), strict=True):
            assert axes.get_title().startswith(name)
            assert [text.get_text() for text in axes.texts] == numbers
            assert [text.xy for text in axes.texts] == [(spans[0][1], 1), (spans[1][1], 0)]
            (dots,) = axes.lines
            assert dots.get_xydata() == pytest.approx(np.array([(values[0], 1), (values[1], 0)]))
            bars = np.array(axes.collections[0].get_segments())
            assert bars[:, :, 0] == pytest.approx(np.array(spans))
            assert bars[:, :, 1].tolist() == [[1, 1], [0, 0]]
        assert dict(zip(ticks(figure.axes[0].yaxis), figure.axes[0].get_yticks().tolist(), strict=True)) == {
            "stratified": 1,
            "grouped": 0,
        }
        low, high = figure.axes[0].get_ylim()
        assert low < 0 and high > 1
        figure.canvas.draw()
        assert all("%" in label for label in ticks(figure.axes[0].xaxis))

    @pytest.mark.parametrize(
        ("models", "names"),
        [
            (["compact", "paper"], ["stratified: compact", "grouped: paper"]),
            (["paper", "paper"], ["stratified", "grouped"]),
        ],
    )
    def test_models_are_named_where_there_are_several(self, models, names):
        figure = charts.intervals(self.summary.assign(model=models), "protocol")
        assert ticks(figure.axes[0].yaxis) == names

    def test_a_row_a_model(self):
        figure = charts.intervals(self.summary.assign(model=["svm", "paper"]), "model")
        assert ticks(figure.axes[0].yaxis) == ["svm", "paper"]

    def test_datasets_have_their_titles_on_a_line_of_their_own(self):
        sides = {"source": ["ckplus+oulu_nir", "ckplus+mmi"], "target": ["mmi", "ckplus+mmi"], "protocol": "grouped"}
        figure = charts.intervals(self.summary.assign(**sides), "source", "target", "protocol")
        assert ticks(figure.axes[0].yaxis) == ["CK+, Oulu-CASIA NIR → MMI\ngrouped", "CK+, MMI\ngrouped"]
        figure.canvas.draw()
        boxes = [label.get_window_extent() for label in figure.axes[0].yaxis.get_ticklabels()]
        assert not boxes[0].overlaps(boxes[1])

    def test_ticks_stand_where_they_say(self):
        """An axis of some 20 % could have a tick at each 2.5 %, which whole numbers would round."""
        for width in (0.001, 0.01, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3):
            table = self.summary.assign(
                **{"accuracy": 0.77, "accuracy_low": 0.77 - width, "accuracy_high": 0.77 + width},
                **{"macro_f1": 0.77, "macro_f1_low": 0.77 - width, "macro_f1_high": 0.77 + width},
            )
            axes = charts.intervals(table, "protocol").axes[0]
            axes.figure.canvas.draw()
            said = [float(label.rstrip("%")) for label in ticks(axes.xaxis)]
            assert said == pytest.approx((100 * axes.get_xticks()).tolist(), abs=1e-3)
            boxes = [label.get_window_extent() for label in axes.xaxis.get_ticklabels()]
            assert not any(one.overlaps(other) for one, other in pairwise(boxes))

    def test_too_few_people_have_a_dot_without_a_line(self):
        ends = [f"{name}_{end}" for name in ("accuracy", "macro_f1") for end in ("low", "high")]
        figure = charts.intervals(self.summary.assign(**dict.fromkeys(ends, np.nan)), "protocol")
        figure.canvas.draw()
        axes = figure.axes[0]
        assert [text.get_text() for text in axes.texts] == ["90.0", "66.7"]
        assert [text.xy[0] for text in axes.texts] == pytest.approx([0.9, 2 / 3])

    def test_nothing_to_show(self):
        (axes,) = charts.intervals(self.summary[:0], "protocol").axes
        assert [text.get_text() for text in axes.texts] == ["no such runs could be made"]

    def test_the_number_of_seeds_is_said_where_it_differs(self):
        table = pd.concat([self.summary[:1].assign(seeds=seeds) for seeds in (1, 3)])
        name = table["protocol"].iloc[0]
        axes = charts.intervals(table, "protocol").axes[0]
        assert ticks(axes.yaxis) == [f"{name} (1 seed)", f"{name} (3 seeds)"]
        assert ticks(charts.intervals(table[1:], "protocol").axes[0].yaxis) == [name]


class TestConditions:
    table = pd.DataFrame(
        {
            "kind": ["share seen"] * 2 + ["noise"] * 3,
            "amount": [0.5, 1, 0, 2, 4],
            "accuracy": [0.5, 0.75, 0.75, 0.7, 0.4],
            "accuracy_low": [0.4, 0.65, 0.65, 0.6, 0.3],
            "accuracy_high": [0.6, 0.85, 0.85, 0.8, 0.5],
            "sequences": [28, 30, 30, 30, 30],
        }
    )

    def test_a_panel_a_kind_with_a_band_for_the_interval(self):
        figure = charts.conditions(self.table)
        assert [axes.get_xlabel() for axes in figure.axes] == ["share seen", "noise"]
        points = [[(0.5, 0.5), (1, 0.75)], [(0, 0.75), (2, 0.7), (4, 0.4)]]
        corners = [
            {(0.5, 0.4), (0.5, 0.6), (1, 0.65), (1, 0.85)},
            {(0, 0.65), (0, 0.85), (2, 0.6), (2, 0.8), (4, 0.3), (4, 0.5)},
        ]
        for axes, expected, band in zip(figure.axes, points, corners, strict=True):
            assert axes.lines[0].get_xydata() == pytest.approx(np.array(expected))
            assert set(map(tuple, axes.collections[0].get_paths()[0].vertices.tolist())) == band
            assert axes.get_ylim() == (0, 1)
        assert figure.axes[0].get_ylabel() == "accuracy"
        said = [[text.get_text() for text in axes.texts] for axes in figure.axes]
        assert said == [["28 of 30\nsequences"], []]

    def test_one_kind_or_none(self):
        assert len(charts.conditions(self.table[:2]).axes) == 1
        figure = charts.conditions(self.table[:0])
        assert [len(axes.lines) for axes in figure.axes] == [0]
        figure.canvas.draw()


class TestImportance:
    table = pd.DataFrame(
        {
            "values": ["angles", "distances", "distances"],
            "regions": ["mouth", "nose – mouth", "left eye"],
            "lost": [0.25, 0.125, -0.05],
            "sd": [0.05, 0.25, np.nan],
        }
    )

    def test_bars_from_the_top_and_their_spread(self):
        figure = charts.importance(self.table)
        (axes,) = figure.axes
        bars = {container.get_label(): container for container in axes.containers if hasattr(container, "patches")}
        found = {
            name: [(bar.get_y() + bar.get_height() / 2, bar.get_width()) for bar in container.patches]
            for name, container in bars.items()
        }
        assert found == {
            "distances": [pytest.approx((1, 12.5)), pytest.approx((0, -5))],
            "angles": [pytest.approx((2, 25))],
        }
        assert bars["angles"].errorbar.lines[2][0].get_segments()[0][:, 0] == pytest.approx([20, 30])
        assert bars["distances"].errorbar.lines[2][0].get_segments()[0][:, 0] == pytest.approx([-12.5, 37.5])
        assert dict(zip(axes.get_yticks().tolist(), ticks(axes.yaxis), strict=True)) == {
            2: "mouth",
            1: "nose – mouth",
            0: "left eye",
        }
        assert legend(axes) == ["distances", "angles"] and axes.get_xlabel() == "accuracy lost, points"
        assert len({bar.get_hatch() for container in bars.values() for bar in container.patches}) == 2
        figure.canvas.draw()

    def test_only_the_first_are_shown(self):
        many = pd.concat([self.table] * 10, ignore_index=True)
        assert len(ticks(charts.importance(many).axes[0].yaxis)) == 16
        assert ticks(charts.importance(many, shown=2).axes[0].yaxis) == ["mouth", "nose – mouth"]

    def test_where_it_was_not_asked_for(self):
        figure = charts.importance(results.importance(pd.DataFrame()))
        assert len(figure.axes[0].patches) == 0
        assert figure.axes[0].get_legend() is None
        figure.canvas.draw()


class TestMatrix:
    table = pd.DataFrame(
        {
            "source": ["mmi", "mmi", "ckplus"],
            "target": ["mmi", "ckplus", "ckplus"],
            "model": "compact",
            "accuracy": [0.75, 0.5, 0.876],
            "accuracy_low": [0.65, 0.4, 0.8],
            "accuracy_high": [0.85, 0.63, 0.95],
        }
    )

    def test_rows_are_trained_on_and_columns_tested_on(self):
        figure = charts.matrix(self.table)
        (axes,) = figure.axes
        assert (axes.get_ylabel(), axes.get_xlabel()) == ("trained on", "tested on")
        assert ticks(axes.yaxis) == ticks(axes.xaxis) == ["MMI", "CK+"]
        assert axes.get_title() == "accuracy of the compact network, one seed, % [95 %]"
        shown = {tuple(text.get_position()): text.get_text() for text in axes.texts}
        # x is the column's middle, y the row's; from ckplus to mmi nothing was found
        assert shown == {(0.5, 0.5): "75\n[65, 85]", (1.5, 0.5): "50\n[40, 63]", (1.5, 1.5): "88\n[80, 95]"}
        values = np.ma.filled(axes.collections[0].get_array().astype(float), np.nan).ravel()
        assert values == pytest.approx([75, 50, np.nan, 87.6], nan_ok=True)

    def test_a_set_that_was_only_tested_on_keeps_its_column(self):
        axes = charts.matrix(self.table[self.table["source"] == "mmi"]).axes[0]
        assert ticks(axes.xaxis) == ["MMI", "CK+"]
        assert [text.get_text() for text in axes.texts] == ["75\n[65, 85]", "50\n[40, 63]"]

    def test_nothing_to_show(self):
        figure = charts.matrix(self.table[:0])
        assert len(figure.axes[0].texts) == 0
        figure.canvas.draw()


class TestLedger:
    def test_the_fastest_stage_is_at_the_top_and_what_was_not_measured_is_left_out(self):
        table = pd.DataFrame(
            {
                "stage": ["decode", "whole stream", "limit: bare network", "not installed", "features"],
                "frames_per_s": [900.0, 120.4, 300.0, np.nan, 5000.0],
            }
        )
        figure = charts.ledger(table)
        (axes,) = figure.axes
        places = [bar.get_y() + bar.get_height() / 2 for bar in axes.patches]
        assert dict(zip(places, [bar.get_width() for bar in axes.patches], strict=True)) == pytest.approx(
            {0: 120.4, 1: 300, 2: 900, 3: 5000}
        )
        hatches = [bar.get_hatch() or "" for bar in axes.patches]
        assert hatches[2:] == ["", ""] and len(set(hatches)) == 3
        assert ticks(axes.yaxis) == ["whole stream", "limit: bare network", "decode", "features"]
        assert [text.get_text() for text in axes.texts][:4] == ["120", "300", "900", "5,000"]
        (paper,) = axes.lines
        assert paper.get_xdata() == [165, 165]
        figure.canvas.draw()
