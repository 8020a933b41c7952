"""Lids' edges against a slit drawn four times as large and averaged down."""

import cv2
import numpy as np

from gaze.synthesis.lid_edges import soften_lids


def slit(size_px, times):
    """A bright almond on dark skin, one sample a pixel, and its rim in px of a picture of ``size_px``."""
    angle = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    rim = np.c_[50.3 + 24.0 * np.cos(angle), 48.7 + 8.0 * np.sin(angle) + 0.1 * 24.0 * np.cos(angle)]
    y, x = ((np.mgrid[: size_px * times, : size_px * times] + 0.5) / times - 0.5).astype(np.float32)
    inside = cv2.transform(
        np.dstack([x, y]), np.float64([[1.0, 0.0, -50.3], [-0.1, 1.0, -48.7 + 5.03]])
    ) / np.float32([24.0, 8.0])
    light = np.where((inside**2).sum(axis=-1) < 1.0, 0.6, 0.1).astype(np.float32)
    return cv2.merge([light, 0.5 * light, light, np.ones_like(light)]), rim


def test_edges_come_near_to_those_of_many_samples_a_pixel():
    stepped, rim = slit(100, 1)
    fine, _ = slit(100, 8)
    smooth = cv2.resize(fine, (100, 100), interpolation=cv2.INTER_AREA)
    # What a lens of the usual sharpness makes of the smooth picture is what is aimed at.
    seen = cv2.GaussianBlur(smooth, (0, 0), 0.6)
    softened = soften_lids(stepped, [rim])
    near = cv2.GaussianBlur(np.float32(seen[..., 0] != stepped[..., 0]), (0, 0), 1.0) > 0.2
    before, after = (np.abs(each - seen)[near].mean() for each in (stepped, softened))
    assert after < 0.4 * before


def test_what_is_not_near_an_edge_stays():
    stepped, rim = slit(100, 1)
    kept = stepped.copy()
    softened = soften_lids(stepped, [rim, rim])
    np.testing.assert_array_equal(stepped, kept)
    np.testing.assert_array_equal(softened[:30], stepped[:30])
    np.testing.assert_array_equal(softened[46:52, 45:56], stepped[46:52, 45:56])
    assert abs(softened.mean() - stepped.mean()) < 1e-3 * stepped.mean()


def test_eyes_outside_the_picture_do_no_harm():
    stepped, rim = slit(100, 1)
    for shift in ((-300.0, 0.0), (0.0, 1e6), (-52.0, -48.0), (60.0, 40.0)):
        softened = soften_lids(stepped, [rim + shift])
        assert softened.shape == stepped.shape and np.isfinite(softened).all()
    np.testing.assert_array_equal(soften_lids(stepped, [rim + np.array([0.0, 1e6])]), stepped)
