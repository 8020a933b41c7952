"""Single pictures: what their JSON says is what they show."""

import json

import cv2
import numpy as np
import pytest
from opencv_projection import projected

from gaze.camera import Camera
from gaze.cli import main as gaze
from gaze.errors import DataError
from gaze.geometry import angular_error_deg, vector_from_angles
from gaze.landmarks import create_detector
from gaze.synthesis import pictures
from gaze.synthesis.mesh import LANDMARKS_68
from gaze.synthesis.pictures import is_whole, picture_path, prepare_folder, sample_webcam, write_pictures
from gaze.types import Frame

# Corners of eyes and mouth among the 68 points, and MediaPipe's numbers for them.
CORNERS, MEDIAPIPE = [36, 39, 42, 45, 48, 54], [33, 133, 362, 263, 61, 291]


@pytest.fixture(scope="module")
def webcam(assets_dir, tmp_path_factory):
    """Folder of three webcam frames, seeds 4 to 6, made by the command."""
    folder = tmp_path_factory.mktemp("webcam")
    argv = ["--out", str(folder), "--first", "4", "--count", "3", "--assets", str(assets_dir)]
    assert gaze(["synthesize", "pictures", *argv]) == 0
    return folder


def read(folder, seed):
    path = picture_path(folder, seed)
    return cv2.imread(str(path)), json.loads(path.with_suffix(".json").read_text())


def camera_of(truth):
    content = truth["camera"]
    return Camera(content["K"], content["distortion"], content["width"], content["height"])


def test_px_are_the_projections_of_mm_through_the_distorting_lens(webcam):
    for seed in (4, 5, 6):
        picture, truth = read(webcam, seed)
        camera = camera_of(truth)
        assert picture.shape == (camera.height, camera.width, 3)
        assert np.abs(camera.distortion).max() > 0.001
        assert len(truth["landmarks_cam_mm"]) == len(truth["landmarks_px"]) == len(LANDMARKS_68)
        for mm, px in (
            (truth["landmarks_cam_mm"], truth["landmarks_px"]),
            (truth["eyes"]["centres_cam_mm"], truth["eyes"]["centres_px"]),
        ):
            # Thousandths of mm and px are rounded away.
            np.testing.assert_allclose(projected(camera, mm), px, atol=0.01)
        six_mm = np.array(truth["landmarks_cam_mm"])[CORNERS]
        np.testing.assert_allclose(six_mm.mean(axis=0), truth["origin_cam_mm"], atol=0.01)
        towards = np.subtract(truth["target_cam_mm"], truth["origin_cam_mm"])
        np.testing.assert_allclose(towards / np.linalg.norm(towards), truth["direction_cam"], atol=1e-4)


def test_a_face_is_found_where_the_landmarks_are(webcam):
    """MediaPipe knows nothing of the mesh. The median, since some corners of turned heads are hidden."""
    seen = 0
    with create_detector(static=True) as detector:
        for seed in (4, 5, 6):
            picture, truth = read(webcam, seed)
            for face in detector.detect(Frame(picture)):
                true_px = np.array(truth["landmarks_px"])[CORNERS]
                eyes_px = np.linalg.norm(true_px[3] - true_px[0])
                apart_px = np.linalg.norm(face.landmarks_px[MEDIAPIPE] - true_px, axis=1)
                assert np.median(apart_px) < 0.06 * eyes_px
                seen += 1
    assert seen >= 2


def test_crops_carry_the_labels_of_the_shards(assets_dir, tmp_path):
    argv = ["--out", str(tmp_path), "--count", "1", "--crops", "96", "--assets", str(assets_dir)]
    assert gaze(["synthesize", "pictures", *argv]) == 0
    picture, truth = read(tmp_path, 0)
    assert picture.shape == (96, 96, 3)
    normalised = np.array(truth["R_norm_cam"]) @ truth["direction_cam"]
    assert angular_error_deg(vector_from_angles(truth["pitch_yaw_rad"]), normalised) < 0.01
    assert truth["eye_open"] == truth["attributes"]["eye_open"]


def test_what_is_whole_is_kept_and_the_same_seed_gives_the_same_picture(webcam, assets_dir, capsys):
    before = picture_path(webcam, 5).read_bytes(), picture_path(webcam, 4).stat().st_mtime_ns
    picture_path(webcam, 5).with_suffix(".json").write_text("{")
    assert not is_whole(webcam, 5)
    argv = ["--out", str(webcam), "--first", "4", "--count", "3", "--assets", str(assets_dir)]
    assert gaze(["synthesize", "pictures", *argv]) == 0
    assert "1 pictures" in capsys.readouterr().out
    assert (picture_path(webcam, 5).read_bytes(), picture_path(webcam, 4).stat().st_mtime_ns) == before
    assert is_whole(webcam, 5)


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        (["--size", "320x240"], "size"),
        (["--distance", "900"], "distance_mm"),
        (["--crops", "96"], "kind, size"),
    ],
)
def test_pictures_of_other_settings_do_not_come_into_one_folder(webcam, assets_dir, capsys, options, setting):
    argv = ["--out", str(webcam), "--first", "4", "--count", "4", "--assets", str(assets_dir)]
    assert gaze(["synthesize", "pictures", *argv, *options]) == 1
    message = f"pictures.json: holds pictures of other settings ({setting}); give another --out"
    assert message in capsys.readouterr().err
    assert not picture_path(webcam, 7).exists()


