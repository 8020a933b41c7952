"""An exponential moving average of a network's weights and statistics."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Ema:
    """Average of parameters and BatchNorm statistics, ``average += (1 - decay) (value - average)``.

    Early on the decay is ``(1 + updates) / (10 + updates)``, so that the random start is soon forgotten.
    """

    def __init__(self, net: nn.Module, decay: float = 0.999) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"EMA decay must lie in 0 to 1, got {decay}")
        self.decay = decay
        self.updates = 0
        self.state = {name: value.detach().clone() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Take in the network's present weights."""
        self.updates += 1
        share = 1.0 - min(self.decay, (1.0 + self.updates) / (10.0 + self.updates))
        averages: list[Tensor] = []
        values: list[Tensor] = []
        for name, value in net.state_dict().items():
            if value.dtype.is_floating_point:
                averages.append(self.state[name])
                values.append(value)
            else:
                self.state[name].copy_(value)
        torch._foreach_lerp_(averages, values, share)
