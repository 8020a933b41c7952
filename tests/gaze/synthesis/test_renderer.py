"""The renderer against projections made here: landmarks and pupils to half a px, lids, symmetry."""

import errno
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gaze import cli
from gaze.geometry import angles_from_vector, mirror_angles, vector_from_angles
from gaze.synthesis import streams
from gaze.synthesis.mesh import LANDMARKS_68
from gaze.synthesis.moment import sample_moment
from gaze.synthesis.person import Person
from gaze.synthesis.pose import head_rotation, sample_camera, sample_pose
from gaze.synthesis.posed_head import pose_head
from gaze.synthesis.streams import stream
from gaze.synthesis.view import exact_view
from tests.gaze.synthesis.plain import EYES_MM, plain_person, posed, target_at
from tests.gaze.synthesis.studio import DOTS, FINISH, TEXTURE_PX, centroid

MIRROR = np.array([-1.0, 1.0, 1.0])
HEADS = [(0, 0, 0), (-8, 22, 10), (12, -18, -15)]  # pitch, yaw, roll in degrees
PLACES = [EYES_MM, np.array([90.0, 40.0, 450.0]), np.array([-150.0, -60.0, 800.0])]


def view_of(head, size_px=224):
    return exact_view(head.R_cam_head, head.face_centre_cam_mm, size_px)


def projected(points_cam, head, size_px=224):
    """Crop px (N, 2), by Zhang's formulas written out: nothing of the renderer's is used."""
    corners = np.asarray(head.vertices_cam_mm, np.float64)[[1507, 1528, 3742, 3721, 5708, 6213]]
    centre = corners.mean(axis=0)
    distance = np.sqrt(centre @ centre)
    z = centre / distance
    y = np.cross(z, head.R_cam_head[:, 0])
    y /= np.sqrt(y @ y)
    x = np.cross(y, z)
    # 140 mm of the plane through the face centre fill the crop; its middle is at half its size.
    scale = size_px / 140.0 * distance
    points = np.atleast_2d(np.asarray(points_cam, np.float64))
    depth = points @ z
    return np.c_[points @ x / depth, points @ y / depth] * scale + size_px / 2


def test_the_inner_corners_lie_in_shade(studio, mesh, normals_of):
    """Three stops less light where it is deepest; some comes back from around. The nose keeps its own."""
    person = plain_person(mesh)
    head = posed(mesh, normals_of, person, target_at(0, 0))
    view = view_of(head)
    grey = np.full((TEXTURE_PX, TEXTURE_PX, 3), 150, np.uint8)
    flat, deep = (
        studio.draw(person, head, view, grey, finish=replace(FINISH, orbit_stops=stops))[..., :3].mean(axis=2)
        for stops in (0.0, 3.0)
    )
    corners, nose = (
        np.rint(projected(head.vertices_cam_mm[LANDMARKS_68[index]], head)).astype(int)
        for index in ([39, 42], [30])
    )
    share = deep / np.maximum(flat, 1e-6)
    assert np.all(share[corners[:, 1], corners[:, 0]] < 0.75)
    assert share[nose[0, 1], nose[0, 0]] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("head_deg, place", list(zip(HEADS, PLACES, strict=True)))
def test_landmarks_lie_where_the_label_says(studio, mesh, normals_of, head_deg, place):
    """White dots painted on landmarks of a black face are found within half a px of their projection."""
    person = plain_person(mesh)
    head = posed(mesh, normals_of, person, target_at(-5, 0, eyes_mm=place), head_deg, place)
    view = view_of(head)
    dots = studio.dots(person, head, view)
    found = []
    for expected in projected(head.vertices_cam_mm[DOTS], head):
        place_px, mass = centroid(dots, expected, 4.0)
        if mass > 1.2:
            found.append(np.linalg.norm(place_px - expected))
    assert len(found) >= 9
    assert max(found) < 0.5 and np.mean(found) < 0.2
    np.testing.assert_allclose(
        view.project(head.vertices_cam_mm), projected(head.vertices_cam_mm, head), atol=1e-6
    )


