import dataclasses

import pytest

from calibration.events import METHODS
from deploy.demo import with_demo_choices
from deploy.gates import GateConfig
from deploy.run_config import RunConfig, parse_run
from deploy.run_options import make_parser
from deploy.smoothing import SmoothingConfig
from gaze.errors import UsageError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def toml(folder, text, name="gaze.toml"):
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_defaults():
    config = parse_run([])
    assert (config.source, config.max_faces, config.runtime, config.window) == ("0", 1, "auto", None)
    assert config.smoothing is None
    assert config.gates == GateConfig()
    assert parse_run(["--smooth"]).smoothing == SmoothingConfig()


def test_every_setting_is_a_flag_and_every_flag_a_setting():
    flags = {action.dest for action in make_parser()._actions} - {"help", "config"}
    assert flags == {field.name for field in dataclasses.fields(RunConfig)}


def test_flag_over_file_over_default(empty_folder):
    path = toml(empty_folder, '[run]\nmax-faces = 4\nhfov = 70\nsmooth = true\nsize = "640x480"\n', "my.toml")
    config = parse_run(["--config", path, "--hfov", "55"])
    assert (config.max_faces, config.hfov, config.smooth, config.size) == (4, 55.0, True, (640, 480))
    assert parse_run(["--config", path, "--no-smooth"]).smoothing is None
    assert config.smoothing == SmoothingConfig(1.0, 3.0)


def test_the_file_of_this_folder_is_read_by_itself(empty_folder):
    toml(empty_folder, '[run]\nsource = "clip.mp4"\nshow_landmarks = true\n[calibrate]\nx = 1\n')
    config = parse_run([])
    assert config.source == "clip.mp4"
    assert config.show_landmarks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nmax_face = 2\n", "unknown key 'max_face'.*known are"),
        ("[run]\nconfig = 'x'\n", "unknown key 'config'"),
        ("source = '0'\n", r"source must stand in a table; write \[run\] above"),
        ("[run]\nsmooth = 1\n", "smooth must be true or false, got 1"),
        ("[run]\nmax_faces = true\n", "max_faces must be a text or a number, got True"),
        ("[run]\nmax_faces = 0\n", "max_faces = 0: '0' must be a whole number of at least 1"),
        ("[run]\nmax_faces = 'two'\n", "max_faces = 'two'"),
        ("[run]\nsize = '640'\n", "write WIDTHxHEIGHT"),
        ("[run]\nlandmarks = 'dlib'\n", "landmarks must be one of auto, mesh, tasks"),
        ("[run]\nsource = [1]\n", "source must be a text or a number"),
        ("[run\n", r"is not TOML: .*; write \[run\], and below it name = value"),
        ("a = " + "[" * 5000, "is not TOML"),
        ("[run]\nframes = " + "9" * 5000, "is not TOML"),
        ('[run]\njsonl = "a\\u0000b"\n', "jsonl must be a text of one line"),
        ("[run]\nfps = 1e-9\n", "must be a number from 0.01 to 1000"),
    ],
)
def test_wrong_files(empty_folder, text, message):
    path = toml(empty_folder, text)
    with pytest.raises(UsageError, match=message) as caught:
        parse_run([])
    assert str(caught.value).startswith(path.rpartition("/")[2])


