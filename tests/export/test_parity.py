"""Parity in degrees, against angles whose difference is known."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_models import SIZE, some_faces, spec

from export.faces import FaceSet
from export.parity import breaches, compare
from gaze.errors import ModelError
from gaze.types import Prediction


class Turned:
    """Says that every gaze is a number of degrees of yaw from straight ahead, at pitch zero."""

    def __init__(self, yaw_deg: float, more_if_single_deg: float = 0.0) -> None:
        self.spec, self.precision, self.threads_used = spec(), "fp32", None
        self.name = self.description = f"turned {yaw_deg}"
        self.yaw_deg, self.more = yaw_deg, more_if_single_deg

    def predict(self, faces: np.ndarray) -> Prediction:
        yaw = self.yaw_deg + (self.more if len(faces) == 1 else 0.0)
        return Prediction(np.tile(np.deg2rad([0.0, yaw]), (len(faces), 1)).astype(np.float32))


def constant(yaw_deg: float, sets: list[FaceSet]) -> np.ndarray:
    """The reference that says so for every face."""
    return np.deg2rad(np.tile([0.0, yaw_deg], (sum(len(item) for item in sets), 1)))


FACES = FaceSet("random", some_faces(40))


def test_a_known_difference_is_read_back():
    result = compare(Turned(0.25), "fp16", constant(0.0, [FACES]), [FACES])
    assert result.faces == 40
    for value in (result.mean_deg, result.p99_deg, result.max_deg):
        assert value == pytest.approx(0.25, abs=1e-6)
    assert result.single_max_deg == 0.0 and result.loss_deg is None
    assert breaches([result]) == []


def test_the_bounds():
    assert breaches([compare(Turned(0.02), "fp32", constant(0.0, [FACES]), [FACES])]) == [
        "turned 0.02: maximum 0.0200 degrees, at most 0.01 allowed for fp32"
    ]
    assert len(breaches([compare(Turned(0.35), "bf16", constant(0.0, [FACES]), [FACES])])) == 1
    assert "mean 0.350" in breaches([compare(Turned(0.35), "int8", constant(0.0, [FACES]), [FACES])])[0]
    assert (
        "batched against single"
        in breaches([compare(Turned(0.0, 0.05), "fp32", constant(0.0, [FACES]), [FACES])])[0]
    )
    assert "not finite" in breaches([compare(Turned(np.nan), "fp32", constant(0.0, [FACES]), [FACES])])[0]


def test_lost_accuracy_needs_labels():
    labelled = FaceSet("labelled", some_faces(8), np.zeros((8, 2)))
    result = compare(Turned(0.28), "int8", constant(0.0, [FACES, labelled]), [FACES, labelled])
    assert result.error_deg == pytest.approx(0.28, abs=1e-5)
    assert result.loss_deg == pytest.approx(0.28, abs=1e-5)
    assert "accuracy lost" in breaches([result])[0]
    better = compare(Turned(0.0), "int8", constant(0.28, [labelled]), [labelled])
    assert better.loss_deg == pytest.approx(-0.28, abs=1e-5) and breaches([better]) == []


def test_no_face_at_all():
    with pytest.raises(ModelError, match="no face to compare"):
        compare(Turned(0.0), "fp32", constant(0.0, []), [])
    with pytest.raises(ModelError, match="no face to compare"):
        compare(
            Turned(0.0),
            "fp32",
            constant(0.0, [FaceSet("empty", np.zeros((0, SIZE, SIZE, 3), np.uint8))]),
            [FaceSet("empty", np.zeros((0, SIZE, SIZE, 3), np.uint8))],
        )
