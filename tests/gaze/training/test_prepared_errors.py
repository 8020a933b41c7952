"""`gaze evaluate faces --data`: a model on a prepared file, with a predictor whose answers are known."""

import json

import numpy as np
import pytest

from deploy.evaluate import faces as command
from gaze.cli import main
from gaze.datasets.normalized_hdf5 import NormalizedFile, NormalizedHeader, write_normalized
from gaze.datasets.normalized_rows import NormalizedRows
from gaze.errors import DataError
from gaze.training.prepared_errors import evaluate_prepared
from gaze.types import ModelSpec, NormalizedCamera, Prediction

SIZE, N = 56, 300
CAMERA = NormalizedCamera(240.0, 600.0, SIZE)


class Painted:
    """Reads pitch off green and yaw off blue, 0.005 rad a count from 128, and adds an offset of its own."""

    name = description = "painted"
    precision, threads_used = "fp32", None

    def __init__(self, spec=None):
        self.spec = spec or ModelSpec("painted", 28, NormalizedCamera(120.0, 600.0, 28))
        self.seen = []

    def predict(self, faces):
        """The painted angles, looking a tenth of a radian to the side."""
        assert faces.shape[1:] == (28, 28, 3)
        self.seen.append(faces)
        values = (faces[:, 14, 14].astype(np.float32) - 128) * 0.005
        return Prediction(np.stack([values[:, 1], values[:, 0] + 0.1], axis=-1))

    def close(self):
        """Nothing to close."""


@pytest.fixture
def prepared(tmp_path):
    """Three people; every second face of the last is mirrored."""
    rng = np.random.default_rng(2)
    counts = rng.integers(-60, 60, (N, 2))
    faces = np.zeros((N, SIZE, SIZE, 3), np.uint8)
    faces[..., 0] = (128 + counts[:, 1])[:, None, None]
    faces[..., 1] = (128 + counts[:, 0])[:, None, None]
    for edge in (faces[:, :3], faces[:, -3:], faces[:, :, :3], faces[:, :, -3:]):
        edge[..., 2] = 200
    rows = NormalizedRows.from_dicts(
        [
            {
                "person": f"p{row % 3:02d}",
                "frame_id": f"f{row}",
                "pitch_yaw_rad": counts[row] * 0.005,
                "mirrored": row % 6 == 5,
            }
            for row in range(N)
        ]
    )
    path = tmp_path / "a b.h5"
    write_normalized(path, NormalizedHeader("painted", "rotation-only", CAMERA, "here", "1"), faces, rows)
    return path


def test_figures_person_by_person_with_mirrored_faces_turned_back(prepared):
    with NormalizedFile(prepared) as file:
        figures = evaluate_prepared(file, Painted())
    offset = np.rad2deg(0.1)
    assert (figures["n"], len(figures["per_image"]), sorted(figures["persons"])) == (
        N,
        N,
        ["p00", "p01", "p02"],
    )
    for name in ("p00", "p01"):
        assert figures["persons"][name]["bias_yaw_deg"] == pytest.approx(offset, abs=1e-3)
        assert figures["persons"][name]["mean_offset_removed_deg"] == pytest.approx(0, abs=1e-3)
    # Half of this person's faces are mirrored: shown to one side, reported to the other.
    assert figures["persons"]["p02"]["bias_yaw_deg"] == pytest.approx(0, abs=1e-3)
    assert figures["persons"]["p02"]["mean_deg"] == pytest.approx(
        figures["persons"]["p00"]["mean_deg"], abs=0.1
    )
    means = [row["mean_deg"] for row in figures["persons"].values()]
    assert figures["mean_of_persons_deg"] == pytest.approx(np.mean(means))
    assert figures["faces_per_s"] > 0
    assert figures["per_image"][5]["predicted_yaw_rad"] == pytest.approx(
        figures["per_image"][5]["yaw_rad"] - 0.1, abs=1e-5
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            ModelSpec("m", 28, NormalizedCamera(120.0, 600.0, 28), "scaled"),
            "labels are rotation-only, .*scaled",
        ),
        (ModelSpec("m", 28, NormalizedCamera(100.0, 600.0, 28)), "faces show 140 mm, .* sees 168 mm"),
    ],
)
def test_unlike_things_are_not_compared(prepared, spec, message):
    with NormalizedFile(prepared) as file, pytest.raises(DataError, match=message):
        evaluate_prepared(file, Painted(spec))


def test_a_model_that_sees_less_is_shown_the_middle(prepared):
    corners = []
    for focal_px in (120.0, 140.0):  # 140 and 120 mm
        painted = Painted(ModelSpec("m", 28, NormalizedCamera(focal_px, 600.0, 28)))
        with NormalizedFile(prepared) as file:
            figures = evaluate_prepared(file, painted)
        assert figures["bias_pitch_deg"] == pytest.approx(0, abs=1e-3)
        corners.append(np.concatenate(painted.seen)[:, 0, 0, 2])
    assert np.all(corners[0] == 200)  # the frame around the face
    assert np.all(corners[1] == 0)


def test_labels_that_are_all_equal_have_no_correlation(tmp_path, monkeypatch, capsys):
    faces = np.full((4, SIZE, SIZE, 3), 128, np.uint8)
    rows = NormalizedRows.from_dicts(
        [
            {"person": f"p{row % 2:02d}", "frame_id": f"f{row}", "pitch_yaw_rad": [0.0, 0.1]}
            for row in range(4)
        ]
    )
    path, out = tmp_path / "same.h5", tmp_path / "out.json"
    write_normalized(path, NormalizedHeader("painted", "rotation-only", CAMERA, "here", "1"), faces, rows)
    monkeypatch.setattr(command, "open_predictor", lambda _: Painted())
    assert main(["evaluate", "faces", "--data", str(path), "--json", str(out)]) == 0
    assert capsys.readouterr().out.count("correlation -   slope -") == 2
    content = json.loads(out.read_text())
    assert content["corr_pitch"] is content["slope_yaw"] is None and content["n"] == 4


def test_the_command_prints_people_and_time(prepared, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "open_predictor", lambda _: Painted())
    out = tmp_path / "out.json"
    assert main(["evaluate", "faces", "--data", str(prepared), "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "mean of 3 people 5.6" in printed
    assert "the 45000 faces of the evaluation subset take" in printed
    content = json.loads(out.read_text())
    assert (content["images"], content["n"], len(content["persons"])) == (str(prepared), N, 3)
    for wrong in (["--data", str(prepared), "--images", "x", "--labels", "y"], [], ["--images", "x"]):
        assert main(["evaluate", "faces", *wrong]) == 2
        assert "or --data FILE.h5" in capsys.readouterr().err
    assert main(["evaluate", "faces", "--data", str(tmp_path / "none.h5")]) == 1
