"""Tables for a paper: what the caption says, and that LaTeX can read what the cells hold."""

import numpy as np
import pandas as pd

from fer_utils.evaluation import latex, tables

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
    assert "stand-in" not in text and latex.QUICK in text
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
