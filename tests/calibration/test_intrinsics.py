import re

import cv2
import numpy as np
import pytest

from calibration.board import Board
from calibration.board_views import load_views, save_views, views_of_folder
from calibration.intrinsics import BoardView, coverage_grid, fit_intrinsics
from calibration.intrinsics_report import coverage_picture, intrinsics_text
from calibration.webcams import DIAGONAL_DEG, horizontal_deg, webcam_hfov_deg
from gaze.camera import Camera
from gaze.errors import CalibrationError, DataError, UsageError

SIZE = (1280, 720)
K = [[910.0, 0, 645.0], [0, 908.0, 355.0], [0, 0, 1]]
PLAIN = Camera(K, [0.08, -0.15, 0.001, -0.0005, 0.02], *SIZE)
# A wide lens: its radial factor is a quotient, as the rational model has it.
WIDE = Camera([[560.0, 0, 640], [0, 560.0, 360], [0, 0, 1]], [7.0, 2.5, 0, 0, 0.05, 7.4, 4.5, 0.5], *SIZE)
BOARD = Board()


def board_in_space(rng):
    """Board corners (N, 3) in the camera frame at a random pose."""
    R = cv2.Rodrigues(rng.normal(0, 0.35, 3) * [1, 1, 0.5])[0]
    z = rng.uniform(300, 650)
    centre = np.array([rng.uniform(-0.6, 0.6) * z, rng.uniform(-0.33, 0.33) * z, z])
    flat = np.c_[BOARD.corners_mm - np.array(BOARD.size_mm) / 2, np.zeros(BOARD.corner_count)]
    return flat @ R.T + centre


def views(camera, count=18, noise_px=0.15, seed=0):
    rng, result = np.random.default_rng(seed), []
    while len(result) < count:
        points = board_in_space(rng)
        px = camera.project(points)
        seen = (px > 4).all(axis=1) & (px < np.array(SIZE) - 5).all(axis=1)
        if seen.sum() >= 12:
            noise = rng.normal(0, noise_px, (seen.sum(), 2))
            result.append(BoardView(BOARD.corners_mm[seen], px[seen] + noise, f"view {len(result)}"))
    return result


@pytest.fixture(scope="module")
def plain_result():
    given = views(PLAIN)
    spoiled = given[3]
    wrong = np.random.default_rng(9).normal(0, 4.0, spoiled.points_px.shape)
    given[3] = BoardView(spoiled.points_mm, spoiled.points_px + wrong, spoiled.name)
    few = BoardView(spoiled.points_mm[:7], spoiled.points_px[:7], "too few corners")
    return fit_intrinsics([few, *given], SIZE)


def test_intrinsics_are_recovered_and_the_bad_view_left_out(plain_result):
    result = plain_result
    assert not any("different tilt" in warning for warning in result.warnings)
    assert np.flatnonzero(~result.used).tolist() == [3]
    assert len(result.views) == len(result.used_views) + 1 == 18
    assert pytest.approx(PLAIN.K, abs=2.5) == result.camera.K
    grid = np.stack(np.meshgrid(np.linspace(60, 1220, 8), np.linspace(40, 680, 6)), axis=-1).reshape(-1, 2)
    assert result.camera.undistort(grid) == pytest.approx(PLAIN.undistort(grid), abs=1.5)
    # 0.15 px of noise on each axis.
    assert result.rms_px == pytest.approx(0.21, abs=0.02)
    assert result.camera.source == "calibrated"
    assert not result.warnings


def test_plain_lens_is_not_given_the_richer_model(plain_result):
    result = plain_result
    assert result.model == "plain"
    assert len(result.camera.distortion) == 5
    assert set(result.held_out_px) == {"plain", "rational"}


def test_wide_lens_gets_the_rational_model():
    result = fit_intrinsics(views(WIDE, 16, 0.05, seed=2), SIZE)
    assert result.model == "rational"
    assert result.held_out_px["rational"] < 0.97 * result.held_out_px["plain"]
    assert result.camera.K[0, 0] == pytest.approx(560.0, abs=6.0)


@pytest.mark.parametrize("seed", [1, 4])
def test_bent_lens_and_noisy_corners_do_not_lead_astray(seed):
    """OpenCV's own start leads to 5208 and 1806 px here."""
    bent = Camera([[870.0, 0, 640], [0, 870.0, 360], [0, 0, 1]], [0.053, -0.287, 0, -0.001, 0], *SIZE)
    result = fit_intrinsics(views(bent, 8, 0.4, seed), SIZE, "plain")
    assert result.camera.K[0, 0] == pytest.approx(870.0, rel=0.03)
    # 0.4 px of noise on each axis.
    assert result.rms_px == pytest.approx(0.57, abs=0.06)


def test_report_names_every_view(plain_result):
    result = plain_result
    text = intrinsics_text(result)
    assert "left out" in text
    assert "view 17" in text
    assert "too few corners" not in text
    assert "field of view 70." in text
    picture = coverage_picture(result)
    assert picture.shape == (720, 1280, 3)
    assert (picture[..., 2] > 200).any()  # the view that was left out, in red


def test_views_without_tilt_are_doubted_or_refused():
    rng, flat_views = np.random.default_rng(1), []
    for i in range(8):
        flat = np.c_[BOARD.corners_mm - np.array(BOARD.size_mm) / 2, np.full(BOARD.corner_count, 500.0 + i)]
        px = PLAIN.project(flat) + rng.normal(0, 0.2, (len(flat), 2))
        flat_views.append(BoardView(BOARD.corners_mm, px))
    try:
        result = fit_intrinsics(flat_views, SIZE)
    except CalibrationError as error:
        assert "tilt" in str(error)
    else:
        assert any("hardly tilted" in warning for warning in result.warnings)
        assert any("of the picture only" in warning for warning in result.warnings)


