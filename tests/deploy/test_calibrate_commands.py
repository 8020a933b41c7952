import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from loop_fakes import SIZE, FakeEstimator, ListSource, make_estimate, noise

from calibration.displays import Display
from calibration.mirror_capture import shown_board
from calibration.plan import Plan
from calibration.profile import Profile
from calibration.screen import load_screens
from calibration.session import Session
from deploy.calibrate_board import main as board_command
from deploy.calibrate_camera import main as camera_command
from deploy.calibrate_check import main as check_command
from deploy.calibrate_command import STAGES, main, usage
from deploy.calibrate_common import run_session
from deploy.calibrate_feed import CameraFeed, Setup
from deploy.calibrate_person import main as person_command
from deploy.calibrate_screen import main as screen_command
from gaze.camera import Camera
from gaze.errors import CalibrationError, DataError, GazeError, SourceError, UsageError
from gaze.types import Status

PANEL = ["--resolution", "1920x1080", "--size-mm", "344x194"]
DRY = ["--no-window", *PANEL]


@pytest.fixture(autouse=True)
def no_display(monkeypatch, tmp_path):
    """Every test in a folder of its own, on a machine whose displays cannot be read."""
    monkeypatch.chdir(tmp_path)
    for module in ("calibrate_screens", "calibrate_common", "calibrate_board", "calibrate_check"):
        monkeypatch.setattr(f"deploy.{module}.find_displays", lambda: [])


def test_stages_exist_and_have_help(capsys):
    assert main(["--help"]) == 0
    assert main([]) == 2
    for name in STAGES:
        assert name in usage()
        with pytest.raises(SystemExit) as caught:
            main([name, "--help"])
        assert caught.value.code == 0
        assert f"gaze calibrate {name}" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no such stage: 'eyes'"):
        main(["eyes"])


def test_person_from_nothing_to_a_profile(tmp_path, capsys):
    code = person_command(
        ["--simulate", "3", *DRY, "--points", "5", "--validation", "4", "--picture", "hits.png"]
    )
    assert code == 0
    text = capsys.readouterr().out
    assert "on targets that were not used" in text
    assert "gaze run --profile profile.json" in text
    profile = Profile.load("profile.json")
    after, before = profile.accuracy["after"], profile.accuracy["before"]
    assert after["accuracy_deg"] < 0.9
    assert before["accuracy_deg"] > 2 * after["accuracy_deg"]
    assert len(after["targets"]) == 4
    assert cv2.imread("hits.png").shape == (900, 1600, 3)
    # What was collected is kept beside it, without a picture.
    session = Session.load("profile.session.json")
    assert session.taken == (9, 9)
    assert Setup.from_json(session.setup).model_sha256 == "simulated"


def test_refit_with_another_model_and_screen_estimate(capsys):
    person_command(["--simulate", "3", *DRY, "--points", "9", "--positions", "2", "--preset", "above"])
    first = Profile.load("profile.json")
    code = person_command([
        "--refit", "profile.session.json", "--kind", "affine", "--estimate-screen", "--out", "again.json",
    ])  # fmt: skip
    assert code == 0
    again = Profile.load("again.json")
    assert again.correction.kind == "affine"
    assert again.screen.pose_source == "gaze"
    assert again.screen.position_sd_mm < first.screen.position_sd_mm
    assert "screen pose from gaze" in capsys.readouterr().out
    assert screen_command(["--from-session", "profile.session.json", "--out", "found.json"]) == 0
    assert load_screens("found.json")[0].t_cam_mm == pytest.approx(again.screen.t_cam_mm)


def test_check_holds_for_the_same_person_and_not_for_another(capsys):
    person_command(["--simulate", "3", *DRY, "--points", "9"])
    check = ["--profile", "profile.json", "--no-window"]
    assert check_command([*check, "--simulate", "3"]) == 0
    assert "the profile holds" in capsys.readouterr().out
    assert check_command([*check, "--simulate", "4"]) == 1
    assert "--correct" in capsys.readouterr().out
    assert check_command([*check, "--simulate", "4", "--correct", "--out", "mended.json"]) == 0
    assert check_command(["--profile", "mended.json", "--no-window", "--simulate", "4"]) == 0
    assert Profile.load("profile.json").correction.drift_rad == (0.0, 0.0)


class Interrupted:
    """A stop signal that comes after so many targets."""

    def __init__(self, session, after):
        self.session, self.after = session, after

    @property
    def requested(self):
        return self.session.taken[0] >= self.after


