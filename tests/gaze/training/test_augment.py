"""Augmentation: same numbers same batch, labels that move rightly, eyes left uncovered."""

import dataclasses

import numpy as np
import pytest
from spot_faces import spots

from gaze.geometry import angular_error_deg
from gaze.learned_landmarks import LEARNED_COUNT, MIRROR_ORDER
from gaze.training import photometric
from gaze.training.augment import PRESETS, Augment, AugmentConfig, Draws, Normal, Uniform, plain
from gaze.types import NormalizedCamera

CAMERA = NormalizedCamera(960.0 * 64 / 224, 600.0, 64)


def draws(count, seed=0):
    return Draws.of(np.random.default_rng(seed), count)


def test_none_only_resizes():
    faces, labels = spots(6)
    augment = Augment(AugmentConfig.named("none"), CAMERA, 64)
    out, angles, landmarks = augment(faces, labels, draws(6))
    assert landmarks is None
    np.testing.assert_array_equal(out, faces)
    np.testing.assert_allclose(angles, labels, atol=1e-6)
    out = Augment(AugmentConfig.named("none"), CAMERA, 112)(faces, labels, draws(6)).faces
    np.testing.assert_array_equal(out, plain(faces, 112))


def test_flip_preset_mirrors_picture_and_label_together():
    faces, labels = spots(40)
    out, angles, _ = Augment(AugmentConfig.named("flip"), CAMERA, 64)(faces, labels, draws(40))
    mirrored = np.all(out == faces[:, :, ::-1], axis=(1, 2, 3))
    assert 8 < mirrored.sum() < 32
    np.testing.assert_allclose(angles[:, 0], labels[:, 0], atol=1e-6)
    np.testing.assert_allclose(angles[:, 1], np.where(mirrored, -1, 1) * labels[:, 1], atol=1e-6)


def test_same_draws_same_batch_and_any_division():
    faces, labels = spots(12)
    augment = Augment(AugmentConfig(), CAMERA, 64)
    whole = augment(faces, labels, draws(12))
    again = augment(faces, labels, draws(12))
    np.testing.assert_array_equal(whole[0], again[0])
    half = augment(faces[6:], labels[6:], draws(12)[slice(6, 12)])
    np.testing.assert_array_equal(whole[0][6:], half[0])
    np.testing.assert_array_equal(whole[1][6:], half[1])


STEPS = (
    "flip", "geometry", "tone", "colour", "grey", "shade", "bands", "blur", "downscale", "noise", "jpeg",
    "erase",
)  # fmt: skip


def test_no_random_number_serves_two_steps():
    """Each step alone: the columns that its pictures change with, and whose steps they are."""
    faces, labels = spots(40)
    nothing, other = AugmentConfig.named("none"), draws(40, seed=1)
    owner = {}
    for step in STEPS:
        augment = Augment(dataclasses.replace(AugmentConfig(), **off_but(nothing, step)), CAMERA, 64)
        before = augment(faces, labels, draws(40))[0]
        for kind in ("uniform", "normal"):
            for column in range(getattr(other, kind).shape[1]):
                changed = draws(40)
                getattr(changed, kind)[:, column] = getattr(other, kind)[:, column]
                if np.any(augment(faces, labels, changed)[0] != before):
                    assert owner.setdefault((kind, column), step) == step
    columns = {("uniform", c.value) for c in Uniform} | {("normal", c.value) for c in Normal}
    assert set(owner) == columns, "a column that no step reads"


def off_but(nothing, step):
    """The probabilities of a configuration in which one step alone happens, to half of the faces."""
    return {name: 0.5 if name == step else getattr(nothing, name) for name in STEPS}


def test_labels_move_by_the_turn_only():
    faces, labels = spots(200)
    config = AugmentConfig.named("none")
    config = AugmentConfig(**{**{k: getattr(config, k) for k in config.__slots__}, "geometry": 1.0,
                              "turn_deg": 1.0, "roll_deg": 0.0, "scale": 0.1})  # fmt: skip
    d = draws(200)
    angles = Augment(config, CAMERA, 64)(faces, labels, d).pitch_yaw_rad
    moved = angular_error_deg(angles, labels)
    assert moved.max() < 2.5 * np.sqrt(2) + 0.01
    # A turn about y by +1 degree turns a straight gaze by 1 degree in yaw.
    straight = Augment(config, CAMERA, 64)(faces, np.zeros_like(labels), d).pitch_yaw_rad
    np.testing.assert_allclose(
        np.abs(np.rad2deg(straight[:, 1])), np.abs(d.normal[:, Normal.YAW]), rtol=2e-2, atol=1e-3
    )


def test_standard_changes_the_pictures_and_keeps_them_faces():
    faces, labels = spots(64)
    out = Augment(AugmentConfig(), CAMERA, 64)(faces, labels, draws(64)).faces
    different = np.abs(out.astype(int) - faces).mean(axis=(1, 2, 3))
    assert np.mean(different > 3) > 0.9
    assert np.all(out.reshape(64, -1).std(axis=1) > 1)


