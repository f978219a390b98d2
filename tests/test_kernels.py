"""Notebooks run in this interpreter, whatever other kernels a machine has."""

import json
import os
import sys

import nbformat
import pytest

from fer_utils import kernels
from fer_utils.study import doctor, runner


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """Another python3 comes first on Jupyter's path; it ends at once."""
    place = tmp_path / "jupyter" / "kernels" / "python3"
    place.mkdir(parents=True)
    spec = {"argv": ["/bin/false", "-f", "{connection_file}"], "display_name": "theirs", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    return place


@pytest.mark.usefixtures("foreign")
def test_a_study_runs_its_own_interpreter_with_one_thread(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    cells = [
        nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("import os, sys; print(sys.executable, os.environ['OPENBLAS_NUM_THREADS'])"),
    ]
    kernelspec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    nbformat.write(notebook, tmp_path / "notebooks" / "toy.ipynb")
    monkeypatch.setenv("FER_ROOT", str(tmp_path))
    before = os.environ["JUPYTER_PATH"]
    result = runner.run_notebook("toy", "", {}, tmp_path / "out")
    assert result.error == "" and os.environ["JUPYTER_PATH"] == before
    executed = nbformat.read(result.executed, 4)
    assert executed.cells[-1].outputs[0].text.split() == [sys.executable, "1"]


@pytest.mark.usefixtures("foreign")
def test_the_doctor_names_the_other_kernel():
    assert kernels.foreign_kernel() == "/bin/false"
    (check,) = (check for check in doctor.checks() if check.what == "kernel python3")
    assert check.good is None and "/bin/false" in check.found and sys.executable in check.found
    with kernels.own_kernel():
        assert kernels.foreign_kernel() == ""


def test_without_another_kernel_nothing_is_said(monkeypatch):
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    (check,) = (check for check in doctor.checks() if check.what == "kernel python3")
    assert (check.good, check.found, check.fix) == (True, sys.executable, "")
