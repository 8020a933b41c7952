"""A virtual X display for tests: starts Xvfb, presses keys, takes pictures of the screen."""

import os
import select
import shutil
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

PROGRAMS = ("Xvfb", "xdotool", "openbox")
AVAILABLE = all(shutil.which(program) for program in PROGRAMS)


class Display:
    """A running display; ``name`` is its DISPLAY."""

    def __init__(self, name, folder):
        self.name = name
        self._folder = folder

    @property
    def environment(self):
        return {**os.environ, "DISPLAY": self.name, "QT_QPA_PLATFORM": "xcb"}

    def window(self):
        """The id of the shown gaze window, or None."""
        answer = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", "^gaze"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return answer.stdout.split()[0] if answer.stdout.split() else None

    def press(self, key):
        """Press a key in the gaze window."""
        window = self.window()
        command = ["xdotool", "windowfocus", "--sync", window, "key", "--window", window, key]
        subprocess.run(command, env=self.environment, check=True, timeout=10, capture_output=True)

    def window_picture(self):
        """The part of the screen that the gaze window covers, as BGR."""
        told = subprocess.run(
            ["xdotool", "getwindowgeometry", "--shell", self.window()],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        place = dict(line.split("=") for line in told.split())
        x, y, width, height = (int(place[key]) for key in ("X", "Y", "WIDTH", "HEIGHT"))
        return self.picture()[max(0, y) : y + height, max(0, x) : x + width]

    def picture(self):
        """The screen as BGR, from the X window dump that Xvfb keeps in a file (xwd format, version 7)."""
        content = (Path(self._folder) / "Xvfb_screen0").read_bytes()
        fields = struct.unpack(">25I", content[:100])
        width, height, bits, bytes_per_line, colours = (fields[i] for i in (4, 5, 11, 12, 19))
        assert (fields[1], bits) == (7, 32)
        start = fields[0] + 12 * colours
        rows = np.frombuffer(content, np.uint8, height * bytes_per_line, start)
        return rows.reshape(height, bytes_per_line // 4, 4)[:, :width, :3]


@contextmanager
def virtual_display(folder, size=(1280, 800)):
    """Start Xvfb on a free number and end it afterwards."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            "-displayfd",
            str(writing),
            "-screen",
            "0",
            f"{size[0]}x{size[1]}x24",
            "-fbdir",
            str(folder),
        ],
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        assert select.select([reading], [], [], 20)[0], "Xvfb does not start"
        number = os.read(reading, 20).decode().strip()
        display = Display(f":{number}", folder)
        # Without a window manager Qt now and then never paints a new window.
        manager = subprocess.Popen(
            ["openbox"], env=display.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for_manager(display, manager)
            yield display
        finally:
            manager.terminate()
            manager.wait(timeout=10)
    finally:
        os.close(reading)
        server.terminate()
        server.wait(timeout=10)


def _wait_for_manager(display, manager, patience_s=60.0):
    """A window that is opened before its manager runs may stay unpainted."""
    end = time.monotonic() + patience_s
    ask = ["xdotool", "get_num_desktops"]
    while subprocess.run(ask, env=display.environment, capture_output=True, check=False).returncode != 0:
        assert manager.poll() is None, f"openbox ended with {manager.returncode}"
        assert time.monotonic() < end, "openbox does not start"
        time.sleep(0.05)
