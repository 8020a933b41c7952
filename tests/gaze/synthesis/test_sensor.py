"""The virtual sensor: repeatable, noise by ISO, exposure, sizes, mirror symmetry."""

from dataclasses import replace

import numpy as np
import pytest

from gaze.synthesis.sensor import SensorSettings, expose, exposure_gain

QUIET = SensorSettings(iso=0.0, jpeg_quality=0)


def scene(size: int = 96) -> np.ndarray:
    y, x = np.mgrid[0:size, 0:size] / size
    return np.stack([0.2 + 0.5 * x, 0.3 + 0.2 * y, 0.25 + 0.2 * np.sin(9 * x) ** 2], -1).astype(np.float32)


def test_the_same_seed_gives_the_same_picture():
    for seed in range(6):
        settings = [SensorSettings.sample(np.random.default_rng(seed), 100.0) for _ in range(2)]
        assert settings[0] == settings[1]
        a, b = (expose(scene(), s, np.random.default_rng(seed)) for s in settings)
        assert np.array_equal(a, b)


@pytest.mark.parametrize("size", [48, 96, 128, 640])
def test_output_is_bgr_bytes_of_the_size_of_the_light(size):
    settings = replace(SensorSettings.sample(np.random.default_rng(3)), saturation=1.0)
    picture = expose(scene(size), settings, np.random.default_rng(0))
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    red = np.zeros((32, 32, 3), np.float32)
    red[..., 0] = 0.5
    blue, green, strong = expose(red, QUIET, np.random.default_rng(0)).reshape(-1, 3).mean(0)
    assert strong > 100 and blue < 5 and green < 5


def test_noise_grows_with_iso_as_shot_noise_does():
    flat = np.full((128, 128, 3), 0.2, np.float32)
    spread = []
    for iso in (100.0, 400.0, 1600.0):
        settings = replace(QUIET, iso=iso, grid_px=128, metering=0.0, denoise=0.0)
        spread.append(expose(flat, settings, np.random.default_rng(1)).astype(float).std())
    # Shot noise: four times the gain, twice the deviation (rounding adds a little at the low end).
    assert 1.6 < spread[1] / spread[0] < 2.4
    assert 1.6 < spread[2] / spread[1] < 2.4


def test_denoising_makes_noise_weaker_and_smoother():
    flat = np.full((128, 128, 3), 0.2, np.float32)

    def noise(denoise: float) -> np.ndarray:
        picture = expose(
            flat, replace(QUIET, iso=1600.0, grid_px=128, denoise=denoise), np.random.default_rng(1)
        )
        return picture[..., 1] - picture[..., 1].mean()

    def neighbours(field: np.ndarray) -> float:
        return float((field[:, 1:] * field[:, :-1]).mean() / (field**2).mean())

    crisp, soft = noise(0.0), noise(0.8)
    assert soft.std() < 0.7 * crisp.std()
    assert neighbours(soft) > neighbours(crisp) + 0.3


@pytest.mark.parametrize("brightness", [0.05, 0.4, 3.0])
def test_full_metering_brings_the_middle_to_the_target(brightness):
    settings = replace(QUIET, metering=1.0, target=0.2)
    light = brightness * scene()
    gain = exposure_gain(light, settings)
    middle = light[19:77, 19:77].mean((0, 1)) @ [0.2126, 0.7152, 0.0722]
    assert gain * middle == pytest.approx(0.2, rel=0.05)
    means = [
        expose(b * scene(), settings, np.random.default_rng(0)).mean() for b in (brightness, 2 * brightness)
    ]
    assert means[0] == pytest.approx(means[1], abs=2.0)


def test_without_metering_brighter_light_is_brighter_by_its_ratio():
    settings = replace(QUIET, metering=0.0)
    assert exposure_gain(scene(), settings) == exposure_gain(0.1 * scene(), settings)


def test_stops_are_powers_of_two():
    one = exposure_gain(scene(), replace(QUIET, exposure_stops=1.0))
    assert one / exposure_gain(scene(), QUIET) == pytest.approx(2.0, rel=1e-5)


def test_a_smear_within_a_pixel_is_none():
    """The attributes of crops say what is drawn."""
    light = np.random.default_rng(0).random((64, 64, 3), dtype=np.float32)
    still, barely, moved = (replace(QUIET, grid_px=64, motion_px=motion_px) for motion_px in (0.0, 1.1, 2.0))
    pictures = [expose(light, each, np.random.default_rng(1)) for each in (still, barely, moved)]
    assert (still.smear_px, barely.smear_px, moved.smear_px) == (0.0, 0.0, 2.0)
    assert np.array_equal(pictures[0], pictures[1]) and not np.array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize(
    "change", [{}, {"sharpen": 0.8}, {"defocus_px": 1.0}, {"grid_px": 48}, {"veil": 0.05}]
)
def test_mirrored_light_gives_the_mirrored_picture(change):
    settings = replace(QUIET, **change)
    picture = expose(scene(), settings, np.random.default_rng(0)).astype(int)
    mirrored = expose(scene()[:, ::-1], settings, np.random.default_rng(0)).astype(int)
    assert np.abs(picture - mirrored[:, ::-1]).max() <= 1


def test_a_point_of_light_is_never_sharper_than_a_lens_makes_it():
    """Deviations add up as those of blurs do; of a coarser sensor the pixels themselves are the blur."""
    light = np.full((65, 65, 3), 0.05, np.float32)
    light[32, 32] = 0.45
    linear = replace(QUIET, metering=0.0, gamma=1.0, shoulder=1.0)
    x = np.arange(65) - 32
    for defocus_px, expected in ((0.0, 0.45), (1.0, np.hypot(1.0, 0.45))):
        picture = expose(light, replace(linear, defocus_px=defocus_px), np.random.default_rng(0))[..., 1]
        profile = picture.astype(float).sum(axis=0) - 65.0 * picture[0, 0]
        assert np.sqrt(profile @ x**2 / profile.sum()) == pytest.approx(expected, rel=0.12)


def test_tone_curve_never_falls():
    ramp = np.linspace(0, 2, 256, dtype=np.float32)
    light = np.repeat(np.repeat(ramp[None], 256, 0)[..., None], 3, -1)
    for seed in range(8):
        settings = replace(
            SensorSettings.sample(np.random.default_rng(seed)),
            iso=0.0, jpeg_quality=0, grid_px=4096, sharpen=0.0, vignette=0.0, defocus_px=0.0, motion_px=0.0,
            saturation=1.0, denoise=0.0,
        )  # fmt: skip
        row = expose(light, settings, np.random.default_rng(0))[128].astype(int)
        assert np.diff(row, axis=0).min() >= 0


def test_a_quarter_is_clean_and_sharp():
    settings = [SensorSettings.sample(np.random.default_rng(seed), 400.0) for seed in range(800)]
    clean = [s for s in settings if s.grid_px == 4096]
    assert 0.2 < len(clean) / len(settings) < 0.3
    assert max(s.iso for s in clean) <= 200 and min(s.jpeg_quality for s in clean) >= 88