@pytest.mark.parametrize("tilts", [1, 2])
def test_copies_of_a_view_are_doubted(tilts):
    rng, one = np.random.default_rng(4), views(PLAIN, tilts, 0.0)
    copies = [one[i % tilts] for i in range(8)]
    noisy = [
        BoardView(view.points_mm, view.points_px + rng.normal(0, 0.1, view.points_px.shape))
        for view in copies
    ]
    result = fit_intrinsics(noisy, SIZE)
    told = f"the 8 views show the board in {tilts} different tilt"
    assert any(warning.startswith(told) for warning in result.warnings), result.warnings


@pytest.mark.parametrize(
    ("matrix", "noise_px", "doubt"),
    [
        (
            [[910.0, 0, 742.0], [0, 908.0, 360.0], [0, 0, 1]],
            0.15,
            "principal point lies 8 % of the width",
        ),
        ([[910.0, 0, 645.0], [0, 860.0, 355.0], [0, 0, 1]], 0.15, "across and down differ by 5.8 %"),
        (K, 1.5, r"the corners miss by 2\.[0-2]\d px"),
    ],
    ids=["off the middle", "stretched", "noisy"],
)
def test_implausible_cameras_are_doubted_in_words(matrix, noise_px, doubt):
    result = fit_intrinsics(views(Camera(matrix, [], *SIZE), 18, noise_px), SIZE, "plain")
    assert any(re.search(doubt, warning) for warning in result.warnings), result.warnings


def test_too_few_views_are_refused():
    with pytest.raises(CalibrationError, match="5 views of the board are too few"):
        fit_intrinsics(views(PLAIN, 5), SIZE)
    with pytest.raises(CalibrationError, match="no distortion model 'fisheye'"):
        fit_intrinsics(views(PLAIN, 8), SIZE, "fisheye")


def test_wrong_square_count_shows_as_an_unusual_field_of_view():
    """A narrow picture of a wide scene: implausible focal lengths are put into words."""
    narrow = Camera([[9000.0, 0, 640], [0, 9000.0, 360], [0, 0, 1]], [], *SIZE)
    given = []
    rng = np.random.default_rng(4)
    for _ in range(12):
        R = cv2.Rodrigues(rng.normal(0, 0.4, 3))[0]
        flat = np.c_[BOARD.corners_mm - np.array(BOARD.size_mm) / 2, np.zeros(BOARD.corner_count)]
        px = narrow.project(flat @ R.T + [rng.normal(0, 60), rng.normal(0, 30), 4500.0])
        given.append(BoardView(BOARD.corners_mm, px + rng.normal(0, 0.05, px.shape)))
    result = fit_intrinsics(given, SIZE, "plain")
    assert any("unusual for a webcam" in warning for warning in result.warnings)


def test_coverage_counts_cells():
    grid = coverage_grid(np.array([[0.0, 0.0], [1279.0, 719.0], [1279.0, 0.0]]), SIZE)
    assert grid.shape == (4, 6)
    assert grid.sum() == 3


def test_views_survive_their_file(tmp_path):
    path = tmp_path / "v.json"
    given = views(PLAIN, 3)
    save_views(given, SIZE, path)
    read, size = load_views(path)
    assert size == SIZE
    assert read[2].points_px == pytest.approx(given[2].points_px)
    whole = path.read_text()
    for text, message in (
        (whole[:200], "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "is not a gaze.board-views/1 file"),
        (whole.replace('"points_px"', '"points"'), "cannot be used .*points_px"),
        (whole.replace('"size_px"', '"size"'), "cannot be used .*size_px"),
    ):
        path.write_text(text)
        with pytest.raises(CalibrationError, match=message):
            load_views(path)
    with pytest.raises(CalibrationError, match="cannot be read"):
        load_views(tmp_path / "absent.json")


def test_folder_of_pictures(tmp_path):
    page = BOARD.picture(64, 40)
    cv2.imwrite(str(tmp_path / "a.png"), page)
    cv2.imwrite(str(tmp_path / "b.png"), np.full_like(page, 90))
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    found, size, left_out = views_of_folder(tmp_path, BOARD)
    assert [view.name for view in found] == ["a.png"]
    assert size == page.shape[::-1]
    assert [text.partition(";")[0] for text in left_out] == [
        "b.png: the board is not seen",
        "c.jpg: holds no picture that can be decoded",
    ]
    cv2.imwrite(str(tmp_path / "d.png"), page[:-10])
    with pytest.raises(DataError, match="intrinsics belong to one size"):
        views_of_folder(tmp_path, BOARD)
    with pytest.raises(DataError, match="is no folder"):
        views_of_folder(tmp_path / "absent", BOARD)


def test_webcam_table():
    name, hfov = webcam_hfov_deg("c920")
    assert name == "Logitech C920"
    # 78 degrees across the diagonal of 16:9 are 70.4 across: 2 atan(tan(39 deg) * 16 / 18.358).
    assert hfov == pytest.approx(70.42, abs=0.05)
    with pytest.raises(UsageError, match=r"fits several.*Logitech C270"):
        webcam_hfov_deg("logitech c")
    with pytest.raises(UsageError, match=r"not in the table.*--hfov"):
        webcam_hfov_deg("acme 3000")
    assert all(30 < horizontal_deg(value) < value for value in DIAGONAL_DEG.values())
