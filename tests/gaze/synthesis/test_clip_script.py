"""What people in clips do: lids come after the eyes as a first-order lag does."""

import numpy as np
import pytest

from gaze.synthesis.clip import _Script


class _Saccade(_Script):
    """Eyes that look 20 degrees up at 1 s, at once."""

    def __init__(self):
        """Nothing is drawn."""

    def _eye_pitch_rad(self, t_s):
        return np.deg2rad(20.0) if t_s >= 1.0 else 0.0


@pytest.mark.parametrize("lag_s", [0.015, 0.05])
def test_lids_answer_a_saccade_with_an_exponential(lag_s):
    script = _Saccade()
    assert script.lids_behind_rad(0.9, lag_s) == pytest.approx(0.0)
    for lags in (0.3, 1.0, 2.0):
        behind = np.rad2deg(script.lids_behind_rad(1.0 + lags * lag_s, lag_s))
        assert behind == pytest.approx(-20.0 * np.exp(-lags), abs=1.5)
    assert np.rad2deg(script.lids_behind_rad(1.0 + 8 * lag_s, lag_s)) == pytest.approx(0.0, abs=0.1)


def test_lids_of_a_script_are_nearly_always_near_the_eyes():
    script = _Script(np.random.default_rng(3), 9.0)
    behind = np.rad2deg([script.lids_behind_rad(t, 0.03) for t in np.arange(0.0, 9.0, 0.02)])
    assert np.median(np.abs(behind)) < 0.3
    # Just after vertical saccades, by degrees.
    assert 4.0 < np.abs(behind).max() < 40.0 and 0.02 < np.mean(np.abs(behind) > 1.5) < 0.25
