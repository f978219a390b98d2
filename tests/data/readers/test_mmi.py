"""MMI's sessions as they are downloaded, and in bad shape."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_utils.data import labels
from fer_utils.data.readers import mmi
from fer_utils.data.registry import DatasetError, MissingDataset, scan
from fer_utils.data.sequence import LeftOut
from fer_utils.data.video import Video
from tests.data.test_tree import write_video

PARSER = settings(derandomize=True, deadline=None, max_examples=150)
BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "1"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Annotation><Metatag Name="Emotion" Value="&b;"/></Annotation>"""
OUTSIDE = b"""<!DOCTYPE x SYSTEM "file:///etc/passwd"><Annotation><Metatag Name="Emotion" Value="1"/></Annotation>"""


def label(*values):
    tags = "".join(f'<Metatag Name="Emotion" Value="{value}"/>' for value in values)
    return f'<?xml version="1.0"?><Annotation><Metatag Name="Comment" Value="9"/>{tags}</Annotation>'.encode()


def session(*views):
    tracks = "".join(f'<track type="Video" view="{view}"/>' for view in views)
    return f'<session sessionId="1767">{tracks}<annotation filename="S001-119-oao_aucs.xml"/></session>'.encode()


def write_session(sessions, number=1767, clip="S001-119", xml=None, view=None, frames=3):
    folder = sessions / str(number)
    write_video(folder / f"{clip}.avi", frames)
    (folder / "session.xml").write_bytes(session(0) if view is None else view)
    (folder / f"{clip}.xml").write_bytes(label(1) if xml is None else xml)
    (folder / f"{clip}-oao_aucs.xml").write_bytes(b'<Annotation><ActionUnit Number="12"/></Annotation>')
    return folder


def reasons(inventory):
    return {f"{skipped.path.parent.name}/{skipped.path.name}": skipped.reason for skipped in inventory.skipped}


@pytest.mark.parametrize("above", ["", "Sessions", "mmi/Sessions", "data/MMI/mmi-facial-expression-database/sessions"])
def test_every_way_it_unpacks(tmp_path, above):
    folder = write_session(tmp_path / above, xml=label(4))
    inventory = scan("mmi", tmp_path)
    (sequence,) = inventory.sequences
    assert (sequence.dataset, sequence.subject, sequence.id) == ("mmi", "mmi/S001", "1767/S001-119")
    assert (sequence.emotion, sequence.apex, sequence.frames.fps, sequence.rendered) == (
        "happiness",
        "inside",
        25.0,
        False,
    )
    assert sequence.frames == Video(folder / "S001-119.avi")
    assert inventory.skipped == []


def test_names_in_capitals(tmp_path):
    folder = write_session(tmp_path / "Sessions", xml=label(4))
    for file in list(folder.iterdir()):
        file.rename(folder / file.name.upper())
    inventory = scan("mmi", tmp_path)
    assert [sequence.emotion for sequence in inventory.sequences] == ["happiness"] and inventory.skipped == []


