"""The page of the API says what the docstrings say."""

import fer_utils
from fer_utils import paths
from fer_utils.study import api_page


def test_the_page_is_up_to_date():
    page = (paths.root() / "docs" / "api.md").read_text(encoding="utf-8")
    assert page == api_page.text(), "python -m fer_utils.study.api_page writes it again"


def test_it_holds_every_public_name_and_its_methods():
    page = api_page.text()
    assert all(f"## `fer.{name}`\n" in page for name in fer_utils.__all__)
    assert "fer.predict(recording: str | Path, model: str = ''" in page
    assert "**`.push_points(points: np.ndarray | None, time: float) -> Recognition`** Return what is known" in page
    assert "- `times`, (T,) float64: Seconds from the start of the sequence.\n" in page
