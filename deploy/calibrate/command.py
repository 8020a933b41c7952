"""`gaze calibrate`: a table of stages, each imported only when it is called."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence

from deploy.native_logs import quieten
from gaze.errors import CalibrationError, UsageError

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


def usage() -> str:
    """The text of `gaze calibrate --help`."""
    width = max(map(len, STAGES))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in STAGES.items()]
    return (
        "usage: gaze calibrate STAGE [OPTIONS]\n\n"
        + "\n".join(lines)
        + "\n\nThe quickest way to a moving dot:\n"
        + "  gaze calibrate person && gaze calibrate show\n"
        + "\n`gaze calibrate STAGE --help` lists the options of a stage."
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run a stage.

    Raises:
        UsageError: there is no such stage.
        GazeError: as the stage says.
    """
    argv = list(sys.argv[2:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return 0 if argv else 2
    if argv[0] not in STAGES:
        raise UsageError(f"no such stage: {argv[0]!r}; there are {', '.join(STAGES)}")
    quieten()  # before the stage imports OpenCV
    logging.basicConfig(level=logging.INFO, format="gaze calibrate: %(message)s", stream=sys.stderr)
    try:
        return importlib.import_module(STAGES[argv[0]][0]).main(argv[1:])
    except BrokenPipeError:
        raise
    except OSError as error:
        # A disk that ran full, a folder that was taken away meanwhile.
        what = error.filename or "a file"
        raise CalibrationError(
            f"{what}: cannot be read or written ({error.strerror or error}); check the disk and the folder"
        ) from error
