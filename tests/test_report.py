"""The report's first page: figures with their names, and what could not be made. (`test_study` reads a whole one.)"""

import pandas as pd

from fer_utils import evaluation, report


def test_a_figure_says_what_it_is_of(tmp_path):
    """Those of two datasets look alike."""
    for name in ("confusion_ckplus", "confusion_mmi"):
        (tmp_path / "figures/paper").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"figures/paper/{name}.png").touch()
    page = report.write([], tmp_path).read_text(encoding="utf-8")
    for name in ("confusion_ckplus", "confusion_mmi"):
        assert f"src='../figures/paper/{name}.png'" in page and f"<figcaption>{name}</figcaption>" in page


def test_runs_across_datasets_that_could_not_be_made_are_shown(tmp_path):
    refused = pd.DataFrame({"model": ["paper"], "protocol": ["all merged, grouped"], "reason": ["needs 23 GB"]})
    evaluation.write_csv(refused, tmp_path / "cross_refused.csv", "ckplus+mmi", True)
    page = report.write([], tmp_path).read_text(encoding="utf-8")
    assert "Runs that could not be made" in page and "needs 23 GB" in page
    evaluation.write_csv(refused[:0], tmp_path / "cross_refused.csv", "ckplus+mmi", True)
    assert "Runs that could not be made" not in report.write([], tmp_path).read_text(encoding="utf-8")
