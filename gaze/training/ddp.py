"""One process or several: torchrun sets the environment, gloo carries gradients between CPU processes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn

from gaze.errors import RuntimeUnavailableError, UsageError

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Group:
    """This process's place among all that train together."""

    rank: int = 0
    processes: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over the processes (DistributedDataParallel)."""
        if self.processes == 1:
            return module
        devices = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=devices)

    def agree(self, value: float) -> float:
        """The leading process's value, in all processes."""
        if self.processes == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(shared, 0)
        return float(shared)


# What torchrun sets in the environment, and what holds without it.
_TORCHRUN = {"WORLD_SIZE": 1, "RANK": 0, "LOCAL_RANK": 0}


@contextmanager
def join(device: str = "auto") -> Iterator[Group]:
    """Join the processes that torchrun started, or be alone. ``device``: auto, cpu, cuda or cuda:N.

    Raises:
        UsageError: there is no such device, or the environment is not as torchrun sets it.
        RuntimeUnavailableError: the device is not here.
    """
    processes, rank, local_rank = (_of_torchrun(*item) for item in _TORCHRUN.items())
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = _device(f"cuda:{local_rank}" if device == "cuda" else device)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if processes == 1:
        yield Group(0, 1, chosen)
        return
    try:
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            f"the {processes} processes that WORLD_SIZE speaks of cannot be joined ({error}); start them "
            "with torchrun, or unset WORLD_SIZE"
        ) from error
    try:
        yield Group(rank, processes, chosen)
    finally:
        dist.destroy_process_group()


def _of_torchrun(name: str, alone: int) -> int:
    text = os.environ.get(name, str(alone))
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise UsageError(f"{name} is {text!r} in the environment; torchrun sets a number, else unset it")
    return int(text)


def _device(name: str) -> torch.device:
    if not re.fullmatch(r"cpu|cuda:[0-9]{1,3}", name):
        raise UsageError(f"--device {name}: no such device; choose auto, cpu, cuda or cuda:N")
    if name != "cpu" and int(name.partition(":")[2]) >= torch.cuda.device_count():
        raise RuntimeUnavailableError(
            f"torch {torch.__version__} finds {torch.cuda.device_count()} CUDA devices here, so no {name}; "
            "check the driver and install a torch with CUDA, or choose --device cpu"
        )
    return torch.device(name)
