"""Checkpoints: a network's weights, its configuration and what is known about its training."""

from __future__ import annotations

import math
import os

from torch import Tensor

from gaze.errors import ModelError
from gaze.network import GazeNet
from gaze.network_file import bare_state, in_brief, read_tensors, save_tensors
from gaze.network_mobilenet import FEATURE_CHANNELS
from gaze.types import LABEL_SPACES, NormalizedCamera

CHECKPOINT_SCHEMA = "gaze.checkpoint/1"
_AGAIN = "give a checkpoint of `gaze train` as it was written"


def save_checkpoint(path: str | os.PathLike[str], net: GazeNet, meta: dict[str, object]) -> None:
    """Write the network's weights, its configuration and ``meta`` (JSON-like values) in one step.

    Raises:
        ModelError: the file cannot be written; an older one of that name is then untouched.
    """
    state = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
    content = {"schema": CHECKPOINT_SCHEMA, "config": dict(net.config), "meta": dict(meta), "state": state}
    save_tensors(path, content)


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[GazeNet, dict[str, object]]:
    """Read a checkpoint of this project, or a bare state dict with the public names.

    Returns:
        The network in eval mode on the CPU, and the checkpoint's meta (empty for a bare state dict).

    Raises:
        ModelError: the file is missing, truncated, of another kind, or does not fit the network.
    """
    return checkpoint_of(read_tensors(path), path)


def checkpoint_of(
    content: dict[str, object], path: str | os.PathLike[str]
) -> tuple[GazeNet, dict[str, object]]:
    """As load_checkpoint, of what was read from the file.

    Raises:
        ModelError: it is of another kind, or does not fit the network.
    """
    if content.get("schema") == CHECKPOINT_SCHEMA:
        if missing := [key for key in ("config", "meta", "state") if not isinstance(content.get(key), dict)]:
            raise ModelError(f"{path}: lacks its {missing[0]}; train a new one with `gaze train`")
        config, meta, state = content["config"], content["meta"], content["state"]
        _check_meta(meta, path)
    else:
        state, meta = bare_state(content), {}
        config = _config_of_state(state, path)
    try:
        net = GazeNet(**config)
        net.load_state_dict(state)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ModelError(f"{path}: does not fit the network: {in_brief(error)}; {_AGAIN}") from error
    return net.eval(), meta


def _check_meta(meta: dict[str, object], path: str | os.PathLike[str]) -> None:
    """Raises ModelError: what later readers calculate with is not what `gaze train` writes."""
    for key in ("train_persons", "seen_people"):
        names = meta.get(key, [])
        if key == "seen_people" and names is None:  # nobody knows
            continue
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise ModelError(f"{path}: its {key} are no names, got {names!r:.60}; {_AGAIN}")
    if (space := meta.get("label_space", LABEL_SPACES[0])) not in LABEL_SPACES:
        raise ModelError(f"{path}: its label space is none of {LABEL_SPACES}, got {space!r:.60}; {_AGAIN}")
    camera = meta.get("normalized_camera")
    try:
        if camera is not None:
            NormalizedCamera(**camera)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: its normalised camera is unusable ({error}); {_AGAIN}") from error


def _config_of_state(state: dict[str, Tensor], path: str | os.PathLike[str]) -> dict[str, object]:
    try:
        places = state["fc1.0.weight"].shape[1] // FEATURE_CHANNELS
        width = state["backbone.0.0.weight"].shape[0] / 32.0
    except (KeyError, AttributeError, IndexError) as error:
        raise ModelError(
            f"{path}: is no gaze checkpoint: lacks {error}; give one that `gaze train` wrote"
        ) from error
    return {
        # 4 places a side are 112 px: the only size of the public checkpoints that is no multiple of 32.
        "input_size": {4: 112}.get(math.isqrt(places), 32 * math.isqrt(places)),
        "width": width,
        "spatial_weights": "Conv1.weight" in state,
        "predict_sigma": "fc_log_sigma.weight" in state,
    }
