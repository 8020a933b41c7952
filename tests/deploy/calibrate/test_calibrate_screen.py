"""`gaze calibrate screen`: preset, tape measure, display, mirror."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from calibrate_options import PANEL
from loop_fakes import ListSource

from calibration.displays import Display
from calibration.mirror_capture import shown_board
from calibration.screen import load_screens
from deploy.calibrate.screen import main as screen_command
from gaze.camera import Camera
from gaze.errors import CalibrationError, DataError, UsageError

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
    monkeypatch.setattr("deploy.calibrate.screens.find_displays", lambda: [shown])
    assert screen_command([]) == 0
    screen = load_screens("screens.json")[0]
    assert (screen.name, screen.width_px, screen.width_mm) == ("HDMI-1", 2560, 597.0)
    # What is measured counts, and the display is known again all the same.
    assert screen_command(["--size-mm", "553x311"]) == 0
    screen = load_screens("screens.json")[0]
    assert (screen.width_mm, screen.stated_width_mm) == (553.0, 597.0)
    assert not shown.differs_from(screen)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mirror", "--from-session", "x"], "exclude each other"),
        ([*PANEL, "--mirror"], "--camera camera.json"),
        ([*PANEL, "--name", " "], "--name must not be empty"),
        (
            ["--from-session", "x", "--size-mm", "344x194"],
            "--size-mm does not go with --from-session: the session",
        ),
        (["--from-session", "x", "--display", "1"], "--display does not go with --from-session"),
        (
            ["--from-session", "x", "--camera", "c.json"],
            "--camera does not go with --from-session: the session has its camera",
        ),
        (["--from-session", "x", "--mirror-views", "4"], "--mirror-views does not go with --from-session"),
        (["--from-session", "x", "--source", "1"], "--source does not go with --from-session"),
        ([*PANEL, "--source", "1"], "--source is of the mirror method; give --mirror too"),
        ([*PANEL, "--mirror-views", "4"], "--mirror-views is of the mirror method"),
        ([*PANEL, "--camera", "camera.json"], "--camera is of the mirror method"),
        (
            [*PANEL, "--mirror-images", "x", "--size", "640x480"],
            "--size does not go with --mirror-images: no camera is opened",
        ),
        (
            ["--from-session", "x", "--up-mm", "0"],
            "--up-mm does not go with --from-session: it finds the place",
        ),
        ([*PANEL, "--mirror", "--up-mm", "5"], "--up-mm does not go with --mirror: it finds the place"),
        ([*PANEL, "--mirror-images", "x", "--preset", "above"], "--preset does not go with --mirror-images"),
    ],
)
def test_screen_refuses_wrong_use(arguments, message):
    with pytest.raises(UsageError, match=message):
        screen_command(arguments)


def mirror_pictures(folder, true, camera):
    """Five pictures of a screen's page in a mirror, made by reflecting its plane."""
    # A camera's pixel takes the mean of several of the screen's.
    page = cv2.GaussianBlur(shown_board((1920, 1080)).picture((1920, 1080)), (0, 0), 2.0)
    corners = np.array([[0, 0], [1920, 0], [1920, 1080], [0, 1080]], dtype=float)
    folder.mkdir()
    for i, tilt in enumerate(((0, 0), (0.12, 0.02), (-0.08, 0.1), (0.05, -0.12), (-0.1, -0.08))):
        at = np.array([0.0, 40.0, 350.0])
        middle = true.to_camera([true.width_mm / 2, true.height_mm / 2])
        n = -at / np.linalg.norm(at) + (middle - at) / np.linalg.norm(middle - at)
        n = n / np.linalg.norm(n) + np.array([*tilt, 0.0])
        n /= np.linalg.norm(n)
        points = true.to_camera(true.px_to_mm(corners))
        image = points - 2 * ((points - at) @ n)[:, None] * n
        H = cv2.getPerspectiveTransform(
            (corners - 0.5).astype(np.float32), camera.project(image).astype(np.float32)
        )
        cv2.imwrite(str(folder / f"{i}.png"), cv2.warpPerspective(page, H, (1280, 720)))


LENS = Camera([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]], [], 1280, 720)


