import cv2
import numpy as np
import pytest
from gaze_people import laptop

from calibration.camera_spread import CameraSpread
from calibration.mirror import MirrorView, solve_mirror
from calibration.mirror_capture import MirrorCapture, find_in_mirror, shown_board, with_words
from calibration.mirror_simulation import pose_errors, shared_errors
from calibration.mirror_start import reflect
from gaze.camera import Camera
from gaze.errors import CalibrationError
from gaze.geometry import unit

CAMERA = Camera([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]], [0.05, -0.1, 0, 0, 0], 1280, 720)
SURE = CameraSpread(CAMERA, np.zeros((9, 9)))
REACH_PX = 1280 / 6
TILTS = ((0.0, 0.0), (0.12, 0.02), (-0.08, 0.1), (0.05, -0.12), (-0.12, -0.06), (0.1, 0.12))


def mirror(screen, tilt, distance_mm=350.0):
    """(normal, distance) of a hand mirror in which the camera sees the screen's middle."""
    at = np.array([0.0, 40.0, distance_mm])
    middle = screen.to_camera([screen.width_mm / 2, screen.height_mm / 2])
    normal = unit(unit(unit(-at) + unit(middle - at)) + np.array([*tilt, 0.0]))
    return normal, -float(normal @ at)


def views(screen, tilts, noise_px, seed=0, camera=CAMERA, shared_px=0.0):
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(60, 280, 7), np.linspace(30, 165, 5))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    result = []
    for tilt in tilts:
        image = reflect(screen.to_camera(points), *mirror(screen, tilt))
        px = camera.project(image) + rng.normal(0, noise_px, points.shape)
        if shared_px > 0:
            px += shared_px * shared_errors(px, rng, REACH_PX)
        result.append(MirrorView(points, px))
    return result


def camera_off_by(spread, rng):
    """A camera whose intrinsics miss those of the spread by what it says."""
    K, distortion = spread.camera.K.copy(), spread.camera.distortion
    values, vectors = np.linalg.eigh(spread.covariance)
    # The symmetric root: eigenvectors alone point either way, and another machine would draw other cameras.
    step = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T @ rng.normal(0, 1, len(values))
    K[[0, 1, 0, 1], [0, 1, 2, 2]] += step[:4]
    return Camera(K, distortion + step[4:], spread.camera.width, spread.camera.height)


def moved(screen):
    return screen.moved(
        screen.R_cam_screen @ cv2.Rodrigues(np.array([0.1, -0.05, 0.03]))[0], screen.t_cam_mm + 15
    )


def middle_error_mm(pose, screen):
    middle = np.array([screen.width_mm / 2, screen.height_mm / 2, 0.0])
    return np.linalg.norm(pose.R_cam_screen @ middle + pose.t_cam_mm - screen.to_camera(middle[:2]))


def test_exact_views_give_the_exact_pose():
    screen = moved(laptop("above"))
    pose = solve_mirror(views(screen, TILTS[:3], 0.0), SURE)
    assert pose.R_cam_screen == pytest.approx(screen.R_cam_screen, abs=1e-6)
    assert pose.t_cam_mm == pytest.approx(screen.t_cam_mm, abs=1e-3)
    assert pose.rms_px < 1e-4


