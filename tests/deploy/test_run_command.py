import contextlib
import io
import json
import re
import shutil
import sys
import threading

import cv2
import numpy as np
import pytest
from loop_fakes import read_clip, records, write_clip

from deploy.display.window import DisplayError
from deploy.run_command import main
from deploy.sinks import SinkError, open_sinks
from deploy.sources.captures import open_url
from gaze import cli
from gaze.camera import Camera
from gaze.errors import GazeError, ModelError, SourceError, UsageError

pytestmark = pytest.mark.usefixtures("elsewhere")


def run(model, source, *options):
    once = "--no-average-mirror"  # the mean of a fixed answer and its mirror image would have no yaw
    return main(["--source", str(source), "--model", model, once, "--no-window", "--hfov", "60", *options])


def test_a_clip_without_people(tmp_path, model, caplog):
    caplog.set_level("INFO", logger="gaze")
    clip = write_clip(tmp_path / "clip.mp4", 12)
    files = ("--save", "deep/out.mp4", "--jsonl", "out.jsonl", "--csv", "out.csv", "--status-file", "s.json")
    assert run(model, clip, *files) == 0
    assert [(r["frame"], r["status"], r["faces"]) for r in records(tmp_path / "out.jsonl")] == [
        (i, "NO_FACE", []) for i in range(12)
    ]
    assert len(read_clip(tmp_path / "deep" / "out.mp4")) == 12
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 13
    assert "12 frames (12 NO_FACE)" in caplog.messages
    status = json.loads((tmp_path / "s.json").read_text())
    assert (status["state"], status["frames"], status["last_status"]) == ("ended", 12, "NO_FACE")
    assert any(message.startswith("runtime auto: ") for message in caplog.messages)


def test_a_film_that_opens_late_is_saved_at_its_own_rate(tmp_path, model, monkeypatch):
    """A URL is opened by a thread, which may take longer than all else that a run needs."""
    film = write_clip(tmp_path / "film.avi", 6, fps=10.0, codec="MJPG")
    ready = threading.Event()

    def open_late(url):
        assert ready.wait(60)
        return open_url(url)

    @contextlib.contextmanager
    def open_sinks_first(**options):
        with open_sinks(**options) as sinks:
            ready.set()
            yield sinks

    monkeypatch.setattr("deploy.sources.open_url", open_late)
    monkeypatch.setattr("deploy.run_command.open_sinks", open_sinks_first)
    assert run(model, film.as_uri(), "--save", "out.avi") == 0
    assert cv2.VideoCapture("out.avi").get(cv2.CAP_PROP_FPS) == 10.0
    assert len(read_clip("out.avi")) == 6


