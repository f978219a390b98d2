"""Where things lie, and files that are replaced whole or not at all."""

from pathlib import Path

import pytest

from fer_utils import paths
from fer_utils.errors import OutputError


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("FER_ROOT", "FER_DATA", "FER_RUNS", "FER_TRACKS"):
        monkeypatch.delenv(name, raising=False)


class TestRoots:
    def test_by_default_all_lies_in_the_clone(self):
        clone = Path(__file__).resolve().parents[1]
        assert paths.root() == clone
        assert (paths.data(), paths.runs(), paths.tracks()) == (clone / "data", clone / "runs", clone / "runs/tracks")
        assert paths.notebooks() == clone / "notebooks"
        assert paths.run() == clone / "runs" / "lab"

    def test_of_a_wheel_all_lies_in_the_current_folder_and_the_notebooks_in_the_package(self, monkeypatch, tmp_path):
        package, here = tmp_path / "site-packages" / "fer_utils", tmp_path / "here"
        (package / "notebooks").mkdir(parents=True)
        here.mkdir()
        monkeypatch.setattr(paths, "PACKAGE", package)
        monkeypatch.chdir(here)
        assert (paths.data(), paths.runs()) == (here / "data", here / "runs")
        assert paths.notebooks() == package / "notebooks"

    def test_the_root_moves_what_lies_under_it(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_ROOT", str(tmp_path))
        assert (paths.data(), paths.runs()) == (tmp_path / "data", tmp_path / "runs")
        assert paths.notebooks() == tmp_path / "notebooks"
        assert (paths.ASSETS / "face_landmarker.task").is_file()

    def test_each_root_moves_alone(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_DATA", str(tmp_path / "d"))
        monkeypatch.setenv("FER_RUNS", str(tmp_path / "r"))
        assert (paths.data(), paths.runs()) == (tmp_path / "d", tmp_path / "r")
        assert (paths.tracks(), paths.run()) == (tmp_path / "r" / "tracks", tmp_path / "r" / "lab")
        monkeypatch.setenv("FER_TRACKS", str(tmp_path / "t"))
        assert (paths.tracks(), paths.runs()) == (tmp_path / "t", tmp_path / "r")

    def test_an_empty_override_is_none_and_a_relative_one_is_made_absolute(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_DATA", "")
        assert paths.data() == paths.root() / "data"
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("FER_DATA", "sets")
        assert paths.data() == tmp_path / "sets"
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("FER_DATA", "~/mine")
        assert paths.data() == tmp_path / "mine"

    def test_a_named_run_is_where_it_says(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        assert paths.run("first") == tmp_path / "first"
        assert paths.run(str(tmp_path / "second")) == tmp_path / "second"


class TestReplacing:
    def test_a_new_file_in_folders_that_are_made(self, tmp_path):
        path = tmp_path / "a" / "b" / "table.csv"
        with paths.replacing(path) as temporary:
            temporary.write_text("new")
            assert not path.exists()
            assert temporary.parent == path.parent
            assert temporary.suffix == ".csv"
        assert path.read_text() == "new"
        assert list(path.parent.iterdir()) == [path]

    def test_readers_see_the_old_file_until_the_block_ends(self, tmp_path):
        path = tmp_path / "table.csv"
        path.write_text("old")
        with paths.replacing(path) as temporary:
            temporary.write_text("new")
            assert path.read_text() == "old"
        assert path.read_text() == "new"

    @pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
    def test_a_block_that_raises_leaves_the_old_file_whole_and_nothing_else(self, tmp_path, error):
        path = tmp_path / "table.csv"
        path.write_text("old")
        with pytest.raises(type(error)), paths.replacing(path) as temporary:
            temporary.write_text("ne")
            raise error
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_full_disk_is_one_line_and_leaves_the_old_file_whole(self, tmp_path):
        path = tmp_path / "table.csv"
        path.write_text("old")
        with pytest.raises(OutputError) as raised, paths.replacing(path) as temporary:
            temporary.write_text("ne")
            raise OSError(28, "No space left on device")
        mend = "free space or choose another folder"
        assert str(raised.value) == f"{path}: cannot be written (No space left on device); {mend}"
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("below", ["table.csv", "deeper/table.csv"])
    def test_a_parent_that_is_a_file(self, tmp_path, below):
        (tmp_path / "taken").write_text("a file")
        path = tmp_path / "taken" / below
        with pytest.raises(OutputError) as raised, paths.replacing(path):
            pytest.fail("the block must not run")
        assert str(raised.value).startswith(f"{path}: cannot be written (")
        assert "\n" not in str(raised.value)
        assert (tmp_path / "taken").read_text() == "a file"

    def test_a_path_that_is_a_folder(self, tmp_path):
        (tmp_path / "table.csv").mkdir()
        path = tmp_path / "table.csv"
        with pytest.raises(OutputError, match=r"table\.csv: cannot be written"), paths.replacing(path) as temporary:
            temporary.write_text("new")
        assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]

    def test_two_writers_at_once_do_not_meet(self, tmp_path):
        path = tmp_path / "table.csv"
        with paths.replacing(path) as first, paths.replacing(path) as second:
            first.write_text("first")
            second.write_text("second")
        assert path.read_text() == "first"
        assert list(tmp_path.iterdir()) == [path]


class TestCheckWritable:
    def test_the_folder_is_made_and_left_empty(self, tmp_path):
        paths.check_writable(tmp_path / "a" / "b")
        assert list((tmp_path / "a" / "b").iterdir()) == []

    def test_a_file_in_its_place(self, tmp_path):
        (tmp_path / "taken").write_text("a file")
        with pytest.raises(OutputError, match=r"taken.*cannot be written"):
            paths.check_writable(tmp_path / "taken")


def test_leftovers_of_killed_processes_are_removed_and_nothing_else(tmp_path):
    below = tmp_path / "folds"
    below.mkdir()
    with pytest.raises(ZeroDivisionError), paths.replacing(below / "a.json") as temporary:
        leftover = below / temporary.name
        1 / 0  # noqa: B018
    kept = [below / "a.json", below / ".hidden.json", tmp_path / ".lock", tmp_path / ".a.0123456789.csv"]
    for path in (leftover, tmp_path / ".0123456789ab", *kept):
        path.write_text("half")
    (tmp_path / ".git.0123456789ab").mkdir()
    paths.remove_leftovers(tmp_path)
    assert not leftover.exists()
    assert all(path.exists() for path in kept)
