"""`gaze calibrate`: camera, screen, person, and whether it still holds."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from deploy.native_logs import quieten
from gaze.subcommands import dispatch

STAGES = {
    "camera": ("deploy.calibrate.camera", "intrinsics: a board, or a known field of view -> camera.json"),
    "board": ("deploy.calibrate.board", "print a board to PDF, or show it on a screen"),
    "screen": ("deploy.calibrate.screen", "size and place of a screen -> screens.json"),
    "person": ("deploy.calibrate.person", "look at targets -> profile.json for `gaze run --profile`"),
    "show": ("deploy.calibrate.show", "a dot on the whole screen where you look"),
    "check": ("deploy.calibrate.check", "three targets: does the profile still hold? can correct it"),
    "rendered": ("deploy.calibrate.rendered", "rendered people through the real network, before and after"),
    "simulate": ("calibration.simulate_command", "simulated people: what calibration does, and its bounds"),
}
QUICKEST = "The quickest way to a moving dot:\n  gaze calibrate person && gaze calibrate show"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a stage; returns the exit code.

    Raises:
        GazeError: as the stage says.
    """
    quieten()  # before the stage imports OpenCV
    logging.basicConfig(level=logging.INFO, format="gaze calibrate: %(message)s", stream=sys.stderr)
    return dispatch("gaze calibrate", "STAGE", STAGES, argv, QUICKEST)
