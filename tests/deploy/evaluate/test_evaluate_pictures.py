"""`gaze evaluate pictures`: answers whose error is known, and the whole of it on rendered people far away."""

import json

import cv2
import numpy as np
import pytest
from loop_fakes import make_estimate, make_face, noise

from deploy.evaluate.pictures import answers, figures_of
from gaze.cli import main
from gaze.errors import DataError
from gaze.geometry import vector_from_angles
from gaze.types import Status

CAMERA = {"K": [[200, 0, 80], [0, 200, 60], [0, 0, 1]], "distortion": [], "width": 160, "height": 120}


def picture(folder, number, angles_rad=(0.1, 0.2), eye_open=(1, 1), size=(160, 120)):
    """A picture of noise with a truth whose face centre is in the middle of it, 600 mm away."""
    path = folder / f"{number}.png"
    cv2.imwrite(str(path), noise(number, size))
    truth = {
        "schema": "gaze.picture/1",
        "camera": CAMERA,
        "direction_cam": vector_from_angles(angles_rad).tolist(),
        "origin_cam_mm": [0, 0, 600],
        "eye_open": list(eye_open),
    }
    path.with_suffix(".json").write_text(json.dumps(truth))
    return path


class Finds:
    """An estimator, and a detector, that finds a face where the picture's number says so."""

    def __init__(self, script):
        self.script, self.turn = script, 0

    def _next(self):
        self.turn += 1
        return self.script[self.turn - 1]

    def estimate(self, frame):
        found = self._next()
        return [make_estimate(0, 0.0, status=Status.NO_FACE, face=None)] if found is None else [found]

    def detect(self, frame):
        return [make_face()] if self._next() else []


def seen(angles_rad):
    return make_estimate(0, 0.0, angles_rad, make_face((50, 30, 110, 100)))


def test_errors_and_faces_are_counted(tmp_path):
    paths = [picture(tmp_path, number) for number in range(4)]
    elsewhere = make_estimate(0, 0.0, (0.1, 0.2), make_face((0, 0, 20, 20)))
    no_pose = make_estimate(0, 0.0, status=Status.NO_FACE, face=make_face((50, 30, 110, 100)))
    estimator = Finds([seen((0.1, 0.2)), seen((0.1 + np.deg2rad(4), 0.2)), elsewhere, no_pose])
    figures = figures_of(answers(paths, estimator, Finds([True, False, False, False])))
    assert (figures["pictures"], figures["found"], figures["found_in_the_whole"]) == (4, 3, 1)
    assert figures["n"] == 2 and figures["mean_deg"] == pytest.approx(2.0, abs=1e-6)
    assert figures["bias_pitch_deg"] == pytest.approx(2.0) and figures["face_px"] == 60
    assert figures["distance_mm"] == 600
    assert [row["error_deg"] for row in figures["per_picture"]] == [0, pytest.approx(4), None, None]


def test_closed_eyes_are_left_out_and_one_gaze_makes_no_mean(tmp_path):
    paths = [picture(tmp_path, 0, eye_open=(0.05, 0.1)), picture(tmp_path, 1)]
    figures = figures_of(answers(paths, Finds([seen((0.1, 0.2))]), Finds([True])))
    assert figures["pictures"] == 1 and "mean_deg" not in figures


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.with_suffix(".json").unlink(), "cannot be read .*`gaze synthesize pictures`"),
        (lambda path: path.with_suffix(".json").write_text("{}"), "is not a gaze.picture/1 file"),
        (lambda path: path.with_suffix(".json").write_text('{"schema": "gaze.picture/1"}'), "'camera'"),
        (lambda path: path.write_bytes(b"no picture"), "0.png: holds no picture"),
        (lambda path: picture(path.parent, 0, size=(80, 120)), "0.png: is not of the size"),
    ],
)
def test_pictures_without_a_truth_that_fits_are_refused(tmp_path, spoil, message):
    path = picture(tmp_path, 0)
    spoil(path)
    with pytest.raises(DataError, match=message):
        list(answers([path], Finds([None]), Finds([False])))


def test_a_folder_without_pictures(tmp_path, capsys):
    assert main(["evaluate", "pictures", "--pictures", str(tmp_path)]) == 1
    assert "holds no picture" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("json_file", "option"),
    [
        ("b/1.json", "--pictures"),
        ("a/0.png", "--pictures"),
        ("net.json", "--model"),
        ("face.task", "--landmark-model"),
    ],
)
def test_figures_do_not_take_the_place_of_what_is_read(tmp_path, capsys, json_file, option):
    for number, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        picture(tmp_path / name, number)
    for name in ("net.onnx", "net.json", "face.task"):
        (tmp_path / name).write_text(name)
    before = (tmp_path / json_file).read_bytes()
    options = ["--pictures", str(tmp_path / "a"), str(tmp_path / "b"), "--model", str(tmp_path / "net.onnx")]
    options += ["--landmark-model", str(tmp_path / "face.task"), "--json", str(tmp_path / json_file)]
    assert main(["evaluate", "pictures", *options]) == 2
    assert f"{json_file} would overwrite what {option} reads" in capsys.readouterr().err
    assert (tmp_path / json_file).read_bytes() == before


def test_people_far_away_are_found_in_parts_of_the_picture(shared_dir, landmark_models, tmp_path, capsys):
    pytest.importorskip("moderngl")
    folders = [tmp_path / "near", tmp_path / "far"]
    for folder, distance in zip(folders, ("600", "1500"), strict=True):
        argv = ["--first", "70000000", "--count", "3", "--size", "1280x720", "--distance", distance]
        assets = ["--assets", str(shared_dir / "assets")]
        assert main(["synthesize", "pictures", "--out", str(folder), *argv, *assets]) == 0
    figures = tmp_path / "figures.json"
    pictures = ["--pictures", *map(str, folders), "--json", str(figures)]
    assert main(["evaluate", "pictures", *pictures, "--runtime", "onnxruntime"]) == 0
    near, far = json.loads(figures.read_text())["folders"].values()
    # Of the face's centre, which lies a little nearer or further than the eyes.
    assert near["distance_mm"] == pytest.approx(600, abs=30) and far["distance_mm"] == pytest.approx(
        1500, abs=30
    )
    assert near["found_in_the_whole"] == 3 and far["found_in_the_whole"] == 0 and far["found"] == 3
    assert near["face_px"] == pytest.approx(2.5 * far["face_px"], rel=0.15)
    # Directions are those of people who were moved along their own ray of the camera.
    truths = [json.loads((folder / "70000001.json").read_text()) for folder in folders]
    # The face's centre lies beside the eyes, so its direction to a target that is moved along turns a little.
    np.testing.assert_allclose(*(truth["direction_cam"] for truth in truths), atol=0.01)
    assert "in parts" in capsys.readouterr().out
