"""Heat map, scan path, targets and hits."""

import cv2
import numpy as np
import pytest
from gaze_rows import recording

from calibration.accuracy import Accuracy, TargetAccuracy
from calibration.pictures import PAPER, accuracy_picture, heat_map, save_picture, scan_path
from gaze.errors import CalibrationError


def test_heat_map_is_hottest_where_the_gaze_dwelt():
    points, seconds = recording().points()
    hot = heat_map(points, seconds, (1920, 1080), 30.0)
    cold = heat_map(points[:1], seconds[:1], (1920, 1080), 1.0)
    # The hottest colour stands at the longest stay.
    scale = hot.shape[1] / 1920
    hottest = cv2.applyColorMap(np.full((1, 1), 255, np.uint8), cv2.COLORMAP_TURBO)[0, 0] * 0.75
    unlike = np.abs(hot - (hottest + 0.25 * np.array([38, 36, 34]))).sum(axis=2)
    y, x = np.unravel_index(np.argmin(unlike), unlike.shape)
    assert (x / scale, y / scale) == pytest.approx((900, 800), abs=60)
    assert not np.array_equal(hot, cold)
    with pytest.raises(CalibrationError, match="no point of gaze lies on the screen"):
        heat_map(np.array([[-5.0, 3.0]]), np.array([1.0]), (1920, 1080), 30.0)


def test_scan_path_draws_each_fixation():
    fixations = recording().fixations
    picture = scan_path(fixations, (1920, 1080))
    empty = scan_path([], (1920, 1080))
    scale = picture.shape[1] / 1920
    for fixation in fixations:
        x, y = (round(value * scale) for value in fixation["screen_px"])
        assert (picture[y - 12, x] != empty[y - 12, x]).any()


def test_picture_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(CalibrationError, match="cannot be written"):
        save_picture(np.zeros((4, 4, 3), np.uint8), tmp_path / "absent" / "x.png")
    with pytest.raises(CalibrationError, match="cannot be written") as caught:
        save_picture(np.zeros((4, 4, 3), np.uint8), tmp_path / "x.nonsense")
    assert "\n" not in str(caught.value)
    with pytest.raises(CalibrationError, match="0x1080 px; nothing can be drawn"):
        scan_path([], (0, 1080))


def accuracy_of(*targets_px):
    """Targets that are hit 60 px to the right."""
    rows = [TargetAccuracy((x, y), (x + 60.0, y), 1.0, 1.0, 60.0, 1.0, 0.5, 1.2, 20) for x, y in targets_px]
    return Accuracy(tuple(rows), 1.0, 1.0, 60.0, 1.0, 0.5, 1.2)


def test_accuracy_picture_has_targets_and_hits():
    accuracy = accuracy_of((400.0, 300.0))
    picture = accuracy_picture(accuracy, (1920, 1080), accuracy)
    scale = picture.shape[1] / 1920
    assert picture[round(300 * scale), round(460 * scale)].tolist() == [80, 220, 120]
    assert picture[round(300 * scale), round(400 * scale)].min() > 200


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (800, 480)])
def test_no_text_of_the_accuracy_picture_is_cut(size):
    accuracy = accuracy_of((0.92 * size[0], 0.5 * size[1]))
    picture = accuracy_picture(accuracy, size, accuracy).astype(int)
    grey = np.ptp(picture, axis=2) < 8
    text = grey & (np.abs(picture - PAPER).sum(axis=2) > 60)
    # The outermost pixels are the frame.
    assert text[1:-1, 1:-1].any(axis=1).sum() > 20
    assert not text[1:-1, -5:-1].any()
