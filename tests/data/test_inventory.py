"""What is there beside what was published."""

import pandas as pd
import pytest

from fer_utils.data import inventory, registry
from fer_utils.data.registry import scan
from tests.data.readers.test_ckplus import write_take
from tests.data.readers.test_mmi import label, write_session
from tests.data.readers.test_oulu_casia import write_person


@pytest.fixture
def root(tmp_path):
    """A small CK+, a rendered MMI; no Oulu-CASIA."""
    for take, text in (("S005/001", "1"), ("S005/002", "7"), ("S010/001", "7")):
        write_take(tmp_path / "CK+", take, text)
    for take, text in (("S010/002", None), ("S010/003", None), ("S010/004", "9"), ("S010/005", None)):
        write_take(tmp_path / "CK+", take, text)
    write_session(tmp_path / "stand-in" / "Sessions", 1, frames=5)
    write_session(tmp_path / "stand-in" / "Sessions", 2, xml=label(17))
    (tmp_path / "stand-in" / "manifest.json").write_text('{"rendered": true}')
    return tmp_path


def test_published_numbers_add_up():
    for name in ("ckplus", "oulu_vis", "oulu_nir"):
        numbers = registry.DATASETS[name].published
        assert (
            sum(count for what, count in numbers.items() if what not in ("sequences", "subjects"))
            == numbers["sequences"]
        )
    assert registry.DATASETS["ckplus"].published["subjects"] == 118
    assert registry.DATASETS["mmi"].published["sequences"] == 205


def test_survey_gives_what_is_there_and_why_the_rest_is_not(root):
    found, missing = inventory.survey(root)
    assert [each.dataset for each in found] == ["ckplus", "mmi"]
    assert set(missing) == {"oulu_vis", "oulu_nir", "folder"}
    assert missing["oulu_vis"].startswith(f"{root}: no VL folder here; unpack Oulu-CASIA there")


def test_survey_hands_options_on(tmp_path):
    write_person(tmp_path / "VL", "Weak")
    found, missing = inventory.survey(tmp_path, ["oulu_vis", "ckplus"], {"oulu_vis": {"light": "Weak"}})
    assert [len(each.sequences) for each in found] == [1]
    assert set(missing) == {"ckplus"}
    _, missing = inventory.survey(tmp_path, ["oulu_vis"], {"oulu_vis": {"lamp": "Weak"}})
    assert missing == {"oulu_vis": "oulu_vis: unknown option 'lamp'; known are: light, crop"}


def test_counts(root):
    table = inventory.counts(inventory.survey(root)[0])
    ckplus = table[table["dataset"] == "ckplus"].set_index("what")
    assert ckplus["found"].to_dict() == {
        "sequences": 3, "subjects": 2, "frames": 9,
        "anger": 1, "contempt": 0, "disgust": 0, "fear": 0, "happiness": 0, "sadness": 0, "surprise": 2,
    }  # fmt: skip
    assert ckplus.loc[["sequences", "anger", "surprise"], "published"].tolist() == [327, 45, 83]
    assert pd.isna(ckplus.loc["frames", "published"])
    mmi = table[table["dataset"] == "mmi"].set_index("what")
    assert mmi["rendered"].all()
    assert mmi["published"].isna().all()
    assert mmi.loc[["sequences", "frames"], "found"].tolist() == [1, 5]
    assert "contempt" not in mmi.index


def test_a_video_that_has_gone_since_it_was_listed_is_counted_as_unreadable(root):
    found, missing = inventory.survey(root, ["mmi"])
    found[0].sequences[0].frames.file.unlink()
    table = inventory.counts(found).set_index("what")
    assert table.loc[["sequences", "frames", "unreadable"], "found"].tolist() == [1, 0, 1]
    line = "  unreadable      1   gone or damaged since they were listed; copy these videos again"
    assert line in inventory.report(found, missing).splitlines()


def test_left_out_is_grouped_by_reason(root):
    table = inventory.left_out(inventory.survey(root)[0])
    frames = root / "CK+" / "cohn-kanade-images"
    assert list(table.itertuples(index=False, name=None)) == [
        ("ckplus", "no label", 3, str(frames / "S010" / "002")),
        ("ckplus", "label 9 does not exist: codes are 0 to 7", 1, str(frames / "S010" / "004")),
        ("mmi", "emotion label 17: not one of the six emotions", 1, str(root / "stand-in/Sessions/2/S001-119.avi")),
    ]


def test_nothing_left_out_and_nothing_there():
    assert inventory.left_out([]).columns.tolist() == ["dataset", "reason", "count", "example"]
    assert inventory.counts([]).columns.tolist() == ["dataset", "rendered", "what", "found", "published"]
    assert inventory.report([], {}) == ""


def test_a_single_subject_and_an_unusable_set_are_warned_of(tmp_path):
    def warning(folder):
        """The last line of the report, if it is a warning."""
        last = inventory.report([scan("ckplus", folder)], {}).splitlines()[-1]
        return last.partition(f"  ! ckplus ({folder}): ")[2]

    write_take(tmp_path / "a", "S005/001")
    write_take(tmp_path / "b", "S005/001", None)
    assert warning(tmp_path / "a") == "all sequences are of one person, ckplus/S005; give those of more people"
    assert warning(tmp_path / "b") == "no sequence can be used; see what was left out"
    write_take(tmp_path / "a", "S006/001")
    assert warning(tmp_path / "a") == "all sequences show disgust; give those of other emotions too"
    write_take(tmp_path / "a", "S005/002", "1")
    assert warning(tmp_path / "a") == "2 people cannot be split into 5 folds of people; give more people"
    for person in (7, 8, 9):
        write_take(tmp_path / "a", f"S{person:03d}/001")
    assert warning(tmp_path / "a") == ""


def test_the_report_says_it_all_in_lines(root):
    lines = inventory.report(*inventory.survey(root)).splitlines()
    assert lines[0] == f"ckplus  {root}"
    assert "  sequences       3   published: 327" in lines
    assert f"  left out        3   no label, e.g. {root}/CK+/cohn-kanade-images/S010/002" in lines
    assert f"mmi  {root}  [rendered stand-in: published numbers are not comparable]" in lines
    assert sum(line.startswith("  ! mmi") for line in lines) == 1  # one subject
    assert [line.split()[0] for line in lines[-3:]] == ["oulu_vis", "oulu_nir", "folder"]
    assert all("not there: " in line for line in lines[-3:])


def test_the_report_calls_a_rough_number_rough(tmp_path):
    write_session(tmp_path)
    assert "  sequences       1   published: about 205" in inventory.report([scan("mmi", tmp_path)], {}).splitlines()
