"""The network a run starts from: random, ImageNet, or a gaze checkpoint."""

from __future__ import annotations

import dataclasses
from enum import Enum
from pathlib import Path

import numpy as np
import torch

from gaze.errors import ModelError, UsageError
from gaze.evenly import evenly_spread
from gaze.network import FacePreprocess, GazeNet
from gaze.network_checkpoint import checkpoint_of
from gaze.network_file import read_tensors
from gaze.network_inputs import BACKBONES, map_sizes
from gaze.network_mobilenet import FEATURE_CHANNELS
from gaze.normalization import resize_face
from gaze.training import batch_norm
from gaze.training.batches import FaceSource
from gaze.training.config import RANDOM, TrainConfig
from gaze.training.imagenet import load_imagenet
from gaze.training.narrowing import take_over_backbone

STATISTICS_SAMPLES = 256
# Parts that start at random where the start weights lack them.
_OPTIONAL = ("fc_log_sigma", "landmarks.", "geometry_head.", "fc_geometry")


class StartKind(Enum):
    """What a run starts from: nothing, ImageNet weights, or weights of a gaze network."""

    RANDOM, IMAGENET, GAZE = range(3)


def kind_of(start: str) -> tuple[StartKind, dict[str, object]]:
    """Of which kind a start is, and what its file holds; nothing of a file that is not torch's.

    Raises:
        ModelError: the file is missing or of another kind.
    """
    if start == RANDOM:
        return StartKind.RANDOM, {}
    if Path(start).suffix == ".npz":
        return StartKind.IMAGENET, {}
    content = read_tensors(start)
    imagenet = "classifier.1.weight" in content or "features.0.0.weight" in content
    return StartKind.IMAGENET if imagenet else StartKind.GAZE, content


def build(config: TrainConfig, source: FaceSource) -> GazeNet:
    """The network of ``config`` with its start weights.

    Where the weights bring no usable BatchNorm statistics they are set from the source's first faces.

    Raises:
        ModelError: the start file is missing, of another kind, or does not fit the network.
    """
    net = network_of(config)
    kind, content = kind_of(config.start)
    if kind is StartKind.RANDOM:
        if config.batch_norm == "frozen":
            raise ModelError("a random start has no BatchNorm statistics to freeze; use --batch-norm train")
    elif kind is StartKind.GAZE:
        if _load_gaze(net, content, Path(config.start)):
            batch_norm.reestimate(net, _first_faces(source, config.input_size))
    elif load_imagenet(net, config.start):
        batch_norm.match_statistics(net, _first_faces(source, config.input_size))
    return net


def network_of(config: TrainConfig) -> GazeNet:
    """The network of ``config`` with random weights, the same for the same seed."""
    torch.manual_seed(config.seed)
    return GazeNet(
        config.input_size,
        config.width,
        config.spatial_weights,
        config.predict_sigma,
        config.dropout,
        config.divide_map_gradient,
        config.eyes,
        config.landmarks,
    )


def as_able_as_its_start(config: TrainConfig) -> TrainConfig:
    """The settings, with landmarks where the network that the run starts from finds them.

    Raises:
        ModelError: the start file is of another kind.
        UsageError: the run is to look at the eyes apart, which does not go together with landmarks.
    """
    kind, content = kind_of(config.start)
    of_start = content.get("config")
    if kind is not StartKind.GAZE or not isinstance(of_start, dict) or of_start.get("landmarks") is not True:
        return config
    if config.eyes:
        raise UsageError(
            f"--start {config.start}: finds landmarks, and so would the run, which does not go together with "
            "--eyes; leave --eyes away or give another --start"
        )
    return dataclasses.replace(config, landmarks=True)


def _load_gaze(net: GazeNet, content: dict[str, object], path: Path) -> bool:
    """Take over all weights of a gaze checkpoint's content, also of another input size or of a wider network.

    A head for the deviation may be missing in it, and what finds landmarks, which then starts at random and
    adds nothing to the answers at first. Where it does not look at the eyes apart and ``net`` does, both
    backbones start as its one, and what the second says counts nothing yet.

    Returns:
        Whether channels were dropped, which leaves the BatchNorm statistics wrong.
    """
    other, _ = checkpoint_of(content, path)
    state = other.state_dict()
    if narrower := net.config["width"] < other.config["width"]:
        for name, narrow, wide in zip(BACKBONES, net.backbones, other.backbones, strict=False):
            take_over_backbone(narrow, wide)
            state |= {f"{name}.{key}": value for key, value in narrow.state_dict().items()}
    own = net.state_dict()
    if not other.config["eyes"]:
        maps = map_sizes(net.input_size, net.config["eyes"])
        state["fc1.0.weight"] = _resized_grid(state["fc1.0.weight"], maps[0][0])
    if net.config["eyes"] and not other.config["eyes"]:
        state |= {f"eye_{name}": value for name, value in state.items() if name.startswith("backbone.")}
        kernel = state["fc1.0.weight"]
        nothing = kernel.new_zeros(len(kernel), own["fc1.0.weight"].shape[1] - kernel.shape[1])
        state["fc1.0.weight"] = torch.cat([kernel, nothing], 1)
    bad = [name for name, value in state.items() if name not in own or own[name].shape != value.shape]
    missing = [name for name in own if name not in state and not name.startswith(_OPTIONAL)]
    bad = [name for name in bad if not name.startswith("fc_log_sigma")] + missing
    if other.config["landmarks"] and not net.config["landmarks"]:
        raise ModelError(f"{path}: finds landmarks, and the run does not; set landmarks for it")
    if bad:
        raise ModelError(
            f"{path}: {bad[0]} does not fit; the checkpoint is of {other.config}, the run of {net.config}"
        )
    net.load_state_dict({name: value for name, value in state.items() if name in own}, strict=False)
    return narrower


def _resized_grid(weight: torch.Tensor, new: int) -> torch.Tensor:
    """The first linear layer (O, C old old) for a feature map of another side: (O, C new new).

    Its weights are a kernel as large as the map. Each is spread over the cells that now lie where its cell
    lay, by their share of it, so that the layer answers to a constant map exactly as before.
    """
    old = round((weight.shape[1] / FEATURE_CHANNELS) ** 0.5)
    if old == new:
        return weight
    kernel = weight.reshape(len(weight), FEATURE_CHANNELS, old, old)
    # Every old cell in as many pieces as there are new ones; every new cell takes as many as there were old.
    share = torch.eye(old).repeat_interleave(new, dim=0).reshape(new, old, old).sum(1) / new
    return torch.einsum("ia,jb,ocab->ocij", share, share, kernel).reshape(len(weight), -1)


def _first_faces(source: FaceSource, size_px: int) -> list[torch.Tensor]:
    faces, _ = source.read(evenly_spread(len(source), STATISTICS_SAMPLES))
    resized = np.stack([resize_face(face, size_px) for face in faces])
    return [FacePreprocess()(piece) for piece in torch.from_numpy(resized).split(32)]