def test_stopped_in_the_middle_nothing_is_lost_and_it_goes_on(monkeypatch):
    import deploy.calibrate_person as module

    real = run_session
    monkeypatch.setattr(module, "run_session", lambda s, f, w, stop: real(s, f, w, Interrupted(s, 4)))
    with pytest.raises(
        CalibrationError, match=r"4 of 15 targets.*it was stopped.*--resume profile.session.json"
    ):
        person_command(["--simulate", "3", *DRY])
    monkeypatch.setattr(module, "run_session", real)
    assert Session.load("profile.session.json").taken == (4, 15)
    assert person_command(["--resume", "profile.session.json", "--simulate", "3", "--no-window"]) == 0
    assert Session.load("profile.session.json").taken == (15, 15)


def test_resume_with_another_network_is_refused(monkeypatch):
    person_command(["--simulate", "3", *DRY, "--points", "4", "--validation", "0"])
    content = json.loads(Path("profile.session.json").read_text())
    content["setup"]["model_sha256"] = "other"
    del content["kept"]["target 2"]
    Path("part.json").write_text(json.dumps(content))
    with pytest.raises(CalibrationError, match="start again"):
        person_command(["--resume", "part.json", "--simulate", "3", "--no-window"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--no-window"], UsageError, "--no-window needs --simulate"),
        (["--resume", "a", "--refit", "b"], UsageError, "exclude each other"),
        (["--simulate", "1", *DRY, "--head", "2"], UsageError, "--head needs at least 8 seconds"),
        (["--simulate", "1", *DRY, "--validation", "-1"], UsageError, "must not be negative"),
        (["--simulate", "1", "--no-window"], CalibrationError, "no display can be read"),
        (["--simulate", "1", "--no-window", "--resolution", "1920x1080"], CalibrationError, "--card"),
        (["--simulate", "1", "--no-window", *PANEL[:2], "--size-mm", "100x100"], CalibrationError, "square"),
        (["--simulate", "1", "--no-window", "--screens", "absent.json"], CalibrationError, "cannot be read"),
        (["--refit", "absent.json"], CalibrationError, "cannot be read"),
        (["--simulate", "1", *PANEL], GazeError, "no display"),
        (["--hfov", "70", "--webcam", "c920", *PANEL], UsageError, "exclude each other"),
    ],
)
def test_person_refuses_with_the_reason(arguments, error, message, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(error, match=message):
        person_command(arguments)


def test_refit_of_a_file_without_its_setup_is_refused():
    Session(Plan(points=4), _screen()).save("s.json")
    with pytest.raises(CalibrationError, match="does not say what camera"):
        person_command(["--refit", "s.json"])


def _screen():
    screen_command([*PANEL, "--out", "screens.json"])
    return load_screens("screens.json")[0]


def test_screen_by_preset_tape_and_add(capsys):
    screen_command([*PANEL, "--preset", "laptop", "--name", "one"])
    screen_command([*PANEL, "--right-mm", "50", "--up-mm", "20", "--front-mm", "10", "--down-deg", "5",
                    "--name", "two", "--add"])  # fmt: skip
    one, two = load_screens("screens.json")
    assert (one.name, one.pose_source) == ("one", "preset")
    assert (two.name, two.pose_source) == ("two", "measured")
    assert -two.R_cam_screen.T @ two.t_cam_mm == pytest.approx([172 + 50, -20, -10])
    assert two.position_sd_mm < 6
    text = capsys.readouterr().out
    assert "+50 mm right of its middle, +20 mm above its top edge and +10 mm in front of it" in text
    screen_command([*PANEL, "--name", "two", "--add"])
    assert [screen.name for screen in load_screens("screens.json")] == ["one", "two"]
    screen_command(PANEL)
    assert len(load_screens("screens.json")) == 1


def test_screen_from_a_display_that_states_its_size(monkeypatch):
    shown = Display("HDMI-1", 2560, 1440, 0, 0, 597.0, 336.0)
    monkeypatch.setattr("deploy.calibrate_screens.find_displays", lambda: [shown])
    assert screen_command([]) == 0
    screen = load_screens("screens.json")[0]
    assert (screen.name, screen.width_px, screen.width_mm) == ("HDMI-1", 2560, 597.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mirror", "--from-session", "x"], "exclude each other"),
        ([*PANEL, "--mirror"], "--camera camera.json"),
        ([*PANEL, "--name", " "], "--name must not be empty"),
    ],
)
def test_screen_refuses_wrong_use(arguments, message):
    with pytest.raises(UsageError, match=message):
        screen_command(arguments)


