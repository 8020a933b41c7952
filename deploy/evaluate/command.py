"""`gaze evaluate`: angular error of a data set's folds, of face crops, rendered people, pictures, a clip.

It stands here because measuring needs what gaze itself must not import: the runtimes and the calibration.
"""

from __future__ import annotations

from collections.abc import Sequence

from gaze.subcommands import dispatch

KINDS = {
    "mpiifacegaze": (
        "deploy.evaluate.mpiifacegaze",
        "a folder of fold runs -> the leave-one-person-out report",
    ),
    "faces": ("deploy.evaluate.faces", "a folder of face crops with labels, any exported model and runtime"),
    "rendered": ("deploy.evaluate.rendered", "rendered people by group: skin, glasses, light, angles, ..."),
    "pictures": (
        "deploy.evaluate.pictures",
        "webcam pictures of rendered people: faces found, angular error",
    ),
    "video": ("deploy.evaluate.video", "a clip with ground truth, run now or from a JSONL of `gaze run`"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one kind of evaluation; returns the exit code."""
    return dispatch("gaze evaluate", "KIND", KINDS, argv)
