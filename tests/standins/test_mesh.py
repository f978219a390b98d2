"""The mesh asset is what the model bundle holds."""

import struct
import zipfile

import numpy as np

from fer_utils import paths
from fer_utils.landmarks import canonical
from fer_utils.standins import mesh


def fields(message):
    """The fields (number, value) of a protobuf message: bytes where the wire carries a length, else an integer."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            size = {1: 8, 2: None, 5: 4}[key & 7] or varint()
            yield key >> 3, message[at : at + size]
            at += size


def numbers(message, field):
    """The values of a repeated field, packed or one by one."""
    return [value for number, value in fields(message) if number == field]


def varints(packed):
    value = shift = 0
    for byte in packed:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0


def test_asset_is_the_bundles_mesh():
    with zipfile.ZipFile(paths.ASSETS / "face_landmarker.task") as bundle:
        metadata = bundle.read("geometry_pipeline_metadata_landmarks.binarypb")
    (canonical,) = numbers(metadata, 1)
    packed = b"".join(numbers(canonical, 3))
    vertices = np.array(struct.unpack(f"<{len(packed) // 4}f", packed), np.float32).reshape(468, 5)
    indices = numbers(canonical, 4)
    if isinstance(indices[0], bytes):
        indices = list(varints(b"".join(indices)))
    with np.load(paths.ASSETS / "canonical_face.npz") as asset:
        np.testing.assert_array_equal(asset["vertices"], vertices[:, :3])
        np.testing.assert_array_equal(asset["uv"], vertices[:, 3:])
        np.testing.assert_array_equal(asset["triangles"], np.reshape(indices, (898, 3)))


def test_sides_mirror():
    np.testing.assert_array_equal(canonical.MIRROR[canonical.MIRROR], np.arange(468))
    assert (
        canonical.VERTICES[canonical.UPPER_LID[canonical.LEFT], 0] > 0
    ).all()  # the actor's left is on the right of the picture
    assert (canonical.VERTICES[canonical.UPPER_LID[canonical.RIGHT], 0] < 0).all()


def test_openings_are_open_and_normals_point_outwards():
    # a disc with three holes: 16, 16 and 20 vertices around them
    assert len(canonical.SKIN) == 898 - 14 - 14 - 18
    assert mesh.normals(canonical.VERTICES)[[4, 151, 50, 280, 199], 2].min() > 0.5


def test_lips_meet_at_rest_and_get_thicker_outwards():
    face, inner = canonical.VERTICES.copy(), canonical.UPPER_LIP[3, 1:-1]
    mesh.close_lips(face)
    np.testing.assert_allclose(face[inner, 1], face[canonical.LOWER_LIP[3, 1:-1], 1], atol=1e-12)
    closed = face.copy()
    mesh.scale_lip(face, canonical.UPPER_LIP, 2.0)
    for ring in canonical.UPPER_LIP[:, 1:-1]:
        np.testing.assert_allclose(face[ring, 1] - face[inner, 1], 2 * (closed[ring, 1] - closed[inner, 1]))
    unmoved = np.delete(np.arange(468), canonical.UPPER_LIP[:3, 1:-1])
    np.testing.assert_array_equal(face[unmoved], closed[unmoved])


def test_lips_that_pass_through_each_other_meet():
    face, upper, lower = canonical.VERTICES.copy(), canonical.UPPER_LIP[3, 1:-1], canonical.LOWER_LIP[3, 1:-1]
    mesh.part_lips(face, 0.6)
    np.testing.assert_array_equal(face, canonical.VERTICES)  # these are apart
    face[upper, 1] = face[lower, 1] - 1.0
    before = face.copy()
    mesh.part_lips(face, 0.6)
    np.testing.assert_allclose(face[upper, 1] - before[upper, 1], 0.6)
    np.testing.assert_allclose(face[upper, 1], face[lower, 1])
