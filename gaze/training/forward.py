"""The network as training runs it: preprocessing, precision and the fast backbone in one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gaze.errors import UsageError
from gaze.network import Answers, FacePreprocess, GazeNet
from gaze.training import batch_norm, cpu_features


def resolve_precision(precision: str, device: torch.device) -> str:
    """ "bf16" or "fp32" for "auto", by what the device computes fast.

    Raises:
        UsageError: bf16 is asked for and the processor has no bfloat16 convolutions.
    """
    able = device.type == "cuda" or cpu_features.available()
    if precision == "auto":
        return "bf16" if able else "fp32"
    if precision == "bf16" and not able:
        raise UsageError("this processor has no bfloat16 convolutions; use --precision fp32")
    return precision


class TrainingForward(nn.Module):
    """uint8 BGR faces (N, S, S, 3) -> all answers, in float32.

    ``features`` are the maps that the network's backbones ended in at the last call, with their gradient.
    """

    def __init__(self, net: GazeNet, precision: str, frozen_batch_norm: bool, fast: bool) -> None:
        super().__init__()
        self.net = net
        self.preprocess = FacePreprocess()
        self.bf16 = precision == "bf16"
        self.frozen_batch_norm = frozen_batch_norm
        self.fast = fast
        self.features: list[Tensor] = []

    def train(self, mode: bool = True) -> TrainingForward:
        """Training mode; frozen BatchNorm layers stay in eval mode."""
        super().train(mode)
        if mode and self.frozen_batch_norm:
            batch_norm.freeze(self.net)
        return self

    def forward(self, faces: Tensor) -> Answers:
        x = self.preprocess(faces).contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            maps = self.net.features(x, cpu_features.features) if self.fast else self.net.features(x)
            self.features = maps.ends
            answers = self.net.answers(maps)
        return _in_float(answers)


def _in_float(answers: Answers) -> Answers:
    """Landmarks are in float32 already."""
    log_sigma, geometry = answers.log_sigma, answers.geometry
    return answers._replace(
        pitch_yaw=answers.pitch_yaw.float(),
        log_sigma=None if log_sigma is None else log_sigma.float(),
        geometry=None if geometry is None else (geometry[0].float(), geometry[1].float()),
    )


@torch.no_grad()
def predict(net: GazeNet, faces: Tensor, batch: int = 128) -> Tensor:
    """(pitch, yaw) (N, 2) float32 rad of uint8 BGR faces (N, S, S, 3), net in eval mode, full precision."""
    was_training = net.training
    net.eval()
    device = next(net.parameters()).device
    preprocess = FacePreprocess().to(device)

    def run(x: Tensor) -> Tensor:
        if device.type == "cpu" and cpu_features.available_fp32():
            return net.answers(net.features(x, cpu_features.features_fp32)).pitch_yaw
        return net(x)[0].float()

    parts = []
    for piece in faces.split(batch):
        x = preprocess(piece.to(device)).contiguous(memory_format=torch.channels_last)
        parts.append(run(x).cpu())
    net.train(was_training)
    return torch.cat(parts)
