"""`gaze evaluate rendered` with a predictor whose answers are known."""

import json

import numpy as np
import pytest
from made_shards import write_shard

from deploy.evaluate import rendered as command
from deploy.truth import load_truth
from gaze.cli import main
from gaze.types import ModelSpec, NormalizedCamera, Prediction

SIZE, COUNT = 32, 60
OFFSET_RAD, MASK_RAD = 0.05, 0.2


class Painted:
    """Reads pitch off green and yaw off blue, 0.005 rad a count from 128; masks, painted red, mislead it."""

    name = description = "painted"
    precision, threads_used = "fp32", None

    def __init__(self, view_mm=140.0):
        self.spec = ModelSpec("painted", 28, NormalizedCamera(28 * 600 / view_mm, 600.0, 28))
        self.corners = []

    def predict(self, faces):
        """The painted angles and an offset of the pitch."""
        middle = faces[:, 14, 14].astype(np.float32)
        self.corners.extend(faces[:, 0, 0, 1].tolist())
        pitch = (middle[:, 1] - 128) * 0.005 + np.where(middle[:, 2] > 0, MASK_RAD, OFFSET_RAD)
        return Prediction(np.stack([pitch, (middle[:, 0] - 128) * 0.005], axis=-1).astype(np.float32))

    def close(self):
        """Nothing to close."""


class Doubting(Painted):
    """Painted, with a deviation for each angle: ``of_masks_rad`` for masks, OFFSET_RAD for the others."""

    def __init__(self, of_masks_rad):
        super().__init__()
        self.of_masks_rad = of_masks_rad

    def predict(self, faces):
        """As Painted."""
        masks = faces[:, 14, 14, 2:3] > 0
        sigma = np.where(masks, np.float32(self.of_masks_rad), np.float32([OFFSET_RAD * 1.1, OFFSET_RAD]))
        return Prediction(super().predict(faces).pitch_yaw_rad, sigma)


@pytest.fixture
def shards(tmp_path):
    """Crops of COUNT people with a rim; every third wears a mask."""
    rng = np.random.default_rng(0)
    counts = rng.integers(-25, 25, (COUNT, 2))
    masks = np.arange(COUNT) % 3 == 0
    faces = np.zeros((COUNT, SIZE, SIZE, 3), np.uint8)
    faces[..., 0] = (128 + counts[:, 1])[:, None, None]
    faces[..., 1] = (128 + counts[:, 0])[:, None, None]
    faces[..., 2] = np.where(masks, 255, 0)[:, None, None]
    for rim in (faces[:, :2], faces[:, -2:], faces[:, :, :2], faces[:, :, -2:]):
        rim[..., 1] = 0
    attributes = [
        {
            "melanin": 0.5, "glasses": False, "sunglasses": False, "mask": bool(mask), "held": "",
            "scene": "office", "distance_mm": 600.0, "grid_px": 250.0, "eye_open": [1.0, 1.0],
            "defocus_px": 0.2, "smear_px": 4.0 if mask else 0.0,
        }
        for mask in masks
    ]  # fmt: skip
    angles = (counts * 0.005).astype(np.float32)
    write_shard(tmp_path, faces=faces, pitch_yaw_rad=angles, attributes=attributes)
    return tmp_path


def run(shards, monkeypatch, *options, predictor=None):
    monkeypatch.setattr(command, "open_predictor", lambda _: predictor or Painted())
    return main(["evaluate", "rendered", "--shards", str(shards), *options])


def test_mean_groups_and_the_worst_of_them(shards, monkeypatch, capsys):
    out = shards / "out.json"
    assert run(shards, monkeypatch, "--json", str(out)) == 0
    printed = capsys.readouterr().out
    assert "worst group: mask, mask: 11.46° on 20 crops" in printed
    figures = json.loads(out.read_text())
    assert figures["people"] == COUNT
    assert figures["mean_deg"] == pytest.approx(np.rad2deg((20 * MASK_RAD + 40 * OFFSET_RAD) / 60), abs=0.01)
    groups = {(row["attribute"], row["value"]): row for row in figures["groups"]}
    assert groups["mask", "none"]["mean_deg"] == pytest.approx(np.rad2deg(OFFSET_RAD), abs=0.01)
    assert groups["blur", "none"]["mean_deg"] == groups["mask", "none"]["mean_deg"]
    assert groups["blur", "motion from 3 px"]["count"] == 20


def test_what_the_live_loop_would_not_show_is_told_apart(shards, monkeypatch, capsys):
    """Masks, of which the model is unsure in one angle, are not shown: the others' error stands alone."""
    out = shards / "out.json"
    doubting = Doubting([MASK_RAD * 0.9, 0.001])  # root mean square of both: 7.3 degrees
    assert run(shards, monkeypatch, "--max-sigma", "7", "--json", str(out), predictor=doubting) == 0
    printed = capsys.readouterr().out
    assert "predicted deviation up to 7°: 66.7% of the crops, raw mean 2.86°" in printed
    assert "worst group of them: skin, 0.33 to 0.67 melanin: 2.86° on 40 crops, 1.00 times" in printed
    figures = json.loads(out.read_text())
    assert figures["n"] == COUNT and figures["worst"]["value"] == "mask"
    assert figures["shown"]["n"] == 40 and figures["shown"]["share"] == pytest.approx(2 / 3)
    # Pitch is off by more than the deviation where masks are, by less where not; yaw is exact.
    assert figures["within_sigma"] == {"pitch": pytest.approx(2 / 3), "yaw": 1.0}


