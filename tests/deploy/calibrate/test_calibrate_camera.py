"""`gaze calibrate camera`: a folder, a film, or no board at all."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from loop_fakes import ListSource

from deploy.calibrate.camera import main as camera_command
from gaze.camera import Camera
from gaze.errors import CalibrationError, DataError, SourceError, UsageError

pytestmark = pytest.mark.usefixtures("no_display")


def test_camera_without_a_board(capsys):
    assert camera_command(["--hfov", "70", "--size", "1920x1080"]) == 0
    camera = Camera.load("camera.json")
    assert (camera.hfov_deg, camera.width, camera.source) == (pytest.approx(70.0), 1920, "field of view")
    assert camera_command(["--webcam", "brio 100"]) == 0
    assert json.loads(Path("camera.json").read_text())["webcam"] == "Logitech Brio 100"
    with pytest.raises(UsageError, match="exclude each other"):
        camera_command(["--hfov", "70", "--images", "x"])
    for wrong in (["--hfov", "270"], ["--hfov", "0"], ["--views", "3"], ["--hfov", "wide"]):
        with pytest.raises(SystemExit) as caught:
            camera_command(wrong)
        assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert "--views: '3' must be a whole number of at least 6" in errors
    assert "--hfov: 'wide' must be a number of degrees from 10 to 170" in errors


@pytest.fixture(scope="module")
def board_pictures(tmp_path_factory):
    """A folder of pictures of the default board, made with known intrinsics; and those."""
    folder = tmp_path_factory.mktemp("board")
    camera = Camera([[800.0, 0, 322.0], [0, 800.0, 238.0], [0, 0, 1]], [], 640, 480)
    from calibration.board import Board

    board = Board()
    page = board.picture(64, 32)
    corners = np.array([[0, 0], [page.shape[1], 0], page.shape[::-1], [0, page.shape[0]]], dtype=float)
    rng, count = np.random.default_rng(0), 0
    while count < 9:
        R = cv2.Rodrigues(rng.normal(0, 0.4, 3) * [1, 1, 0.4])[0]
        flat = np.c_[(corners - corners.mean(axis=0)) / 64 * board.square_mm, np.zeros(4)]
        centre = [rng.uniform(-50, 50), rng.uniform(-40, 40), rng.uniform(430, 560)]
        seen = camera.project(flat @ R.T + centre).astype(np.float32)
        H = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), seen)
        picture = cv2.warpPerspective(page, H, (640, 480), flags=cv2.INTER_AREA, borderValue=90)
        if board.find(picture) is None:
            continue
        cv2.imwrite(str(folder / f"{count}.png"), picture)
        count += 1
    (folder / "z_broken.jpg").write_bytes(b"broken")
    return folder, camera


def test_camera_from_a_folder(board_pictures, capsys):
    folder, true = board_pictures
    code = camera_command(["--images", str(folder), "--report", "cover.png", "--distortion", "plain"])
    assert code == 0
    camera = Camera.load("camera.json")
    assert camera.K[0, 0] == pytest.approx(800.0, rel=0.02)
    assert camera.K[:2, 2] == pytest.approx(true.K[:2, 2], abs=8.0)
    assert "RMS 0." in capsys.readouterr().out
    assert cv2.imread("cover.png").shape == (480, 640, 3)
    assert json.loads(Path("camera.json").read_text())["rms_px"] < 0.3
    with pytest.raises(CalibrationError, match="now charuco 5x6 squares"):
        camera_command(["--images", str(folder), "--columns", "5"])
    with pytest.raises(DataError, match="holds no picture"):
        Path("empty").mkdir()
        camera_command(["--images", "empty"])


def test_camera_filmed_is_stopped_kept_and_resumed(board_pictures, monkeypatch):
    """A film of the board held still in four poses, then in five more."""
    import deploy.calibrate.camera as module

    folder, _ = board_pictures
    pictures = [cv2.imread(str(folder / f"{i}.png")) for i in range(9)]
    film = [picture for picture in pictures for _ in range(14)]
    monkeypatch.setattr(module, "display_problem", lambda: "no display")
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource(film[: 14 * 4]))
    with pytest.raises(
        CalibrationError,
        match=r"4 views of at least 6; see that the board is charuco of 9x6 .* kept in camera\.views\.json",
    ):
        camera_command(["--out", "camera.json"])
    first = Path("camera.views.json").read_text()
    with pytest.raises(CalibrationError, match="stopped with 4 views"):
        camera_command(["--out", "camera.json"])
    assert Path("camera.views.1.json").read_text() == first, "earlier views are kept"
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource(film[14 * 4 :]))
    assert camera_command(["--resume", "camera.views.json", "--distortion", "plain"]) == 0
    assert Camera.load("camera.json").K[0, 0] == pytest.approx(800.0, rel=0.02)
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource([]))
    with pytest.raises(SourceError, match="gave no picture"):
        camera_command([])


def test_views_of_a_film_that_breaks_off_are_kept(board_pictures, monkeypatch):
    import deploy.calibrate.camera as module

    folder, _ = board_pictures
    film = [picture for i in range(4) for picture in [cv2.imread(str(folder / f"{i}.png"))] * 14]
    monkeypatch.setattr(module, "display_problem", lambda: "no display")
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource(film, fail_at=len(film)))
    with pytest.raises(
        SourceError, match=r"breaks off; 4 views are kept in camera.views.json: go on with --resume"
    ):
        camera_command(["--out", "camera.json"])
    assert len(json.loads(Path("camera.views.json").read_text())["views"]) == 4
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource([], fail_at=0))
    with pytest.raises(SourceError, match=r"breaks off$"):
        camera_command(["--out", "other.json"])
    assert not Path("other.views.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "x", "--resume", "y"], "--resume does not go with --images"),
        (["--hfov", "70", "--resume", "y"], "--resume does not go with --hfov"),
        (["--hfov", "70", "--report", "a.png"], "--report does not go with --hfov: without a board"),
        (["--webcam", "c920", "--report", "a.png"], "--report does not go with --webcam"),
    ],
)
def test_options_that_would_do_nothing_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        camera_command(arguments)
    assert not Path("camera.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "-3"], "'-3' must be a whole number of at least 4"),
        (["--columns", "3"], "'3' must be a whole number of at least 4"),
        (["--square-mm", "0"], "'0' must be a number above 0"),
    ],
)
def test_a_board_that_cannot_be_is_refused_before_the_camera_opens(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        camera_command(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_views_of_another_picture_size_are_not_gone_on_with(board_pictures, monkeypatch):
    import deploy.calibrate.camera as module

    folder, _ = board_pictures
    film = [cv2.imread(str(folder / "0.png"))] * 14
    monkeypatch.setattr(module, "display_problem", lambda: "no display")
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource(film))
    with pytest.raises(CalibrationError, match="stopped with 1 views"):
        camera_command([])
    before = Path("camera.views.json").read_text()
    larger = [cv2.resize(picture, (1280, 960)) for picture in film]
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource(larger))
    with pytest.raises(CalibrationError, match="were 640x480 px, the camera gives 1280x960; give --size"):
        camera_command(["--resume", "camera.views.json"])
    assert Path("camera.views.json").read_text() == before