@pytest.mark.parametrize(("diagonal_inch", "stated"), [(15.55, "344x194"), (13.3, "294x166")])
def test_screen_by_pictures_in_a_mirror(tmp_path, capsys, diagonal_inch, stated):
    """The place comes out although the size is stated in whole millimetres, as displays state theirs."""
    LENS.save("camera.json")
    screen_command(["--resolution", "1920x1080", "--size-mm", stated, "--preset", "above", "--out", "a.json"])
    side = diagonal_inch * 25.4 / np.hypot(1920, 1080)
    true = dataclasses.replace(load_screens("a.json")[0], width_mm=1920 * side, height_mm=1080 * side)
    mirror_pictures(tmp_path / "mirror", true, LENS)
    (tmp_path / "mirror" / "note.txt").write_text("no picture")
    # The true place is not the preset's.
    code = screen_command([
        "--resolution", "1920x1080", "--size-mm", stated, "--mirror-images", str(tmp_path / "mirror"),
        "--camera", "camera.json",
    ])  # fmt: skip
    assert code == 0
    found = load_screens("screens.json")[0]
    assert found.pose_source == "mirror"
    assert found.height_mm == pytest.approx(found.width_mm * 1080 / 1920)
    assert found.t_cam_mm == pytest.approx(true.t_cam_mm, abs=4.0)
    assert found.R_cam_screen == pytest.approx(true.R_cam_screen, abs=0.01)
    text = capsys.readouterr().out
    assert "mirror method: RMS 0." in text
    assert "one standard deviation of the screen's middle: " in text


def test_mirror_needs_a_camera_that_was_measured(tmp_path):
    Camera.from_hfov(70.0, 1280, 720).save("camera.json")
    images = ["--mirror-images", str(tmp_path), "--camera", "camera.json"]
    with pytest.raises(CalibrationError, match=r"not measured \(field of view\).*with a board"):
        screen_command([*PANEL, *images])


def test_escape_before_the_mirror_was_seen_enough_changes_nothing(monkeypatch):
    """Four views were taken, enough to solve, of the six that were asked for."""
    import deploy.calibrate.screen as module

    class Window:
        def __init__(self, display):
            self.shown = 0

        def __enter__(self):
            return self

        def __exit__(self, *rest):
            pass

        def show(self, picture):
            self.shown += 1

        def poll(self, wait_ms):
            return "escape" if self.shown == 4 else None

    class Capture:
        done = False

        def __init__(self, *rest):
            self.views = []

        def feed(self, image, t_s):
            self.views.append("a view")
            return "one more"

    LENS.save("camera.json")
    screen_command(PANEL)
    before = Path("screens.json").read_bytes()
    monkeypatch.setattr(module, "display_for", lambda screen, name: None)
    monkeypatch.setattr(module, "FullScreen", Window)
    monkeypatch.setattr(module, "MirrorCapture", Capture)
    picture = np.zeros((720, 1280, 3), np.uint8)
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource([picture] * 9))
    monkeypatch.setattr(module, "solve_mirror", lambda *rest: pytest.fail("it was stopped"))
    with pytest.raises(CalibrationError, match="stopped; nothing is changed"):
        screen_command([*PANEL, "--mirror", "--camera", "camera.json"])
    assert Path("screens.json").read_bytes() == before


def test_pictures_in_a_mirror_that_are_none_are_refused(tmp_path):
    LENS.save("camera.json")
    folder = tmp_path / "mirror"
    command = [*PANEL, "--mirror-images", str(folder), "--camera", "camera.json"]
    with pytest.raises(DataError, match="is no folder"):
        screen_command(command)
    folder.mkdir()
    with pytest.raises(DataError, match="holds no picture"):
        screen_command(command)
    cv2.imwrite(str(folder / "a.png"), np.zeros((720, 1280), np.uint8))
    with pytest.raises(CalibrationError, match="0 mirror views; at least 3"):
        screen_command(command)
    cv2.imwrite(str(folder / "b.png"), np.zeros((480, 640), np.uint8))
    with pytest.raises(DataError, match="640x480 px, others are 1280x720"):
        screen_command(command)


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--right-mm", "nan"), ("--up-mm", "1e9"), ("--front-mm", "near"), ("--down-deg", "500")],
)
def test_measures_that_no_desk_has_are_refused(flag, value, capsys):
    with pytest.raises(SystemExit) as caught:
        screen_command([*PANEL, flag, value])
    assert caught.value.code == 2
    assert f"'{value}' must be a number of" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["escape", "closed"])
def test_a_card_check_that_is_stopped_changes_nothing(monkeypatch, key):
    class Window:
        def __init__(self, display):
            self.shown = 0

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

        def show(self, picture):
            self.shown += 1

        def poll(self, wait_ms):
            return key if self.shown > 2 else "up"

    monkeypatch.setattr("deploy.calibrate.screens.FullScreen", Window)
    with pytest.raises(CalibrationError, match="the card check was stopped; nothing is changed"):
        screen_command(["--resolution", "1920x1080", "--card"])
    assert not Path("screens.json").exists()
