"""The README's way from a folder of labelled clips to a model in the demo."""

import re
import shutil

import pytest

from fer_utils import cli, paths
from fer_utils.data import registry, tree
from fer_utils.models import litert
from fer_utils.realtime import serving
from fer_utils.realtime.streaming import Recognizer
from fer_utils.standins import writing
from fer_utils.study import runner


@pytest.fixture
def clips(tmp_path):
    """Rendered recordings sorted as the README says: <emotion>/<subject>_<name>/ of pictures."""
    drawn = writing.ensure("ckplus", tmp_path / "rendered", subjects=5)
    folder = tmp_path / "clips"
    for number, sequence in enumerate(registry.scan("ckplus", drawn).sequences):
        person = sequence.subject.rpartition("/")[2]
        (target := folder / sequence.emotion / f"{person}_{number}").mkdir(parents=True)
        for picture in sequence.frames.files:
            shutil.copy(picture, target)
    shutil.copy(drawn / tree.MANIFEST, folder)  # by which the results bear the mark of stand-ins
    return folder


@pytest.mark.long
def test_a_folder_of_clips_becomes_the_model_of_the_demo(clips, tmp_path, monkeypatch, capsys):
    readme = (paths.root() / "README.md").read_text(encoding="utf-8")
    study = re.search(r"^fer (study --datasets folder --data) /path/to/clips", readme, re.M)[1].split()
    demo = re.search(r"^fer (demo --model) (runs/\S+)", readme, re.M)
    for name in ("FIRST", "LAST"):  # the notebooks that train nothing
        monkeypatch.setattr(runner, name, ())
    monkeypatch.setattr(runner, "PER_DATASET", ("03_train_convlstm",))
    monkeypatch.setattr(runner, "FULL", {"network": "compact", "epochs": 3, "folds": 2, "seeds": 1})
    monkeypatch.setenv("FER_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    assert cli.main([*study, str(clips)]) == 0, capsys.readouterr()
    assert list((tmp_path / "runs" / "tracks").rglob("*.npz"))  # where the README says that landmarks are kept
    classifier = litert.LiteClassifier(tmp_path / demo[2])
    assert set(classifier.classes) == {path.name for path in clips.iterdir() if path.is_dir()}
    assert "rendered stand-in" in classifier.trained_on
    with Recognizer(classifier):
        pass
    monkeypatch.setattr(serving, "command", lambda app: ["sh", "-c", f'test "$FER_MODEL" = {tmp_path / demo[2]}'])
    assert cli.main([*demo[1].split(), demo[2]]) == 0
