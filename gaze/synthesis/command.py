"""`gaze synthesize`: shards for training, contact sheets, pictures, clips, a stand-in data set, assets."""

from __future__ import annotations

from collections.abc import Sequence

from gaze.subcommands import dispatch

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
    """Run a subcommand; returns the exit code."""
    return dispatch("gaze synthesize", "SUBCOMMAND", SUBCOMMANDS, argv)
