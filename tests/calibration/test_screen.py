import dataclasses
import json

import numpy as np
import pytest
from gaze_people import SIZE_MM, SIZE_PX, laptop

from calibration.screen import Screen, load_screens, nearest_hit, save_screens
from calibration.screen_presets import PRESETS, placed_screen, preset
from gaze.errors import CalibrationError, UsageError
from gaze.geometry import unit


def test_laptop_camera_sits_above_the_middle_of_the_top_edge():
    screen = laptop()
    # The camera frame's origin in the screen's frame: x to the right, y down, z into the screen.
    camera = -screen.R_cam_screen.T @ screen.t_cam_mm
    assert camera == pytest.approx([172.0, -8.0, 0.0])
    # The lower edge lies further down in the camera frame, the left edge (seen from the front) at +x.
    assert screen.to_camera([172.0, 194.0]) == pytest.approx([0.0, 202.0, 0.0])
    assert screen.to_camera([0.0, 0.0])[0] == pytest.approx(172.0)


def test_camera_that_looks_down_sees_the_screens_lower_edge_nearer_to_its_axis():
    screen = laptop("above")
    camera_axis = screen.R_cam_screen.T @ [0.0, 0.0, 1.0]
    # In the screen's frame the axis points at the person (negative z) and down (positive y) by 8 degrees.
    assert np.rad2deg(np.arctan2(camera_axis[1], -camera_axis[2])) == pytest.approx(8.0)
    assert camera_axis[0] == pytest.approx(0.0)


def test_below_is_counted_from_the_bottom_edge():
    screen = placed_screen(preset("below", 194.0), SIZE_PX, SIZE_MM)
    camera = -screen.R_cam_screen.T @ screen.t_cam_mm
    assert camera == pytest.approx([172.0, 194.0 + 25.0, -10.0])


def test_rays_meet_the_plane_where_they_were_aimed():
    screen = laptop("above")
    rng = np.random.default_rng(0)
    points = rng.uniform(0, SIZE_MM, (50, 2))
    origins = rng.normal(0, 80, (50, 3)) + np.array([0.0, 120.0, 600.0])
    directions = unit(screen.to_camera(points) - origins)
    assert screen.intersect(origins, directions) == pytest.approx(points, abs=1e-9)
    assert screen.contains(points).all()


def test_rays_that_miss_the_plane_give_nan():
    screen = laptop()
    origin = np.array([0.0, 100.0, 600.0])
    assert np.isnan(screen.intersect(origin, [0.0, 0.0, 1.0])).all()  # away from the screen
    assert np.isnan(screen.intersect(origin, [1.0, 0.0, 0.0])).all()  # along it
    assert np.isnan(screen.intersect(-origin, [0.0, 0.0, -1.0])).all()  # from behind
    assert not screen.contains([np.nan, np.nan])


def test_px_and_mm_are_inverse_and_span_the_lit_area():
    screen = laptop()
    assert screen.px_to_mm(SIZE_PX) == pytest.approx(SIZE_MM)
    points = np.random.default_rng(1).uniform(-100, 2000, (20, 2))
    assert screen.mm_to_px(screen.px_to_mm(points)) == pytest.approx(points)


def test_of_two_screens_the_one_that_is_hit_wins_and_else_the_nearer():
    left = laptop()
    right = dataclasses.replace(left.moved(left.R_cam_screen, left.t_cam_mm - [400.0, 0, 0]), name="right")
    origin = np.array([0.0, 100.0, 600.0])
    for index, screen in enumerate((left, right)):
        aim = screen.to_camera([100.0, 60.0]) - origin
        found, point = nearest_hit((left, right), origin, aim)
        assert found == index
        assert point == pytest.approx([100.0, 60.0])
    beyond = right.to_camera([360.0, 60.0]) - origin
    assert nearest_hit((left, right), origin, beyond)[0] == 1
    assert nearest_hit((left, right), origin, [0.0, 0.0, 1.0]) is None


@pytest.mark.parametrize("name", ["width_px", "height_px", "width_mm", "height_mm"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "wide"])
def test_screen_without_a_size_is_refused(name, value):
    with pytest.raises(CalibrationError, match=f"{name} must be positive.*--size-mm"):
        dataclasses.replace(laptop(), **{name: value})


@pytest.mark.parametrize("name", ["width_px", "height_px"])
def test_part_of_a_pixel_is_refused(name):
    with pytest.raises(CalibrationError, match=f"{name} must be a whole number, got 1080.5"):
        dataclasses.replace(laptop(), **{name: 1080.5})


@pytest.mark.parametrize("name", ["rotation_sd_deg", "position_sd_mm"])
def test_negative_deviation_is_refused(name):
    with pytest.raises(
        CalibrationError, match=f"{name} must be .* from 0 to .*, got -1; run `gaze calibrate"
    ):
        dataclasses.replace(laptop(), **{name: -1})


def test_pose_that_is_no_rotation_is_refused():
    with pytest.raises(CalibrationError, match="not a rotation"):
        laptop().moved(np.eye(3) * 2, np.zeros(3))
    with pytest.raises(CalibrationError, match="t_cam_mm"):
        laptop().moved(np.eye(3), [0.0, np.inf, 0.0])


def test_file_round_trip_and_its_refusals(tmp_path):
    path = tmp_path / "screens.json"
    screens = (laptop(), dataclasses.replace(laptop("above"), name="second"))
    save_screens(screens, path)
    for saved, read in zip(screens, load_screens(path), strict=True):
        assert read.to_json() == saved.to_json()
    content = json.loads(path.read_text())
    for change, message in (
        (lambda c: c["screens"][0].pop("width_mm"), "lacks width_mm"),
        (lambda c: c["screens"][0].update(colour="red"), "unknown keys colour"),
        (lambda c: c.update(screens=[]), "holds no screen"),
        (lambda c: c.update(schema="other"), "is not a gaze.screens/1"),
        (lambda c: c["screens"][0].update(width_mm=0), "width_mm must be positive"),
    ):
        edited = json.loads(json.dumps(content))
        change(edited)
        path.write_text(json.dumps(edited))
        with pytest.raises(CalibrationError, match=message):
            load_screens(path)
    path.write_text('{"schema": "gaze.scr')
    with pytest.raises(CalibrationError, match="is not JSON"):
        load_screens(path)
    with pytest.raises(CalibrationError, match="cannot be read"):
        load_screens(tmp_path / "absent.json")


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(UsageError, match=", ".join(PRESETS)):
        preset("sideways", 200.0)


def test_screen_object_must_be_an_object():
    with pytest.raises(CalibrationError, match="must be an object"):
        Screen.from_json([1, 2], "here")
