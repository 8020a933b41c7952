"""What a killed run needs to go on to the same loss curve."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gaze.errors import ModelError
from gaze.network_file import in_brief, read_tensors, save_tensors
from gaze.training.batches import Position
from gaze.training.config import TrainConfig
from gaze.training.ema import Ema
from gaze.training.runs import STATE_FILE

SCHEMA = "gaze.training-state/1"
# A state that is cut short cannot be had again.
ANEW = "remove it and train anew, or give another --out"


def save(
    folder: Path,
    config: TrainConfig,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    ema: Ema,
    position: Position,
    elapsed_s: float,
) -> None:
    """Write state.pt in one step: weights, optimiser, average, place in the data, time.

    Random numbers follow from the seed and the place, so they need no saving.

    Raises:
        ModelError: the file cannot be written; the state before is then untouched.
    """
    content = {
        "schema": SCHEMA,
        "config": dataclasses.asdict(config),
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "ema": ema.state,
        "ema_updates": ema.updates,
        "position": dataclasses.asdict(position),
        "elapsed_s": elapsed_s,
    }
    path = folder / STATE_FILE
    then = ", then go on with --resume from the state saved before" if path.is_file() else ""
    save_tensors(path, content, then)


def load(
    folder: Path, config: TrainConfig, net: nn.Module, optimizer: torch.optim.Optimizer, ema: Ema
) -> tuple[Position, float]:
    """Put a saved state back. Returns the place in the data and the seconds trained so far.

    Raises:
        ModelError: the file is missing or damaged, or the run had other settings (each is named).
    """
    path = folder / STATE_FILE
    if not path.is_file():
        raise ModelError(f"{path}: no such training state; leave --resume away to start anew")
    content = read_tensors(path, ANEW)
    if content.get("schema") != SCHEMA:
        raise ModelError(f"{path}: is no training state; {ANEW}")
    try:
        return _put_back(path, content, config, net, optimizer, ema)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelError(f"{path}: is damaged ({type(error).__name__}: {in_brief(error)}); {ANEW}") from error


def _put_back(
    path: Path,
    content: dict[str, Any],
    config: TrainConfig,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    ema: Ema,
) -> tuple[Position, float]:
    theirs, ours = content["config"], dataclasses.asdict(config)
    other = [
        f"{key} {theirs.get(key)!r} -> {value!r}" for key, value in ours.items() if theirs.get(key) != value
    ]
    if other:
        raise ModelError(f"{path}: the run was started with other settings ({', '.join(other)}); use its own")
    net.load_state_dict(content["net"])
    optimizer.load_state_dict(content["optimizer"])
    ema.state = content["ema"]
    ema.updates = content["ema_updates"]
    saved = content["position"]
    names = saved["names"]
    position = Position(
        saved["epoch"], saved["batch"], saved["step"], None if names is None else tuple(names)
    )
    return position, float(content["elapsed_s"])
