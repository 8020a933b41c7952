"""Distillation: what imitating costs, who learns from it, and which teachers are refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from spot_faces import spots

from gaze.errors import ModelError
from gaze.network import FacePreprocess, GazeNet
from gaze.network_checkpoint import save_checkpoint
from gaze.training.batch_norm import norms
from gaze.training.distill import ANGLE_SCALE_RAD, Distiller, load_teacher, take_over_head
from gaze.training.forward import TrainingForward
from gaze.types import NormalizedCamera

CAMERA = NormalizedCamera(480.0, 600.0, 112)


def network(size: int = 64, width: float = 1.0, seed: int = 0, **options) -> GazeNet:
    torch.manual_seed(seed)
    net = GazeNet(input_size=size, width=width, dropout=0.0, **options)
    # A random network hardly answers: the statistics of faces let its features live.
    for norm in norms(net):
        norm.momentum = 1.0
    net.train()(FacePreprocess()(some(16, size)))
    return net.eval()


def some(count: int = 6, size: int = 64) -> torch.Tensor:
    return torch.from_numpy(spots(count, size)[0])


def answers(net: GazeNet, faces: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    forward = TrainingForward(net, "fp32", False, False).eval()
    return forward(faces).pitch_yaw, forward.features


def test_the_teachers_own_answers_cost_nothing():
    teacher = network()
    faces = some()
    angles, features = answers(copy.deepcopy(teacher), faces)
    cost = Distiller(teacher).loss(faces, features, angles)
    assert cost.shape == (6,)
    # atan2's small guard under its root alone: a millionth of a radian.
    assert cost.abs().max() < 1e-4


def test_the_terms_are_what_is_written():
    teacher = network()
    faces = some(3)
    angles, (features,) = answers(copy.deepcopy(teacher), faces)
    angles, features = angles.detach(), features.detach()
    distiller = Distiller(teacher, weight=2.0)
    # Half of the features is a quarter of their mean square.
    assert np.allclose(distiller.loss(faces, [0.5 * features], angles), 2.0 * 0.25, atol=2e-4)
    turned = angles + torch.tensor([0.05, 0.0])  # pitch alone: an angle of 0.05 rad
    assert np.allclose(distiller.loss(faces, [features], turned), 2.0 * 0.05 / ANGLE_SCALE_RAD, atol=2e-3)


def test_eyes_apart_are_imitated_where_both_look_at_them():
    faces, teacher = some(3, 128), network(128, 0.25, eyes=True)
    angles, (face, eyes) = answers(copy.deepcopy(teacher), faces)
    angles, face, eyes = angles.detach(), face.detach(), eyes.detach()
    distiller = Distiller(teacher)
    for maps, cost in (([face, eyes], 0.0), ([face, 0.5 * eyes], 0.25), ([0.5 * face, 0.5 * eyes], 0.5)):
        assert np.allclose(distiller.loss(faces, maps, angles), cost, atol=1e-3)
    # A student that looks at the face alone, as large as the teacher's face.
    assert np.allclose(distiller.loss(faces, [0.5 * face], angles), 0.25, atol=1e-3)


def test_a_teacher_with_landmarks_is_imitated_by_its_features_and_answers():
    teacher = network(width=0.5, landmarks=True)
    faces = some(3)
    angles, (end,) = answers(copy.deepcopy(teacher), faces)
    _, maps = (distiller := Distiller(teacher)).answers(faces)
    assert len(maps) == 1
    cost = distiller.loss(faces, [0.5 * end.detach()], angles.detach())
    assert np.allclose(cost, 0.25, atol=1e-3)


def test_the_student_learns_and_the_teacher_does_not():
    teacher, student = network(width=0.5), network(width=0.25, seed=1)
    before = copy.deepcopy(teacher.state_dict())
    distiller = Distiller(teacher).train()
    forward = TrainingForward(student, "fp32", False, False).train()
    faces = some(8)
    optimizer = torch.optim.Adam(student.parameters(), 3e-4)
    costs = []
    for _ in range(10):
        angles = forward(faces).pitch_yaw
        cost = distiller.loss(faces, forward.features, angles).mean()
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        costs.append(float(cost.detach()))
    assert costs[-1] < 0.7 * costs[0]
    assert not distiller.teacher.training
    after = teacher.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in teacher.parameters())


@pytest.mark.parametrize("size", [96, 128])
def test_a_teacher_of_another_input_size(size):
    faces = some(2, 64)
    angles, features = answers(network(64, 0.5, 1), faces)
    cost = Distiller(network(size)).loss(faces, features, angles)
    assert torch.isfinite(cost).all()
    cost.sum().backward()


def test_the_head_of_the_teacher():
    teacher, student = network(64), network(64, 0.5, 1)
    assert {"Conv1", "Conv3", "fc1.0", "fc2.0", "fc_final"} <= set(take_over_head(student, teacher))
    assert torch.equal(student.fc_final.weight, teacher.fc_final.weight)
    assert torch.equal(student.Conv3.bias, teacher.Conv3.bias)
    other = network(112, 0.5, 1)
    assert take_over_head(other, teacher) == ["Conv1", "Conv2", "Conv3"]
    assert not torch.equal(other.fc_final.weight, teacher.fc_final.weight)


def test_teachers_that_do_not_fit_the_data(tmp_path):
    path = tmp_path / "teacher.pt"
    meta = {
        "normalized_camera": {"focal_px": 480.0, "distance_mm": 600.0, "size_px": 112},
        "label_space": "rotation-only",
    }
    save_checkpoint(path, network(), meta)
    assert load_teacher(path, CAMERA.resized(64), "rotation-only").weight == 1.0
    # A teacher of faces of another size: its view, too, was cut to whole px.
    assert load_teacher(path, NormalizedCamera(480.0 * 1.005, 600.0, 112), "rotation-only").weight == 1.0
    with pytest.raises(ModelError, match="same normalisation"):
        load_teacher(path, NormalizedCamera(320.0, 600.0, 112), "rotation-only")
    with pytest.raises(ModelError, match="trained on such labels"):
        load_teacher(path, CAMERA, "scaled")
    with pytest.raises(ModelError, match=r"cannot be read"):
        load_teacher(tmp_path / "none.pt", CAMERA, "rotation-only")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="truncated"):
        load_teacher(path, CAMERA, "rotation-only")