@pytest.fixture(scope="module")
def trials():
    """(true screen, pose) of 120 calibrations: cameras that are off, corners that err alone and together."""
    result = []
    for seed in range(120):
        rng = np.random.default_rng([6, seed])
        screen = moved(laptop(("laptop", "above", "below")[seed % 3]))
        tilts = [*TILTS[: rng.integers(1, 3)], *rng.normal(0, 0.12, (rng.integers(3, 7), 2))]
        spread = CameraSpread.assumed(CAMERA)
        noise, shared = rng.uniform(0.1, 0.4), (0.0, 0.15, 0.3)[seed // 3 % 3]
        seen = views(screen, tilts, noise, seed, camera_off_by(spread, rng), shared)
        result.append((screen, solve_mirror(seen, spread, [screen.width_mm / 2, screen.height_mm / 2])))
    return result


def test_each_axis_is_as_well_known_as_stated(trials):
    """68 and 95 of 100 errors within one and two stated deviations, as far as 120 trials tell."""
    z = np.array([pose_errors(pose, screen) / pose.sd for screen, pose in trials])
    assert np.mean(np.abs(z) < 1) == pytest.approx(0.683, abs=0.07)
    assert np.mean(np.abs(z) < 2) == pytest.approx(0.954, abs=0.035)
    assert np.all(np.abs(np.mean(z**2, axis=0) - 1) < 0.45), "every axis on its own"
    whole = [
        off @ np.linalg.solve(pose.covariance, off)
        for off, pose in ((pose_errors(pose, screen), pose) for screen, pose in trials)
    ]
    # Chi-square of six: mean 6, deviation of the mean of 120 sqrt(12 / 120).
    assert np.mean(whole) == pytest.approx(6.0, abs=1.2)


def test_distance_and_angle_are_as_well_known_as_stated(trials):
    """What a screen keeps is per axis: the distance that a screen is off by is sqrt(3) times as much."""
    off = np.array([pose_errors(pose, screen) for screen, pose in trials])
    stated_deg = np.sqrt(3) * np.array([pose.rotation_sd_deg for _, pose in trials])
    stated_mm = np.sqrt(3) * np.array([pose.position_sd_mm for _, pose in trials])
    for error, stated in (
        (np.linalg.norm(off[:, :3], axis=1), stated_deg),
        (np.linalg.norm(off[:, 3:], axis=1), stated_mm),
    ):
        # The squares scatter by 1.4, so the mean of 120 by 0.13: it is 1.06 and 1.01 over 957 trials.
        assert np.mean((error / stated) ** 2) == pytest.approx(1.0, abs=0.35)
        assert np.mean(error < 2 * stated) > 0.92
    assert f"{stated_mm[0]:.1f} mm in all" in trials[0][1].text()


def test_noise_is_told_from_what_corners_share():
    screen = moved(laptop("above"))
    alone = solve_mirror(views(screen, TILTS, 0.3, 1), SURE)
    together = solve_mirror(views(screen, TILTS, 0.1, 1, shared_px=0.6), SURE)
    assert alone.own_px == pytest.approx(0.3, abs=0.03)
    assert alone.shared_px < 0.15
    assert together.own_px == pytest.approx(0.1, abs=0.03)
    assert together.shared_px == pytest.approx(0.6, abs=0.25)
    # Twice as much in the pictures, but the larger part of it hides in each picture's own mirror.
    assert together.position_sd_mm > 2 * alone.position_sd_mm


def test_doubt_about_the_camera_is_counted_in():
    screen = moved(laptop("above"))
    seen = views(screen, TILTS, 0.05)
    sure, doubted = (solve_mirror(seen, spread) for spread in (SURE, CameraSpread.assumed(CAMERA)))
    assert doubted.position_sd_mm > 2 * sure.position_sd_mm


@pytest.mark.parametrize("seed", range(4))
def test_mirrors_that_hardly_differ_do_not_spoil_the_others(seed):
    screen = moved(laptop("above"))
    near = [np.add(tilt, 0.002) for tilt in TILTS[:3]]
    pose = solve_mirror(views(screen, [*TILTS[:3], *near, TILTS[5]], 0.5, seed), SURE)
    assert middle_error_mm(pose, screen) < 4 * np.sqrt(3) * pose.position_sd_mm < 120
    assert pose.rms_px < 0.8


def test_corners_that_locked_onto_something_else_are_left_out():
    screen = moved(laptop("above"))
    seen = views(screen, TILTS, 0.1)
    spoiled = [
        MirrorView(view.points_mm, view.points_px + (np.arange(35) % 12 == 0)[:, None] * [7.0, -5.0])
        for view in seen
    ]
    clean, found = solve_mirror(seen, SURE), solve_mirror(spoiled, SURE)
    assert middle_error_mm(found, screen) < middle_error_mm(clean, screen) + clean.position_sd_mm
    assert found.position_sd_mm < 1.5 * clean.position_sd_mm


@pytest.mark.parametrize(("moved_views", "by_mm"), [(1, 60.0), (3, 60.0), (3, 150.0)])
def test_views_of_a_screen_that_was_moved_are_refused(moved_views, by_mm):
    screen = laptop("above")
    other = screen.moved(screen.R_cam_screen, screen.t_cam_mm + by_mm)
    seen = [*views(screen, TILTS[:-moved_views], 0.1), *views(other, TILTS[-moved_views:], 0.1)]
    with pytest.raises(CalibrationError, match="do not fit together"):
        solve_mirror(seen, SURE)


def test_reflection_keeps_lengths_and_turns_back():
    normal, distance = mirror(laptop(), (0.1, 0.2))
    points = np.random.default_rng(0).normal(0, 100, (10, 3))
    image = reflect(points, normal, distance)
    assert reflect(image, normal, distance) == pytest.approx(points)
    on_mirror = points - (points @ normal + distance)[:, None] * normal
    assert reflect(on_mirror, normal, distance) == pytest.approx(on_mirror)


def test_two_views_are_too_few():
    with pytest.raises(CalibrationError, match="2 mirror views; at least 3"):
        solve_mirror(views(laptop(), TILTS[:2], 0.0), SURE)


def test_mirror_that_stood_still_is_refused():
    with pytest.raises(CalibrationError, match="tilt"):
        solve_mirror(views(laptop(), [TILTS[1]] * 4, 0.0), SURE)


def test_mirror_tilted_about_one_axis_is_refused():
    screen = laptop()
    only_sideways = [(tilt, 0.0) for tilt in (-0.12, -0.04, 0.04, 0.12)]
    with pytest.raises(CalibrationError, match="one axis only"):
        solve_mirror(views(screen, only_sideways, 0.0), SURE)


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
    pose = solve_mirror(found, CameraSpread.assumed(camera))
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


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (800, 600)])
def test_words_below_the_board_are_whole_and_leave_it_free(size):
    shown = shown_board(size)
    plain = shown.picture(size)
    page = with_words(plain, "Hold a hand mirror so that the camera sees this board in it.")
    rows, columns = np.nonzero((page != plain).any(axis=2))
    assert rows.min() > shown.top_px + shown.board.rows * shown.square_px
    assert columns.max() - columns.min() > 0.4 * size[0]
    assert columns.max() < size[0] - 5