def test_a_terminal_sees_how_far_a_file_is_and_the_time_left(tmp_path, model, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    clip = write_clip(tmp_path / "clip.mp4", 12)
    bar = r"100%.* 12/12 \[\d\d:\d\d<00:00, .*frame"
    for options, seen in (((), True), (("--no-progress",), False)):
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        assert run(model, clip, *options) == 0
        assert (re.search(bar, terminal.getvalue()) is not None) == seen


def test_people_on_real_video(tmp_path, model, shared_dir):
    """Every frame has its line; the fixed network's 0.2 rad arrive, turned into the camera's frame."""
    clip = shared_dir / "real" / "samples" / "video04.mp4"
    options = ("--jsonl", "out.jsonl", "--frames", "40", "--max-faces", "2", "--save", "out.mp4")
    assert run(model, clip, *options) == 0
    lines = records(tmp_path / "out.jsonl")
    assert [line["frame"] for line in lines] == list(range(40))
    faces = [face for line in lines for face in line["faces"]]
    assert {face["id"] for face in faces} == {0, 1}
    good = [face for face in faces if face["status"] == "OK"]
    assert len(good) > 50
    for face in good:
        origin, direction = (np.array(face["gaze"][key]) for key in ("origin_cam_mm", "direction_cam"))
        towards_camera = -origin / np.linalg.norm(origin)
        assert np.arccos(direction @ towards_camera) == pytest.approx(0.2, abs=1e-4)
        assert 300 < origin[2] < 2000
    assert len(read_clip(tmp_path / "out.mp4")) == 40


def test_pictures_and_folders(tmp_path, model, shared_dir, caplog):
    caplog.set_level("INFO", logger="gaze")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("image00.jpg", "image01.jpg"):
        shutil.copy(shared_dir / "real" / "samples" / name, folder)
    (folder / "notes.txt").write_text("x")
    (folder / "broken.png").write_text("x")
    assert run(model, folder, "--jsonl", "out.jsonl", "--smooth") == 0
    assert [line["status"] for line in records(tmp_path / "out.jsonl")] == ["OK", "OK"]
    told = "\n".join(caplog.messages)
    assert "1 files are no pictures and are left out" in told
    assert "left out: " in told
    assert "broken.png" in told


def test_a_face_upside_down_and_half_a_face(tmp_path, model, shared_dir):
    """No crash and no wild answer: a status, whatever the landmarks make of it."""
    image = cv2.imread(str(shared_dir / "real" / "samples" / "image01.jpg"))
    folder = tmp_path / "odd"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), image[::-1])
    cv2.imwrite(str(folder / "2.png"), image[:, : image.shape[1] // 2])
    assert run(model, folder, "--jsonl", "out.jsonl") == 0
    for line in records(tmp_path / "out.jsonl"):
        assert line["status"] in {"OK", "NO_FACE", "POSE_FAILED", "BLINK", "BLUR"}
    assert records(tmp_path / "out.jsonl")[0]["status"] in {"NO_FACE", "POSE_FAILED"}


@pytest.mark.parametrize("size", [(1, 1), (7680, 4320)])
def test_a_pixel_and_eight_k(tmp_path, model, size):
    cv2.imwrite("picture.png", np.zeros((size[1], size[0]), np.uint8))
    assert run(model, "picture.png", "--jsonl", "out.jsonl") == 0
    assert records(tmp_path / "out.jsonl")[0]["status"] == "NO_FACE"


def test_twenty_faces(tmp_path, model, shared_dir):
    portrait = cv2.imread(str(shared_dir / "real" / "validation_faces" / "r0c0.png"))
    tile = cv2.resize(portrait, (288, 288), interpolation=cv2.INTER_AREA)
    cv2.imwrite("crowd.png", np.vstack([np.hstack([tile] * 5)] * 4))
    assert run(model, "crowd.png", "--jsonl", "out.jsonl", "--max-faces", "20") == 0
    faces = records(tmp_path / "out.jsonl")[0]["faces"]
    assert len({face["id"] for face in faces}) == len(faces)
    assert 15 <= len(faces) <= 20


def test_no_display_and_nothing_to_write(tmp_path, model):
    if not sys.platform.startswith("linux"):
        pytest.skip("X displays are Linux's")
    clip = str(write_clip(tmp_path / "clip.mp4", 3))
    with pytest.raises(DisplayError, match=r"DISPLAY is not set; use --no-window with --save out\.mp4"):
        main(["--source", clip, "--model", model])
    with pytest.raises(DisplayError):
        main(["--source", clip, "--model", model, "--window", "--jsonl", "o.jsonl"])
    assert main(["--source", clip, "--model", model, "--jsonl", "o.jsonl"]) == 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (("--source", "missing.mp4"), SourceError, "no such file or folder"),
        (("--model", "missing.onnx"), ModelError, "no such model file"),
        (("--model", "empty.onnx"), GazeError, "is empty"),
        (("--save", "clip.mp4/out.mp4"), SinkError, "cannot be written"),
        (("--jsonl", "same", "--csv", "same"), UsageError, "would overwrite what --jsonl writes"),
        (("--camera", "nan.json"), GazeError, "NaN"),
        (("--camera", "singular.json"), GazeError, "positive focal lengths"),
        (("--camera", "shape.json"), GazeError, "K must be 3x3"),
        (("--camera", "missing.json"), GazeError, "cannot be read"),
        (("--runtime", "nosuch"), UsageError, "no runtime 'nosuch'"),
        (("--truth", "clip.mp4"), GazeError, "clip.mp4"),
    ],
)
def test_broken_set_ups(tmp_path, model, options, error, message):
    write_clip(tmp_path / "clip.mp4", 3)
    (tmp_path / "empty.onnx").touch()
    good = Camera.from_hfov(60, 160, 120)
    for name, K in (
        ("nan", [[float("nan"), 0, 1], [0, 1, 1], [0, 0, 1]]),
        ("singular", [[0, 0, 80], [0, 100, 60], [0, 0, 1]]),
        ("shape", [[1, 0, 0, 0]] * 3),
    ):
        good.save(tmp_path / f"{name}.json")
        content = json.loads((tmp_path / f"{name}.json").read_text())
        (tmp_path / f"{name}.json").write_text(json.dumps({**content, "K": K}))
    argv = ["--source", "clip.mp4", "--model", model, "--no-window", *options]
    with pytest.raises(error, match=message):
        main(argv)