def test_sessions_go_by_number_and_parts_are_joined(tmp_path):
    write_session(tmp_path / "page1" / "Sessions", 999, "S002-001")
    write_session(tmp_path / "page1" / "Sessions", 1000, "S001-002")
    write_session(tmp_path / "page2" / "Sessions", 5, "S003-003")
    write_session(tmp_path / "page2" / "Sessions", 999, "S002-001")
    inventory = scan("mmi", tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == ["999/S002-001", "1000/S001-002", "5/S003-003"]
    assert inventory.subjects == ["mmi/S001", "mmi/S002", "mmi/S003"]
    assert reasons(inventory) == {"Sessions/999": "a session of this number is there twice"}


def test_the_codes_of_the_set(tmp_path):
    for code in range(0, 9):
        write_session(tmp_path, code, xml=label(code))
    inventory = scan("mmi", tmp_path)
    assert [sequence.emotion for sequence in inventory.sequences] == list(labels.SHARED)
    assert reasons(inventory) == {
        f"{code}/S001-119.avi": f"emotion label {code}: not one of the six emotions" for code in (0, 7, 8)
    }


def test_other_views_are_left_out_unless_asked(tmp_path):
    for view in (0, 1, 2, 7):
        write_session(tmp_path, 10 + view, view=session(view))
    inventory = scan("mmi", tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == ["10/S001-119"]
    assert reasons(inventory) == {
        "11/S001-119.avi": "view 1, profile",
        "12/S001-119.avi": "view 2, frontal and profile in one picture",
        "17/S001-119.avi": "view 7, which does not exist",
    }
    assert len(scan("mmi", tmp_path, views=(0, 2)).sequences) == 2
    for views in ((), 0, "0", [3], None, [[0]]):
        with pytest.raises(DatasetError, match=r"^mmi: views is .*; it can be a list of 0, 1, 2$"):
            scan("mmi", tmp_path, views=views)


def test_a_turned_clip_is_left_as_it_is(tmp_path):
    """Whoever finds faces tells which way is up."""
    folder = write_session(tmp_path)
    writer = cv2.VideoWriter(str(folder / "S001-119.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (32, 24))
    for _ in range(3):
        writer.write(np.zeros((24, 32, 3), np.uint8))
    writer.release()
    (sequence,) = scan("mmi", tmp_path).sequences
    assert sequence.frames.quarter_turns == 0


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"", "its XML cannot be read: get the file again"),
        (label(1)[:-9], "its XML cannot be read: get the file again"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "its XML cannot be read: get the file again"),
        (b"\xff\xfe\x00<", "its XML cannot be read: get the file again"),
        (BOMB, "its XML declares a DTD or entities, which is refused: get the file again"),
        (OUTSIDE, "its XML declares a DTD or entities, which is refused: get the file again"),
        (b"<a>" + b" " * 1_000_000 + b"</a>", "its XML is too large for a session's: get the file again"),
        (label(), "no emotion label"),
        (label(""), "no emotion label"),
        (label(1, 2), "more than one emotion label"),
        (label("happy"), "the emotion label is not a number"),
        (label("-1"), "the emotion label is not a number"),
        (label("99999999999"), "the emotion label is not a number"),
    ],
)
def test_a_bad_label_leaves_out_its_clip_alone(tmp_path, xml, reason):
    write_session(tmp_path, 1, xml=xml)
    write_session(tmp_path, 2, xml=label(2, 2))
    inventory = scan("mmi", tmp_path)
    assert [(sequence.id, sequence.emotion) for sequence in inventory.sequences] == [("2/S001-119", "disgust")]
    assert reasons(inventory) == {"1/S001-119.avi": reason}


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (BOMB, "its XML declares a DTD or entities, which is refused: get the file again"),
        (session(), "no view in session.xml"),
        (session(""), "no view in session.xml"),
        (session(0, 1), "more than one view in session.xml"),
        (session("left"), "the view in session.xml is not a number"),
    ],
)
def test_a_bad_session_leaves_out_its_clip(tmp_path, view, reason):
    write_session(tmp_path, view=view)
    inventory = scan("mmi", tmp_path)
    assert inventory.sequences == []
    assert reasons(inventory) == {"1767/S001-119.avi": reason}


def test_a_track_that_names_the_clip_counts_first():
    xml = b'<s><track filename="S001-119.avi" view="1"/><track filename="b.avi" view="0"/><track view="2"/></s>'
    assert mmi.parse_view(xml, "s001-119.AVI") == 1
    assert mmi.parse_view(xml, "b.avi") == 0
    assert mmi.parse_view(xml, "c.avi") == 2


def test_names_in_a_namespace_are_read():
    assert mmi.parse_view(b'<s xmlns="http://example.org/x"><Track view=" 0 "/></s>', "a.avi") == 0
    assert mmi.parse_emotion(b'<a xmlns:x="urn:x"><x:Metatag Name="emotion" Value=" 6 "/></a>') == "surprise"


