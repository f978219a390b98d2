"""What a folder that a study uses again keeps, and what its index says."""

from datetime import datetime

from fer_utils.study import record

EARLIER = """## CK+
| [tables/ckplus/recalls.csv](tables/ckplus/recalls.csv) | of an older version |
| [figures/ckplus/gone.png](figures/ckplus/gone.png) | of an older version |
| [tables/mmi/recalls.csv](tables/mmi/recalls.csv) | of an older version |
"""


def files(out) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_a_folder_used_again_holds_what_a_fresh_one_would_and_finished_folds(tmp_path):
    kept = {"README.md", "tables/ckplus/participants.csv", "folds/ckplus/x.json"}
    other = {"tables/mmi/summary.csv", "tables/mmi/recalls.csv", "figures/mmi/faces.png"}
    stale = {
        *("tables/ckplus/summary.csv", "tables/ckplus/summary.tex", "tables/ckplus/recalls.csv"),
        *("tables/all/cross_summary.csv", "figures/all/matrix.png", "figures/all/matrix.svg"),
        *("figures/ckplus/models.png", "figures/ckplus/models.svg", "figures/ckplus/gone.png"),
        *("models/ckplus/compact.tflite", "report/mmi.html", "report/figures/mmi/faces.png"),
    }
    for name in kept | other | stale:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(EARLIER if name == "README.md" else "")
    record.forget(tmp_path, ["ckplus"])
    assert files(tmp_path) == kept | other
    (tmp_path / "tables/ckplus/summary.csv").write_text("")
    record.write(tmp_path, ["ckplus"], datetime.now().astimezone(), {}, [])
    index = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "## CK+\n" in index and "## MMI, of an earlier run\n" in index and "recalls" not in index


def test_a_fresh_folder_and_one_with_an_index_of_other_things(tmp_path):
    record.forget(tmp_path, ["ckplus"])
    (tmp_path / "README.md").write_bytes(b"\xff [x](tables/ckplus/x.csv)")
    record.forget(tmp_path, ["ckplus"])
    assert files(tmp_path) == {"README.md"}
