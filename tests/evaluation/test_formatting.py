"""Tables as readers see them, and for a paper: what the caption says, and that LaTeX can read the cells."""

import numpy as np
import pandas as pd

from fer_utils.evaluation import formatting, tables
from fer_utils.evaluation.formatting import percent


def test_a_measure_and_its_interval_are_one_column_of_percent():
    table = pd.DataFrame(
        {
            "model": ["svm", "paper"],
            "seeds": [3, 1],
            "accuracy": [0.8128, 0.5],
            "accuracy_low": [0.73, 0.25],
            "accuracy_high": [0.88961, 1.0],
            "balanced_accuracy": [0.76543, np.nan],
            "macro_f1": [0.7, np.nan],
            "macro_f1_low": [0.6, np.nan],
            "macro_f1_high": [0.75, np.nan],
            "accuracy_sd_seeds": [0.0123, np.nan],
        }
    )
    assert percent(table).to_dict("list") == {
        "model": ["svm", "paper"],
        "seeds": [3, 1],
        "accuracy, % [95 %]": ["81.3 [73.0, 89.0]", "50.0 [25.0, 100.0]"],
        "balanced accuracy, %": ["76.5", ""],
        "macro-F1, % [95 %]": ["70.0 [60.0, 75.0]", ""],
        "sd over seeds, points": ["1.2", ""],
    }


def test_differences_have_signs_and_p_two_digits():
    table = pd.DataFrame(
        {
            "difference": [0.012, -0.004],
            "difference_low": [-0.02, -0.1],
            "difference_high": [0.044, 0.0],
            "p": [0.4567, 1e-4],
        }
    )
    assert percent(table).to_dict("list") == {
        "difference, points [95 %]": ["+1.2 [-2.0, +4.4]", "-0.4 [-10.0, +0.0]"],
        "p": ["0.46", "0.0001"],
    }


def test_too_few_people_have_no_interval():
    table = pd.DataFrame({"accuracy": [0.75], "accuracy_low": [np.nan], "accuracy_high": [np.nan]})
    assert percent(table)["accuracy, % [95 %]"].tolist() == ["75.0 [fewer than 5 people]"]


def test_what_is_no_measure_stays_and_the_rows_keep_their_names():
    table = pd.DataFrame({"lost": [0.5], "frame_low": [3]}, index=["one"])
    assert percent(table).equals(table)
    assert percent(table.assign(accuracy_sd_seeds=np.nan)).equals(table)
    assert percent(pd.DataFrame(columns=["model", "p"])).columns.tolist() == ["model", "p"]


KEY = {"model": "paper", "variant": "61 landmarks", "tested": "61 landmarks", "source": "mmi", "target": "mmi"}


def summary(**columns):
    rows = [
        {**KEY, "protocol": protocol, "select_on": "validation", **dict.fromkeys(tables.SHOWN, 0.5), "subjects": 20}
        for protocol in ("stratified", "grouped")
    ]
    ends = {"accuracy": [0.8128, 0.75], "accuracy_low": [0.73, 0.7], "accuracy_high": [0.88961, 0.8]}
    return pd.DataFrame(rows).assign(**ends, sequences=130, seeds=3).assign(**columns)


def test_intervals_in_the_cells_and_the_protocol_in_the_caption(tmp_path):
    tables.save(tmp_path, "mmi", True, {"summary": summary()})
    text = (tmp_path / "tables/mmi/summary.tex").read_text(encoding="utf-8")
    assert "paper & stratified & 20 & 130 & 3 & 81.3 [73.0, 89.0] & 50.0 [50.0, 50.0] \\\\" in text
    assert r"accuracy, \% [95 \%]" in text and r"\label{tab:mmi-summary}" in text and r"\toprule" in text
    caption = text[text.index(r"\caption{") : text.index(r"\label")]
    assert "Accuracy and macro-F1, on MMI;" in caption and "nobody is in training and in test" in caption
    assert "a person can be in training and in test" in caption and r"95 \% bootstrap intervals" in caption
    assert "rendered stand-in" in caption and "quick run" not in caption


def test_real_and_quick_results(tmp_path):
    tables.save(tmp_path, "mmi", False, {"summary": summary()[1:]}, quick=True)
    text = (tmp_path / "tables/mmi/summary.tex").read_text(encoding="utf-8")
    assert "stand-in" not in text and formatting.QUICK in text
    assert "folds of sequences" not in text  # a protocol that the table does not have


def test_too_few_people_and_names_with_underscores(tmp_path):
    few = summary(accuracy_low=np.nan, source="oulu_vis+mmi")
    tables.save(tmp_path, ["oulu_vis", "mmi"], False, {"cross_summary": few})
    text = (tmp_path / "tables/all/cross_summary.tex").read_text(encoding="utf-8")
    assert "81.3 [fewer than 5 people]" in text and r"oulu\_vis+mmi" in text
    assert r"\label{tab:all-cross-summary}" in text and "on Oulu-CASIA VIS, MMI;" in text


def test_each_emotion(tmp_path):
    rows = [{"emotion": "fear", "tested_times": 8, "precision": 0.5, "recall": 0.125, "f1": 0.2}]
    rows += [{"emotion": "anger", "tested_times": 8, "precision": np.nan, "recall": 0.0, "f1": 0.0}]
    frame = pd.DataFrame(rows).assign(**KEY, protocol="grouped", select_on="validation")
    tables.save(tmp_path, "mmi", False, {"emotions": frame})
    text = (tmp_path / "tables/mmi/emotions.tex").read_text(encoding="utf-8")
    assert "paper & grouped & fear & 8 & 50.0 & 12.5 & 20.0 \\\\" in text
    assert "paper & grouped & anger & 8 &  & 0.0 & 0.0 \\\\" in text and "bootstrap" not in text


def test_a_table_without_rows_is_not_written(tmp_path):
    tables.save(tmp_path, "mmi", False, {"protocols": pd.DataFrame()})
    assert [path.name for path in (tmp_path / "tables/mmi").iterdir()] == ["protocols.csv"]


def test_models_are_compared_with_the_one_that_the_caption_names(tmp_path):
    ends = {"difference": -0.05, "difference_low": -0.1, "difference_high": 0.0, "p": 0.25, "compared_with": "paper"}
    models = summary()[1:].assign(model="svm", weights=227_274, seconds=0.016, **ends)
    tables.save(tmp_path, "mmi", False, {"open_models": models.drop(columns="protocol")})
    text = (tmp_path / "tables/mmi/open_models.tex").read_text(encoding="utf-8")
    assert "-5.0 [-10.0, +0.0] & 0.25 & 227274 & 0.016" in text
    assert "differences to paper" in text and "nobody is in training and in test" in text


def test_zero_has_no_minus():
    assert formatting.with_interval(-0.0002, -0.1, 0.0, "+") == "+0.0 [-10.0, +0.0]"
