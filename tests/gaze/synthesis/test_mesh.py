"""The head mesh: frame, scale, lids, and refusal of damaged files."""

import numpy as np
import pytest

from gaze.errors import DataError
from gaze.face_model import SIX_POINTS_MM
from gaze.synthesis import asset_checks
from gaze.synthesis import mesh as mesh_module
from gaze.synthesis.eyeballs import fit_sphere
from gaze.synthesis.mesh import EYEBALLS, FACE, LANDMARKS_68, SIX_POINTS, HeadMesh


def test_the_head_looks_at_the_camera(mesh):
    """Head frame: x to the subject's left (image right), y down, z into the head."""
    right_eye, left_eye, nose, chin, brow = (
        mesh.vertices_mm[LANDMARKS_68[index]] for index in (36, 45, 30, 8, 19)
    )
    assert right_eye[0] < -35 and left_eye[0] > 35
    assert brow[1] < right_eye[1] < nose[1] < chin[1]
    assert nose[2] < min(right_eye[2], left_eye[2]) - 15
    assert chin[1] - brow[1] == pytest.approx(125, abs=20)


def test_the_six_points_are_those_of_the_face_model(mesh):
    """Placed by scale, rotation and shift, they lie within 5 mm of the template's, in its order."""
    mine = mesh.vertices_mm[SIX_POINTS].astype(np.float64)
    a, b = mine - mine.mean(0), SIX_POINTS_MM - SIX_POINTS_MM.mean(0)
    u, _, vt = np.linalg.svd(a.T @ b)
    R = (u * [1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    scale = np.sum((a @ R) * b) / np.sum(a * a)
    assert np.linalg.norm(scale * a @ R - b, axis=1).max() < 5
    # A small turn: both frames look the same way.
    assert np.degrees(np.arccos((np.trace(R) - 1) / 2)) < 15


def test_the_packed_numbers_become_head_frame_mm(mesh, assets_dir):
    with np.load(assets_dir / "ict_face/ict_face.npz") as data:
        upstream_cm = data["vertices"][1000:1010]
    x, y, z = upstream_cm.T
    np.testing.assert_allclose(mesh.vertices_mm[1000:1010], np.c_[10 * x, -10 * y, -10 * z], rtol=1e-6)


def test_triangles_wind_outwards(mesh):
    corners = mesh.vertices_mm[mesh.face_triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = mesh.vertices_mm[FACE].mean(axis=0) + np.array([0, 0, 60])
    outwards = np.einsum("kc,kc->k", normals, corners.mean(axis=1) - middle)
    # Ears and nostrils fold back.
    assert (outwards > 0).mean() > 0.85


@pytest.mark.parametrize("side", [0, 1])
def test_lids_lie_on_the_eyeball(mesh, side):
    rings = mesh.eyelids[side]
    centre, radius = fit_sphere(mesh.vertices_mm[EYEBALLS[side]])
    for upper, lower in (
        (rings.inner_upper, rings.inner_lower),
        (rings.margin_upper, rings.margin_lower),
    ):
        for ring in (upper, lower):
            points = mesh.vertices_mm[ring]
            # From the inner corner, by the nose, to the outer one.
            assert (np.diff(np.abs(points[:, 0])) >= 0).all()
            assert np.ptp(points[:, 0]) > 20
        middle = [mesh.vertices_mm[ring][len(ring) // 2] for ring in (upper, lower)]
        assert 4 < middle[1][1] - middle[0][1] < 14
        assert abs(middle[0][0] - centre[0]) < 8
    distance = np.linalg.norm(mesh.vertices_mm[rings.inner_upper] - centre, axis=1)
    assert np.abs(distance - radius)[3:-3].max() < 2


def test_expressions_move_their_side(mesh):
    index, delta = mesh.expressions["eyeBlink_L"]
    moved = mesh.vertices_mm[index[np.linalg.norm(delta, axis=1) > 2]]
    assert (moved[:, 0] > 0).all()
    upper = np.isin(index, mesh.eyelids[0].inner_upper)
    # The upper lid comes down (y grows).
    assert delta[upper, 1].max() > 8
    assert len(mesh.expressions) == 57


@pytest.fixture
def packed(assets_dir):
    with np.load(assets_dir / "ict_face/ict_face.npz") as data:
        arrays = {name: data[name] for name in data.files if name not in ("identity", "expression")}
    count = len(arrays["vertices"])
    return arrays | {
        "identity": np.zeros((1, count, 3), np.float16),
        "expression": np.zeros((len(arrays["expression_names"]), count, 3), np.float16),
    }


def written(folder, arrays):
    (folder / "ict_face").mkdir(exist_ok=True)
    np.savez(folder / "ict_face/ict_face.npz", **arrays)
    return folder / "ict_face/ict_face.npz"


def test_a_missing_model_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"ict_face.npz: no such file.*fetch-assets.*--assets"):
        HeadMesh.load(tmp_path)


@pytest.mark.parametrize(
    "damage",
    ["truncated", "flipped", "text", "empty", "no quads", "a vertex less", "another size"],
)
def test_a_damaged_model_is_refused(tmp_path, packed, damage):
    if damage == "no quads":
        del packed["quads"]
    elif damage == "a vertex less":
        packed["vertices"] = packed["vertices"][:-1]
    elif damage == "another size":
        packed["vertices"] = packed["vertices"] * np.float32(1.2)
    path = written(tmp_path, packed)
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[:-2000])
    elif damage == "flipped":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif damage in ("text", "empty"):
        path.write_bytes(b"404: Not Found" if damage == "text" else b"")
    with pytest.raises(DataError, match=r"ict_face.npz: .*fetch-assets"):
        HeadMesh.load(tmp_path)


def test_moves_too_small_to_see_are_left_out(tmp_path, packed, monkeypatch):
    monkeypatch.setattr(asset_checks, "check_head", lambda data, path: None)
    packed["expression"][0, 7] = [0.0, 0.001, 0.0]
    packed["expression"][0, 9] = [0.0, 0.1, 0.0]
    mesh = written(tmp_path, packed) and HeadMesh.load(tmp_path)
    index, delta = mesh.expressions[str(packed["expression_names"][0])]
    assert index.tolist() == [9]
    np.testing.assert_allclose(delta, [[0.0, -1.0, 0.0]], atol=1e-3)
    assert len(mesh.vertices_mm) == mesh_module.VERTEX_COUNT
