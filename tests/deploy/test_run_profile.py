"""`gaze run --profile` on the bundled clip, with a network that always says the same."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from fixed_model import write_fixed_model

from calibration.person import Correction, Prior
from calibration.profile import Profile
from calibration.screen_presets import PRESETS, placed_screen
from deploy import run_command
from deploy.run_command import main
from deploy.truth import load_truth
from gaze.camera import Camera
from gaze.cli import main as gaze
from gaze.errors import CalibrationError, SourceError, UsageError
from gaze.model_spec import load_model_spec

CLIP = Path(__file__).resolve().parents[2] / "deploy" / "assets" / "demo.mp4"
SCREEN = placed_screen(PRESETS["laptop"], (1920, 1080), (344.0, 194.0), "panel")


def offset_only(offset_rad):
    """A correction of one constant offset."""
    looks = np.zeros((3, 5))
    looks[:, 0] = (-0.1, 0.0, 0.1)
    offsets = np.tile(np.asarray(offset_rad, dtype=float), (3, 1))
    return Correction(Prior("offset"), looks, offsets, np.full(3, 1e-6), np.eye(2) * 1e-4, 0.01, 0.01, 0.1)


@pytest.fixture
def made(tmp_path, monkeypatch, landmark_models):
    """(model path, profile) in a folder of its own; the network looks straight at the camera."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    model = write_fixed_model(tmp_path / "fixed.onnx", 0.0, 0.0)
    camera = load_truth(CLIP.with_suffix(".truth.jsonl")).camera
    profile = Profile(
        "Ada", "now", camera, (SCREEN,), "fixed", load_model_spec(model).sha256, offset_only((0.0, 0.0))
    )
    return str(model), profile


def run(model, *options):
    once = "--no-average-mirror"  # the mean of a fixed answer and its mirror image would have no yaw
    return main(["--source", str(CLIP), "--model", model, once, "--no-window", "--no-progress", *options])


def faces_of(path):
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [face for line in lines for face in line["faces"] if face["point_of_gaze"]], lines


def test_point_of_gaze_of_every_frame(made, caplog):
    model, profile = made
    profile.save("profile.json")
    options = ("--profile", "profile.json", "--jsonl", "out.jsonl", "--frames", "40", "--save", "out.mp4")
    assert run(model, *options, "--heatmap", "heat.png", "--scanpath", "path.png") == 0
    faces, lines = faces_of("out.jsonl")
    assert len(faces) > 30
    for face in faces:
        # Looking into the lens: above the middle of the top edge.
        assert face["point_of_gaze"]["screen_mm"] == pytest.approx([172.0, -8.0], abs=2.0)
        assert face["point_of_gaze"]["on_screen"] is False
        assert face["point_of_gaze"]["screen"] == "panel"
    assert all("point_of_gaze" in face for line in lines for face in line["faces"])
    assert "no point of gaze was on the screen" in caplog.text
    assert not Path("heat.png").exists()
    assert cv2.imread("path.png") is not None


def test_the_profiles_size_is_asked_for_however_the_lens_is_stated(made, monkeypatch):
    _, profile = made
    profile.save("profile.json")
    Camera.from_hfov(65.0, 1920, 1080).save("camera.json")
    asked = []

    def no_camera(source, *, size, **others):
        asked.append(size)
        raise SourceError("no camera")

    monkeypatch.setattr(run_command, "open_source", no_camera)
    for stated in ((), ("--hfov", "65"), ("--camera", "camera.json"), ("--size", "320x240")):
        with pytest.raises(SourceError, match="no camera"):
            main(["--profile", "profile.json", "--no-window", *stated])
    own = (profile.camera.width, profile.camera.height)
    assert own == (640, 480)
    assert asked == [own, own, own, (320, 240)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--heatmap", "profile.json/heat.png"), "cannot be written"),
        (("--scanpath", "path.gif"), "a picture is saved as .png"),
        (("--areas", "areas.json", "--dwell", "."), "is a folder"),
    ],
)
def test_what_is_written_at_the_end_is_tried_at_the_start(made, options, message):
    model, profile = made
    profile.save("profile.json")
    areas = [{"name": "all", "rect_px": [0, 0, 1920, 1080]}]
    Path("areas.json").write_text(json.dumps({"schema": "gaze.areas/1", "areas": areas}))
    with pytest.raises(UsageError, match=message):
        run(model, "--profile", "profile.json", "--jsonl", "out.jsonl", *options)
    assert not Path("out.jsonl").exists()


def test_correction_moves_the_point(made):
    model, profile = made
    down = dataclasses.replace(profile, correction=offset_only((np.deg2rad(-10.0), 0.0)))
    down.save("profile.json")
    options = ("--profile", "profile.json", "--jsonl", "out.jsonl", "--frames", "40")
    assert run(model, *options, "--heatmap", "heat.png", "--scanpath", "path.png") == 0
    faces, _ = faces_of("out.jsonl")
    for face in faces:
        distance = face["gaze"]["origin_cam_mm"][2]
        y = face["point_of_gaze"]["screen_mm"][1]
        # Ten degrees below the lens, about the distance of the face away.
        assert y == pytest.approx(-8.0 + distance * np.tan(np.deg2rad(10.0)), rel=0.25)
        assert face["point_of_gaze"]["on_screen"] is True
        assert np.linalg.eigvalsh(face["point_of_gaze"]["covariance_mm2"]).min() > 0
    assert cv2.imread("heat.png").shape == cv2.imread("path.png").shape == (900, 1600, 3)
    # The camera of the profile was taken: without it the distance would be that of a guessed lens.
    assert 400 < faces[0]["gaze"]["origin_cam_mm"][2] < 700


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: dataclasses.replace(p, model_sha256="00" * 32), "the network differs"),
        (lambda p: dataclasses.replace(p, camera=p.camera.resized(1280, 960)), "resolution differs"),
    ],
)
def test_profile_of_something_else_stops_the_run(made, change, message):
    model, profile = made
    change(profile).save("profile.json")
    with pytest.raises(CalibrationError, match=message):
        run(model, "--profile", "profile.json", "--jsonl", "out.jsonl")


def test_other_intrinsics_on_the_command_line_are_refused(made):
    model, profile = made
    profile.save("profile.json")
    with pytest.raises(CalibrationError, match="the camera differs"):
        run(model, "--profile", "profile.json", "--jsonl", "out.jsonl", "--hfov", "100")


def test_exit_codes_of_the_command_line(made, capsys):
    model, profile = made
    profile.save("profile.json")
    Path("profile.json").write_text(Path("profile.json").read_text()[:500])
    common = ["run", "--source", str(CLIP), "--model", model, "--no-window", "--jsonl", "o.jsonl"]
    assert gaze([*common, "--profile", "profile.json"]) == 1
    assert "profile.json: is not JSON" in capsys.readouterr().err
    assert gaze([*common, "--heatmap", "h.png"]) == 2
    assert "need --profile" in capsys.readouterr().err
    assert gaze([*common, "--profile", "absent.json", "--dwell", "d.json"]) == 2, "before anything is opened"
    assert "give them with --areas" in capsys.readouterr().err
