"""Tables as readers see them."""

import numpy as np
import pandas as pd

from fer_utils.evaluation.reading import percent


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
