"""`gaze calibrate screen`: preset, tape measure, display, mirror."""

import cv2
import numpy as np
import pytest
from calibrate_options import PANEL

from calibration.displays import Display
from calibration.mirror_capture import shown_board
from calibration.screen import load_screens
from deploy.calibrate_screen import main as screen_command
from gaze.camera import Camera
from gaze.errors import UsageError

pytestmark = pytest.mark.usefixtures("no_display")


def test_screen_by_preset_tape_and_add(capsys):
    screen_command([*PANEL, "--preset", "laptop", "--name", "one"])
    screen_command([*PANEL, "--right-mm", "50", "--up-mm", "20", "--front-mm", "10", "--down-deg", "5",
                    "--name", "two", "--add"])  # fmt: skip
    one, two = load_screens("screens.json")
    assert (one.name, one.pose_source) == ("one", "preset")
    assert (two.name, two.pose_source) == ("two", "measured")
    assert -two.R_cam_screen.T @ two.t_cam_mm == pytest.approx([172 + 50, -20, -10])
    assert two.position_sd_mm < 6
    text = capsys.readouterr().out
    assert "+50 mm right of its middle, +20 mm above its top edge and +10 mm in front of it" in text
    screen_command([*PANEL, "--name", "two", "--add"])
    assert [screen.name for screen in load_screens("screens.json")] == ["one", "two"]
    screen_command(PANEL)
    assert len(load_screens("screens.json")) == 1


def test_screen_from_a_display_that_states_its_size(monkeypatch):
    shown = Display("HDMI-1", 2560, 1440, 0, 0, 597.0, 336.0)
    monkeypatch.setattr("deploy.calibrate_screens.find_displays", lambda: [shown])
    assert screen_command([]) == 0
    screen = load_screens("screens.json")[0]
    assert (screen.name, screen.width_px, screen.width_mm) == ("HDMI-1", 2560, 597.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mirror", "--from-session", "x"], "exclude each other"),
        ([*PANEL, "--mirror"], "--camera camera.json"),
        ([*PANEL, "--name", " "], "--name must not be empty"),
    ],
)
def test_screen_refuses_wrong_use(arguments, message):
    with pytest.raises(UsageError, match=message):
        screen_command(arguments)


def test_screen_by_pictures_in_a_mirror(tmp_path, capsys):
    """Pictures of the shown page, made by reflecting its plane, give the pose that they were made with."""
    Camera([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]], [], 1280, 720).save("camera.json")
    screen_command([*PANEL, "--preset", "above", "--out", "true.json"])
    true = load_screens("true.json")[0]
    camera = Camera.load("camera.json")
    page = shown_board((1920, 1080)).picture((1920, 1080))
    corners = np.array([[0, 0], [1920, 0], [1920, 1080], [0, 1080]], dtype=float)
    folder = tmp_path / "mirror"
    folder.mkdir()
    for i, tilt in enumerate(((0, 0), (0.12, 0.02), (-0.08, 0.1), (0.05, -0.12), (-0.1, -0.08))):
        at = np.array([0.0, 40.0, 350.0])
        middle = true.to_camera([172.0, 97.0])
        n = -at / np.linalg.norm(at) + (middle - at) / np.linalg.norm(middle - at)
        n = n / np.linalg.norm(n) + np.array([*tilt, 0.0])
        n /= np.linalg.norm(n)
        points = true.to_camera(true.px_to_mm(corners))
        image = points - 2 * ((points - at) @ n)[:, None] * n
        H = cv2.getPerspectiveTransform(
            (corners - 0.5).astype(np.float32), camera.project(image).astype(np.float32)
        )
        cv2.imwrite(str(folder / f"{i}.png"), cv2.warpPerspective(page, H, (1280, 720), flags=cv2.INTER_AREA))
    (folder / "note.txt").write_text("no picture")
    # The preset that is assumed differs from the true one.
    code = screen_command(
        [*PANEL, "--preset", "laptop", "--mirror-images", str(folder), "--camera", "camera.json"]
    )
    assert code == 0
    found = load_screens("screens.json")[0]
    assert found.pose_source == "mirror"
    assert found.t_cam_mm == pytest.approx(true.t_cam_mm, abs=6.0)
    assert found.R_cam_screen == pytest.approx(true.R_cam_screen, abs=0.02)
    assert "mirror method: RMS 0." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--right-mm", "nan"), ("--up-mm", "1e9"), ("--front-mm", "near"), ("--down-deg", "500")],
)
def test_measures_that_no_desk_has_are_refused(flag, value, capsys):
    with pytest.raises(SystemExit) as caught:
        screen_command([*PANEL, flag, value])
    assert caught.value.code == 2
    assert f"'{value}' must be a number of" in capsys.readouterr().err
