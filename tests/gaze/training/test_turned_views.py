"""`gaze evaluate faces --views`: views of a virtual camera that is turned, with answers that are known."""

import json

import cv2
import numpy as np
import pytest

from deploy.evaluate import faces as command
from gaze.cli import main
from gaze.datasets.face_folder import read_face_folder
from gaze.geometry import angles_from_vector
from gaze.training import turned_views
from gaze.training.face_errors import crop_answers, evaluate_faces
from gaze.training.turned_views import predict_views, views_summary
from gaze.types import ModelSpec, NormalizedCamera, Prediction

CAMERA = NormalizedCamera(480.0, 600.0, 112)


class DotSeer:
    """Answers the direction in which a dark dot on white is seen: it turns exactly as the view does."""

    spec = ModelSpec("dot", 112, CAMERA)
    name = description = "dot"
    precision, threads_used = "fp32", None

    def predict(self, faces):
        dark = 255.0 - faces[..., 0].astype(np.float64)
        rows, columns = np.mgrid[:112, :112]
        total = dark.sum(axis=(1, 2))
        px = (
            np.stack([(dark * columns).sum(axis=(1, 2)), (dark * rows).sum(axis=(1, 2))], axis=-1)
            / total[:, None]
        )
        seen = np.concatenate([px, np.ones((len(px), 1))], axis=1) @ np.linalg.inv(CAMERA.K).T
        return Prediction(angles_from_vector(-seen).astype(np.float32))

    def close(self):
        pass


@pytest.fixture
def dots(tmp_path):
    lines = ["file,pitch_rad,yaw_rad"]
    for index, (x, y) in enumerate([(100, 120), (240, 200), (330, 90), (150, 340)]):
        face = np.full((448, 448, 3), 255, np.uint8)
        cv2.circle(face, (x, y), 20, (0, 0, 0), -1, cv2.LINE_AA)
        cv2.imwrite(str(tmp_path / f"{index}.png"), face)
        # The middle of a pixel of 448 lies an eighth of a pixel of 112 before that of the small one.
        seen = np.linalg.inv(CAMERA.K) @ [(x + 0.5) / 4 - 0.5, (y + 0.5) / 4 - 0.5, 1.0]
        pitch, yaw = angles_from_vector(-seen)
        lines.append(f"{index}.png,{pitch:.6f},{yaw:.6f}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return tmp_path


def test_what_turns_with_the_view_is_answered_alike_in_every_view(dots, monkeypatch):
    # A nearer view would move the dot, though no gaze.
    monkeypatch.setattr(turned_views, "SCALE", 0.0)
    folder = read_face_folder(dots, dots / "labels.csv")
    answers = predict_views(folder, crop_answers(DotSeer()), 12)
    assert answers.shape == (12, 4, 2)
    # A quarter of a pixel is 0.03 degrees; the turns themselves are 0.4 degrees.
    assert np.rad2deg(np.abs(answers - folder.pitch_yaw_rad)).max() < 0.03
    figures = views_summary(answers, folder.pitch_yaw_rad)
    assert figures["views"] == 12
    assert figures["spread_pitch_deg"] < 0.05 and figures["spread_yaw_deg"] < 0.05
    assert figures["averaged_offset_removed_deg"] <= figures["mean_offset_removed_deg"] < 0.05


def test_an_answer_that_does_not_turn_varies_as_much_as_the_views(dots):
    class Stubborn(DotSeer):
        def predict(self, faces):
            return Prediction(np.zeros((len(faces), 2), np.float32))

    folder = read_face_folder(dots, dots / "labels.csv")
    figures = views_summary(predict_views(folder, crop_answers(Stubborn()), 200), folder.pitch_yaw_rad)
    assert figures["spread_pitch_deg"] == pytest.approx(0.4, rel=0.2)
    assert figures["spread_yaw_deg"] == pytest.approx(0.4, rel=0.2)


def test_the_mean_of_answers_with_independent_errors_is_better():
    rng = np.random.default_rng(1)
    target = rng.normal(0, 0.3, (400, 2))
    noise = np.deg2rad(3.0) * rng.standard_normal((16, 400, 2))
    figures = views_summary(target + noise, target)
    # Two angles with independent normal errors of 3 degrees: a Rayleigh mean, a little less off the equator.
    assert figures["mean_offset_removed_deg"] == pytest.approx(3.0 * np.sqrt(np.pi / 2), rel=0.05)
    assert figures["averaged_offset_removed_deg"] == pytest.approx(
        figures["mean_offset_removed_deg"] / 4, rel=0.1
    )
    assert figures["spread_pitch_deg"] == pytest.approx(3.0, rel=0.05)


def test_command_prints_and_writes_the_views(dots, monkeypatch, capsys):
    monkeypatch.setattr(command, "open_predictor", lambda _: DotSeer())
    options = ["--images", str(dots), "--labels", str(dots / "labels.csv"), "--json", str(dots / "out.json")]
    assert main(["evaluate", "faces", *options, "--views", "3"]) == 0
    assert "3 turned views of each face" in capsys.readouterr().out
    content = json.loads((dots / "out.json").read_text())
    assert content["turned_views"]["views"] == 3
    alone = evaluate_faces(read_face_folder(dots, dots / "labels.csv"), crop_answers(DotSeer()))
    assert content["mean_offset_removed_deg"] == alone["mean_offset_removed_deg"]


@pytest.mark.parametrize("options", [["--views", "1"], ["--views", "-3"]])
def test_too_few_views_are_refused(dots, options, capsys):
    there = ["--images", str(dots), "--labels", str(dots / "labels.csv")]
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "faces", *there, *options])
    assert caught.value.code == 2
    assert "at least 2" in capsys.readouterr().err
