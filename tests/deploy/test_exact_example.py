"""The one real picture with an exact label, through `gaze run --truth`: what docs/training.md says of it."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.run_command import main
from gaze.camera import Camera
from gaze.geometry import unit
from gaze.head_pose import face_centre_cam_mm, head_pose_from_six_points
from gaze.model_spec import DEFAULT_MODEL

DOCUMENT = Path(__file__).parents[2] / "docs/training.md"
LANDMARKS_PX = np.array([[551, 408], [603, 405], [698, 398], [755, 393], [603, 566], [724, 557]], float)
TARGET_CAM_MM = np.array([-127.790719, 4.621111, -12.025310])
WAYS = [
    ("gaze_mobilenetv2", "--average-mirror"),
    ("gaze_mobilenetv2", "--no-average-mirror"),
    ("gaze_mobilenetv2_112", "--no-average-mirror"),
    ("gaze_mobilenetv2_112", "--average-mirror"),
]


@pytest.fixture(scope="module")
def example(shared_dir, tmp_path_factory):
    """The picture and its truth, from camera, landmarks and target as the data set's authors made it."""
    real = shared_dir / "real" / "mpiifacegaze"
    storage = cv2.FileStorage(str(real / "calibration" / "cameraCalib.xml"), cv2.FILE_STORAGE_READ)
    K, distortion = (storage.getNode(name).mat() for name in ("camera_matrix", "cam_distortion"))
    camera = Camera(K, distortion.reshape(-1), 1280, 720)
    centre = face_centre_cam_mm(head_pose_from_six_points(LANDMARKS_PX, camera))
    true = {"direction_cam": unit(TARGET_CAM_MM - centre).tolist(), "origin_cam_mm": centre.tolist()}
    lines = [{"schema": "gaze.truth/1", "camera": camera.as_json()}, {"frame": 0, "faces": [true]}]
    truth = tmp_path_factory.mktemp("example") / "example.truth.jsonl"
    truth.write_text("\n".join(map(json.dumps, lines)))
    return real / "example" / "day01_0087.jpg", truth


def documented_deg():
    """The errors in the order of WAYS."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("On the one MPIIFaceGaze example")[2]
    return [float(value) for value in re.findall(r"(\d\.\d\d)°", text.partition("truth file")[0])]


@pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the trained network is not in this checkout")
@pytest.mark.usefixtures("landmark_models")
@pytest.mark.parametrize("way", range(len(WAYS)))
def test_the_documented_errors_are_printed(example, caplog, way):
    picture, truth = example
    name, mirror = WAYS[way]
    caplog.set_level("INFO", logger="gaze")
    options = ["--source", str(picture), "--truth", str(truth), "--no-window", "--model", name, mirror]
    assert main(options) == 0
    (told,) = [message for message in caplog.messages if message.startswith("mean angular error")]
    assert told.endswith("over 1 of 1 true gazes")
    assert float(told.split()[3]) == pytest.approx(documented_deg()[way], abs=0.1)