@pytest.mark.parametrize(
    ("limit", "predictor"),
    [("0", Doubting([0.1, 0.1])), ("7", Painted())],
    ids=["switched off", "no deviation"],
)
def test_nothing_is_said_of_what_is_shown_without_a_limit_or_a_deviation(
    limit, predictor, shards, monkeypatch, capsys
):
    out = shards / "out.json"
    assert run(shards, monkeypatch, "--max-sigma", limit, "--json", str(out), predictor=predictor) == 0
    assert "shown" not in capsys.readouterr().out
    assert "shown" not in json.loads(out.read_text())


def test_a_model_unsure_of_everybody_shows_nobody(shards, monkeypatch, capsys):
    out = shards / "out.json"
    assert run(shards, monkeypatch, "--max-sigma", "1", "--json", str(out), predictor=Doubting([1, 1])) == 0
    assert "predicted deviation up to 1°: 0.0% of the crops" in capsys.readouterr().out
    assert json.loads(out.read_text())["shown"] == {"max_sigma_deg": 1.0, "share": 0.0}


def _with_attribute(shards, rows, **changes):
    with np.load(shards / "shard_000000.npz") as data:
        arrays = dict(data)
    attributes = [json.loads(text) for text in arrays["attributes"]]
    for row in rows:
        attributes[row] |= changes
    arrays["attributes"] = np.array([json.dumps(entry) for entry in attributes])
    np.savez(shards / "shard_000000.npz", **arrays)


def test_closed_eyes_are_left_out_and_counted(shards, monkeypatch, capsys):
    """All that wear masks close their eyes: what is left is the others' error; a wink stays."""
    out, masked = shards / "out.json", range(0, COUNT, 3)
    _with_attribute(shards, masked, eye_open=[0.1, 0.2])
    _with_attribute(shards, [1], eye_open=[0.0, 1.0])
    assert run(shards, monkeypatch, "--json", str(out)) == 0
    assert "left out: 20 crops with closed eyes" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert figures["closed_eyes_left_out"] == 20 and figures["people"] == COUNT - 20
    counts = {row["attribute"]: row["count"] for row in figures["groups"]}
    assert counts["mask"] == COUNT - 20 and counts["lids"] == COUNT - 21
    assert figures["mean_deg"] == pytest.approx(np.rad2deg(OFFSET_RAD), abs=0.01)


def test_the_same_eyes_are_closed_in_crops_and_in_clips(shards, monkeypatch):
    """Lowered lids show a gaze, and so does a wink; slits do not."""
    pairs = [(0.0, 0.0), (0.19, 0.2), (0.0, 0.39), (0.0, 0.41), (0.21, 0.2), (0.3, 0.3), (0.34, 0.1)]
    closed = [True, True, True, False, False, False, False]
    for row, pair in enumerate(pairs):
        _with_attribute(shards, [row], eye_open=pair)
    out = shards / "out.json"
    assert run(shards, monkeypatch, "--json", str(out)) == 0
    assert json.loads(out.read_text())["closed_eyes_left_out"] == sum(closed)

    camera = {"K": [[800, 0, 320], [0, 800, 240], [0, 0, 1]], "width": 640, "height": 480}
    ahead = {"direction_cam": [0.0, 0.0, -1.0], "origin_cam_mm": [0.0, 0.0, 500.0]}
    frames = [{"frame": row, "faces": [{**ahead, "eye_open": pair}]} for row, pair in enumerate(pairs)]
    lines = [{"schema": "gaze.truth/1", "camera": camera}, *frames]
    path = shards / "clip.truth.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    assert [not face.eyes_open for (face,) in load_truth(path).frames.values()] == closed


def test_shards_of_closed_eyes_alone_are_refused(shards, monkeypatch, capsys):
    _with_attribute(shards, range(COUNT), eye_open=[0.0, 0.0])
    assert run(shards, monkeypatch) == 1
    assert "shows closed eyes alone; render more people" in capsys.readouterr().err


def test_few_crops_have_no_groups(shards, monkeypatch, capsys):
    out = shards / "out.json"
    assert run(shards, monkeypatch, "--limit", "10", "--json", str(out)) == 0
    assert "too few crops for groups" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert figures["worst"] is None and figures["people"] == 10


def test_a_model_sees_as_much_of_the_face_as_it_says(shards, monkeypatch):
    whole, middle = Painted(), Painted(120.0)
    assert run(shards, monkeypatch, predictor=whole) == 0
    assert run(shards, monkeypatch, predictor=middle) == 0
    assert max(whole.corners) < 60
    assert min(middle.corners) > 60


def test_a_model_that_sees_more_than_the_crops_is_refused(shards, monkeypatch, capsys):
    assert run(shards, monkeypatch, predictor=Painted(200.0)) == 1
    assert "200 mm cannot be taken out of one of 140 mm; render wider faces" in capsys.readouterr().err


def test_crops_without_attributes_are_named(shards, monkeypatch, capsys):
    with np.load(shards / "shard_000000.npz") as data:
        arrays = dict(data)
    arrays["attributes"] = np.array(["{}"] * COUNT)
    np.savez(shards / "shard_000000.npz", **arrays)
    assert run(shards, monkeypatch) == 1
    assert "no usable attribute 'eye_open'; render them again" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("rendered", "--shards", "x"), ("faces", "--data", "x.h5")])
def test_figures_do_not_take_the_place_of_a_models_sidecar(tmp_path, capsys, command):
    for name in ("net.onnx", "net.json"):
        (tmp_path / name).write_text(name)
    options = ["--model", str(tmp_path / "net.onnx"), "--json", str(tmp_path / "net.json")]
    assert main(["evaluate", *command, *options]) == 2
    assert "net.json would overwrite what --model reads" in capsys.readouterr().err
