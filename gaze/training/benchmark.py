"""How fast training runs here: plain float32, the shipped settings from memory, and with the data."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from gaze.network import Answers, FacePreprocess, GazeNet
from gaze.training import cpu_features
from gaze.training.augment import Augment, AugmentConfig, limit_opencv_threads
from gaze.training.batches import Batch, BatchStream, FaceSource
from gaze.training.config import TrainConfig
from gaze.training.forward import TrainingForward, resolve_precision
from gaze.training.objective import training_loss
from gaze.training.start import network_of

ROUNDS = 3
# Also uses up the batches that were made while another way had its turn.
WARM_UP_STEPS = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Rate:
    """Images a second, and a second of this process's CPU time (all threads), which other programs change
    little."""

    per_s: float
    per_cpu_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class Speeds:
    """Plain float32 eager, the training step on one batch in memory, and with the data."""

    plain_fp32: Rate
    in_memory: Rate
    with_data: Rate

    def text(self) -> str:
        """Three lines with the ratios that matter, by the clock and by CPU time."""
        plain, memory, data = self.plain_fp32, self.in_memory, self.with_data
        speed_up = (memory.per_s / plain.per_s, memory.per_cpu_s / plain.per_cpu_s)
        share = (100 * data.per_s / memory.per_s, 100 * data.per_cpu_s / memory.per_cpu_s)
        return (
            f"plain float32, eager:             {_words(plain)}\n"
            f"training step, batch in memory:   {_words(memory)}; "
            f"{speed_up[0]:.2f} times plain ({speed_up[1]:.2f} by CPU time)\n"
            f"with reading and augmentation:    {_words(data)}; "
            f"{share[0]:.0f} % of in memory ({share[1]:.0f} % by CPU time)"
        )


def _words(rate: Rate) -> str:
    return f"{rate.per_s:7.1f} images/s, {rate.per_cpu_s:7.1f} a CPU second"


def measure(config: TrainConfig, source: FaceSource, device: torch.device, seconds: float = 10.0) -> Speeds:
    """Train for about ``seconds`` in each of the three ways, in turns; nothing is kept.

    The batch in memory is augmented beforehand. All three include the optimiser.

    Raises:
        DataError: the source cannot be read.
    """
    limit_opencv_threads()
    if device.type == "cpu":
        cpu_features.keep_freed_memory()
    augment = Augment(AugmentConfig.named(config.augment), source.normalized_camera, config.input_size)
    with BatchStream(source, augment, config.batch_size, config.seed) as stream:
        batch = stream.next()
        ways = [
            _step(config, device, lambda: batch, plain=True),
            _step(config, device, lambda: batch, plain=False),
            _step(config, device, stream.next, plain=False),
        ]
        totals = np.zeros((len(ways), 3))
        # In turns, so that what else the machine does meets all three alike.
        for _ in range(ROUNDS):
            for row, way in zip(totals, ways, strict=True):
                for _ in range(WARM_UP_STEPS):
                    way()
                row += _run(way, seconds / ROUNDS)
    rates = [Rate(*(steps * config.batch_size / spent)) for steps, *spent in totals]
    return Speeds(*rates)


def _run(step: Callable[[], None], seconds: float) -> tuple[int, float, float]:
    """Steps done, seconds, CPU seconds."""
    count, began, cpu_began = 0, time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - began) < seconds or count == 0:
        step()
        count += 1
    return count, passed, time.process_time() - cpu_began


def _step(
    config: TrainConfig, device: torch.device, next_batch: Callable[[], Batch], plain: bool
) -> Callable[[], None]:
    net = network_of(config).to(device)
    if plain:
        forward: nn.Module = _Plain(net).to(device).train()
    else:
        net.to(memory_format=torch.channels_last)
        precision = resolve_precision(config.precision, device)
        fast = precision == "bf16" and device.type == "cpu"
        forward = TrainingForward(net, precision, config.batch_norm == "frozen", fast).to(device).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=not plain)

    def step() -> None:
        batch = next_batch()
        answers = forward(torch.from_numpy(batch.faces).to(device))
        target = torch.from_numpy(batch.pitch_yaw_rad).to(device)
        loss = training_loss(config.loss, answers, target, None)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        float(loss.detach())

    return step


class _Plain(nn.Module):
    def __init__(self, net: GazeNet) -> None:
        super().__init__()
        self.net = net
        self.preprocess = FacePreprocess()

    def forward(self, faces: torch.Tensor) -> Answers:
        return self.net.all_answers(self.preprocess(faces).contiguous())
