"""Losses against the geometry and against finite differences."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from gaze.geometry import angular_error_rad, vector_from_angles
from gaze.learned_landmarks import EYE_COUNT, LEARNED_COUNT
from gaze.network import Answers
from gaze.network_landmarks import Landmarks
from gaze.training.losses import angular, heteroscedastic, l1, landmark_distance, loss_of, vectors
from gaze.training.objective import training_loss


def angles(count, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).uniform(-1.2, 1.2, (count, 2)))


def test_vectors_and_angular_error_are_the_geometry_s():
    a, b = angles(50), angles(50, 1)
    np.testing.assert_allclose(vectors(a).numpy(), vector_from_angles(a.numpy()), atol=1e-12)
    expected = angular_error_rad(vector_from_angles(a.numpy()), vector_from_angles(b.numpy()))
    np.testing.assert_allclose(angular(a, b).numpy(), expected, atol=1e-6)


def test_angular_has_a_finite_gradient_at_zero():
    a = angles(4).requires_grad_()
    angular(a, a.detach().clone()).sum().backward()
    assert torch.all(torch.isfinite(a.grad))


def test_l1():
    predicted, target = torch.tensor([[0.1, -0.2]]), torch.tensor([[0.0, 0.2]])
    assert float(l1(predicted, target)) == pytest.approx(0.25)


def test_heteroscedastic_gradient_against_finite_differences():
    predicted, target = angles(6), angles(6, 1)
    log_sigma = torch.linspace(-2.0, -0.5, 12, dtype=torch.float64).reshape(6, 2)
    assert torch.autograd.gradcheck(
        lambda p, s: heteroscedastic(p, s, target, beta=0.0),
        (predicted.requires_grad_(), log_sigma.requires_grad_()),
    )


def test_heteroscedastic_is_least_at_the_deviation_of_the_error():
    error = 0.13
    sigma = torch.linspace(0.05, 0.5, 2000, dtype=torch.float64)
    predicted = torch.full((2000, 2), error, dtype=torch.float64)
    values = heteroscedastic(predicted, sigma.log()[:, None].expand(-1, 2), torch.zeros_like(predicted), 0.0)
    assert float(sigma[values.argmin()]) == pytest.approx(np.sqrt(2) * error, abs=1e-3)


def test_beta_weights_the_gradient_by_sigma():
    target = torch.zeros(1, 2, dtype=torch.float64)
    for sigma in (0.05, 0.3):
        log_sigma = torch.full((1, 2), np.log(sigma), dtype=torch.float64)
        gradients = []
        for beta in (0.0, 0.5):
            predicted = torch.full((1, 2), 0.1, dtype=torch.float64, requires_grad=True)
            heteroscedastic(predicted, log_sigma, target, beta).sum().backward()
            gradients.append(predicted.grad)
        torch.testing.assert_close(gradients[1], gradients[0] * sigma**0.5)


def test_choice():
    a, b = angles(3), angles(3, 1)
    assert torch.equal(loss_of("l1", a, None, b), l1(a, b))
    assert torch.equal(loss_of("angular", a, None, b), angular(a, b))
    with pytest.raises(ValueError, match="predict_sigma"):
        loss_of("heteroscedastic", a, None, b)
    with pytest.raises(ValueError, match="must be one of"):
        loss_of("l2", a, None, b)


def test_landmark_distance_by_hand():
    target = torch.full((2, LEARNED_COUNT, 2), 0.5)
    places = target.clone()
    places[0, 0, 0] += 3 / 160  # three units, of an eye
    places[0, 59, 1] += 4 / 160  # four units, of the face
    target[1, 5] = float("nan")
    target[1, 6, 1] = 1.5  # outside the picture
    places[1, 6:8] += 1.0
    places.requires_grad_(True)
    costs = landmark_distance(places, target)
    distance = costs.detach()
    weights = 2 * EYE_COUNT + 0.3 * (LEARNED_COUNT - 2 * EYE_COUNT)
    # Where nothing is off the distance is a tenth of a unit: it has a gradient there.
    expected = (3.0 - 0.1 + 0.3 * (4.0 - 0.1)) / weights + 0.1
    assert float(distance[0]) == pytest.approx(expected, abs=2e-3)
    off = 160 * np.sqrt(2)
    assert float(distance[1]) == pytest.approx((off - 0.1) / (weights - 2) + 0.1, rel=1e-3)
    costs.sum().backward()
    assert torch.isfinite(places.grad).all()
    assert not places.grad[1, 5:7].any()


def test_the_training_loss_is_the_sum_of_its_parts():
    target, landmarks = torch.zeros(3, 2), torch.full((3, LEARNED_COUNT, 2), 0.5)
    angles, log_sigma = torch.full((3, 2), 0.1), torch.full((3, 2), -2.0)
    alone = Answers(angles, log_sigma, None)
    gaze = float(training_loss("heteroscedastic", alone, target, None))
    assert gaze == pytest.approx(float(heteroscedastic(angles, log_sigma, target).mean()))
    found = Answers(angles, log_sigma, None, Landmarks(landmarks + 0.01, None), (2 * angles, log_sigma))
    geometry = float(heteroscedastic(2 * angles, log_sigma, target).mean())
    distance = float(landmark_distance(landmarks + 0.01, landmarks).mean())
    assert float(training_loss("heteroscedastic", found, target, landmarks)) == pytest.approx(
        gaze + 0.7 * geometry + 0.5 * distance
    )
    untold = float(training_loss("heteroscedastic", found, target, None))
    assert untold == pytest.approx(gaze + 0.7 * geometry)