def test_what_is_missing_or_broken_in_a_session(tmp_path):
    write_session(tmp_path, 1)
    (write_session(tmp_path, 2) / "session.xml").unlink()
    (write_session(tmp_path, 3) / "S001-119.xml").unlink()
    (write_session(tmp_path, 4) / "S001-119.avi").unlink()
    (write_session(tmp_path, 5) / "S001-119.avi").write_bytes(b"RIFF")
    write_session(tmp_path, 6, clip="clip")
    write_session(tmp_path, 7, frames=1)
    (tmp_path / "8").symlink_to(tmp_path)
    inventory = scan("mmi", tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == ["1/S001-119"]
    assert reasons(inventory) == {
        "2/S001-119.avi": "no session.xml: its view is not known",
        "3/S001-119.avi": "no XML beside it: the clip has no label",
        "5/S001-119.avi": "cannot be opened as a video: it is text",
        "6/clip.avi": "no subject in the clip's name (S001-119.avi)",
        "7/S001-119.avi": "1 frame in the video, at least 2 are needed",
        f"{tmp_path.name}/4": "no AVI clip in the session",
        f"{tmp_path.name}/8": "a link back to a folder above it: remove it",
    }


def test_a_session_beside_the_folder_of_the_others(tmp_path):
    write_session(tmp_path, 1)
    write_session(tmp_path / "Sessions", 2)
    inventory = scan("mmi", tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == ["1/S001-119", "2/S001-119"] and not inventory.skipped


def test_a_part_without_a_sessions_clip_does_not_stand_for_it(tmp_path):
    (write_session(tmp_path / "1" / "Sessions", 7) / "S001-119.avi").unlink()
    write_session(tmp_path / "2" / "Sessions", 7)
    inventory = scan("mmi", tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == ["7/S001-119"]
    assert reasons(inventory) == {"Sessions/7": "no AVI clip in the session"}


def test_no_sessions_at_all(tmp_path):
    with pytest.raises(MissingDataset, match=r": no Sessions folder here; unpack MMI there, or name its folder$"):
        scan("mmi", tmp_path)
    (tmp_path / "mmi" / "Sessions" / "1767").mkdir(parents=True)
    with pytest.raises(MissingDataset, match=r"/mmi/Sessions: no folder with a session.xml in it; unpack it again$"):
        scan("mmi", tmp_path)


def test_stand_ins_give_way_to_the_real_set(tmp_path):
    write_session(tmp_path / "rendered" / "Sessions", 1)
    (tmp_path / "rendered" / "manifest.json").write_text('{"rendered": true}')
    assert [sequence.rendered for sequence in scan("mmi", tmp_path).sequences] == [True]
    write_session(tmp_path / "mmi" / "Sessions", 2)
    assert [(sequence.id, sequence.rendered) for sequence in scan("mmi", tmp_path).sequences] == [("2/S001-119", False)]


@st.composite
def documents(draw):
    """Bytes near to a session's XML: sound, with odd values, or with some bytes changed."""
    value = draw(st.integers(-2, 9).map(str) | st.text(st.characters(codec="utf-8"), max_size=5))
    name = draw(st.sampled_from(["Metatag", "track", "metatag", "x"]))
    attribute = draw(st.sampled_from(["Value", "view", "Name"]))
    xml = f'<a><{name} Name="Emotion" {attribute if attribute != "Name" else "b"}="{value}"/></a>'.encode()
    at, junk = draw(st.integers(0, len(xml))), draw(st.binary(max_size=4))
    return xml[:at] + junk + xml[at + draw(st.integers(0, 3)) :]


@PARSER
@given(st.binary(max_size=60) | documents())
def test_any_bytes_give_a_value_or_a_reason(xml):
    for parse in (mmi.parse_emotion, lambda data: mmi.parse_view(data, "S001-119.avi")):
        try:
            value = parse(xml)
        except LeftOut as reason:
            assert str(reason)
            assert "\n" not in str(reason)
        else:
            assert value in labels.SHARED or 0 <= value <= 9999
