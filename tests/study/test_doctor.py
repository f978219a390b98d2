"""The checks of a machine, and the fixes they name."""

import importlib.metadata
import json

import pytest

from fer_utils.study import doctor


def by_name(checks):
    return {check.what: check for check in checks}


def test_this_machine_is_in_order():
    found = by_name(doctor.checks())
    assert [name for name, check in found.items() if check.good is False and name != "camera"] == []
    assert found["face landmarker"].found.startswith("SHA-256 64184e229b26")
    assert any(name.startswith("mediapipe ") for name in found)
    assert not any(name.startswith("pytest") for name in found)  # of an extra that no command needs


def test_table_for_reading():
    table = doctor.table(
        [doctor.Check("a", True, "1"), doctor.Check("b", False, "2", "do this"), doctor.Check("c", None, "")]
    )
    assert table.iloc[:, 1].tolist() == ["ok", "WRONG", "–"]
    assert table["how to fix it"].tolist() == ["", "do this", ""]


def test_missing_and_old_libraries(monkeypatch):
    def version(name):
        if name == "papermill":
            raise importlib.metadata.PackageNotFoundError(name)
        return {"mediapipe": "0.10.21", "opencv-python": "4.9.0"}.get(name) or importlib.metadata.version(name)

    monkeypatch.setattr(doctor, "version", version)
    found = {check.what.split()[0]: check for check in doctor.checks()}
    assert (found["mediapipe"].good, found["mediapipe"].found) == (False, "0.10.21")
    assert (found["papermill"].good, found["papermill"].found) == (False, "missing")
    assert "requirements.lock" in found["papermill"].fix
    assert not found["one"].good and "pip uninstall opencv-python" in found["one"].fix


def test_an_extra_that_is_not_installed_is_no_fault(monkeypatch):
    there = {each.name for each in doctor._requirements("")}

    def version(name):
        if name not in there:
            raise importlib.metadata.PackageNotFoundError(name)
        return importlib.metadata.version(name)

    monkeypatch.setattr(doctor, "version", version)
    found = by_name(doctor.checks())
    assert found["fer-utils[study]"].good is None and "fer study" in found["fer-utils[study]"].found
    assert found["fer-utils[demo]"].good is None
    assert not any(name.startswith(("tensorflow", "anywidget")) for name in found)


def test_changed_model_and_folder_that_cannot_be_written(tmp_path, monkeypatch):
    from fer_utils.landmarks import face_landmarker

    changed = tmp_path / "face_landmarker.task"
    changed.write_bytes(b"something else")
    monkeypatch.setattr(face_landmarker, "MODEL", changed)
    monkeypatch.setenv("FER_RUNS", str(changed / "runs"))
    face_landmarker.model_bundle.cache_clear()
    try:
        found = by_name(doctor.checks())
    finally:
        face_landmarker.model_bundle.cache_clear()
    assert found["face landmarker"].good is False and "git checkout" in found["face landmarker"].fix
    assert found["runs folder"].good is False and "FER_RUNS" in found["runs folder"].fix


@pytest.mark.parametrize(
    ("variable", "settings", "said"),
    [
        ("", {}, ""),
        ("tensorflow", {"floatx": "float32"}, ""),
        ("torch", {}, ", not as KERAS_BACKEND=torch would have it"),
        (
            "",
            {"backend": "jax", "floatx": "float64"},
            ", not as backend jax in {0} and floatx float64 in {0} would have it",
        ),
    ],
)
def test_settings_of_keras_are_overruled_and_named(tmp_path, monkeypatch, variable, settings, said):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if variable:
        monkeypatch.setenv("KERAS_BACKEND", variable)
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    check = by_name(doctor.checks())["Keras"]
    assert check.good and check.found == f"runs on tensorflow in float32{said.format(tmp_path / 'keras.json')}"
