"""The rigid template's measurement: exact points come back exactly, halves mirror, and a small real run."""

import json
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from made_faces import DISTORTED, PINHOLE, rotation

from gaze import cli, landmarks
from gaze.camera import Camera
from gaze.errors import RuntimeUnavailableError
from gaze.face_model import RIGID_LANDMARKS, RIGID_POINTS_MM, SIX_POINT_LANDMARKS, SIX_POINTS_MM
from gaze.synthesis.rigid_table import (
    RigidTable,
    fit_similarity,
    landmark_pairs,
    make_table,
    symmetric,
    triangulate,
)
from gaze.types import LANDMARK_COUNT

# A few heads here, a hundred other heads in the committed table; two heads alone differ by 1.7 and 3.8 mm.
MEAN_LIMIT_MM, LARGEST_LIMIT_MM = 3.0, 7.0
SIX, RIGID = list(SIX_POINT_LANDMARKS), list(RIGID_LANDMARKS)


def made_head(rng, noise_mm=0.0):
    """Landmarks (478, 3) with the six points exact and the others of the template random, then shaken."""
    head = rng.normal(0.0, 40.0, (LANDMARK_COUNT, 3))
    for right, left in landmark_pairs():
        head[left] = head[right] * [-1, 1, 1]
        if right == left:
            head[right, 0] = 0.0
    head[SIX] = SIX_POINTS_MM
    return head + rng.normal(0.0, noise_mm, head.shape)


@pytest.mark.parametrize("camera", [PINHOLE, DISTORTED], ids=["pinhole", "distorted"])
def test_exactly_projected_points_come_back(camera: Camera):
    rng = np.random.default_rng(0)
    points = rng.uniform(-80, 80, (50, 3))
    poses = [(0, 0, 0), (0, 25, 0), (0, -25, 0), (18, 0, 5), (-18, 0, 0)]
    R = np.stack([rotation(*pose) for pose in poses])
    t = np.array([0.0, -20.0, 650.0]) + rng.normal(0, 15, (len(poses), 3))
    seen_px = [camera.project(points @ R_.T + t_) for R_, t_ in zip(R, t, strict=True)]
    np.testing.assert_allclose(triangulate(seen_px, R, t, camera), points, atol=1e-6)


def test_pictures_from_one_place_give_no_depth():
    points = np.random.default_rng(1).uniform(-80, 80, (4, 3))
    R, t = np.stack([np.eye(3)] * 2), np.array([[0.0, 0.0, 600.0]] * 2)
    seen_px = np.stack([PINHOLE.project(points + t[0])] * 2)
    with pytest.raises(ValueError, match="different poses"):
        triangulate(seen_px, R, t, PINHOLE)
    with pytest.raises(ValueError, match="two pictures"):
        triangulate(seen_px[:1], R[:1], t[:1], PINHOLE)


def test_pairs_are_those_of_the_template():
    pairs = landmark_pairs()
    assert len(pairs) == 24
    assert {index for pair in pairs for index in pair} == set(RIGID_LANDMARKS)
    assert {(33, 263), (133, 362), (98, 327), (168, 168)} <= set(pairs)


def test_halves_become_mirror_images():
    head = np.random.default_rng(2).normal(0, 40, (LANDMARK_COUNT, 3))
    even = symmetric(head)
    for right, left in [*landmark_pairs(), (61, 291)]:
        np.testing.assert_array_equal(even[left], even[right] * [-1, 1, 1])
    np.testing.assert_allclose(even[33], (head[33] + head[263] * [-1, 1, 1]) / 2)
    assert even[168, 0] == 0.0
    np.testing.assert_array_equal(symmetric(even)[RIGID], even[RIGID])


def test_a_known_similarity_is_found():
    points = np.random.default_rng(3).normal(0, 30, (10, 3))
    R, shift = rotation(20, -35, 60), np.array([4.0, -7.0, 2.0])
    scale, found_R, found_shift = fit_similarity(points, 1.3 * points @ R.T + shift)
    assert scale == pytest.approx(1.3)
    np.testing.assert_allclose(found_R, R, atol=1e-12)
    np.testing.assert_allclose(found_shift, shift, atol=1e-10)


