import cv2
import numpy as np
import pytest
from loop_fakes import noise

from calibration.observation import EYE_OPEN_MIN
from deploy.gates import BlinkGate, FrozenGate, GateConfig, sharpness, structural_similarity


def test_blink_counts_both_eyes_and_does_not_flicker():
    gate = BlinkGate(0.2, margin=0.1)
    assert not gate(0, np.array([0.9, 0.8]))
    assert not gate(0, np.array([0.9, 0.0]))  # a wink
    assert gate(0, np.array([0.1, 0.15]))
    assert gate(0, np.array([0.25, 0.25]))  # on its way: still closed
    assert not gate(1, np.array([0.25, 0.25]))  # another face
    assert not gate(0, np.array([0.35, 0.3]))
    assert not gate(0, np.array([0.25, 0.25]))


def test_blink_forgets_faces_that_are_gone():
    gate = BlinkGate(0.2, margin=0.1)
    gate(0, np.array([0.0, 0.0]))
    gate.forget_all_but(set())
    assert not gate(0, np.array([0.25, 0.25]))


def test_a_blink_ends_where_calibration_takes_eyes_for_open():
    """Two numbers in two packages, of which the one may not import the other."""
    for apart, closed in ((-0.001, True), (0.001, False)):
        gate = BlinkGate(GateConfig().eye_open)
        assert gate(0, np.zeros(2))
        assert gate(0, np.full(2, EYE_OPEN_MIN + apart)) == closed


def test_a_limit_of_zero_switches_a_gate_off():
    assert not BlinkGate(0.0)(0, np.array([0.0, 0.0]))
    frozen = FrozenGate(0.0)
    assert not any(frozen(noise(1), t) for t in range(10))


def test_sharpness_matches_a_direct_calculation():
    """Variance of the four-neighbour Laplacian of the middle, at a mean grey of 128."""
    face = cv2.GaussianBlur(noise(4, (112, 112)), (0, 0), 1.5)
    grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)[14:98, 14:98].astype(np.float64)
    padded = np.pad(grey, 1, mode="reflect")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * grey
    assert sharpness(face) == pytest.approx(laplacian.var() * (128 / grey.mean()) ** 2, rel=1e-5)


def test_sharpness_is_that_of_the_same_part_of_a_narrower_view():
    face = cv2.GaussianBlur(noise(4, (112, 112)), (0, 0), 1.5)
    assert sharpness(face[8:-8, 8:-8], 120.0) == pytest.approx(sharpness(face), rel=1e-6)


def test_blur_lowers_sharpness_and_exposure_does_not():
    face = cv2.GaussianBlur(noise(5, (112, 112)), (0, 0), 1.0)
    values = [sharpness(cv2.GaussianBlur(face, (0, 0), sigma)) for sigma in (0.1, 1.0, 2.0, 4.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0] / 20
    darker = np.round(face * 0.5).astype(np.uint8)
    assert sharpness(darker) == pytest.approx(sharpness(face), rel=0.05)
    assert sharpness(np.zeros((112, 112, 3), np.uint8)) == 0.0


def test_real_faces_pass_and_their_blurred_copies_do_not(shared_dir):
    limit = GateConfig().sharpness
    files = sorted((shared_dir / "real" / "validation_faces").glob("*.png"))
    faces = [cv2.resize(cv2.imread(str(f)), (112, 112), interpolation=cv2.INTER_AREA) for f in files]
    assert len(faces) == 26
    assert all(sharpness(cv2.GaussianBlur(face, (0, 0), 1.0)) > limit for face in faces)
    blurred = [sharpness(cv2.GaussianBlur(face, (0, 0), 3.5)) for face in faces]
    assert np.mean(np.array(blurred) < limit) > 0.8


def test_structural_similarity_of_known_pictures():
    a = cv2.cvtColor(noise(6), cv2.COLOR_BGR2GRAY).astype(np.float32)
    assert structural_similarity(a, a) == pytest.approx(1.0, abs=1e-5)
    assert abs(structural_similarity(a, 255 - a)) < 1.0
    flat, other = np.full((40, 40), 100, np.float32), np.full((40, 40), 150, np.float32)
    c1 = (0.01 * 255) ** 2
    assert structural_similarity(flat, other) == pytest.approx(
        (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1), rel=1e-5
    )


def test_frozen_fires_after_its_time_and_ends_with_a_new_picture():
    gate = FrozenGate(1.0)
    still = noise(7)
    fired = [gate(still, i * 0.1) for i in range(20)]
    # The picture is the same from the second one (0.1 s) on.
    assert fired.index(True) == 11
    assert all(fired[11:])
    assert not gate(noise(8), 2.1)
    assert not gate(noise(8), 2.2)


def test_a_still_scene_with_sensor_noise_is_not_frozen():
    rng = np.random.default_rng(9)
    scene = cv2.GaussianBlur(noise(10, (640, 480)), (0, 0), 8).astype(np.float64)
    gate = FrozenGate(0.2)
    for i in range(30):
        picture = np.clip(scene + rng.normal(0, 0.8, scene.shape), 0, 255).astype(np.uint8)
        assert not gate(picture, i / 30)


def test_wrong_limits_are_refused():
    with pytest.raises(ValueError, match="eye_open"):
        GateConfig(eye_open=-0.1)
