"""The full-screen stages in a real window, on a virtual display."""

import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from xvfb import AVAILABLE, virtual_display

from calibration.profile import Profile
from calibration.scene import BACKGROUND, GREEN
from calibration.screen import load_screens
from calibration.session import Session
from calibration.targets import MARGIN

# xrandr: the virtual screen is no device of the kernel, so X alone tells its size.
pytestmark = pytest.mark.skipif(
    not AVAILABLE or shutil.which("xrandr") is None, reason="needs Xvfb, xdotool, openbox and xrandr"
)
SIZE = (1280, 720)


@pytest.fixture
def display(tmp_path):
    folder = tmp_path / "display"
    folder.mkdir()
    with virtual_display(folder, SIZE) as one:
        yield one


def start(display, folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "gaze.cli", "calibrate", *arguments],
        cwd=folder,
        env=display.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(process, found, patience_s=60.0):
    """Wait until ``found()`` gives something; fails with the process's output if it ends before."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if (result := found()) is not None:
            return result
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"nothing in {patience_s} s: {process.communicate()[0]}")


def green_spot(display):
    """The middle (x, y) of the green target, or None."""
    picture = display.picture().astype(int)
    near = np.abs(picture - GREEN).sum(axis=2) < 40
    if near.sum() < 20:
        return None
    y, x = np.nonzero(near)
    return x.mean(), y.mean()


def ask_to_close(display):
    """What a window manager sends when somebody clicks the cross (ICCCM 4.2.8.1), by Xlib."""
    script = f"""
import ctypes
x = ctypes.CDLL("libX11.so.6")
x.XOpenDisplay.restype = ctypes.c_void_p
x.XInternAtom.restype = ctypes.c_ulong
class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send", ctypes.c_int),
                ("display", ctypes.c_void_p), ("window", ctypes.c_ulong), ("kind", ctypes.c_ulong),
                ("format", ctypes.c_int), ("data", ctypes.c_long * 5), ("rest", ctypes.c_char * 96)]
d = ctypes.c_void_p(x.XOpenDisplay(b"{display.name}"))
w = {display.window()}
event = Message(33, 0, 1, d, w, x.XInternAtom(d, b"WM_PROTOCOLS", 0), 32)
event.data[0] = x.XInternAtom(d, b"WM_DELETE_WINDOW", 0)
x.XSendEvent(d, ctypes.c_ulong(w), 0, ctypes.c_long(0), ctypes.byref(event))
x.XFlush(d)
x.XCloseDisplay(d)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)


def person(display, tmp_path, validation="0"):
    return start(
        display, tmp_path, "person", "--simulate", "3", "--size-mm", "300x169", "--points", "4",
        "--validation", validation,
    )  # fmt: skip


