"""Where things lie, and files that are replaced whole or not at all."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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

    def test_a_name_that_is_as_long_as_it_may_be(self, tmp_path):
        path = tmp_path / f"{'é' * 125}.csv"
        paths.write(path, "new")
        assert list(tmp_path.iterdir()) == [path]

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
        fix = "free space or choose another folder"
        assert str(raised.value) == f"{path}: cannot be written (No space left on device); {fix}"
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
        with pytest.raises(OutputError, match="taken: cannot be written"):
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other devices and needs rights for links")
class TestOutputs:
    @staticmethod
    def write(path, text="new"):
        with paths.replacing(path) as temporary:
            temporary.write_text(text)

    def test_a_link_is_followed(self, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        kept = tmp_path / "elsewhere" / "kept.csv"
        kept.write_text("old")
        (tmp_path / "link.csv").symlink_to(kept)
        (tmp_path / "second.csv").symlink_to("link.csv")
        (tmp_path / "dangling.csv").symlink_to("elsewhere/made.csv")
        self.write(tmp_path / "second.csv")
        self.write(tmp_path / "dangling.csv")
        assert (tmp_path / "second.csv").is_symlink() and (tmp_path / "link.csv").is_symlink()
        assert kept.read_text() == "new" and (tmp_path / "elsewhere" / "made.csv").read_text() == "new"
        assert sorted(path.name for path in tmp_path.rglob("*.csv")) == [
            "dangling.csv", "kept.csv", "link.csv", "made.csv", "second.csv",
        ]  # fmt: skip

    def test_links_in_a_circle(self, tmp_path):
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(OutputError, match="leads in a circle"):
            self.write(tmp_path / "a")

    def test_a_pipe_is_written_to(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.csv")
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit((tmp_path / "pipe.csv").read_text)
            self.write(tmp_path / "pipe.csv")
            assert coming.result() == "new"
        assert stat.S_ISFIFO((tmp_path / "pipe.csv").stat().st_mode)

    def test_a_device_is_written_to(self):
        before = Path("/dev/null").stat()
        self.write(Path("/dev/null"))
        assert Path("/dev/null").stat().st_ino == before.st_ino and stat.S_ISCHR(Path("/dev/null").stat().st_mode)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="not every system has a device that is always full")
    def test_a_full_device(self):
        with pytest.raises(OutputError, match=r"^/dev/full: cannot be written \(No space left on device\)"):
            self.write(Path("/dev/full"))
        assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)

    @pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
    def test_standard_output_goes_on_where_it_was_redirected_to(self, tmp_path, name):
        """A link to /dev/stdout too. To open it again would write over what was there."""
        (tmp_path / "link").symlink_to(name)
        code = (
            "import sys; from pathlib import Path; from fer_utils import paths\n"
            "print('before')\n"
            "for name in sys.argv[1:]:\n"
            "    with paths.replacing(Path(name)) as temporary: temporary.write_text('rows\\n')\n"
            "print('after')"
        )
        with (tmp_path / "out.txt").open("w") as out:
            subprocess.run([sys.executable, "-c", code, name, tmp_path / "link"], stdout=out, check=True)
        assert (tmp_path / "out.txt").read_text() == "before\nrows\nrows\nafter\n"
        assert Path("/dev/stdout").is_symlink()

    def test_a_folder_is_refused(self, tmp_path):
        with pytest.raises(OutputError, match="as it is a folder; name a file"):
            self.write(tmp_path)

    def test_a_missing_folder_is_made_with_a_word_in_the_current_folder_alone(self, tmp_path, monkeypatch, capsys):
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        paths.check_output(Path("a/b/c.csv"))
        assert Path("a/b").is_dir() and capsys.readouterr().err == "made the folder a/b\n"
        paths.check_output(Path("a/b/c.csv"))
        paths.check_output(Path("c.csv"))
        paths.check_output(paths.STANDARD_OUTPUT)
        assert capsys.readouterr().err == ""
        with pytest.raises(OutputError, match=r"there: no such folder; make it first"):
            paths.check_output(tmp_path / "there" / "c.csv")
        with pytest.raises(OutputError, match=r"\.\./there: no such folder"):
            paths.check_output(Path("../there/c.csv"))
        assert not (tmp_path / "there").exists()

    def test_a_folder_for_a_run(self, tmp_path, monkeypatch, capsys):
        """It is made where there is a folder to make it in."""
        monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
        paths.check_output_folder(tmp_path / "new")
        paths.check_output_folder(tmp_path / "runs" / "study")
        assert capsys.readouterr().err == f"made the folder {tmp_path}/new\nmade the folder {tmp_path}/runs/study\n"
        with pytest.raises(OutputError, match="no such folder"):
            paths.check_output_folder(tmp_path / "no" / "such")
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="file: a file; name a folder"):
            paths.check_output_folder(tmp_path / "file")
