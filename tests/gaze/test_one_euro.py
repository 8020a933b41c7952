import numpy as np
import pytest

from gaze.one_euro import OneEuro


def test_weights_are_those_of_a_low_pass_of_first_order():
    """1 / (1 + tau / dt) with tau = 1 / (2 pi f), at 1 Hz and 20 ms: 0.1116."""
    config = OneEuro(min_cutoff_hz=1.0, beta=3.0, speed_cutoff_hz=2.0)
    assert config.weight(0.0, 0.02) == pytest.approx(0.11163, abs=1e-5)
    assert config.speed_weight(0.02) == pytest.approx(1 / (1 + 1 / (4 * np.pi * 0.02)))
    assert config.weight(2.0, 0.02) == pytest.approx(1 / (1 + 1 / (14 * np.pi * 0.02)))


def test_a_longer_step_and_a_higher_speed_take_more_of_the_new_value():
    config = OneEuro(min_cutoff_hz=1.0, beta=0.5)
    assert config.weight(1.0, 0.03) < config.weight(1.0, 0.06) < 1.0
    assert config.weight(0.0, 0.03) < config.weight(1.0, 0.03) < 1.0


@pytest.mark.parametrize("bad", [{"forget_after_s": 0.0}, {"beta": float("nan")}, {"min_cutoff_hz": -1.0}])
def test_wrong_settings_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        OneEuro(**{"min_cutoff_hz": 1.0, "beta": 0.0, **bad})