def test_screen_by_pictures_in_a_mirror(tmp_path, capsys):
    """Pictures of the shown page, made by reflecting its plane, give the pose that they were made with."""
    Camera([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]], [], 1280, 720).save("camera.json")
    screen_command([*PANEL, "--preset", "above", "--out", "true.json"])
    true = load_screens("true.json")[0]
    camera = Camera.load("camera.json")
    page = shown_board((1920, 1080)).picture((1920, 1080))
    corners = np.array([[0, 0], [1920, 0], [1920, 1080], [0, 1080]], dtype=float)
    folder = tmp_path / "mirror"
    folder.mkdir()
    for i, tilt in enumerate(((0, 0), (0.12, 0.02), (-0.08, 0.1), (0.05, -0.12), (-0.1, -0.08))):
        at = np.array([0.0, 40.0, 350.0])
        middle = true.to_camera([172.0, 97.0])
        n = -at / np.linalg.norm(at) + (middle - at) / np.linalg.norm(middle - at)
        n = n / np.linalg.norm(n) + np.array([*tilt, 0.0])
        n /= np.linalg.norm(n)
        points = true.to_camera(true.px_to_mm(corners))
        image = points - 2 * ((points - at) @ n)[:, None] * n
        H = cv2.getPerspectiveTransform(
            (corners - 0.5).astype(np.float32), camera.project(image).astype(np.float32)
        )
        cv2.imwrite(str(folder / f"{i}.png"), cv2.warpPerspective(page, H, (1280, 720), flags=cv2.INTER_AREA))
    (folder / "note.txt").write_text("no picture")
    # The preset that is assumed differs from the true one.
    code = screen_command(
        [*PANEL, "--preset", "laptop", "--mirror-images", str(folder), "--camera", "camera.json"]
    )
    assert code == 0
    found = load_screens("screens.json")[0]
    assert found.pose_source == "mirror"
    assert found.t_cam_mm == pytest.approx(true.t_cam_mm, abs=6.0)
    assert found.R_cam_screen == pytest.approx(true.R_cam_screen, abs=0.02)
    assert "mirror method: RMS 0." in capsys.readouterr().out


def test_camera_without_a_board(capsys):
    assert camera_command(["--hfov", "70", "--size", "1920x1080"]) == 0
    camera = Camera.load("camera.json")
    assert (camera.hfov_deg, camera.width, camera.source) == (pytest.approx(70.0), 1920, "field of view")
    assert camera_command(["--webcam", "brio 100"]) == 0
    assert json.loads(Path("camera.json").read_text())["webcam"] == "Logitech Brio 100"
    with pytest.raises(UsageError, match="exclude each other"):
        camera_command(["--hfov", "70", "--images", "x"])
    with pytest.raises(UsageError, match="at least 6"):
        camera_command(["--views", "3"])
    for wrong in ("270", "0", "wide"):
        with pytest.raises(SystemExit) as caught:
            camera_command(["--hfov", wrong])
        assert caught.value.code == 2
    assert "'wide' is no field of view" in capsys.readouterr().err


@pytest.fixture(scope="module")
def board_pictures(tmp_path_factory):
    """A folder of pictures of the default board, made with known intrinsics; and those."""
    folder = tmp_path_factory.mktemp("board")
    camera = Camera([[800.0, 0, 322.0], [0, 800.0, 238.0], [0, 0, 1]], [], 640, 480)
    from calibration.board import Board

    board = Board()
    page = board.picture(64, 32)
    corners = np.array([[0, 0], [page.shape[1], 0], page.shape[::-1], [0, page.shape[0]]], dtype=float)
    rng, count = np.random.default_rng(0), 0
    while count < 9:
        R = cv2.Rodrigues(rng.normal(0, 0.4, 3) * [1, 1, 0.4])[0]
        flat = np.c_[(corners - corners.mean(axis=0)) / 64 * board.square_mm, np.zeros(4)]
        centre = [rng.uniform(-50, 50), rng.uniform(-40, 40), rng.uniform(430, 560)]
        seen = camera.project(flat @ R.T + centre).astype(np.float32)
        H = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), seen)
        picture = cv2.warpPerspective(page, H, (640, 480), flags=cv2.INTER_AREA, borderValue=90)
        if board.find(picture) is None:
            continue
        cv2.imwrite(str(folder / f"{count}.png"), picture)
        count += 1
    (folder / "z_broken.jpg").write_bytes(b"broken")
    return folder, camera


