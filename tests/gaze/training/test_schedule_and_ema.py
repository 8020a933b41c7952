"""Learning rate and averaged weights by hand."""

import math

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from gaze.training.ema import Ema
from gaze.training.schedule import Schedule


def test_warm_up_then_half_a_cosine():
    schedule = Schedule(warmup=0.1, floor=0.01)
    assert schedule.factor(0.05) == pytest.approx(0.5)
    assert schedule.factor(0.1) == pytest.approx(1.0)
    assert schedule.factor(0.55) == pytest.approx(0.01 + 0.99 * 0.5)
    assert schedule.factor(0.775) == pytest.approx(0.01 + 0.99 * 0.5 * (1 + math.cos(0.75 * math.pi)))
    assert schedule.factor(1.0) == schedule.factor(1.3) == pytest.approx(0.01)
    assert schedule.factor(0.0) > 0
    with pytest.raises(ValueError, match="0 to 1"):
        Schedule(warmup=1.0)


def test_average_follows_its_formula():
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    ema, expected = Ema(net, 0.5), 0.0
    for step in range(1, 30):
        nn.init.constant_(net.weight, float(step))
        ema.update(net)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert float(ema.state["weight"]) == pytest.approx(expected, rel=1e-5)


def test_statistics_are_averaged_and_counters_copied():
    net = nn.BatchNorm2d(2)
    ema = Ema(net, 0.0)
    net.train()(torch.randn(4, 2, 3, 3))
    ema.update(net)
    torch.testing.assert_close(ema.state["running_mean"], net.running_mean)
    assert int(ema.state["num_batches_tracked"]) == 1
