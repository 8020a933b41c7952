"""`gaze evaluate faces` with a predictor whose answers are known."""

import json

import cv2
import numpy as np
import pytest

from deploy.evaluate import faces as command
from gaze.cli import main
from gaze.datasets.face_folder import read_face_folder
from gaze.errors import DataError
from gaze.mirrored import MirroredPredictor
from gaze.training.face_errors import crop_answers, evaluate_faces, square_faces
from gaze.types import ModelSpec, NormalizedCamera, Prediction

KEYS = (
    "mean_deg", "median_deg", "p90_deg", "mean_offset_removed_deg", "bias_pitch_deg", "bias_yaw_deg",
    "corr_pitch", "corr_yaw", "slope_pitch", "slope_yaw", "n", "not_found", "per_image",
)  # fmt: skip


class Painted:
    """Reads the answer off the picture: mean blue is yaw, mean green pitch; counts from 128, 0.002 rad each.

    The yaw is negated in a mirrored picture, told by red on the right.
    """

    spec = ModelSpec("painted", 32, NormalizedCamera(137.0, 600.0, 32))
    name, description = "painted", "painted on nothing"
    precision, threads_used = "fp32", None

    def predict(self, faces):
        assert faces.shape[1:] == (32, 32, 3)
        red_right = faces[:, :, 16:, 2].mean(axis=(1, 2)) > faces[:, :, :16, 2].mean(axis=(1, 2))
        values = (faces.mean(axis=(1, 2)) - 128) * 0.002
        yaw = np.where(red_right, -values[:, 0], values[:, 0])
        return Prediction(np.stack([values[:, 1], yaw], axis=-1).astype(np.float32))

    def close(self):
        pass


@pytest.fixture
def crops(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["file,pitch_rad,yaw_rad,person"]
    for index in range(6):
        pitch, yaw = rng.integers(-100, 100, 2)
        face = np.zeros((64 + 32 * (index % 2), 64 + 32 * (index % 2), 3), np.uint8)
        face[..., 0], face[..., 1] = 128 + yaw, 128 + pitch
        face[:, : face.shape[1] // 2, 2] = 200
        cv2.imwrite(str(tmp_path / f"{index}.png"), face)
        lines.append(f"{index}.png,{pitch * 0.002 - 0.1:.4f},{yaw * 0.002:.4f},p{index // 2}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return tmp_path


def test_figures_of_a_constant_offset(crops):
    folder = read_face_folder(crops, crops / "labels.csv")
    figures = evaluate_faces(folder, crop_answers(Painted()))
    assert set(KEYS) == set(figures)
    assert figures["n"] == 6
    assert figures["bias_pitch_deg"] == pytest.approx(np.rad2deg(0.1), abs=1e-3)
    assert figures["bias_yaw_deg"] == pytest.approx(0, abs=1e-3)
    assert figures["mean_offset_removed_deg"] == pytest.approx(0, abs=1e-3)
    assert 5.0 < figures["mean_deg"] <= 5.74
    assert figures["per_image"][5]["person"] == "p2"
    assert figures["per_image"][2]["error_offset_removed_deg"] == pytest.approx(0, abs=1e-3)


class Leaning(Painted):
    """As Painted, but every yaw is 0.2 rad too large, in a mirrored picture too."""

    def predict(self, faces):
        return Prediction(super().predict(faces).pitch_yaw_rad + np.float32([0.0, 0.2]))


def test_the_mean_with_the_mirrored_face_takes_a_lean_out(crops):
    faces = list(square_faces(read_face_folder(crops, crops / "labels.csv")))
    upright = crop_answers(Painted())(faces)
    np.testing.assert_allclose(crop_answers(Leaning())(faces) - upright, [[0.0, 0.2]] * 6, atol=1e-6)
    np.testing.assert_allclose(crop_answers(MirroredPredictor(Leaning()))(faces), upright, atol=1e-6)


def test_command_writes_the_json(crops, monkeypatch, capsys):
    monkeypatch.setattr(command, "open_predictor", lambda _: Painted())
    out = crops / "out.json"
    options = ["--images", str(crops), "--labels", str(crops / "labels.csv"), "--json", str(out)]
    assert main(["evaluate", "faces", *options]) == 0
    content = json.loads(out.read_text())
    assert set(KEYS) <= set(content)
    assert len(content["per_image"]) == 6
    assert "offset-removed mean" in capsys.readouterr().out


def test_a_checkpoint_is_evaluated(crops, capsys):
    pytest.importorskip("torch")
    from gaze.network import GazeNet
    from gaze.network_checkpoint import save_checkpoint

    save_checkpoint(crops / "net.pt", GazeNet(64, width=0.25), {})
    options = ["--images", str(crops), "--labels", str(crops / "labels.csv")]
    assert main(["evaluate", "faces", *options, "--checkpoint", str(crops / "net.pt")]) == 0
    assert "6 faces" in capsys.readouterr().out
    wrong = ["--checkpoint", "a.pt", "--model", "b.onnx"]
    assert main(["evaluate", "faces", *options, *wrong]) == 2


def test_crops_that_can_not_be_used(crops):
    cv2.imwrite(str(crops / "3.png"), np.zeros((20, 30, 3), np.uint8))
    folder = read_face_folder(crops, crops / "labels.csv")
    with pytest.raises(DataError, match="square"):
        evaluate_faces(folder, crop_answers(Painted()))
    (crops / "one.csv").write_text("file,pitch_rad,yaw_rad\n0.png,0,0\n")
    with pytest.raises(DataError, match="at least two"):
        evaluate_faces(read_face_folder(crops, crops / "one.csv"), crop_answers(Painted()))
