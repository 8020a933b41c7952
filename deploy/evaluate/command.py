"""`gaze evaluate`: angular error of a data set's folds, of face crops, rendered people, pictures, a clip.

It stands here because measuring needs what gaze itself must not import: the runtimes and the calibration.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from gaze.errors import UsageError

# kind -> (module with `main(argv) -> int`, one line of help); each is imported only when it is called.
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


def usage() -> str:
    """The text of `gaze evaluate --help`."""
    width = max(map(len, KINDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in KINDS.items()]
    return (
        "usage: gaze evaluate KIND [OPTIONS]\n\n"
        + "\n".join(lines)
        + ("\n\n`gaze evaluate KIND --help` lists its options.")
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one kind of evaluation; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv and argv[0] in ("-h", "--help"):
        print(usage())
        return 0
    if not argv or argv[0] not in KINDS:
        given = f"no such kind: {argv[0]}" if argv else "what shall be evaluated?"
        raise UsageError(f"{given}\n\n{usage()}")
    return importlib.import_module(KINDS[argv[0]][0]).main(argv[1:])
