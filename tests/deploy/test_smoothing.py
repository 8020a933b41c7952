import numpy as np
import pytest

from deploy.smoothing import DirectionFilter, GazeSmoother, SmoothingConfig
from gaze.geometry import angular_error_rad, unit, vector_from_angles


def reference_one_euro(values, times, min_cutoff, beta, d_cutoff):
    """The filter of Casiez et al. 2012 as they print it, on vectors, with the angular speed as its speed."""

    def alpha(cutoff, step):
        tau = 1.0 / (2 * np.pi * cutoff)
        return 1.0 / (1.0 + tau / step)

    out, speed = [values[0]], 0.0
    for i in range(1, len(values)):
        step = times[i] - times[i - 1]
        raw = np.arccos(np.clip(values[i] @ values[i - 1], -1, 1)) / step
        speed = alpha(d_cutoff, step) * raw + (1 - alpha(d_cutoff, step)) * speed
        a = alpha(min_cutoff + beta * speed, step)
        mixed = a * values[i] + (1 - a) * out[-1]
        out.append(mixed / np.linalg.norm(mixed))
    return np.array(out)


def a_walk(count=60, seed=0):
    rng = np.random.default_rng(seed)
    angles = np.cumsum(rng.normal(0, 0.03, (count, 2)), axis=0)
    times = np.cumsum(rng.uniform(0.01, 0.05, count))
    return vector_from_angles(angles), times - times[0]


@pytest.mark.parametrize("beta", [0.0, 1.5])
def test_equals_the_published_filter(beta):
    directions, times = a_walk()
    smooth = DirectionFilter(SmoothingConfig(min_cutoff_hz=1.2, beta=beta, speed_cutoff_hz=0.8))
    got = np.array([smooth(d, t) for d, t in zip(directions, times, strict=True)])
    wanted = reference_one_euro(directions, times, 1.2, beta, 0.8)
    assert np.abs(got - wanted).max() < 1e-7
    assert np.allclose(np.linalg.norm(got, axis=1), 1.0, atol=1e-12)


def test_reset_equals_fresh():
    directions, times = a_walk()
    used = DirectionFilter(SmoothingConfig(beta=0.7))
    for d, t in zip(directions, times, strict=True):
        used(d, t)
    used.reset()
    fresh = DirectionFilter(SmoothingConfig(beta=0.7))
    for d, t in zip(*a_walk(seed=1), strict=True):
        assert np.array_equal(used(d, t), fresh(d, t))


def test_time_zero_is_a_time():
    first, second = vector_from_angles((0.0, 0.0)), vector_from_angles((0.0, 0.5))
    smooth = DirectionFilter(SmoothingConfig(beta=0.0, forget_after_s=10.0))
    assert np.allclose(smooth(first, 0.0), first)
    moved = smooth(second, 0.02)
    # alpha = 1 / (1 + 1/(2 pi 1 Hz 0.02 s)) = 0.1116: a filter that took 0 for "never" would jump to second.
    mixed = first + 0.11163 * (second - first)
    assert angular_error_rad(moved, mixed) < 1e-4


def test_a_long_pause_forgets():
    smooth = DirectionFilter(SmoothingConfig(forget_after_s=0.5))
    smooth(vector_from_angles((0.0, 0.0)), 1.0)
    far = vector_from_angles((0.3, -0.4))
    assert np.allclose(smooth(far, 1.6), far)


def test_time_that_stands_still_changes_nothing():
    smooth = DirectionFilter()
    first = smooth(vector_from_angles((0.1, 0.1)), 2.0)
    assert np.allclose(smooth(vector_from_angles((0.5, 0.5)), 2.0), first)
    assert np.allclose(smooth(vector_from_angles((0.5, 0.5)), 1.0), first)


def test_noise_shrinks_and_faces_do_not_mix():
    rng = np.random.default_rng(3)
    smoother = GazeSmoother(SmoothingConfig(beta=0.0))
    truth = {1: unit((0.1, 0.0, -1.0)), 2: unit((-0.4, 0.2, -1.0))}
    errors, raw_errors = [], []
    for i in range(200):
        for face, direction in truth.items():
            noisy = unit(direction + rng.normal(0, 0.02, 3))
            smoothed = smoother(face, noisy, i / 30.0)
            if i > 30:
                errors.append(angular_error_rad(smoothed, direction))
                raw_errors.append(angular_error_rad(noisy, direction))
    assert np.mean(errors) < 0.45 * np.mean(raw_errors)


@pytest.mark.parametrize("bad", [{"min_cutoff_hz": 0.0}, {"beta": -1.0}, {"speed_cutoff_hz": float("nan")}])
def test_wrong_settings_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        SmoothingConfig(**bad)


def test_a_zero_direction_is_refused():
    with pytest.raises(ValueError, match="finite and not zero"):
        DirectionFilter()((0.0, 0.0, 0.0), 0.0)
