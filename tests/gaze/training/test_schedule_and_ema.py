"""Learning rate and averaged weights by hand."""

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
    assert schedule.factor(0.775) == pytest.approx(0.154982, abs=1e-6)
    assert schedule.factor(1.0) == schedule.factor(1.3) == pytest.approx(0.01)
    assert schedule.factor(0.0) > 0
    with pytest.raises(ValueError, match="0 to 1"):
        Schedule(warmup=1.0)


def averages_of(net, ema, weights):
    """The averaged weight after each of these weights of the network."""
    found = []
    for weight in weights:
        nn.init.constant_(net.weight, weight)
        ema.update(net)
        found.append(float(ema.state["weight"]))
    return found


def one_weight(value):
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, value)
    return net


def test_the_first_averages_by_hand():
    """Shares of the new weight 9/11, then 9/12: 9/11, and a quarter of that and three quarters of 2."""
    net = one_weight(0.0)
    assert averages_of(net, Ema(net, 0.9), [1.0, 2.0]) == pytest.approx([9 / 11, 1.704545], abs=1e-6)


def test_a_decay_of_a_half_halves_the_gap_with_every_update():
    net = one_weight(0.0)
    ema = Ema(net, 0.5)
    assert averages_of(net, ema, [0.0] * 20)[-1] == 0.0
    assert averages_of(net, ema, [1.0] * 3) == pytest.approx([0.5, 0.75, 0.875])


def test_the_random_start_is_soon_forgotten():
    net = one_weight(7.0)
    assert averages_of(net, Ema(net, 0.999), [3.0] * 10)[-1] == pytest.approx(3.0, abs=1e-3)


def test_statistics_are_averaged_and_counters_copied():
    net = nn.BatchNorm2d(2)
    ema = Ema(net, 0.0)
    net.train()(torch.randn(4, 2, 3, 3))
    ema.update(net)
    torch.testing.assert_close(ema.state["running_mean"], net.running_mean)
    assert int(ema.state["num_batches_tracked"]) == 1
