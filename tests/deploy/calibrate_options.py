"""What the tests of `gaze calibrate` give on the command line, and a screen that comes of it."""

from calibration.screen import load_screens
from deploy.calibrate.screen import main as screen_command

PANEL = ["--resolution", "1920x1080", "--size-mm", "344x194"]
DRY = ["--no-window", *PANEL]


def panel_screen():
    """The screen of PANEL; leaves screens.json behind."""
    screen_command([*PANEL, "--out", "screens.json"])
    return load_screens("screens.json")[0]