@pytest.mark.parametrize("head_deg, place", list(zip(HEADS, PLACES, strict=True)))
@pytest.mark.parametrize("gaze", [(0, 0), (-12, 20), (10, -18)])
def test_pupils_lie_where_the_gaze_label_says(studio, mesh, normals_of, head_deg, place, gaze):
    """The dark pupil in a light iris is seen on the line from the rotation centre to the target.

    Behind the cornea it seems to lie half a millimetre nearer than it does (Gullstrand's entrance pupil):
    10.15 mm in front of the rotation centre become about 10.7.
    """
    person = plain_person(mesh, iris_outer=(0.9,) * 3, iris_inner=(0.9,) * 3, sclera=(0.9,) * 3)
    towards = np.rad2deg(angles_from_vector(-head_rotation(*np.deg2rad(head_deg))[:, 2]))
    target = target_at(*(towards + gaze), eyes_mm=place)
    head = posed(mesh, normals_of, person, target, head_deg, place, widen_mm=2.5)
    picture = studio.draw(person, head, view_of(head), body=0.0)[..., 1]
    for side in (0, 1):
        centre = head.centres_cam_mm[side]
        sight = target - centre
        sight /= np.linalg.norm(sight)
        (expected,) = projected(centre + 10.7 * sight, head)
        dark, mass = centroid(0.45 - picture, expected, 4.6)
        # A pupil of 2 mm radius covers about 30 px; what the lids hide is not asked for.
        if mass > 9.0:
            assert np.linalg.norm(dark - expected) < 0.5
        else:
            assert gaze != (0, 0)
    np.testing.assert_allclose(
        vector_from_angles(angles_from_vector(head.gaze_cam)),
        (target - head.six_points_cam_mm.mean(axis=0))
        / np.linalg.norm(target - head.six_points_cam_mm.mean(axis=0)),
        atol=1e-9,
    )


def test_the_iris_passes_into_the_white_as_softly_as_it_is_said_to(studio, mesh, normals_of):
    """A quarter to three quarters of the way: 0.35 of the width of a cubic step, seen through a cornea."""
    widths_mm = []
    for limbus_mm in (0.6, 1.2):
        colours = {"iris_outer": (0.02,) * 3, "iris_inner": (0.02,) * 3, "sclera": (0.9,) * 3}
        person = plain_person(mesh, limbus_mm=limbus_mm, **colours)
        head = posed(mesh, normals_of, person, target_at(0, 0), widen_mm=2.5)
        row = studio.draw(person, head, view_of(head, 896))
        centre = projected(head.centres_cam_mm[0] + 10.7 * head.axes_cam[0], head, 896)[0]
        x, y = np.rint(centre).astype(int)
        outwards = row[y - 3 : y + 4, x:, 1].mean(axis=0)[: int(9.0 * 6.4)]
        share = (outwards - outwards.min()) / (outwards.max() - outwards.min())
        widths_mm.append((np.argmax(share > 0.75) - np.argmax(share > 0.25)) / 6.4)
    assert widths_mm[1] / widths_mm[0] == pytest.approx(2.0, rel=0.3)
    assert widths_mm[0] == pytest.approx(0.35 * 2 * 0.6, rel=0.35)


def test_pupils_are_nearly_black_in_even_light(studio, mesh, normals_of):
    """A cornea mirrors 2.5 % of what lies before it, which is less than the walls' light."""
    person = plain_person(mesh)
    head = posed(mesh, normals_of, person, target_at(0, 0), widen_mm=2.5)
    picture = studio.draw(person, head, view_of(head))[..., :3]
    for side in (0, 1):
        x, y = np.rint(projected(head.centres_cam_mm[side] + 10.7 * head.axes_cam[side], head)[0]).astype(int)
        assert 0.0 < picture[y, x].max() < 0.25 * 0.025


