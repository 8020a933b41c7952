"""How fast training runs here: plain float32, the shipped settings from memory, and with the data."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import torch
from torch import nn

from gaze.network import FacePreprocess, GazeNet
from gaze.training import cpu_features
from gaze.training.augment import Augment, AugmentConfig, limit_opencv_threads
from gaze.training.batches import BatchStream, FaceSource
from gaze.training.config import TrainConfig
from gaze.training.forward import TrainingForward, resolve_precision
from gaze.training.losses import loss_of


@dataclasses.dataclass(frozen=True, slots=True)
class Speeds:
    """Images a second: plain float32 eager, the training step on one batch in memory, and with the data."""

    plain_fp32: float
    in_memory: float
    with_data: float

    def text(self) -> str:
        """Three lines with the ratios that matter."""
        return (
            f"plain float32, eager:             {self.plain_fp32:7.1f} images/s\n"
            f"training step, batch in memory:   {self.in_memory:7.1f} images/s "
            f"({self.in_memory / self.plain_fp32:.2f} times plain)\n"
            f"with reading and augmentation:    {self.with_data:7.1f} images/s "
            f"({100 * self.with_data / self.in_memory:.0f} % of in memory)"
        )


def measure(config: TrainConfig, source: FaceSource, device: torch.device, seconds: float = 10.0) -> Speeds:
    """Train for about ``seconds`` in each of the three ways; nothing is kept.

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
        plain = _rate(config, device, lambda: batch, seconds, plain=True)
        memory = _rate(config, device, lambda: batch, seconds, plain=False)
        data = _rate(config, device, stream.next, seconds, plain=False)
    return Speeds(plain, memory, data)


def _rate(
    config: TrainConfig, device: torch.device, next_batch: Callable, seconds: float, plain: bool
) -> float:
    torch.manual_seed(config.seed)
    net = GazeNet(
        config.input_size, config.width, config.spatial_weights, config.predict_sigma, config.dropout
    ).to(device)
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
        predicted, log_sigma = forward(torch.from_numpy(batch.faces).to(device))
        target = torch.from_numpy(batch.pitch_yaw_rad).to(device)
        loss = loss_of(config.loss, predicted, log_sigma, target).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        float(loss.detach())

    for _ in range(3):
        step()
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        step()
        count += 1
    return count * config.batch_size / passed


class _Plain(nn.Module):
    def __init__(self, net: GazeNet) -> None:
        super().__init__()
        self.net = net
        self.preprocess = FacePreprocess()

    def forward(self, faces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        return self.net(self.preprocess(faces).contiguous())
