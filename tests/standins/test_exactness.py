"""Errors of points: by hand, and on one rendered actor."""

import numpy as np
import pytest

from fer_utils.errors import StudyError
from fer_utils.landmarks import regions
from fer_utils.standins import exactness


def test_errors_by_hand():
    """Eyes 50 pixels apart; all points 1 pixel off, and the mouth 2 more pixels to the right after the first frame."""
    drawn = np.zeros((3, 468, 2))
    drawn[:, regions.RIGHT_EYE_CORNER, 0] = 50
    found = drawn + np.array([1.0, 0.0])
    mouth = list(regions.by_region()["mouth"])
    found[1:, mouth, 0] += 2
    errors = exactness._errors(found, drawn)
    share = len(mouth) / 61
    assert errors["mouth"] == pytest.approx(4) and errors["nose"] == 0  # in % of 50 pixels
    assert errors["motion"] == pytest.approx(4 * share)
    assert errors["position"] == pytest.approx(2 + 4 * share * 2 / 3)


def test_every_way_finds_a_rendered_actor(monkeypatch):
    ways = {name: exactness.FOUND[name] for name in ("image mode", "8 views")}
    monkeypatch.setattr(exactness, "FOUND", ways)
    recording = exactness._recording

    def shorter(number):
        pictures, drawn = recording(number)
        return pictures[:10], drawn[:10]

    monkeypatch.setattr(exactness, "_recording", shorter)
    table = exactness.measure(1)
    assert table[["found", "smoothed"]].to_numpy().tolist() == [[n, s] for n in ways for s in exactness.SMOOTHED]
    assert table["position"].between(0.5, 5).all() and table["motion"].between(0.05, 3).all()
    assert table["ms"].gt(0).all() and set(regions.by_region()) <= set(table)


def test_actors_whose_faces_are_not_found(monkeypatch):
    monkeypatch.setattr(exactness, "FOUND", {"image mode": {"mode": "image"}})
    empty = [np.full((120, 160, 3), 90, np.uint8)] * 10, np.zeros((10, 468, 2))
    monkeypatch.setattr(exactness, "_recording", lambda number: empty)
    with pytest.raises(StudyError, match="no face was found in every frame of 2 actors; measure more actors"):
        exactness.measure(2)
