"""The command line: statuses, single lines for mistakes."""

import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from importlib.metadata import PackageNotFoundError

import cv2
import numpy as np
import pandas as pd
import pytest

from fer_utils import cli, paths
from fer_utils.errors import UserError
from fer_utils.study import report, runner


def test_doctor_passes_and_prints_every_check(capsys):
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "ok     face landmarker" in printed and "WRONG" not in printed


def test_doctor_reports_datasets(tmp_path, capsys):
    assert cli.main(["doctor", "--data", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "ckplus  not there" in printed and str(tmp_path) in printed


def test_mistakes_give_one_line_and_status_2(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["study", "--out", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("fer: ") and error.count("\n") == 1 and str(tmp_path / "file") in error


def test_an_extra_that_is_missing_is_named(capsys, monkeypatch):
    def missing(chosen):
        raise ModuleNotFoundError("No module named 'papermill'", name="papermill")

    monkeypatch.setattr(cli, "_study", missing)
    assert cli.main(["study"]) == 2
    assert capsys.readouterr().err == "fer: papermill is not installed; pip install 'fer-utils[study]'\n"


def test_unknown_dataset_names_the_known_ones(capsys):
    assert cli.main(["study", "--datasets", "ckplus2"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("fer: argument --datasets: ") and error.endswith(" (see fer study --help)\n")
    assert "oulu_vis" in error and error.count("\n") == 1


@pytest.mark.parametrize(("error", "status"), [("", 0), ("DatasetError: gone", 1)])
def test_study_prints_outcome_and_exits_by_it(tmp_path, capsys, monkeypatch, error, status):
    run = report.NotebookRun("03_train_convlstm", "ckplus", tmp_path / "x.ipynb", 61.4, error)
    seen = {}

    def stand_in(names, data, out, settings, jobs, splits, scheduler):
        seen.update(names=names, data=data, settings=settings, jobs=jobs, splits=splits, scheduler=scheduler)
        return [run], out

    monkeypatch.setattr(runner, "run", stand_in)
    assert cli.main(["study", "--quick", "--out", str(tmp_path), "--jobs", "3"]) == status
    assert seen == {"names": ["ckplus", "mmi"], "data": "", "settings": runner.QUICK, "jobs": 3,
                    "splits": None, "scheduler": ""}  # fmt: skip
    printed = capsys.readouterr().out
    assert "61 s" in printed and ("FAIL: DatasetError: gone" if error else "PASS") in printed
    assert str(tmp_path / "report" / "index.html") in printed


def test_options_of_the_study(tmp_path, monkeypatch, capsys):
    seen = {}
    monkeypatch.setattr(
        runner, "run", lambda *given: (seen.update(settings=given[3], rest=given[5:]), ([], tmp_path))[1]
    )
    assert cli.main(["study", "--paper-network", "--splits", str(tmp_path), "--scheduler", "local"]) == 0
    assert seen == {"settings": {"network": "paper", "matrix_model": "paper"}, "rest": (tmp_path, "local")}
    assert not capsys.readouterr().err
    assert cli.main(["study", "--splits", str(tmp_path), "--folds", "4", "--seeds", "3"]) == 0
    said = "notebook 03 takes folds and seeds from --splits; --folds and --seeds count for the others alone\n"
    assert capsys.readouterr().err == said


def test_points_can_be_averaged_in_the_whole_study(tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(runner, "run", lambda *given: (seen.update(given[3]), ([], tmp_path))[1])
    assert cli.main(["study", "--views", "8", "--folds", "10", "--seeds", "3"]) == 0
    assert seen == {"views": 8, "folds": 10, "seeds": 3}
    asked = {notebook for notebook in runner.NOTEBOOKS if "views" in runner.parameters(notebook)}
    assert asked == {*runner.PER_DATASET, *runner.ACROSS}


def test_options_of_the_readers(tmp_path, monkeypatch, capsys):
    seen = {}
    monkeypatch.setattr(runner, "run", lambda *given: (seen.update(given[3]), ([], tmp_path))[1])
    chosen = ["oulu_vis.light=Dark", "oulu_vis.crop=true", "mmi.views=[0,1]"]
    assert cli.main(["study", "--datasets", "mmi", "--reader", *chosen]) == 0
    assert seen["reader"] == {"oulu_vis": {"light": "Dark", "crop": True}, "mmi": {"views": [0, 1]}}
    assert cli.main(["study", "--reader", "oulu_vis.colour=true"]) == 2
    said = capsys.readouterr().err
    assert "'oulu_vis.colour=true' is no option of a reader; those are oulu_vis.light, oulu_vis.crop," in said


def test_a_set_that_was_named_and_is_not_there_shows_in_the_exit_status(tmp_path, monkeypatch, capsys):
    for emotion in ("fear", "anger"):  # enough to train and test on
        for person in "abcdef":
            (folder := tmp_path / emotion / f"{person}_1").mkdir(parents=True)
            for number in range(2):
                cv2.imwrite(str(folder / f"{number}.png"), np.zeros((8, 8), np.uint8))
    monkeypatch.setattr(runner, "run", lambda *given: ([], tmp_path))
    assert cli.main(["study", "--datasets", "folder", "mmi", "--data", str(tmp_path)]) == 1
    assert f"not studied, since they are not under {tmp_path}: mmi" in capsys.readouterr().err
    assert cli.main(["study", "--datasets", "folder", "--data", str(tmp_path)]) == 0


@pytest.mark.parametrize("command", ["study", "doctor"])
@pytest.mark.parametrize("folder", ["", "not there", "~nobody-of-that-name/data"])
def test_data_must_be_a_folder(command, folder, capsys):
    assert cli.main([command, "--data", folder]) == 2
    assert f"{folder!r} is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "²"])
def test_jobs_are_counted_from_one(jobs, capsys):
    assert cli.main(["study", "--jobs", jobs]) == 2
    assert f"{jobs!r} is not a number from 1 on" in capsys.readouterr().err


def test_user_errors_show_no_traceback_in_a_notebook():
    assert UserError("a.txt: gone; get it")._render_traceback_() == ["UserError: a.txt: gone; get it"]


def test_demo_without_its_notebook_or_its_model(tmp_path, monkeypatch, capsys):
    assert cli.main(["demo", "--model", str(tmp_path / "gone.tflite")]) == 2
    monkeypatch.setenv("FER_ROOT", str(tmp_path))
    assert cli.main(["demo"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "gone.tflite" in lines[0] and "run from a clone" in lines[1]


def test_unknown_detector(capsys):
    assert cli.main(["predict", "clip.avi", "--detector", "eyes"]) == 2
    assert "face_mesh" in capsys.readouterr().err


def test_help_does_not_import_tensorflow():
    code = "import sys, fer_utils.cli; sys.exit('tensorflow' in sys.modules or 'papermill' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    declared = tomllib.loads((paths.root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert ended.value.code == 0 and capsys.readouterr().out == f"fer_utils {declared}\n"


def test_a_folder_that_is_not_installed_is_one_line(capsys, monkeypatch):
    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(cli, "version", version)
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == "fer: fer-utils is not installed; run in its folder: pip install -e .\n"


def test_predict_replaces_no_table_that_it_was_not_told_to(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    notes = tmp_path / f"{paths.CLIP.stem}.csv"
    notes.write_text("frame,label\n1,joy\n")
    assert cli.main(["predict", str(paths.CLIP)]) == 2
    assert "there already" in capsys.readouterr().err
    assert notes.read_text() == "frame,label\n1,joy\n"


def test_predict_of_text(tmp_path, capsys):
    (tmp_path / "notes.mp4").write_text("Grüße, " * 1000, encoding="utf-8")
    assert cli.main(["predict", str(tmp_path / "notes.mp4"), "-o", str(tmp_path / "out.csv")]) == 2
    assert "notes.mp4: cannot be opened as a video: it is text" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("words", [["~/named"], [str(paths.CLIP), "--video", "~/named"]])
def test_predict_of_files_at_home(tmp_path, monkeypatch, capsys, words):
    """A shell leaves the ~ of --video=~/drawn.mp4 as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.main(["predict", *words]) == 2
    assert capsys.readouterr().err.startswith(f"fer: {tmp_path / 'named'}: ")


@pytest.mark.parametrize("words", [["predict"], ["predict", str(paths.CLIP), "--model"], ["study", "--data"]])
def test_a_name_that_no_file_can_have_is_one_line(capsys, words):
    assert cli.main([*words, "x" * 300]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "xxx" in line


@pytest.mark.parametrize("option", ["-o", "--out", "--video", "--neutral"])
def test_a_name_that_is_empty(option, capsys):
    assert cli.main(["predict", str(paths.CLIP), option, ""]) == 2
    assert f"fer: argument {option}: an empty name; name a file or folder" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
def test_nobody_reads_what_is_printed():
    """As `fer doctor | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "import sys; from fer_utils import cli; sys.exit(cli.main(['doctor']))"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.returncode == 1 and "Error" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_closed_terminal_ends_nothing_that_nohup_started(monkeypatch, capsys):
    before = {name: signal.getsignal(name) for name in (signal.SIGHUP, signal.SIGTERM)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert cli.main(["predict", "missing.mp4"]) == 2
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == signal.default_int_handler
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_predict_that_is_ended_leaves_nothing_behind(tmp_path, name):
    code = "import sys; from fer_utils import cli; sys.exit(cli.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "predict", str(paths.CLIP), "-o", "rows.csv", "--video", "drawn.mp4"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 180
        while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(getattr(signal, name))
        _, error = process.communicate(timeout=180)
    assert process.returncode == 130 and error.endswith("fer: interrupted\n") and "Traceback" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_end_keeps_the_finished_of_several_and_starts_no_other(tmp_path, name):
    (tmp_path / "frames").mkdir()
    for number in "01":
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), np.zeros((90, 90, 3), np.uint8))
    clips = ("b.mp4", "c.mp4", "d.mp4")
    for clip in clips:
        shutil.copy(paths.CLIP, tmp_path / clip)
    code = "import sys; from fer_utils import cli; sys.exit(cli.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "predict", "frames", *clips, "--out", "out", "--jobs", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        finished, deadline = tmp_path / "out" / "frames.expressions.csv", time.monotonic() + 180
        while not finished.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(1)  # the next one has begun
        if name == "SIGINT":
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        else:
            process.terminate()  # this one process alone
        _, error = process.communicate(timeout=180)
    assert process.returncode == 130 and "Traceback" not in error and "leaked" not in error
    assert error.endswith("fer: interrupted; what was finished is kept\n")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"frames.csv", finished.name, "summary.csv"}
    assert pd.read_csv(tmp_path / "out" / "summary.csv")["recording"].tolist() == ["frames"]


def test_streams_that_the_caller_closed_are_no_traceback(monkeypatch):
    """As a service's manager starts a command, or `fer ... >&-`; Python has None for them."""
    with monkeypatch.context() as closed:
        for name in ("stdin", "stdout", "stderr"):
            closed.setattr(sys, name, None)
        assert cli.main(["predict", "-"]) == 2  # nothing is piped in
        opened = sys.stdin, sys.stdout, sys.stderr
    for stream in opened:
        assert str(stream.name) == os.devnull
        stream.close()
