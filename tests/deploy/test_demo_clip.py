"""The live loop on the clip that comes with the package: rendered people with exact ground truth."""

import json

import numpy as np
import pytest
from fixed_model import write_fixed_model
from loop_fakes import read_clip

from deploy.demo import CLIP, CLIP_TRUTH
from deploy.pipeline import Pipeline
from deploy.run_command import main
from deploy.truth import load_truth
from gaze.estimator import GazeEstimator
from gaze.geometry import angular_error_rad
from gaze.model_spec import DEFAULT_MODEL
from gaze.types import Frame

pytestmark = pytest.mark.skipif(not CLIP.is_file(), reason="the demo clip is not in this checkout")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network that says "into the camera" to every face."""
    return str(write_fixed_model(tmp_path_factory.mktemp("model") / "fixed.onnx"))


@pytest.fixture(scope="module")
def played(tmp_path_factory, model, landmark_models):
    """The files of one headless demo run."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DISPLAY", raising=False)
        patch.setattr("deploy.demo.camera_problem", lambda index: "none here")
        assert main(["--demo", "--model", model, "--out", str(folder)]) == 0
    return folder


def test_the_truth_fits_the_clip():
    truth = load_truth(CLIP_TRUTH)
    frames = read_clip(CLIP)
    assert len(truth.frames) == len(frames) > 100
    assert frames[0].shape == (truth.camera.height, truth.camera.width, 3)


def test_the_headless_demo_writes_its_files(played):
    lines = [json.loads(line) for line in (played / "demo.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(len(load_truth(CLIP_TRUTH).frames)))
    assert len(read_clip(played / "demo.mp4")) == len(lines)
    assert sum(line["status"] == "OK" for line in lines) > 0.9 * len(lines)


def test_faces_are_where_the_truth_has_them(played):
    """Gaze origins within 3 cm sideways of the rendered face centre, and 12 % in distance."""
    truth = load_truth(CLIP_TRUTH)
    sideways, distance = [], []
    for line in map(json.loads, (played / "demo.jsonl").read_text().splitlines()):
        for face in line["faces"]:
            if face["gaze"] is None:
                continue
            (true,) = truth.frames[line["frame"]]
            origin = np.array(face["gaze"]["origin_cam_mm"])
            sideways.append(np.abs(origin / origin[2] - true.origin_cam_mm / true.origin_cam_mm[2])[:2].max())
            distance.append(origin[2] / true.origin_cam_mm[2])
    assert np.percentile(sideways, 95) * 550 < 30
    assert 0.88 < np.median(distance) < 1.12


def test_blinks_of_the_rendered_people_are_gated(played):
    """Where the truth has both eyes shut there is no gaze; where they are wide open there is one."""
    truth_lines = [json.loads(line) for line in CLIP_TRUTH.read_text().splitlines()[1:]]
    lines = [json.loads(line) for line in (played / "demo.jsonl").read_text().splitlines()]
    for true, line in zip(truth_lines, lines, strict=True):
        openness = np.mean(true["faces"][0]["eye_open"])
        if openness < 0.05:
            assert all(face["gaze"] is None for face in line["faces"]), line["frame"]
    wide = [
        line["status"] == "OK"
        for true, line in zip(truth_lines, lines, strict=True)
        if min(true["faces"][0]["eye_open"]) > 0.6
    ]
    assert np.mean(wide) > 0.97


@pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the trained network is not in this checkout")
@pytest.mark.usefixtures("landmark_models")
def test_the_shipped_network_sees_where_the_rendered_people_look(caplog, monkeypatch, tmp_path):
    """Its mean error is printed at the end and far below that of "into the camera" (18 degrees)."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr("deploy.demo.camera_problem", lambda index: "none here")
    caplog.set_level("INFO", logger="gaze")
    assert main(["--demo", "--out", str(tmp_path)]) == 0
    (told,) = [message for message in caplog.messages if message.startswith("mean angular error")]
    assert float(told.split()[3]) < 9.0


@pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the trained network is not in this checkout")
@pytest.mark.usefixtures("landmark_models")
def test_a_mirrored_clip_gives_mirrored_gaze():
    """Through detector, head pose, normalisation and the shipped network: within 3 degrees in the median."""
    camera = load_truth(CLIP_TRUTH).camera
    differences = []
    with (
        GazeEstimator.create(camera, static=True) as plain,
        GazeEstimator.create(camera, static=True) as mirrored,
    ):
        loops = Pipeline(plain, sequence=False), Pipeline(mirrored, sequence=False)
        for index, image in enumerate(read_clip(CLIP)[::15]):
            pictures = image, np.ascontiguousarray(image[:, ::-1])
            rays = []
            for loop, picture in zip(loops, pictures, strict=True):
                estimates = loop.process(Frame(picture, index, index / 15)).estimates
                rays += [estimate.ray.direction_cam for estimate in estimates if estimate.ray is not None]
            if len(rays) == 2:
                differences.append(np.rad2deg(angular_error_rad(rays[0], rays[1] * (-1, 1, 1))))
    assert len(differences) >= 7
    assert np.median(differences) < 3.0
