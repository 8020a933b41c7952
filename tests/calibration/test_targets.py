import numpy as np
import pytest

from calibration.targets import (
    COUNTS,
    MARGIN,
    check_on_screen,
    layout,
    pursuit_path,
    shuffled,
    to_px,
    validation_layout,
)
from gaze.errors import CalibrationError, UsageError


@pytest.mark.parametrize("count", COUNTS)
def test_layouts_are_distinct_symmetric_and_inside(count):
    points = layout(count)
    assert points.shape == (count, 2)
    assert len(np.unique(points.round(6), axis=0)) == count
    assert points.min() >= MARGIN - 1e-12
    assert points.max() <= 1 - MARGIN + 1e-12
    assert points.mean(axis=0) == pytest.approx([0.5, 0.5])


def test_validation_targets_are_not_calibration_targets():
    validation = validation_layout(6)
    assert validation.min() >= MARGIN
    assert validation.max() <= 1 - MARGIN
    for count in COUNTS:
        apart = np.linalg.norm(validation[:, None] - layout(count)[None], axis=2)
        assert apart.min() > 0.02


def test_shuffling_keeps_the_first_and_the_set():
    points = layout(9)
    mixed = shuffled(points, 5)
    assert mixed[0].tolist() == points[0].tolist()
    assert sorted(mixed.tolist()) == sorted(points.tolist())
    assert mixed.tolist() != points.tolist()


def test_screen_of_zero_size_is_refused():
    with pytest.raises(CalibrationError, match=r"0x1080 px.*--resolution"):
        to_px(layout(4), (0, 1080))


def test_targets_off_the_screen_are_refused():
    with pytest.raises(CalibrationError, match="\\(2000, 10\\) px lies off the screen of 1920x1080"):
        check_on_screen(np.array([[100.0, 100.0], [2000.0, 10.0]]), (1920, 1080))
    with pytest.raises(CalibrationError, match="lies off"):
        check_on_screen(np.array([[np.nan, 1.0]]), (1920, 1080))


def test_unknown_count_lists_the_known_ones():
    with pytest.raises(UsageError, match="4, 5, 9, 13, 16"):
        layout(8)


def test_pursuit_covers_the_screen_and_closes():
    path = np.array([pursuit_path(t, 20.0) for t in np.linspace(0, 20, 2000)])
    assert path.min(axis=0) == pytest.approx([MARGIN, MARGIN], abs=1e-3)
    assert path.max(axis=0) == pytest.approx([1 - MARGIN, 1 - MARGIN], abs=1e-3)
    assert path[0] == pytest.approx(path[-1], abs=1e-6)
    # Slow enough to follow: a laptop's width is 32 degrees at 600 mm, and smooth pursuit ends at 30 deg/s.
    speed = np.linalg.norm(np.diff(path, axis=0), axis=1) / np.diff(np.linspace(0, 20, 2000))
    assert speed.max() * 32.0 < 30.0
