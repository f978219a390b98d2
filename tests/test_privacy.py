"""No picture of a person in any output, unless a parameter asks for it: scikit-image's astronaut is every subject."""

import base64
import os
import re

import cv2
import numpy as np
import pytest

from fer_utils.landmarks import track
from fer_utils.landmarks.face_landmarker import FaceLandmarker
from fer_utils.study import report, runner

pytestmark = pytest.mark.long

EMBEDDED = re.compile(rb"(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR)(?:[A-Za-z0-9+/=]|\\n|\s){100,}")
SIGNS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")


@pytest.fixture(scope="module")
def recordings(photograph, tmp_path_factory):
    """Three people with two emotions each: the photograph, shifted, and pulled down at the mouth more and more."""
    root = tmp_path_factory.mktemp("recordings")
    rows, columns = np.indices(photograph.shape[:2], np.float32)
    for emotion, pull in (("happiness", 9), ("sadness", -7)):
        for person in range(3):
            folder = root / emotion / f"person{person}_1"
            folder.mkdir(parents=True)
            for number in range(12):
                near = np.exp(-((columns - 224) ** 2 + (rows - 150) ** 2) / (2 * 15**2))
                down = pull * max(number - 3, 0) / 8 * near
                moved = cv2.remap(photograph, columns + 20 * person, rows - down, cv2.INTER_LINEAR)
                cv2.imwrite(str(folder / f"{number}.png"), moved)
    # a name that no table can hold does not stop the others
    (root / "happiness" / os.fsdecode(b"person\xff_1")).mkdir()
    return root


@pytest.fixture(scope="module", params=[False, True], ids=["default", "shown"])
def outputs(request, recordings, tmp_path_factory):
    """Whether subjects are shown, and the folder in which notebooks 01 and 02 and the report wrote."""
    home = tmp_path_factory.mktemp("outputs")
    values = {"dataset": "folder", "data": str(recordings), "out": str(home / "out"), "jobs": 1, "interactive": False}
    shown = {"show_subjects": True} if request.param else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_TRACKS", str(home / "tracks"))
        done = [
            runner.run_notebook("01_extract_landmarks", "folder", {**values, **shown}, home / "out"),
            runner.run_notebook("02_visualize_features", "folder", values, home / "out"),
            runner.run_notebook(
                "01_extract_landmarks", "again", {**values, **shown, "interactive": True}, home / "out"
            ),
        ]
    assert [run.error for run in done] == ["", "", ""]
    report.write(done, home / "out")
    return request.param, home


def pictures(folder):
    """All pictures in the files of a folder, or embedded in them, by where they are."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix in (".png", ".jpg"):
            assert content.startswith(SIGNS)
        if content.startswith(SIGNS):
            yield str(path.relative_to(folder)), decoded(content)
        for number, found in enumerate(EMBEDDED.findall(content)):
            text = re.sub(rb"\\n|\s|=", b"", found)
            text = text[: len(text) - (len(text) % 4 == 1)]
            image = decoded(base64.b64decode(text + b"=" * (-len(text) % 4)))
            if image is not None:  # programs in a page have letters that look alike
                yield f"{path.relative_to(folder)}:{number}", image


def decoded(content):
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def shows_face(landmarker, image):
    """Looks at the whole, and at tiles half as large and a quarter as large that overlap by half, enlarged."""
    height, width = image.shape[:2]
    for part in (1, 2, 4):
        tall, wide = height // part, width // part
        for top in range(0, height - tall + 1, max(tall // 2, 1)):
            for left in range(0, width - wide + 1, max(wide // 2, 1)):
                tile = image[top : top + tall, left : left + wide]
                scale = 400 / min(tile.shape[:2])
                if landmarker.detect(cv2.resize(tile, None, fx=scale, fy=scale))[0] is not None:
                    return True
    return False


def test_faces_are_where_they_were_asked_for_alone(outputs):
    shown, home = outputs
    with FaceLandmarker("image") as landmarker:
        found = {where: shows_face(landmarker, image) for where, image in pictures(home / "out")}
    with_face = {where.split(":")[0] for where, face in found.items() if face}
    assert len(found) >= 12  # figures, and the same in notebooks and pages
    if shown:
        assert "figures/folder/faces.png" in with_face
        for name in ("notebooks/01_extract_landmarks_folder.ipynb", "report/01_extract_landmarks_folder.html"):
            assert name in with_face
        assert not [name for name in with_face if "02_" in name]
    else:
        assert with_face == set()


def test_tracks_hold_no_pictures(outputs):
    _, home = outputs
    kept = list((home / "tracks").glob("*.npz"))
    assert len(kept) == 6
    for path in kept:
        made = track.LandmarkTrack.load(path)
        assert made.coverage == 1 and made.blendshapes is None
        assert path.stat().st_size < 12 * made.points.size


def test_a_face_is_found_as_small_as_a_sheet_shows_it(photograph):
    """Else that none was found would say nothing."""
    sheet = np.full((1000, 1500, 3), 255, np.uint8)
    sheet[700:900, 1100:1300] = cv2.resize(photograph[:256, 96:352], (200, 200))
    with FaceLandmarker("image") as landmarker:
        assert shows_face(landmarker, sheet)
        sheet[:] = 255
        assert not shows_face(landmarker, sheet)


def test_pictures_are_found_in_text(photograph, tmp_path):
    png = base64.b64encode(cv2.imencode(".png", photograph)[1].tobytes()).decode()
    (tmp_path / "page.html").write_text(f'<img src="data:image/png;base64,{png}">')
    lines = "\\n".join(png[at : at + 76] for at in range(0, len(png), 76))
    (tmp_path / "a.ipynb").write_text(f'{{"image/png": "{lines}\\n"}}')
    found = dict(pictures(tmp_path))
    assert list(found) == ["a.ipynb:0", "page.html:0"]
    for image in found.values():
        np.testing.assert_array_equal(image, photograph)
