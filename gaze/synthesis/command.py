"""`gaze synthesize`: shards for training, contact sheets, pictures, clips, a stand-in data set, assets."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from gaze.errors import UsageError

# name -> (module with `main(argv) -> int`, one line of help).
SUBCOMMANDS = {
    "shards": ("gaze.synthesis.shards_command", "training crops in shards, resumable"),
    "sheet": ("gaze.synthesis.sheet_command", "a contact sheet of rendered people"),
    "pictures": ("gaze.synthesis.pictures_command", "webcam frames or crops with ground truth beside each"),
    "clip": ("gaze.synthesis.clip_command", "a video with smooth motion and ground truth"),
    "upright": ("gaze.synthesis.upright_command", "fit what tells upright faces from faces upside down"),
    "rigid-table": ("gaze.synthesis.rigid_table_command", "measure the rigid face template anew"),
    "fetch-assets": ("gaze.synthesis.fetch_assets", "fetch, check and pack what the renderer starts from"),
    "compare": ("gaze.synthesis.compare_command", "rendered eyes and faces beside real ones, in figures"),
    "mpiifacegaze": ("gaze.synthesis.standin_command", "a data set in MPIIFaceGaze's own formats"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Dispatch to a subcommand."""
    argv = list(argv or [])
    width = max(map(len, SUBCOMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in SUBCOMMANDS.items()]
    usage = "usage: gaze synthesize SUBCOMMAND [OPTIONS]\n\n" + "\n".join(lines)
    if argv and argv[0] in ("-h", "--help"):
        print(usage)
        return 0
    if not argv or argv[0] not in SUBCOMMANDS:
        raise UsageError(f"name one of: {', '.join(SUBCOMMANDS)}")
    return importlib.import_module(SUBCOMMANDS[argv[0]][0]).main(argv[1:])
