"""What the runner refuses, keeps and goes on with, without a whole study."""

import cv2
import filelock
import numpy as np
import pytest

from fer_utils import paths, workers
from fer_utils.errors import OutputError, StudyError
from fer_utils.study import report, runner


def test_failing_notebook_does_not_end_the_study(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(runner, "PER_DATASET", runner.PER_DATASET[:1])
    monkeypatch.setattr(runner, "LAST", ("06_paper_figures",))
    done, out = runner.run(["ckplus"], data=str(tmp_path / "nothing here"), settings={})
    assert [bool(run.error) for run in done] == [False, True, False]
    assert done[1].error.startswith("MissingDataset: ") and "nothing here" in done[1].error
    index = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "FAIL" in index and "No results" in index and "compared with real recordings alone" in index
    page = (out / "report" / "ckplus.html").read_text(encoding="utf-8")
    assert "What was left out is not known, since notebook 01 failed" in page


def test_results_of_an_earlier_run_do_not_pass_for_new_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    out = tmp_path / "out"
    out.mkdir()
    for name in ("ckplus", "mmi"):
        path = paths.table(out, name, "summary")
        path.parent.mkdir(parents=True)
        path.write_text(f"dataset,data\n{name},real\n")
    own = out / "tables/ckplus/participants.csv"
    own.write_text("the user's own")
    for plan in ("PER_DATASET", "LAST"):
        monkeypatch.setattr(runner, plan, ())
    done, _ = runner.run(["ckplus"], out=out)
    done.append(report.NotebookRun("03_train_convlstm", "ckplus", out / "x.ipynb"))
    assert report.joined(done, out, "summary").empty and not paths.table(out, "ckplus", "summary").exists()
    assert own.read_text() == "the user's own"
    done.append(report.NotebookRun("03_train_convlstm", "mmi", out / "x.ipynb"))
    assert report.joined(done, out, "summary")["dataset"].tolist() == ["mmi"]  # of another dataset: kept


def test_unknown_parameters_are_errors(tmp_path):
    with pytest.raises(StudyError, match="epoch_s: no notebook has such a parameter"):
        runner.run(["ckplus"], out=tmp_path, settings={"epoch_s": 3})
    with pytest.raises(StudyError, match="00_check_setup: no parameter epochs"):
        runner.run_notebook("00_check_setup", "", {"epochs": 3}, tmp_path)


def test_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        runner.run(["ckplus"], out=tmp_path / "file" / "out")


def test_two_studies_do_not_write_into_one_folder(tmp_path, monkeypatch):
    for plan in ("FIRST", "PER_DATASET", "LAST"):
        monkeypatch.setattr(runner, plan, ())
    table = paths.table(tmp_path, "ckplus", "summary")
    table.parent.mkdir(parents=True)
    table.write_text("of the study that runs")
    with filelock.FileLock(tmp_path / ".lock"):
        with pytest.raises(StudyError, match="another study is writing here; wait for it, or name another folder"):
            runner.run(["ckplus"], out=tmp_path)
        assert table.read_text() == "of the study that runs"
    runner.run(["ckplus"], out=tmp_path)
    assert not table.exists()


def test_a_study_without_its_cluster_leaves_the_results_that_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "PATIENCE", 0.5)
    table = paths.table(tmp_path, "ckplus", "summary")
    table.parent.mkdir(parents=True)
    table.write_text("kept")
    with pytest.raises(StudyError, match=r"--scheduler 127\.0\.0\.1:9: no Dask scheduler answers"):
        runner.run(["ckplus"], out=tmp_path, scheduler="127.0.0.1:9")
    assert table.read_text() == "kept"


def test_no_notebooks(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_ROOT", str(tmp_path))
    with pytest.raises(StudyError, match="run from a clone"):
        runner.run(["ckplus"], out=tmp_path / "out")


def test_which_datasets_are_studied(tmp_path, capsys):
    assert runner.choose(["mmi"], "") == ["mmi"]
    assert runner.choose(None, "") == ["ckplus", "oulu_vis", "oulu_nir", "mmi"]
    with pytest.raises(StudyError, match="folder: has no stand-in"):
        runner.choose(["folder"], "")
    with pytest.raises(StudyError, match="none of the datasets is here"):
        runner.choose(None, str(tmp_path))
    write_people(tmp_path, people=3)
    assert runner.choose(None, str(tmp_path), folds=3) == ["oulu_nir"]
    assert "ckplus: left out: " in capsys.readouterr().err


def write_people(root, people, emotions=("Anger", "Fear")):
    for person in range(1, people + 1):
        for emotion in emotions:
            clip = root / f"OriginalImg/NI/Strong/P{person:03d}/{emotion}"
            clip.mkdir(parents=True)
            for number in range(3):
                cv2.imwrite(str(clip / f"{number:03d}.jpeg"), np.zeros((24, 32), np.uint8))


@pytest.mark.parametrize(
    ("people", "emotions", "said"),
    [
        (1, ("Anger",), "oulu_nir: all sequences are of one person, oulu/P001; give those of more people"),
        (1, ("Anger", "Fear"), "oulu_nir: all sequences are of one person, oulu/P001; give those of more people"),
        (3, ("Anger",), "oulu_nir: all sequences show anger; give those of other emotions too"),
    ],
)
def test_too_few_recordings_are_refused_at_the_start(tmp_path, people, emotions, said):
    write_people(tmp_path, people, emotions)
    with pytest.raises(StudyError) as error:
        runner.choose(["oulu_nir"], str(tmp_path))
    assert str(error.value) == said


def test_fewer_folds_are_suggested(tmp_path, capsys):
    write_people(tmp_path, 3)
    assert runner.choose(["oulu_nir"], str(tmp_path)) == ["oulu_nir"]
    said = "oulu_nir: 3 people cannot be split into 5 folds of people; choose fewer: --folds 3\n"
    assert capsys.readouterr().err == said
    assert runner.choose(["oulu_nir"], str(tmp_path), folds=3) == ["oulu_nir"] and not capsys.readouterr().err