def test_the_table_of_moved_heads_is_the_head_in_the_model_frame():
    """Larger heads in a tilted frame give the template back, and noise shows up in the standard error."""
    head = made_head(np.random.default_rng(4))
    moved = 1.1 * head @ rotation(pitch_deg=6).T + [0.0, 5.0, -9.0]
    table = make_table([moved, moved, moved])
    np.testing.assert_allclose(table.points_mm, head[RIGID], atol=1e-9)
    np.testing.assert_allclose(table.error_mm, 0.0, atol=1e-9)
    rng = np.random.default_rng(5)
    shaken = make_table([moved + rng.normal(0, 1.0, moved.shape) for _ in range(40)])
    assert 0.1 < np.median(shaken.error_mm) < 0.4  # 1 mm an axis, of 40 heads and two sides: about 0.2
    assert np.linalg.norm(shaken.points_mm - head[RIGID], axis=1).max() < 1.0
    with pytest.raises(ValueError, match="two heads"):
        make_table([moved])


def test_the_table_is_symmetric():
    table = make_table([made_head(np.random.default_rng(seed), 3.0) for seed in range(4)])
    place = {index: number for number, index in enumerate(RIGID_LANDMARKS)}
    for right, left in landmark_pairs():
        np.testing.assert_allclose(
            table.points_mm[place[left]], table.points_mm[place[right]] * [-1, 1, 1], atol=1e-9
        )
    rows = table.rows()
    assert [tuple(row[:2]) for row in rows] == list(landmark_pairs())
    np.testing.assert_allclose([row[2:] for row in rows[10:12]], table.points_mm[[10, 12]], atol=0.006)


def test_deviation_is_the_distance_from_the_committed_table():
    table = RigidTable(RIGID_POINTS_MM + np.array([0.0, 3.0, 4.0]), np.zeros(38))
    np.testing.assert_allclose(table.deviation_mm, 5.0)


@pytest.mark.parametrize("command", ["rigid-table", "upright"])
def test_without_a_face_mesh_the_other_interface_is_used(monkeypatch, tmp_path, capsys, command):
    """These commands have no --landmarks: what is missing is the file of the interface that there is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(landmarks, "_import_mediapipe", lambda: SimpleNamespace(__version__="0.10.30"))
    monkeypatch.setattr("gaze.synthesis.webcam.WebcamRenderer", lambda *rest: nullcontext())
    (tmp_path / "shard_000000.npz").touch()
    options = ["--out", str(tmp_path / "out.json")]
    options += ["--shards", str(tmp_path)] if command == "upright" else []
    assert cli.main(["synthesize", command, *options]) == 1
    assert "run `gaze download-models`" in (text := capsys.readouterr().err) and "--landmarks" not in text


@pytest.mark.slow
def test_two_rendered_heads_lie_near_the_committed_table(assets_dir, tmp_path):
    pytest.importorskip("moderngl")
    pytest.importorskip("mediapipe")
    out = tmp_path / "table.json"
    try:
        code = cli.main(
            ["synthesize", "rigid-table", "--heads", "2", "--assets", str(assets_dir), "--out", str(out)]
        )
    except RuntimeUnavailableError as error:
        pytest.skip(str(error))
    assert code == 0
    content = json.loads(out.read_text())
    assert content["schema"] == "gaze.rigid_table/1"
    assert content["landmarks"] in ("mesh", "tasks")
    assert len(content["person_seeds"]) == 2
    points = {row[0]: row[2:] for row in content["points"]}
    committed = dict(zip(RIGID_LANDMARKS, RIGID_POINTS_MM, strict=True))
    off = [np.linalg.norm(np.array(point) - committed[index]) for index, point in points.items()]
    assert np.mean(off) < MEAN_LIMIT_MM
    assert max(off) < LARGEST_LIMIT_MM
