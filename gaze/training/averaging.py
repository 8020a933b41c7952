"""One network from several runs: the mean of their weights (Wortsman et al., Model soups, ICML 2022).

It asks that the runs come from one start and end in one valley of the loss, as a run and its continuations
do. The mean answers people unlike those it was trained on more steadily than any of the runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from gaze.errors import ModelError
from gaze.network import GazeNet
from gaze.network_checkpoint import load_checkpoint
from gaze.training.augment import Augment, AugmentConfig
from gaze.training.batches import FaceSource
from gaze.training.finishing import finish
from gaze.training.seen_people import everybody, people_of
from gaze.training.virtual_camera import same_view
from gaze.types import ROTATION_ONLY, NormalizedCamera

# What a checkpoint says of the people of its own run alone.
_OF_ONE_RUN = ("protocol", "test_person", "train_persons")


def average_runs(
    paths: Sequence[Path], source: FaceSource, seed: int = 0
) -> tuple[GazeNet, dict[str, object]]:
    """The mean of gaze checkpoints, finished on the faces of ``source`` with the standard augmentation.

    Returns:
        The network, and the meta of the last checkpoint with ``average_of``, the names of all, in it, and
        with the people of all in ``seen_people`` in place of those of the last one's run.

    Raises:
        ModelError: there are fewer than two, one is unusable, two are of different networks, or the source's
            labels are of another space or its faces of another view than theirs.
    """
    if len(paths) < 2:
        raise ModelError("a mean needs at least two checkpoints; give --average A.pt B.pt")
    loaded = [load_checkpoint(path) for path in paths]
    net, meta = loaded[-1]
    for path, (other, its) in zip(paths, loaded, strict=True):
        if _shape(other) != _shape(net) or its.get("label_space") != meta.get("label_space"):
            raise ModelError(
                f"{path}: is of another network or label space than {paths[-1]}; give checkpoints of runs of "
                "one start and the same settings"
            )
    if (space := meta.get("label_space")) != ROTATION_ONLY or source.label_space != ROTATION_ONLY:
        raise ModelError(
            f"{paths[-1]}: answers in {space}, the faces have {source.label_space} labels, and both must be "
            f"{ROTATION_ONLY}; give checkpoints and --shards with such labels"
        )
    states = [other.state_dict() for other, _ in loaded]
    mean = {
        name: torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in states[-1].items()
    }
    net.load_state_dict(mean)
    seen = meta.get("normalized_camera")
    if seen is not None and not same_view(NormalizedCamera(**seen), source.normalized_camera):
        raise ModelError(
            f"{paths[-1]}: sees {NormalizedCamera(**seen).view_mm:.0f} mm, the faces show "
            f"{source.normalized_camera.view_mm:.0f} mm; give --view-mm"
        )
    augment = Augment(AugmentConfig.named("standard"), source.normalized_camera, net.input_size)
    names = ["/".join(path.parts[-2:]) for path in paths]
    people = everybody(people_of(its) for _, its in loaded)
    kept = {key: value for key, value in meta.items() if key not in _OF_ONE_RUN}
    return finish(net, source, augment, seed), {**kept, "average_of": names, "seen_people": people}


def _shape(net: GazeNet) -> dict[str, object]:
    return {key: value for key, value in net.config.items() if key != "dropout"}