def test_targets_fill_the_display_and_escape_keeps_what_was_taken(display, tmp_path):
    # The targets of the validation give a busy machine the time to press Escape before the end.
    process = person(display, tmp_path, validation="6")
    x, y = until(process, lambda: green_spot(display))
    # The four targets stand near the corners. Which one is seen first is a matter of how busy the machine is.
    from_edge = min(x, 1280 - x), min(y, 720 - y)
    assert from_edge == pytest.approx((MARGIN * 1280, MARGIN * 720), abs=2.0)
    picture = display.picture()
    corners = picture[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.abs(corners.astype(int) - BACKGROUND).max() <= 2, "the window fills the display to its corners"
    second = until(
        process, lambda: p if (p := green_spot(display)) and np.hypot(p[0] - x, p[1] - y) > 50 else None
    )
    assert second is not None
    display.press("Escape")
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "it was stopped" in text
    assert "--resume profile.session.json" in text
    done, wanted = Session.load(tmp_path / "profile.session.json").taken
    assert 1 <= done < wanted == 4 + 6


def test_card_check_sets_the_size(display, tmp_path):
    process = start(display, tmp_path, "screen", "--card")
    # The outline is a quarter of the screen at first; arrow keys change it.
    until(process, lambda: display.window())
    until(process, lambda: True if (display.picture().min(axis=2) > 240).sum() > 500 else None)
    for key in ("Up", "Up", "Left", "space"):
        # Keys that come faster than the window looks for them are lost, as with any fast typist here.
        time.sleep(0.4)
        display.press(key)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 0, text
    # 1280 / 4 + 20 - 1 px are 85.6 mm.
    assert load_screens(tmp_path / "screens.json")[0].width_mm == pytest.approx(1280 * 85.6 / 339)


@pytest.mark.slow
def test_card_check_leads_on_to_the_targets(display, tmp_path):
    process = start(
        display, tmp_path, "person", "--simulate", "3", "--card", "--points", "4", "--validation", "0"
    )
    until(process, lambda: True if (display.picture().min(axis=2) > 240).sum() > 500 else None)
    time.sleep(0.4)
    display.press("space")
    until(process, lambda: green_spot(display))
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    # The outline was left as it was: a quarter of the screen is a card's 85.6 mm.
    assert Profile.load(tmp_path / "profile.json").screen.width_mm == pytest.approx(4 * 85.6)


@pytest.mark.slow
def test_whole_calibration_in_a_window(display, tmp_path):
    process = person(display, tmp_path)
    seen = set()
    while process.poll() is None:
        if (spot := green_spot(display)) is not None:
            seen.add((round(spot[0] / 100), round(spot[1] / 100)))
        time.sleep(0.05)
    text = process.communicate()[0]
    assert process.returncode == 0, text
    assert len(seen) == 4
    assert (tmp_path / "profile.json").exists()


@pytest.mark.slow
def test_closed_window_keeps_what_was_taken(display, tmp_path):
    process = person(display, tmp_path)
    first = until(process, lambda: green_spot(display))
    until(
        process,
        lambda: (
            p if (p := green_spot(display)) and abs(p[0] - first[0]) + abs(p[1] - first[1]) > 50 else None
        ),
    )
    ask_to_close(display)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 1, text
    assert "it was stopped" in text
    assert Session.load(tmp_path / "profile.session.json").taken[0] >= 1


@pytest.mark.slow
def test_board_is_shown_until_a_key(display, tmp_path):
    process = start(display, tmp_path, "board", "--show")
    until(process, lambda: True if (display.picture() > 240).mean() > 0.3 else None)
    from calibration.mirror_capture import shown_board

    shown = shown_board(SIZE)
    points_mm, points_px = shown.board.find(np.ascontiguousarray(display.picture()))
    expected = points_mm / shown.board.square_mm * shown.square_px + [shown.left_px, shown.top_px] - 0.5
    assert points_px == pytest.approx(expected, abs=1.0)
    display.press("space")
    process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.slow
def test_dot_follows_the_gaze(display, tmp_path):
    headless = start(
        display, tmp_path, "person", "--simulate", "3", "--no-window", "--resolution", "1280x720",
        "--size-mm", "300x169", "--points", "5", "--validation", "0",
    )  # fmt: skip
    assert headless.wait(timeout=60) == 0
    process = start(display, tmp_path, "show", "--simulate", "3")

    def dot_and_target():
        picture = display.picture().astype(int)
        dots = np.argwhere(np.abs(picture - [60, 180, 255]).sum(axis=2) < 30)
        reds = np.argwhere(np.abs(picture - [40, 40, 230]).sum(axis=2) < 60)
        return None if len(dots) < 40 or len(reds) < 4 else (dots.mean(axis=0), reds.mean(axis=0))

    apart = []
    while len(apart) < 20:
        dot, target = until(process, dot_and_target)
        apart.append(np.linalg.norm(dot - target))
        time.sleep(0.1)
    display.press("Escape")
    text = process.communicate(timeout=30)[0]
    assert process.returncode == 0, text
    # A moving target is followed late; half of the screen's height would be no following at all.
    assert np.median(apart) < 150
