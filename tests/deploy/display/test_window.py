import re
import subprocess
import sys
import time

import numpy as np
import pytest
import xvfb
from fixed_model import write_fixed_model
from loop_fakes import read_clip, until, write_clip

from deploy.display.window import DisplayError, Window, display_problem, key_name, snapshot_path

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X displays are Linux's")


@on_linux
@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "DISPLAY is not set"),
        ({"DISPLAY": ":987"}, "nothing answers at DISPLAY=:987"),
        ({"DISPLAY": "localhost:4321"}, "nothing answers at DISPLAY=localhost:4321"),
        ({"DISPLAY": "nonsense"}, "nothing answers"),
    ],
)
def test_no_display_is_noticed_before_a_window_is_tried(environment, message):
    assert message in display_problem(environment)


@on_linux
def test_a_window_without_a_display_is_a_clear_error(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(DisplayError, match="use --no-window with --save or --jsonl"):
        Window()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (ord("q"), "q"), (ord("Q"), "q"), (27, "escape"), (32, "space"), (0x100000 + ord("r"), "r"),
        # Left, Up, Right, Down: of X11, of Windows and of macOS; F1; Shift.
        (0xFF51, None), (0xFF52, None), (0xFF53, None), (0xFF54, None),
        (0x250000, None), (63234, None), (0xFFBE, None), (0xFFE1, None),
    ],
)  # fmt: skip
def test_keys_that_type_nothing_are_no_commands(code, name):
    assert key_name(code) == name


def test_snapshots_never_overwrite(tmp_path):
    for wanted in ("a.png", "a-1.png", "a-2.png"):
        path = snapshot_path(tmp_path, "a", ".png")
        assert path.name == wanted
        path.touch()


@pytest.mark.skipif(not xvfb.AVAILABLE, reason="needs Xvfb and more: apt-get install xvfb xdotool openbox")
@pytest.mark.parametrize("window", ["Window()", "FullScreen(Display('virtual', 640, 480))"])
def test_qt_claims_the_events_by_the_library_that_fits_the_system(window, tmp_path):
    """By the older one of OpenCV's wheel the claim has no effect, and on a busy machine events get lost."""
    script = f"""
import numpy as np
from calibration.displays import Display
from deploy.display.fullscreen import FullScreen
from deploy.display.window import Window
with {window} as shown:
    shown.show(np.zeros((480, 640, 3), np.uint8))
    shown.poll()
"""
    with xvfb.virtual_display(tmp_path, (640, 480)) as display:
        # The dynamic linker tells which library it takes each function from (man 8 ld.so).
        told = {"LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": str(tmp_path / "linker")}
        command = [sys.executable, "-c", script]
        subprocess.run(command, env={**display.environment, **told}, check=True, timeout=60)
    (report,) = tmp_path.glob("linker.*")
    pattern = r"binding file \S+Qt\S+ \[0\] to (\S+) .*`XSetEventQueueOwner'"
    taken_from = re.findall(pattern, report.read_text(errors="replace"))
    if not taken_from:
        pytest.skip("this OpenCV's windows are not Qt's")
    assert [library.rpartition("/")[2] for library in taken_from] == ["libX11-xcb.so.1"]


@pytest.mark.usefixtures("landmark_models")
@pytest.mark.skipif(not xvfb.AVAILABLE, reason="needs Xvfb and more: apt-get install xvfb xdotool openbox")
def test_a_real_window_shows_frames_and_obeys_keys(tmp_path):
    """A grey clip in a real window: its picture, help, mirror, recording, snapshot and quit."""
    clip = write_clip(tmp_path / "clip.mp4", 25, (320, 240))
    model = write_fixed_model(tmp_path / "model.onnx")
    with xvfb.virtual_display(tmp_path, (640, 480)) as display:
        assert display_problem(display.environment) is None
        command = [sys.executable, "-m", "gaze.cli", "run", "--source", str(clip), "--loop", "--window"]
        options = ["--model", str(model), "--hfov", "60", "--out", str(tmp_path / "out"), "--no-timings"]
        process = subprocess.Popen(
            [*command, *options], env=display.environment, stderr=subprocess.PIPE, text=True
        )
        try:
            assert until(lambda: display.window() is not None, 60)
            # The clip is grey of changing brightness, the same all over; nothing is drawn in its
            # upper part (and the pointer, which Xvfb paints into its picture, stands in the middle).
            assert until(lambda: display.window_picture().shape[:2] == (240, 320), 60)
            assert until(lambda: 20 < display.window_picture()[10:90].mean() < 240, 60)
            assert np.ptp(display.window_picture()[10:90, 10:310].astype(int)) < 20
            display.press("h")
            assert until(lambda: np.ptp(display.window_picture()[10:90].astype(int)) > 100, 60)
            display.press("s")
            assert until(lambda: list((tmp_path / "out").glob("*.png")), 60)
            for arrow in ("Left", "Up", "Right", "Down"):
                display.press(arrow)
            display.press("r")
            assert until(lambda: list((tmp_path / "out").glob("*.mp4")), 60)
            time.sleep(0.5)
            display.press("q")
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, told
    assert len(list((tmp_path / "out").glob("*.png"))) == 1
    (recording,) = (tmp_path / "out").glob("*.mp4")
    assert len(read_clip(recording)) > 1
    assert "NO_FACE" in told
    assert str(recording) in told