def test_a_folder_is_of_one_renderer_and_its_panoramas(tmp_path, monkeypatch):
    for _ in range(2):
        prepare_folder(tmp_path / "a", (640, 480), 600.0, "of the panoramas")
    noted = json.loads((tmp_path / "a" / "pictures.json").read_text())
    assert (noted["kind"], noted["size"], noted["distance_mm"]) == ("webcam", [640, 480], 600.0)
    with pytest.raises(DataError, match=r"other settings \(environments_sha256\)"):
        prepare_folder(tmp_path / "a", (640, 480), 600.0, "of others")
    monkeypatch.setattr(pictures, "RENDERER", noted["renderer"] + 1)
    with pytest.raises(DataError, match=r"other settings \(renderer\)"):
        prepare_folder(tmp_path / "a", (640, 480), 600.0, "of the panoramas")


def test_nothing_is_added_to_pictures_of_unknown_settings(tmp_path):
    write_pictures(tmp_path, iter([(3, (np.zeros((8, 8, 3), np.uint8), {"schema": "gaze.picture/1"}))]))
    (tmp_path / "figures.json").write_text("{}")
    with pytest.raises(DataError, match=r"pictures without pictures.json, .*; give another --out"):
        prepare_folder(tmp_path, 8, None, "of the panoramas")
    # Other files in a folder are no pictures.
    picture_path(tmp_path, 3).with_suffix(".json").unlink()
    prepare_folder(tmp_path, 8, None, "of the panoramas")


def test_missing_assets_are_told_before_the_folder_is_begun(tmp_path, capsys):
    options = ["--out", str(tmp_path / "out"), "--assets", str(tmp_path)]
    assert gaze(["synthesize", "pictures", *options]) == 1
    assert "fetch-assets" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_lenses_can_be_undone():
    rng = np.random.default_rng(3)
    for _ in range(20):
        camera = sample_webcam(rng, 640, 480)
        px = np.array([[0.0, 0.0], [639.0, 479.0], [320.0, 0.0]])
        np.testing.assert_allclose(camera.project(camera_rays(camera, px)), px, atol=0.06)


def camera_rays(camera, px):
    ideal = camera.undistort(px)
    return np.concatenate([ideal, np.ones((len(px), 1))], axis=1) @ np.linalg.inv(camera.K).T * 500.0


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose another --out"):
        write_pictures(tmp_path / "file", iter([(0, (np.zeros((8, 8, 3), np.uint8), {}))]))


def test_crops_have_no_distance(tmp_path, capsys):
    assert gaze(["synthesize", "pictures", "--out", str(tmp_path), "--crops", "96", "--distance", "900"]) == 2
    assert "leave it or --crops out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "out", "message"),
    [
        ("clip", ".", "a clip is saved as .mp4, .mkv, .avi, .mov"),
        ("clip", "clip", "a clip is saved as .mp4"),
        ("clip", "file/clip.mp4", "cannot be written"),
        ("sheet", "sheet.gif", "a picture is saved as .png"),
        ("rigid-table", "file/table.json", "cannot be written"),
        ("upright", "file/upright.json", "cannot be written"),
    ],
)
def test_a_name_that_cannot_be_written_is_told_first(tmp_path, monkeypatch, capsys, command, out, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "shard_000000.npz").write_bytes(b"")
    options = ["--shards", "."] if command == "upright" else ["--assets", "nowhere"]
    assert gaze(["synthesize", command, "--out", out, *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("pictures", ["--size", "10x10"]),
        ("pictures", ["--crops", "5"]),
        ("pictures", ["--count", "0"]),
        ("pictures", ["--size", "a"]),
        ("clip", ["--size", "640"]),
        ("clip", ["--size", "32x480"]),
        ("clip", ["--hfov", "200"]),
        ("clip", ["--fps", "0"]),
        ("clip", ["--fps", "100000"]),
        ("clip", ["--seconds", "nan"]),
        ("sheet", ["--size", "8"]),
        ("sheet", ["--rows", "0"]),
        ("shards", ["--workers", "0"]),
        ("mpiifacegaze", ["--persons", "101"]),
        ("mpiifacegaze", ["--landmark-noise-px", "nan"]),
    ],
)
def test_wrong_use(command, options, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        gaze(["synthesize", command, "--out", str(tmp_path / "out"), *options])
    assert ended.value.code == 2
    assert f"argument {options[0]}: '{options[1]}' " in capsys.readouterr().err