def test_a_model_that_was_cut_is_refused(tmp_path, model):
    for suffix in (".onnx", ".json"):
        shutil.copy(model.replace(".onnx", suffix), tmp_path / f"cut{suffix}")
    content = (tmp_path / "cut.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="truncated or altered"):
        run(str(tmp_path / "cut.onnx"), write_clip(tmp_path / "clip.mp4", 3))


def test_a_run_that_cannot_start_keeps_the_files_of_an_earlier_one(tmp_path, model):
    clip = write_clip(tmp_path / "clip.mp4", 3)
    files = {"--save": tmp_path / "o.avi", "--jsonl": tmp_path / "o.jsonl", "--csv": tmp_path / "o.csv"}
    options = [str(part) for pair in files.items() for part in pair]
    assert run(model, clip, *options) == 0
    earlier = {path: path.read_bytes() for path in files.values()}
    assert all(earlier.values())
    with pytest.raises(ModelError, match="no such Face Landmarker file"):
        run(model, clip, *options, "--landmarks", "tasks", "--landmark-model", "absent.task")
    with pytest.raises(ModelError, match="no such model file"):
        run("absent.onnx", clip, *options)
    with pytest.raises(SourceError, match="camera 97 cannot be opened"):
        run(model, "97", *options)
    assert {path: path.read_bytes() for path in files.values()} == earlier


def test_the_command_line_tells_errors_without_a_traceback(tmp_path, model, capsys):
    assert cli.main(["run", "--source", "missing.mp4", "--no-window", "--model", model]) == 1
    assert cli.main(["run", "--loop", "--source", "-", "--no-window", "--model", model]) == 2
    told = capsys.readouterr().err
    assert "gaze run: missing.mp4: no such file or folder" in told
    assert "gaze run: --loop plays video files" in told


def test_a_guessed_camera_is_told(tmp_path, model, caplog):
    clip = str(write_clip(tmp_path / "clip.mp4", 3))
    main(["--source", clip, "--model", model, "--no-window", "--jsonl", "o.jsonl"])
    assert any("horizontal field of view of 65 degrees is assumed" in message for message in caplog.messages)


def test_ground_truth_is_compared(tmp_path, model, caplog):
    caplog.set_level("INFO", logger="gaze")
    clip = write_clip(tmp_path / "clip.mp4", 3)
    camera = Camera.from_hfov(60, 160, 120)
    head = {"K": camera.K.tolist(), "distortion": [], "width": 160, "height": 120}
    face = {"id": 0, "direction_cam": [0, 0, -1], "origin_cam_mm": [0, 0, 600], "eye_open": [1, 1]}
    lines = [{"schema": "gaze.truth/1", "camera": head}, {"frame": 0, "t_s": 0, "faces": [face]}]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["--source", str(clip), "--model", model, "--no-window", "--truth", "t.jsonl"]) == 0
    assert "no gaze to compare with the ground truth in 1 true faces" in caplog.messages
    assert not any("is assumed" in message for message in caplog.messages)