def openings(mesh, head, grow_px=0.0):
    """Masks between the projected lid edges of each eye, drawn four times as large and averaged down."""
    masks = []
    for rings in mesh.eyelids:
        outline = np.concatenate([rings.inner_upper, rings.inner_lower[::-1]])
        points = projected(head.vertices_cam_mm[outline], head)
        fine = np.zeros((896, 896), np.uint8)
        cv2.fillPoly(fine, [np.round(4 * (points + 0.5) - 0.5).astype(np.int32)], 255)
        if grow_px:
            size = int(8 * grow_px) | 1
            fine = cv2.dilate(fine, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
        masks.append(cv2.resize(fine, (224, 224), interpolation=cv2.INTER_AREA) / 255.0)
    return masks


WHITE = {"iris_outer": (1.0,) * 3, "iris_inner": (1.0,) * 3, "sclera": (1.0,) * 3}


def shown_white(studio, person, head):
    """Where the eyes of a WHITE person, drawn without pupils, are seen (S, S)."""
    return studio.draw(person, replace(head, pupil_radius_mm=0.0), view_of(head))[..., 0] > 0.25


def test_eyes_show_between_the_projected_lids(studio, mesh, normals_of):
    person = plain_person(mesh, **WHITE)
    head = posed(mesh, normals_of, person, target_at(0, 0), HEADS[0])
    shown = shown_white(studio, person, head)
    for opening in openings(mesh, head):
        rows, columns = np.nonzero(opening > 0)
        box = np.s_[rows.min() - 3 : rows.max() + 4, columns.min() - 3 : columns.max() + 4]
        middle = [(columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2]
        mine, _ = centroid(opening, middle, 40.0)
        seen = np.zeros_like(opening)
        seen[box] = shown[box]
        theirs, area = centroid(seen, middle, 40.0)
        assert np.abs(mine - theirs).max() < 1.0
        assert area == pytest.approx(opening.sum(), rel=0.2)


@pytest.mark.parametrize("pitch", [-32, 0, 28])
@pytest.mark.parametrize("yaw", [-36, 0, 36])
def test_eyeballs_never_poke_through_the_lids(studio, mesh, normals_of, pitch, yaw):
    """No px of a ball shows more than 2 px (at the corners) outside the lids' edges, whatever the gaze."""
    person = plain_person(mesh, **WHITE)
    for blink in (0.0, 0.5):
        head = posed(mesh, normals_of, person, target_at(pitch, yaw), blink=blink)
        shown = shown_white(studio, person, head)
        allowed = sum(openings(mesh, head, grow_px=2.0)) > 0
        assert shown.sum() > 40
        assert not (shown & ~allowed).any()


@pytest.mark.parametrize("picture_seed", [50013003, 60014000, 60073002])
def test_nor_do_those_of_people_whose_lids_and_cheeks_rise(studio, mesh, normals_of, picture_seed):
    """Blendshapes move the lower lids or cheeks of these people far into the balls."""
    person = Person.sample(picture_seed // 1000, mesh)
    person = replace(person, eyes=replace(person.eyes, **WHITE))
    pose_rng = stream(picture_seed, streams.CROP_POSE)
    pose = sample_pose(pose_rng, sample_camera(pose_rng))
    moment = sample_moment(stream(picture_seed, streams.CROP_FACE), 300.0)
    head = pose_head(mesh, normals_of, person, pose, moment)
    shown = shown_white(studio, person, head)
    shown[112:] = False  # teeth
    allowed = sum(openings(mesh, head, grow_px=2.5)) > 0
    assert shown.sum() > 40
    assert (shown & ~allowed).sum() <= 4


def test_a_mirrored_pose_gives_the_mirrored_picture(studio, mesh, normals_of):
    person = plain_person(mesh, iris_outer=(0.1,) * 3, iris_inner=(0.1,) * 3, kappa_rad=((0.08, -0.02),) * 2)
    grey = np.full((TEXTURE_PX, TEXTURE_PX, 3), 150, np.uint8)
    place, target = np.array([60.0, 30.0, 550.0]), np.array([-180.0, 120.0, 20.0])
    head = posed(mesh, normals_of, person, target, (-10, 20, 8), place)
    other = posed(mesh, normals_of, person, target * MIRROR, (-10, -20, -8), place * MIRROR)
    pictures = [studio.draw(person, h, view_of(h), grey, body=0.3)[..., :3] for h in (head, other)]
    # The middle, at half the size, is a px centre: column c is mirrored at size - c.
    first, second = pictures[0][:, 1:], pictures[1][:, :0:-1]
    difference = np.abs(first - second).mean(axis=2)
    assert difference.mean() < 0.004 * first.mean()
    assert np.percentile(difference, 99) < 0.05
    # Flipping by one column more or less is far worse: half a px would show.
    shifted = np.abs(pictures[0][:, :-1] - pictures[1][:, :0:-1]).mean()
    assert shifted > 3 * difference.mean()
    views = [view_of(h) for h in (head, other)]
    labels = [
        angles_from_vector(v.R_norm_cam @ h.gaze_cam) for v, h in zip(views, (head, other), strict=True)
    ]
    np.testing.assert_allclose(labels[1], mirror_angles(labels[0]), atol=1e-4)
    assert head.eye_open == pytest.approx(other.eye_open[::-1], abs=0.01)


def test_twice_the_resolution_is_the_same_picture(studio, mesh, normals_of):
    """Drawn at 448 px, a quarter at a time, and averaged down it is what is drawn at 224 px."""
    person = plain_person(mesh)
    head = posed(mesh, normals_of, person, target_at(-10, 12), (5, 15, 0))
    noise = cv2.resize(np.random.default_rng(0).integers(80, 200, (32, 32, 3)).astype(np.uint8), (512, 512))
    small = studio.draw(person, head, view_of(head), noise, body=0.3)[..., :3].copy()
    view = view_of(head, 448)
    large = np.empty((448, 448, 3), np.float32)
    for top in (0, 224):
        for left in (0, 224):
            part = replace(view, size_px=224, middle_px=(224.0 - left, 224.0 - top))
            drawn = studio.draw(person, head, part, noise, body=0.3)
            large[top : top + 224, left : left + 224] = drawn[..., :3]
    # Px centres are whole numbers and both middles half the size, so px (r, c) is px (2r, 2c).
    kernel = np.float32([0.25, 0.5, 0.25])
    down = cv2.sepFilter2D(large, -1, kernel, kernel)[::2, ::2]
    difference = np.abs(down - small)[1:-1, 1:-1]
    assert difference.mean() < 0.015 * small.mean()
    shifted = np.abs(down[1:-1, 2:] - small[1:-1, 1:-1]).mean()
    assert shifted > 1.5 * difference.mean()
    np.testing.assert_allclose(
        view.project(head.vertices_cam_mm), 2 * view_of(head).project(head.vertices_cam_mm), atol=1e-6
    )


def test_pictures_do_not_depend_on_what_was_drawn_before(studio, mesh, normals_of):
    person = plain_person(mesh)
    head = posed(mesh, normals_of, person, target_at(0, 0))
    grey = np.full((TEXTURE_PX, TEXTURE_PX, 3), 150, np.uint8)
    before = studio.draw(person, head, view_of(head), grey).copy()
    wide = plain_person(mesh, iris_radius_mm=6.5, sclera=(0.2, 0.1, 0.1))
    turned = posed(mesh, normals_of, wide, target_at(20, 30), (10, 40, 20), blink=0.7)
    other = studio.draw(wide, turned, view_of(turned), body=0.7)
    assert np.abs(other - before).mean() > 0.01
    assert np.array_equal(studio.draw(person, head, view_of(head), grey), before)


def test_the_background_stays_free(studio, mesh, normals_of):
    person = plain_person(mesh)
    head = posed(mesh, normals_of, person, target_at(0, 0))
    view = replace(view_of(head), focal_px=400.0)
    picture = studio.draw(person, head, view, body=0.3)
    assert (picture[:10, :10] == 0).all() and (picture[100:124, 100:124, 3] > 0.999).all()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GLCONTEXT_LINUX_LIBEGL", "nolib.so", "nolib.so not loaded"),
        ("GLCONTEXT_LINUX_LIBGL", "nolib.so", "nolib.so not loaded"),
        ("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexist.json", ""),
    ],
)
def test_without_egl_the_message_names_the_package(name, value, said, head_renderer):
    """A driver as it is missing in earnest, in a process of its own: it is looked for once only."""
    code = (
        "from gaze.errors import RuntimeUnavailableError\n"
        "from gaze.synthesis.gl import create_context\n"
        "try:\n    create_context()\n"
        "except RuntimeUnavailableError as error:\n    print(error)\n"
    )
    done = _run([sys.executable, "-c", code], name, value)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout and "apt-get install libegl1" in done.stdout


@pytest.mark.parametrize("command", ["sheet", "shards"])
def test_without_egl_the_command_ends(command, assets_dir, mesh, tmp_path):
    out = tmp_path / "out.png"
    done = _run(
        [
            sys.executable,
            "-m",
            "gaze.cli",
            "synthesize",
            command,
            "--out",
            str(out),
            "--assets",
            str(assets_dir),
        ],
        "GLCONTEXT_LINUX_LIBEGL",
        "nolib.so",
    )
    assert done.returncode == 1
    assert "apt-get install" in done.stderr and "Traceback" not in done.stderr
    assert not out.is_file()


def _run(command, name, value):
    return subprocess.run(
        command, env={**os.environ, name: value}, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_full_disk_is_told_with_the_name_of_the_sheet(tmp_path, monkeypatch, capsys, crop_renderer):
    monkeypatch.setattr("gaze.synthesis.crops.CropRenderer", lambda *options: nullcontext(crop_renderer))
    out = tmp_path / "sheet.png"

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    options = ["--out", str(out), "--rows", "1", "--columns", "1"]
    assert cli.main(["synthesize", "sheet", *options]) == 1
    assert "sheet.png: cannot be written (No space left on device); free" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_assets_the_command_ends(tmp_path, capsys):
    out = tmp_path / "sheet.png"
    assert cli.main(["synthesize", "sheet", "--out", str(out), "--assets", str(tmp_path)]) == 1
    assert "fetch-assets" in (text := capsys.readouterr().err) and "--assets" in text
    assert not out.exists()