def test_a_file_that_is_missing():
    with pytest.raises(UsageError, match=r"nowhere\.toml: cannot be read .*; check the path and its rights"):
        parse_run(["--config", "nowhere.toml"])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--camera", "c.json", "--hfov", "60"], "--camera and --hfov exclude each other"),
        (["--landmarks", "mesh", "--landmark-model", "x.task"], "belongs to --landmarks tasks"),
        (["--jsonl", "-", "--csv", "-"], "both want standard output"),
        (["--jsonl", ""], "--jsonl is empty; give it a value, or leave it out"),
        (["--status-file="], "--status-file is empty"),
        (["--profile", "p.json", "--dwell", "d.json"], "--dwell writes the times of areas"),
    ],
)
def test_options_that_contradict(argv, message):
    with pytest.raises(UsageError, match=message):
        parse_run(argv)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ["--source", "a.mp4", "--save", "./b/../a.mp4"],
            r"--save .*a.mp4 would overwrite what --source reads",
        ),
        (["--source", "a.mp4", "--jsonl", "hard"], "--jsonl hard would overwrite what --source reads"),
        (["--source", "a.mp4", "--csv", "soft"], "--csv soft would overwrite what --source reads"),
        (["--source", "pictures", "--jsonl", "pictures/1.png"], "overwrite what --source reads"),
        (["--config", "my.toml", "--jsonl", "my.toml"], "overwrite what --config reads"),
        (["--model", "net.onnx", "--jsonl", "net.json"], "overwrite what --model reads"),
        (["--jsonl", "new", "--status-file", "new"], "--status-file new would overwrite what --jsonl writes"),
        (["--csv", "b.mp4", "--save", "b.mp4"], "--csv b.mp4 would overwrite what --save writes"),
        (
            ["--profile", "p.json", "--heatmap", "h.png", "--scanpath", "h.png"],
            "--scanpath h.png would overwrite what --heatmap writes",
        ),
    ],
)
def test_no_output_takes_the_place_of_another_file_of_the_run(empty_folder, argv, message):
    (empty_folder / "a.mp4").write_bytes(b"film")
    (empty_folder / "b").mkdir()
    (empty_folder / "hard").hardlink_to(empty_folder / "a.mp4")
    (empty_folder / "soft").symlink_to("a.mp4")
    (empty_folder / "pictures").mkdir()
    (empty_folder / "pictures" / "1.png").write_bytes(b"picture")
    (empty_folder / "net.json").write_text("{}")
    toml(empty_folder, "[run]\n", "my.toml")
    with pytest.raises(UsageError, match=message):
        parse_run(argv)


def test_outputs_beside_the_inputs_are_fine(empty_folder):
    (empty_folder / "1.png").write_bytes(b"picture")
    (empty_folder / "old.jsonl").write_text("{}")
    parse_run(["--source", ".", "--jsonl", "old.jsonl", "--csv", "new.csv"])
    parse_run(["--source", ".", "--jsonl", "/dev/null", "--csv", "/dev/null"])


def test_the_demo_does_not_write_over_the_clip_that_it_plays(empty_folder):
    (empty_folder / "out").mkdir()
    (empty_folder / "out" / "demo.mp4").write_bytes(b"film")
    config = parse_run(["--demo", "--no-window", "--source", "out/demo.mp4"])
    with pytest.raises(UsageError, match=r"--save out.demo.mp4 would overwrite what --source reads"):
        with_demo_choices(config)


@pytest.mark.parametrize(
    "argv",
    [
        ["--size", "640"],
        ["--max-faces", "0"],
        ["--hfov", "-3"],
        ["--fps", "inf"],
        ["--nonsense"],
        ["--conf", "nowhere.toml"],  # taken for --config, a file would be named and not read
    ],
)
def test_wrong_use_exits_with_2(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_run(argv)
    assert caught.value.code == 2


def test_help_shows_defaults_but_not_none():
    text = make_parser().format_help()
    assert "(default: camera 0)" in text
    assert f"(default: {GateConfig().sharpness})" in text
    assert "default: None" not in text


def test_event_methods_are_those_of_the_calibration():
    """Written out in the options, as the loop does not load the calibration without a profile."""
    (option,) = [action for action in make_parser()._actions if action.dest == "event_method"]
    assert tuple(option.choices) == METHODS


def test_a_status_file_is_no_standard_output():
    with pytest.raises(UsageError, match="--status-file is rewritten every second; give it a file"):
        parse_run(["--status-file", "-"])
