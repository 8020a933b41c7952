"""The mean of a face and its mirror image."""

import dataclasses

import numpy as np
import pytest

from gaze.mirrored import MirroredPredictor, mirrored_if
from gaze.types import ModelSpec, NormalizedCamera, Prediction

SPEC = ModelSpec("made", 16, NormalizedCamera(68.0, 600.0, 16), sha256="0" * 64)


class Leaning:
    """Reads yaw from where the bright side is, plus a constant that a mirror must cancel."""

    spec, name, description = SPEC, "leaning", "leaning on nothing"
    precision, threads_used = "bf16", 3

    def __init__(self) -> None:
        self.calls, self.closed = [], False

    def predict(self, faces):
        self.calls.append(len(faces))
        light = faces.astype(np.float64).mean(axis=(1, 3)) / 255.0
        yaw = light[:, :8].mean(axis=1) - light[:, 8:].mean(axis=1) + 0.2
        maps = faces[..., 0].astype(np.float32)
        angles = np.stack([np.full(len(faces), 0.1), yaw], axis=1).astype(np.float32)
        return Prediction(angles, np.full((len(faces), 2), 0.05, np.float32), maps)

    def close(self):
        self.closed = True


def test_a_leaning_is_cancelled_and_a_mirrored_face_reads_mirrored():
    faces = np.zeros((3, 16, 16, 3), np.uint8)
    faces[1, :, :4] = 255
    faces[2] = faces[1, :, ::-1]
    inner = Leaning()
    both = MirroredPredictor(inner)
    prediction = both.predict(faces)
    assert inner.calls == [6]
    np.testing.assert_allclose(prediction.pitch_yaw_rad[:, 0], 0.1, atol=1e-6)
    np.testing.assert_allclose(prediction.pitch_yaw_rad[:, 1], [0.0, 0.5, -0.5], atol=1e-6)
    np.testing.assert_allclose(prediction.sigma_rad, 0.05)
    # The map of a mirrored face is turned back before it is averaged.
    np.testing.assert_array_equal(prediction.weight_map[1], faces[1, :, :, 0])
    both.close()
    assert inner.closed


def test_it_says_what_runs_within():
    both = MirroredPredictor(Leaning())
    assert (both.precision, both.threads_used, both.spec) == ("bf16", 3, SPEC)
    assert both.description.startswith("leaning on nothing; ") and both.name != "leaning"


def test_no_faces_at_all():
    prediction = MirroredPredictor(Leaning()).predict(np.zeros((0, 16, 16, 3), np.uint8))
    assert prediction.pitch_yaw_rad.shape == (0, 2)


@pytest.mark.parametrize("of_the_model", [True, False])
@pytest.mark.parametrize("asked", [None, True, False])
def test_the_sidecar_decides_where_nothing_is_asked(of_the_model, asked):
    inner = Leaning()
    inner.spec = dataclasses.replace(SPEC, average_mirror=of_the_model)
    chosen = mirrored_if(inner, asked)
    assert isinstance(chosen, MirroredPredictor) == (of_the_model if asked is None else asked)
