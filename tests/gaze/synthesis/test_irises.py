"""Irises measured on drawn eyes whose light and softness are known."""

import numpy as np
import pytest

from gaze.synthesis.irises import iris_light, rim_widths_mm
from gaze.types import LANDMARK_COUNT, Face

PX_PER_MM = 3.2
RADIUS_PX = 5.9 * PX_PER_MM
CENTRES = {468: (150.3, 200.7), 473: (300.6, 199.2)}
CHEEK, WHITE, IRIS, PUPIL = 0.4, 0.3, 0.04, 0.01


def drawn(softness_mm, iris=IRIS, shaded=1.0):
    """Two eyes whose light goes from iris to white on a line ``softness_mm`` long; the left halves shaded."""
    y, x = np.mgrid[:448, :448].astype(np.float64)
    light = np.full((448, 448), CHEEK)
    landmarks = np.full((LANDMARK_COUNT, 2), 224.0)
    landmarks[[50, 280]] = (140, 300), (310, 300)
    for index, (column, row) in CENTRES.items():
        mm = np.hypot(x - column, y - row) / PX_PER_MM
        rim = np.clip((mm - 5.9) / softness_mm + 0.5, 0.0, 1.0)
        eye = np.where(mm < 2.0, PUPIL, iris + (WHITE - iris) * rim)
        light = np.where(mm < 12.0, np.where(x < column, shaded, 1.0) * eye, light)
        landmarks[index] = column, row
        turns = np.pi / 2 * np.arange(4)[:, None]
        landmarks[index + 1 : index + 5] = landmarks[index] + RADIUS_PX * np.c_[np.cos(turns), np.sin(turns)]
    image = np.rint(255 * light ** (1 / 2.2)).astype(np.uint8)
    return np.dstack([image] * 3), Face(np.array([100.0, 150, 350, 350]), landmarks, np.ones(2))


def test_light_is_told_in_stops_against_the_cheek():
    eyes = iris_light(*drawn(0.5))
    assert len(eyes) == 2
    for eye in eyes:
        np.testing.assert_allclose(eye, np.log2((np.array([WHITE, IRIS, PUPIL]) + 0.005) / 0.405), atol=0.1)


def test_of_the_whites_the_lighter_counts():
    for eye in iris_light(*drawn(0.5, shaded=0.3)):
        assert eye[0] == pytest.approx(np.log2(0.305 / 0.405), abs=0.1)


@pytest.mark.parametrize("softness_mm", [1.0, 2.0])
def test_widths_are_those_drawn(softness_mm):
    """Of grey values, whose way from a quarter to three quarters is found here on the line itself."""
    grey = (IRIS + (WHITE - IRIS) * np.linspace(0, 1, 10001)) ** (1 / 2.2)
    share = (grey - grey[0]) / (grey[-1] - grey[0])
    expected = softness_mm * (np.argmax(share > 0.75) - np.argmax(share > 0.25)) / 10000
    widths = rim_widths_mm(*drawn(softness_mm))
    assert len(widths) == 4
    np.testing.assert_allclose(widths, expected, atol=0.15)


def test_without_contrast_there_is_no_rim():
    assert rim_widths_mm(*drawn(1.0, iris=0.2)) == []


def test_an_eye_whose_cheek_is_outside_is_left_out():
    image, face = drawn(0.5)
    landmarks = face.landmarks_px.copy()
    landmarks[50] = (-20, 300)
    assert len(iris_light(image, Face(face.box_px, landmarks, face.eye_open))) == 1
