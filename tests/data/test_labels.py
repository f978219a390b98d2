"""The one label space."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_utils.data import labels
from fer_utils.data.readers import ckplus, mmi

PARSER = settings(derandomize=True, deadline=None, max_examples=150)


def test_seven_emotions_of_which_six_are_shared():
    assert labels.EMOTIONS == ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
    assert labels.SHARED == ("anger", "disgust", "fear", "happiness", "sadness", "surprise")


def test_codes_are_the_sets_own():
    names = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
    assert {1: names[0], 2: names[1], 3: names[2], 4: names[3], 5: names[4], 6: names[5], 7: names[6]} == ckplus.CODES
    assert {1: names[0], 2: names[2], 3: names[3], 4: names[4], 5: names[5], 6: names[6]} == mmi.CODES


@pytest.mark.parametrize(
    ("folder", "emotion"),
    [
        ("Anger", "anger"),
        ("ANGRY", "anger"),
        ("Sad", "sadness"),
        ("Sadness2", "sadness"),
        ("happy 01", "happiness"),
        ("1_Joy", "happiness"),
        ("surprised", "surprise"),
        ("Ｆｅａｒ", "fear"),
        ("Contempt", "contempt"),
        ("disgust-3", "disgust"),
        ("Neutral", None),
        ("Saddle", None),
        ("P001", None),
        ("", None),
        ("42", None),
    ],
)
def test_folder_names(folder, emotion):
    assert labels.from_folder(folder) == emotion


@PARSER
@given(
    st.sampled_from([spelling for name, others in labels.SPELLINGS.items() for spelling in (name, *others)]),
    st.lists(st.booleans(), min_size=13, max_size=13),
    st.text("0123456789 _-.", max_size=4),
    st.text("0123456789 _-.", max_size=4),
)
def test_case_and_decoration_do_not_matter(spelling, upper, before, after):
    mixed = "".join(sign.upper() if up else sign for sign, up in zip(spelling, upper, strict=False))
    assert labels.from_folder(before + mixed + after) == labels.from_folder(spelling) is not None


@PARSER
@given(st.text(max_size=20))
def test_any_name_is_an_emotion_or_none(name):
    assert labels.from_folder(name) in (None, *labels.EMOTIONS)
