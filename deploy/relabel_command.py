"""`gaze relabel`: shards whose labels are in part a network's answers, to train a smaller network on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from deploy.evaluate.options import add_model_options, open_predictor
from gaze.datasets.shards import TAUGHT_BY, Shard, ShardFolder
from gaze.errors import UsageError
from gaze.files import read_json
from gaze.geometry import angular_error_deg
from gaze.help_format import HelpFormatter
from gaze.option_types import between
from gaze.synthesis.shards import describe_folder, shard_is_whole, write_shard
from gaze.training.face_errors import predict_faces
from gaze.training.taught_labels import taught
from gaze.training.virtual_camera import show_face

if TYPE_CHECKING:
    from gaze.estimator import Predictor


def main(argv: Sequence[str] | None = None) -> int:
    """Write the shards that are not there yet.

    Raises:
        UsageError, DataError, ModelError, RuntimeUnavailableError: the options, shards or model are unusable,
            or the shards cannot be written.
    """
    args = _parser().parse_args(argv)
    if args.out.resolve() == args.shards.resolve():
        raise UsageError(f"--out {args.out}: is the folder of --shards; give another")
    folder = ShardFolder([args.shards])
    folder.refuse_taught()
    predictor = open_predictor(args)
    try:
        print(predictor.description)
        mirrored = predictor.spec.average_mirror if args.average_mirror is None else args.average_mirror
        by = {"model": predictor.spec.name, "sha256": predictor.spec.sha256, "mirrored": mirrored}
        rendered = read_json(args.shards / "shards.json")
        describe_folder(args.out, {**rendered, TAUGHT_BY: {**by, "share": args.share}})
        missing = [shard for shard in folder.shards if not shard_is_whole(args.out / shard.path.name)]
        if len(missing) < len(folder.shards):
            print(f"{len(folder.shards) - len(missing)} shards are already whole and are kept")
        off_deg = []
        for shard in tqdm(missing, unit="shard"):
            answers_rad = _answers(shard, folder, predictor, mirrored)
            off_deg.append(angular_error_deg(answers_rad, shard.pitch_yaw_rad))
            _write(shard, args.out, taught(shard.pitch_yaw_rad, answers_rad, args.share))
    finally:
        predictor.close()
    if off_deg:
        mean_deg = float(np.concatenate(off_deg).mean())
        print(f"{len(missing)} shards; the network's answers are {mean_deg:.2f}° off the truth in the mean")
    return 0


def _answers(shard: Shard, folder: ShardFolder, predictor: Predictor, mirrored: bool) -> NDArray[np.floating]:
    """The network's (pitch, yaw) (N, 2) for a shard's faces."""
    wanted = predictor.spec.normalized_camera
    faces = np.stack([show_face(face, folder.normalized_camera, wanted) for face in shard.faces])
    return predict_faces(predictor, faces, mirrored).pitch_yaw_rad


def _write(shard: Shard, out: Path, labels_rad: NDArray[np.float32]) -> None:
    with np.load(shard.path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["pitch_yaw_rad"] = labels_rad
    write_shard(out / shard.path.name, arrays)


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="gaze relabel",
        description="Copy shards of rendered people with labels between the truth and a network's answers, "
        "for a smaller network to be trained on. Shards that are already whole are kept.",
        formatter_class=HelpFormatter,
    )
    p.add_argument(
        "--shards", type=Path, required=True, metavar="DIR", help="folder of `gaze synthesize shards`"
    )
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the copies")
    p.add_argument(
        "--share",
        type=between(0, 1),
        default=0.5,
        help="part of the network's answers in a label, 0 to 1; the rest is the truth",
    )
    add_model_options(p)
    p.set_defaults(average_mirror=None)  # as the live loop reads the network
    return p