def test_erasing_leaves_the_rows_of_the_eyes():
    face, fill = np.zeros((100, 100, 3), np.uint8), np.full((100, 100, 3), 255, np.uint8)
    rng = np.random.default_rng(0)
    covered = np.zeros(100, bool)
    for _ in range(300):
        rows = photometric.erase(face, rng.random(6), fill).any(axis=(1, 2))
        assert rows.any()
        covered |= rows
    assert not covered[20:47].any()
    assert covered[:15].any()
    assert covered[55:97].all()


def test_photometric_steps_at_no_strength_change_nothing():
    face = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    same = (
        photometric.tone(face, 1.0, 1.0, 1.0),
        photometric.colour(face, np.ones(3), 1.0),
        photometric.shade(face, 0.3, 0.0),
        photometric.bands(face, np.ones(3)),
    )
    for out in same:
        np.testing.assert_allclose(out.astype(int), face, atol=1)


def test_photometric_steps_by_hand():
    face = np.full((32, 32, 3), (50, 100, 200), np.uint8)
    grey = round(0.114 * 50 + 0.587 * 100 + 0.299 * 200)
    assert np.all(np.abs(photometric.colour(face, np.ones(3), 0.0).astype(int) - grey) <= 1)
    assert np.all(photometric.tone(face, 0.5, 1.0, 1.0)[0, 0] == (25, 50, 100))
    lit = photometric.shade(face, 0.0, 0.5)[16, :, 1].astype(float)
    assert lit[0] == pytest.approx(50, abs=2)
    assert lit[-1] == pytest.approx(150, abs=2)
    pattern = np.random.default_rng(0).normal(0, 32, face.shape).clip(-127, 127).astype(np.int8)
    noisy = photometric.noise(face, pattern, 5.0, 0.0)[..., 1].astype(float)
    assert noisy.std() == pytest.approx(5.0, rel=0.1)


@pytest.mark.parametrize("gains", [(0.5, 1.0, 1.0), (1.0, 0.4, 1.0), (1.0, 1.0, 0.3), (1.5, 0.7, 1.2)])
@pytest.mark.parametrize("period_px", [5, 15, 40])
def test_bands_scale_stripes_as_the_gaussians_transfer_function_says(period_px, gains):
    """A blur of deviation s leaves exp(-2 pi^2 s^2 f^2) of stripes of frequency f; the mean stays."""
    size = 200
    wave = np.sin(2 * np.pi * np.arange(size) / period_px)
    face = np.round(128 + 40 * wave).astype(np.uint8)[None, :, None].repeat(size, 0).repeat(3, 2)
    passed = np.exp(-2 * (np.pi * np.array([0.008, 0.02, 0.05]) * size / period_px) ** 2)
    left = np.concatenate([[1.0], np.cumprod(passed)])
    expected = 1.0 + np.sum((np.array(gains) - 1.0) * -np.diff(left))
    # Whole periods, away from the edges.
    inner = (slice(80, 120), slice(40, 160), 1)
    changed, before = photometric.bands(face, np.array(gains))[inner].astype(float), face[inner].astype(float)
    assert changed.mean() == pytest.approx(128, abs=1)
    assert changed.std() / before.std() == pytest.approx(expected, abs=0.02)


def test_unknown_preset():
    assert "standard" in PRESETS
    with pytest.raises(ValueError, match="must be one of"):
        AugmentConfig.named("heavy")


@pytest.mark.parametrize(("size", "out_px"), [(64, 64), (160, 112), (224, 112)])
def test_landmarks_move_with_the_picture(size, out_px):
    """A bright spot at one landmark, found again by its centre of brightness; larger pictures are shrunk."""
    camera = CAMERA.resized(size)
    rng = np.random.default_rng(3)
    count, landmark = 24, 27
    landmarks_px = rng.uniform(0.35, 0.65, (count, LEARNED_COUNT, 2)) * size
    config = dataclasses.replace(AugmentConfig.named("none"), flip=0.5, geometry=0.7)
    augment = Augment(config, camera, out_px)
    d = draws(count)
    yy, xx = np.mgrid[:size, :size]
    faces = np.empty((count, size, size, 3), np.uint8)
    for face, (x, y) in zip(faces, landmarks_px[:, landmark], strict=True):
        spot = 250 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * (0.02 * size) ** 2))
        face[:] = np.round(spot)[..., None]
    out, _, shares = augment(faces, np.zeros((count, 2), np.float32), d, landmarks_px.astype(np.float32))
    moved = shares * out_px
    assert moved.shape == (count, LEARNED_COUNT, 2)
    mirrored = d.uniform[:, Uniform.FLIP] < 0.5
    assert 4 < mirrored.sum() < 20
    yy, xx = np.mgrid[:out_px, :out_px]
    for row in range(count):
        weight = out[row, ..., 0].astype(float)
        found = np.array([(weight * xx).sum(), (weight * yy).sum()]) / weight.sum()
        # What was the landmark is, in a mirrored face, that of the other side.
        name = MIRROR_ORDER.tolist().index(landmark) if mirrored[row] else landmark
        np.testing.assert_allclose(moved[row, name], found, atol=0.12)
