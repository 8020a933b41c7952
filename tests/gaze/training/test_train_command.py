"""What the options of `gaze train` become."""

import pytest

from gaze.errors import UsageError
from gaze.model_spec import DEFAULT_MODEL
from gaze.training.config import TrainConfig
from gaze.training.train_options import EPOCHS, check, config_of, parser


def _prepared(tmp_path, *options):
    path = tmp_path / "faces.h5"
    path.write_bytes(b"")
    args = ["--data", str(path), "--protocol", "all", "--out", str(tmp_path / "out"), *options]
    return parser().parse_args(args)


def test_a_prepared_file_has_a_number_of_passes_of_its_own(tmp_path):
    args = _prepared(tmp_path)
    check(args)
    assert config_of(args).epochs == EPOCHS
    args = _prepared(tmp_path, "--epochs", "3")
    check(args)
    assert config_of(args).epochs == 3


@pytest.mark.parametrize("budget", [("--minutes", "5"), ("--steps", "100")])
def test_a_prepared_file_takes_no_other_budget(tmp_path, budget):
    with pytest.raises(UsageError, match="--epochs"):
        check(_prepared(tmp_path, *budget))


def test_the_shipped_weights_can_be_named(tmp_path):
    args = _prepared(tmp_path, "--start", "shipped")
    check(args)
    assert config_of(args).start == str(DEFAULT_MODEL.with_suffix(".pt"))


def test_settling_the_options_leaves_them_as_they_were_given(tmp_path):
    args = _prepared(tmp_path, "--start", "shipped")
    given = dict(vars(args))
    check(args)
    config_of(args)
    assert vars(args) == given


def test_averaging_asks_for_no_budget(tmp_path):
    options = ["--data", "synthetic", "--shards", "s", "--out", str(tmp_path), "--average", "a.pt", "b.pt"]
    args = parser().parse_args(options)
    check(args)
    assert config_of(args).steps == 1


AVERAGE = ("--data", "synthetic", "--shards", "s", "--average", "a.pt", "b.pt")


@pytest.mark.parametrize(
    "more",
    [
        ("--augment", "flip"),
        ("--input-size", "160"),
        ("--loss", "l1"),
        ("--start", "shipped"),
        ("--steps", "5"),
        ("--eyes",),
        ("--dropout", "0"),
        ("--validate", "v"),
        ("--benchmark", "3"),
        ("--resume",),
    ],
)
def test_what_would_do_nothing_beside_an_average_is_refused(tmp_path, more):
    args = parser().parse_args([*AVERAGE, "--out", str(tmp_path), *more])
    with pytest.raises(UsageError, match=f"^{more[0]} does not go with --average: it trains nothing"):
        check(args)


def test_an_average_heeds_its_faces_and_its_seed(tmp_path):
    options = ("--view-mm", "120", "--without", "glasses", "--limit", "50", "--seed", "3", "--threads", "1")
    check(parser().parse_args([*AVERAGE, "--out", str(tmp_path), *options]))


def test_an_average_into_the_folder_of_a_run_is_not_told_to_resume(tmp_path):
    (tmp_path / "state.pt").touch()
    with pytest.raises(UsageError, match=r"holds a run already; give another --out$"):
        check(parser().parse_args([*AVERAGE, "--out", str(tmp_path)]))
    options = ["--data", "synthetic", "--shards", "s", "--steps", "1", "--out", str(tmp_path)]
    with pytest.raises(UsageError, match=r"holds a run already; add --resume or give another --out$"):
        check(parser().parse_args(options))


@pytest.mark.parametrize("option", ["--start", "--teacher"])
def test_a_file_that_is_not_there_is_named(tmp_path, option):
    args = _prepared(tmp_path, option, "nowhere.pt")
    with pytest.raises(UsageError, match=r"nowhere\.pt"):
        config_of(args)


@pytest.mark.parametrize("view", ["0", "-5", "nan", "70", "300"])
def test_a_view_that_is_no_width_of_a_face_is_refused(tmp_path, view):
    with pytest.raises(UsageError, match="80 to 250 mm"):
        TrainConfig(steps=1, view_mm=float(view))
    with pytest.raises(SystemExit) as ended:
        _prepared(tmp_path, "--view-mm", view)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--minutes", "nan"),
        ("--epochs", "0"),
        ("--learning-rate", "nan"),
        ("--batch-size", "1"),
        ("--dropout", "1.5"),
        ("--threads", "-1"),
        ("--save-minutes", "-1"),
        ("--validate-count", "0"),
        ("--benchmark", "0"),
        ("--limit", "0"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(tmp_path, capsys, option, value):
    with pytest.raises(SystemExit) as ended:
        _prepared(tmp_path, option, value)
    assert ended.value.code == 2
    assert f"argument {option}: '{value}' must be a" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["clip_norm", "learning_rate", "minutes"])
def test_what_is_no_number_is_no_setting(name):
    with pytest.raises(UsageError, match=r"must be positive, got nan|one positive budget"):
        TrainConfig(**{"steps": None if name == "minutes" else 1, name: float("nan")})


@pytest.mark.parametrize("name", ["dropout", "warmup", "ema_decay", "weight_decay"])
def test_the_bound_of_a_share_is_named(name):
    with pytest.raises(UsageError, match=f"{name} must be at least 0 and below 1, got 1"):
        TrainConfig(steps=1, **{name: 1.0})


def test_features_to_leave_out(tmp_path):
    options = ["--data", "synthetic", "--shards", "s", "--out", str(tmp_path), "--steps", "1", "--without"]
    assert config_of(parser().parse_args([*options, "masks", "held"])).without == ("masks", "held")
    with pytest.raises(UsageError, match=r"without must name some of glasses, .*, got hats"):
        config_of(parser().parse_args([*options, "hats"]))
    with pytest.raises(UsageError, match="--without belongs to --data synthetic"):
        check(_prepared(tmp_path, "--without", "masks"))


def test_landmarks_and_eyes_apart_do_not_go_together(tmp_path):
    options = ["--data", "synthetic", "--shards", "s", "--out", str(tmp_path), "--steps", "1", "--landmarks"]
    assert config_of(parser().parse_args(options)).landmarks
    with pytest.raises(UsageError, match="--eyes and --landmarks do not go together; leave one away"):
        config_of(parser().parse_args([*options, "--eyes", "--input-size", "224"]))


def test_eyes_apart_need_a_larger_input(tmp_path):
    options = ["--data", "synthetic", "--shards", "s", "--out", str(tmp_path), "--steps", "1", "--eyes"]
    with pytest.raises(
        UsageError, match=r"with the eyes apart the input size must be .* 32 from 128 to 1024, got 112"
    ):
        config_of(parser().parse_args(options))
    config = config_of(parser().parse_args([*options, "--input-size", "224"]))
    assert (config.input_size, config.eyes) == (224, True)
