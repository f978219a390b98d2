"""The comparison of actors with and without beards and glasses."""

import numpy as np
import pytest

from fer_utils.standins.actors import make_actor
from tests.standins import wearers


def test_only_men_get_beards():
    for seed in range(20):
        actor = make_actor(seed)
        worn = wearers.looks(actor)
        assert worn["nothing"] == {} and worn["glasses"] == {"glasses": True}
        assert ("beard" in worn) == (actor.hair_length < 0.2) == (len(worn) == 4)
        if "beard" in worn:
            assert worn["beard and glasses"] == worn["beard"] | worn["glasses"]
            assert wearers.BEARDS[0] <= worn["beard"]["beard"] <= wearers.BEARDS[1]


def test_differences_by_hand():
    found = wearers._difference(np.array([0.0, -50.0, 0.0, -50.0] * 25))  # standard error: 2.5
    assert found["difference"] == -25
    assert found["difference_low"] == pytest.approx(-25 - 1.96 * 2.5, abs=0.6)
    assert found["difference_high"] == pytest.approx(-25 + 1.96 * 2.5, abs=0.6)


def test_each_look_is_compared_on_the_same_pairs():
    table = wearers.measure(4).set_index("look")
    men = sum(make_actor(wearers.FIRST_SEED + number).hair_length < 0.2 for number in range(4))
    assert 0 < men < 4
    assert table["pairs"].to_dict() == {"glasses": 8, "beard": 2 * men, "beard and glasses": 2 * men}
    np.testing.assert_allclose(table["with"] - table["without"], table["difference"])
    assert not table["not_found"].any()
