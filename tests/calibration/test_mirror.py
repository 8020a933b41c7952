import cv2
import numpy as np
import pytest
from gaze_people import laptop

from calibration.mirror import MirrorView, reflect, solve_mirror
from calibration.mirror_capture import MirrorCapture, find_in_mirror, shown_board
from gaze.camera import Camera
from gaze.errors import CalibrationError
from gaze.geometry import unit

CAMERA = Camera([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]], [0.05, -0.1, 0, 0, 0], 1280, 720)
TILTS = ((0.0, 0.0), (0.12, 0.02), (-0.08, 0.1), (0.05, -0.12), (-0.12, -0.06), (0.1, 0.12))


def mirror(screen, tilt, distance_mm=350.0):
    """(normal, distance) of a hand mirror in which the camera sees the screen's middle."""
    at = np.array([0.0, 40.0, distance_mm])
    middle = screen.to_camera([screen.width_mm / 2, screen.height_mm / 2])
    normal = unit(unit(unit(-at) + unit(middle - at)) + np.array([*tilt, 0.0]))
    return normal, -float(normal @ at)


def views(screen, tilts, noise_px, seed=0):
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(60, 280, 7), np.linspace(30, 165, 5))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    result = []
    for tilt in tilts:
        image = reflect(screen.to_camera(points), *mirror(screen, tilt))
        px = CAMERA.project(image) + rng.normal(0, noise_px, points.shape)
        result.append(MirrorView(points, px))
    return result


def moved(screen):
    return screen.moved(
        screen.R_cam_screen @ cv2.Rodrigues(np.array([0.1, -0.05, 0.03]))[0], screen.t_cam_mm + 15
    )


def middle_error_mm(pose, screen):
    middle = np.array([screen.width_mm / 2, screen.height_mm / 2, 0.0])
    return np.linalg.norm(pose.R_cam_screen @ middle + pose.t_cam_mm - screen.to_camera(middle[:2]))


def test_exact_views_give_the_exact_pose():
    screen = moved(laptop("above"))
    pose = solve_mirror(views(screen, TILTS[:3], 0.0), CAMERA)
    assert pose.R_cam_screen == pytest.approx(screen.R_cam_screen, abs=1e-6)
    assert pose.t_cam_mm == pytest.approx(screen.t_cam_mm, abs=1e-3)
    assert pose.rms_px < 1e-4


def test_noisy_views_give_a_pose_within_the_stated_deviation():
    screen = moved(laptop("above"))
    errors, stated = [], []
    for seed in range(6):
        pose = solve_mirror(views(screen, TILTS, 0.2, seed), CAMERA)
        errors.append(middle_error_mm(pose, screen))
        stated.append(pose.position_sd_mm)
        assert pose.rms_px == pytest.approx(0.28, abs=0.05)
        assert len(pose.view_rms_px) == 6
    assert np.sqrt(np.mean(np.square(errors))) < 4.0
    # Three axes together.
    assert np.sqrt(np.mean(np.square(errors))) < 2.5 * np.sqrt(3) * np.mean(stated)


def test_reflection_keeps_lengths_and_turns_back():
    normal, distance = mirror(laptop(), (0.1, 0.2))
    points = np.random.default_rng(0).normal(0, 100, (10, 3))
    image = reflect(points, normal, distance)
    assert reflect(image, normal, distance) == pytest.approx(points)
    on_mirror = points - (points @ normal + distance)[:, None] * normal
    assert reflect(on_mirror, normal, distance) == pytest.approx(on_mirror)


def test_two_views_are_too_few():
    with pytest.raises(CalibrationError, match="2 mirror views; at least 3"):
        solve_mirror(views(laptop(), TILTS[:2], 0.0), CAMERA)


def test_mirror_that_stood_still_is_refused():
    with pytest.raises(CalibrationError, match="tilt"):
        solve_mirror(views(laptop(), [TILTS[1]] * 4, 0.0), CAMERA)


def test_mirror_tilted_about_one_axis_is_refused():
    screen = laptop()
    only_sideways = [(tilt, 0.0) for tilt in (-0.12, -0.04, 0.04, 0.12)]
    with pytest.raises(CalibrationError, match="one axis only"):
        solve_mirror(views(screen, only_sideways, 0.0), CAMERA)


def picture_in_mirror(screen, shown, tilt):
    """What the camera sees of the screen's board in a mirror: the page warped by the plane's homography."""
    page = shown.picture((screen.width_px, screen.height_px))
    corners_px = np.array(
        [[0, 0], [screen.width_px, 0], [screen.width_px, screen.height_px], [0, screen.height_px]]
    )
    straight = Camera(CAMERA.K, [], CAMERA.width, CAMERA.height)
    image = reflect(screen.to_camera(screen.px_to_mm(corners_px)), *mirror(screen, tilt))
    # Pixel centres of the page lie half a pixel inside its continuous px.
    H = cv2.getPerspectiveTransform(
        (corners_px - 0.5).astype(np.float32), straight.project(image).astype(np.float32)
    )
    return cv2.warpPerspective(page, H, (1280, 720), flags=cv2.INTER_AREA, borderValue=(60, 60, 60)), straight


def test_pictures_of_the_board_in_a_mirror_give_the_pose():
    screen = moved(laptop("above"))
    shown = shown_board((screen.width_px, screen.height_px))
    found, camera = [], None
    for tilt in TILTS[:5]:
        picture, camera = picture_in_mirror(screen, shown, tilt)
        assert find_in_mirror(cv2.flip(picture, 1), shown, screen) is None, "a direct view is no mirror view"
        found.append(find_in_mirror(picture, shown, screen))
    assert all(view is not None for view in found)
    pose = solve_mirror(found, camera)
    assert middle_error_mm(pose, screen) < 5.0
    assert pose.rms_px < 0.5


def test_capture_takes_still_and_different_views():
    screen = laptop("above")
    shown = shown_board((screen.width_px, screen.height_px))
    capture = MirrorCapture(shown, screen, wanted=2)
    t, said = 0.0, []
    for tilt in (TILTS[0], TILTS[1]):
        picture, _ = picture_in_mirror(screen, shown, tilt)
        for _ in range(5):
            said.append(capture.feed(picture, t))
            t += 0.2
    assert capture.done
    assert "Taken: 1 of 2." in said
    assert any("Tilt the mirror another way" in text for text in said)
    assert "Hold a hand mirror" in MirrorCapture(shown, screen).feed(np.zeros((720, 1280, 3), np.uint8), 0.0)
