"""Predicted frames of a video: the same picture, smeared, of the same size and brightness."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from gaze.synthesis import sensor
from gaze.synthesis.sensor import SensorSettings, expose
from gaze.synthesis.video_compression import predicted_frame


def scene(height=120, width=152):
    """Soft shapes with some noise, (H, W, 3) uint8 BGR."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(40, 215, (height // 12, width // 12, 3)).astype(np.float32)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    picture += rng.normal(0, 6, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(120, 152), (55, 55), (97, 33)])
@pytest.mark.parametrize("step", [8.0, 40.0])
def test_size_and_mean_stay_while_the_picture_changes(shape, step):
    picture = scene(*shape)
    coded = predicted_frame(picture, step, np.random.default_rng(0))
    assert coded.shape == picture.shape and coded.dtype == np.uint8
    assert not np.array_equal(coded, picture)
    assert coded.mean() == pytest.approx(picture.mean(), abs=1.5)
    assert np.corrcoef(coded.ravel(), picture.ravel())[0, 1] > 0.95


def test_coarser_steps_lose_more_and_fine_noise_first():
    picture = scene()
    error = [
        cv2.norm(picture, predicted_frame(picture, step, np.random.default_rng(0)))
        for step in (2.0, 8.0, 20.0, 45.0)
    ]
    assert np.all(np.diff(error) > 0)
    coded = predicted_frame(picture, 30.0, np.random.default_rng(0))
    noise = [cv2.Laplacian(image, cv2.CV_32F).std() for image in (picture, coded)]
    assert noise[1] < 0.5 * noise[0]


def test_the_same_seed_gives_the_same_frame():
    frames = [predicted_frame(scene(), 20.0, np.random.default_rng(seed)) for seed in (4, 4, 5)]
    assert np.array_equal(frames[0], frames[1]) and not np.array_equal(frames[0], frames[2])


def test_an_even_picture_stays_even():
    even = np.full((64, 64, 3), (90, 120, 170), np.uint8)
    coded = predicted_frame(even, 30.0, np.random.default_rng(0)).astype(int)
    assert coded.std(axis=(0, 1)).max() < 0.6
    assert np.abs(coded.mean(axis=(0, 1)) - even[0, 0]).max() < 4


def test_about_a_quarter_of_the_pictures_are_predicted_frames(monkeypatch):
    made = []
    monkeypatch.setattr(sensor, "predicted_frame", lambda picture, step, rng: made.append(step) or picture)
    light = np.full((32, 32, 3), 0.2, np.float32)
    for seed in range(600):
        rng = np.random.default_rng(seed)
        expose(light, replace(SensorSettings.sample(rng, 300.0), grid_px=32), rng)
    assert 0.18 < len(made) / 600 < 0.3
    assert min(made) > 10 and max(made) < 50