def test_camera_from_a_folder(board_pictures, capsys):
    folder, true = board_pictures
    code = camera_command(["--images", str(folder), "--report", "cover.png", "--distortion", "plain"])
    assert code == 0
    camera = Camera.load("camera.json")
    assert camera.K[0, 0] == pytest.approx(800.0, rel=0.02)
    assert camera.K[:2, 2] == pytest.approx(true.K[:2, 2], abs=8.0)
    assert "RMS 0." in capsys.readouterr().out
    assert cv2.imread("cover.png").shape == (480, 640, 3)
    assert json.loads(Path("camera.json").read_text())["rms_px"] < 0.3
    with pytest.raises(CalibrationError, match="now charuco 5x6 squares"):
        camera_command(["--images", str(folder), "--columns", "5"])
    with pytest.raises(DataError, match="holds no picture"):
        Path("empty").mkdir()
        camera_command(["--images", "empty"])


def test_camera_filmed_is_stopped_kept_and_resumed(board_pictures, monkeypatch):
    """A film of the board held still in four poses, then in five more."""
    import deploy.calibrate_camera as module

    folder, _ = board_pictures
    pictures = [cv2.imread(str(folder / f"{i}.png")) for i in range(9)]
    film = [picture for picture in pictures for _ in range(14)]
    monkeypatch.setattr(module, "display_problem", lambda: "no display")
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource(film[: 14 * 4]))
    with pytest.raises(CalibrationError, match=r"stopped with 4 views; they are kept in camera\.views\.json"):
        camera_command(["--out", "camera.json"])
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource(film[14 * 4 :]))
    assert camera_command(["--resume", "camera.views.json", "--distortion", "plain"]) == 0
    assert Camera.load("camera.json").K[0, 0] == pytest.approx(800.0, rel=0.02)
    monkeypatch.setattr(module, "open_source", lambda *a, **k: ListSource([]))
    with pytest.raises(SourceError, match="gave no picture"):
        camera_command([])


def test_board_is_written():
    assert board_command(["--pdf", "b.pdf"]) == 0
    assert Path("b.pdf").read_bytes().startswith(b"%PDF-")
    with pytest.raises(UsageError, match=r"--pdf FILE .* or --show"):
        board_command([])


def camera_feed(script=None, frames=40):
    source = ListSource([noise(i, SIZE) for i in range(frames)])
    estimator = FakeEstimator(script)
    estimator.predictor = SimpleNamespace(spec=SimpleNamespace(name="net", sha256="ab"))
    return CameraFeed(source, estimator, "Webcam")


def test_camera_feed_turns_frames_into_observations():
    feed = camera_feed()
    first = feed.next(None)
    assert first.problem is None
    assert first.pitch_yaw_rad == pytest.approx((0.1, 0.2))
    assert feed.setup.model_name == "net"
    assert feed.setup.camera_device == "Webcam"
    assert Setup.from_json(json.loads(json.dumps(feed.setup.to_json()))).camera.width == SIZE[0]
    while not feed.ended:
        feed.next(None)
    assert feed.next(None) is None


def test_camera_feed_passes_on_what_is_wrong():
    two = camera_feed(lambda f: [make_estimate(f.index, f.t_s), make_estimate(f.index, f.t_s)])
    assert two.next(None).problem == "two people in view"
    none = camera_feed(lambda f: [])
    assert none.next(None).problem == "no face in view"
    failed = camera_feed(lambda f: [make_estimate(f.index, f.t_s, status=Status.POSE_FAILED)])
    assert failed.next(None).problem == "the head is not clear to see"


def test_recording_that_ends_early_keeps_what_it_gave():
    session = Session(Plan(points=4, validation=0), _screen())
    stop = SimpleNamespace(requested=False)
    assert run_session(session, camera_feed(frames=120), None, stop) is False
    assert not session.done


def test_whole_command_line_exit_codes(tmp_path):
    def gaze(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "gaze.cli", "calibrate", *arguments],
            capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    code, text = gaze("person", "--simulate", "3", *DRY, "--points", "4", "--validation", "0")
    assert code == 0, text
    code, text = gaze("check", "--profile", "absent.json", "--simulate", "1", "--no-window")
    assert code == 1
    assert "gaze calibrate: absent.json: cannot be read" in text
    code, text = gaze("person", "--no-window")
    assert code == 2
    code, text = gaze("nonsense")
    assert code == 2
    assert "no such stage" in text
