"""The training loop: learns, resumes to the same curve, stops on nonsense, takes up new shards."""

import csv
import json
import resource

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from spot_faces import spot_landmarks, spots, write_shard

from gaze.datasets.shards import ShardFolder
from gaze.errors import DataError, GazeError, ModelError, UsageError
from gaze.learned_landmarks import EYE_COUNT
from gaze.network import FacePreprocess
from gaze.network_checkpoint import load_checkpoint
from gaze.training import finishing, loop, virtual_camera
from gaze.training.config import TrainConfig
from gaze.training.forward import predict
from gaze.training.loop import RunOptions, train
from gaze.training.metrics import summary
from gaze.training.validation import shard_validation

SMALL = {"input_size": 64, "width": 0.25, "batch_size": 16, "dropout": 0.1}
QUIET = RunOptions(progress=False)
RESUMED = RunOptions(resume=True, progress=False)
ALWAYS_SAVED = RunOptions(save_minutes=0.0, progress=False)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def few_finishing_batches(monkeypatch):
    """Small sets need no thousands of faces to finish a network with."""
    monkeypatch.setattr(finishing, "FINISHING_BATCHES", 6)


def losses(folder):
    with (folder / "log.csv").open() as file:
        return [
            (int(row["step"]), row["loss"], row["gradient_norm"])
            for row in csv.DictReader(file)
            if row["loss"]
        ]


def test_overfits_a_small_set_and_leaves_its_files(tmp_path):
    write_shard(tmp_path / "s", 0, 96)
    options = {**SMALL, "dropout": 0.0, "augment": "none", "ema_decay": 0.9, "learning_rate": 3e-3}
    config = TrainConfig(**options, steps=150)
    source = ShardFolder([tmp_path / "s"])
    result = train(config, source, tmp_path / "run", options=QUIET, meta={"data": "synthetic"})
    faces, labels = source.read(np.arange(96))
    error = summary(predict(result.net, torch.from_numpy(faces)).numpy(), labels)["mean_deg"]
    assert error < 8.0  # a constant answer gives 22
    net, meta = load_checkpoint(tmp_path / "run" / "final.pt")
    assert meta["data"] == "synthetic"
    assert meta["step"] == 150
    assert meta["normalized_camera"]["size_px"] == 64
    assert meta["config"]["loss"] == "heteroscedastic"
    again = predict(net, torch.from_numpy(faces))
    torch.testing.assert_close(again, predict(result.net, torch.from_numpy(faces)))
    for name in ("state.pt", "worst.jpg", "log.csv"):
        assert (tmp_path / "run" / name).stat().st_size > 100
    assert any((tmp_path / "run" / "tensorboard").iterdir())


def test_landmarks_are_learned(tmp_path):
    """Mirrored and turned, on faces that were not trained on."""
    write_shard(tmp_path / "s", 0, 256, landmarks=True)
    options = {**SMALL, "dropout": 0.0, "ema_decay": 0.9, "learning_rate": 3e-3, "landmarks": True}
    source = ShardFolder([tmp_path / "s"])
    net = train(TrainConfig(**options, steps=120), source, tmp_path / "run", options=QUIET).net
    faces, labels = spots(64, seed=9)
    with torch.no_grad():
        answers = net.all_answers(FacePreprocess()(torch.from_numpy(faces)))
    off_px = np.linalg.norm(answers.landmarks.places.numpy() * 64 - spot_landmarks(labels), axis=-1)
    # The spots wander by 3.7 px in each direction.
    assert off_px[:, : 2 * EYE_COUNT].mean() < 1.5
    # A constant answer gives 22.
    assert summary(answers.geometry[0].numpy(), labels)["mean_deg"] < 12.0
    assert load_checkpoint(tmp_path / "run" / "final.pt")[0].config["landmarks"]


def test_shards_without_landmarks_cannot_teach_them(tmp_path):
    write_shard(tmp_path / "s", 0, 32)
    with pytest.raises(DataError, match="lacks landmarks; render it again"):
        train(TrainConfig(**SMALL, steps=1, landmarks=True), ShardFolder([tmp_path / "s"]), tmp_path / "r")


@pytest.mark.parametrize("landmarks", [False, True])
def test_interrupted_run_resumes_to_the_same_losses(tmp_path, monkeypatch, landmarks):
    monkeypatch.setattr(loop, "LOG_STEPS", 1)
    write_shard(tmp_path / "s", 0, 70, landmarks=landmarks)
    config = TrainConfig(**SMALL, steps=12, landmarks=landmarks)

    def source():
        return ShardFolder([tmp_path / "s"])

    train(config, source(), tmp_path / "whole", options=QUIET)
    whole = losses(tmp_path / "whole")
    assert [step for step, *_ in whole] == list(range(1, 13))

    original, count = loop._Run._step, iter(range(100))

    def stop_at_seven(self, batch):
        if next(count) == 7:
            raise KeyboardInterrupt
        return original(self, batch)

    monkeypatch.setattr(loop._Run, "_step", stop_at_seven)
    with pytest.raises(KeyboardInterrupt):
        train(config, source(), tmp_path / "cut", options=QUIET)
    monkeypatch.setattr(loop._Run, "_step", original)
    write_shard(tmp_path / "s", 1, 40)  # taken up at the next epoch, not in the middle of this one
    assert len(losses(tmp_path / "cut")) == 7
    with pytest.raises(ModelError, match="learning_rate"):
        other = TrainConfig(**SMALL, steps=12, learning_rate=1e-4, landmarks=landmarks)
        train(other, source(), tmp_path / "cut", options=RESUMED)
    (tmp_path / "s" / "shard_000001.npz").unlink()
    train(config, source(), tmp_path / "cut", options=RESUMED)
    assert losses(tmp_path / "cut") == whole
    a, b = (load_checkpoint(tmp_path / name / "final.pt")[0].state_dict() for name in ("whole", "cut"))
    for name, value in a.items():
        assert torch.equal(value, b[name]), name


def test_a_state_that_cannot_be_gone_on_from_is_told_with_the_mend(tmp_path):
    write_shard(tmp_path / "s", 0, 20)
    config, source = TrainConfig(**SMALL, steps=1), ShardFolder([tmp_path / "s"])
    anew = "remove it and train anew, or give another --out$"
    with pytest.raises(ModelError, match=r"state.pt: no such training state; leave --resume away"):
        train(config, source, tmp_path / "run", options=RESUMED)
    train(config, source, tmp_path / "run", options=QUIET)
    path = tmp_path / "run" / "state.pt"
    content = torch.load(path, weights_only=True)
    for key, value in (("position", {}), ("net", {}), ("optimizer", 5), ("config", None), ("elapsed_s", [])):
        torch.save({**content, key: value}, path)
        with pytest.raises(ModelError, match=rf"state.pt: is damaged .*; {anew}"):
            train(config, source, tmp_path / "run", options=RESUMED)
    torch.save({"schema": "x"}, path)
    with pytest.raises(ModelError, match=rf"state.pt: is no training state; {anew}"):
        train(config, source, tmp_path / "run", options=RESUMED)
    torch.save(content, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match=rf"state.pt: .* it is truncated \(1000 bytes\); {anew}"):
        train(config, source, tmp_path / "run", options=RESUMED)


def test_one_face_is_too_few_to_validate_on(tmp_path):
    write_shard(tmp_path / "s", 0, 1)
    with pytest.raises(DataError, match="holds 1 samples, two are the least to validate on"):
        shard_validation(tmp_path / "s", 100, 64)


def test_saving_at_every_step_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LOG_STEPS", 1)
    write_shard(tmp_path / "s", 0, 40)
    config = TrainConfig(**SMALL, steps=5)
    whole = train(config, ShardFolder([tmp_path / "s"]), tmp_path / "whole", options=QUIET).net
    train(config, ShardFolder([tmp_path / "s"]), tmp_path / "saved", options=ALWAYS_SAVED)
    figures = {"validation_deg": 3.5, "validation_offset_removed_deg": 3.0}
    source = ShardFolder([tmp_path / "s"])
    train(config, source, tmp_path / "validated", validate=lambda net: figures, options=ALWAYS_SAVED)
    assert losses(tmp_path / "whole") == losses(tmp_path / "saved") == losses(tmp_path / "validated")
    for name, value in load_checkpoint(tmp_path / "saved" / "final.pt")[0].state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name
    assert not (tmp_path / "saved" / "ema.pt").exists()
    assert (tmp_path / "validated" / "ema.pt").is_file()


def test_the_speed_in_the_log_is_that_of_the_steps_whatever_saving_takes(tmp_path, monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(loop, "LOG_STEPS", 4)
    training_loss = loop.training_loss

    def one_second_a_step(*args):
        now_s[0] += 1.0
        return training_loss(*args)

    def ten_minutes(net):
        now_s[0] += 600.0
        return {}

    monkeypatch.setattr(loop, "training_loss", one_second_a_step)
    write_shard(tmp_path / "s", 0, 70)
    options = RunOptions(save_minutes=0.04, progress=False)  # at the third step of each four, or sooner
    train(
        TrainConfig(**SMALL, steps=12),
        ShardFolder([tmp_path / "s"]),
        tmp_path / "run",
        None,
        options,
        ten_minutes,
    )
    with (tmp_path / "run" / "log.csv").open() as file:
        speeds = [float(row["images_per_s"]) for row in csv.DictReader(file) if row["images_per_s"]]
    assert speeds == pytest.approx([SMALL["batch_size"]] * 3)


def test_a_full_disk_at_a_save_leaves_the_state_before(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LOG_STEPS", 1)
    write_shard(tmp_path / "s", 0, 64)
    source, config = ShardFolder([tmp_path / "s"]), TrainConfig(**SMALL, steps=4)
    train(config, source, tmp_path / "whole", options=QUIET)
    original, limits = loop._Run._step, resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_the_disk(self, batch):
        if batch.position.step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        return original(self, batch)

    monkeypatch.setattr(loop._Run, "_step", fill_the_disk)
    with pytest.raises(
        ModelError,
        match=r"state.pt: cannot be written \(File too large\); make room.*then go on with --resume",
    ):
        try:
            train(config, source, tmp_path / "cut", options=ALWAYS_SAVED)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((tmp_path / "cut").glob("*.tmp*"))
    monkeypatch.setattr(loop._Run, "_step", original)
    train(config, source, tmp_path / "cut", options=RESUMED)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")


def test_a_folder_that_can_not_be_written_is_named(tmp_path):
    write_shard(tmp_path / "s", 0, 32)
    (tmp_path / "run").write_text("a file")
    with pytest.raises(DataError, match=r"run: cannot be written \(File exists\); check the folder's"):
        train(TrainConfig(**SMALL, steps=1), ShardFolder([tmp_path / "s"]), tmp_path / "run", options=QUIET)


def test_new_shards_are_taken_up_at_the_next_epoch(tmp_path, monkeypatch):
    write_shard(tmp_path / "s", 0, 32)
    source = ShardFolder([tmp_path / "s"])
    original = loop._Run._step

    def write_one_more(self, batch):
        # Elsewhere first, then moved: a shard that is being read must never change under its mapping.
        if not (tmp_path / "s" / "shard_000001.npz").exists():
            write_shard(tmp_path / "new", 1, 32, seed=1)
            (tmp_path / "new" / "shard_000001.npz").rename(tmp_path / "s" / "shard_000001.npz")
        return original(self, batch)

    monkeypatch.setattr(loop._Run, "_step", write_one_more)
    train(TrainConfig(**SMALL, steps=16), source, tmp_path / "run", options=QUIET)
    assert len(source) == 64


def test_not_finite_loss_stops_and_saves_the_batch(tmp_path, monkeypatch):
    write_shard(tmp_path / "s", 0, 32)
    source = ShardFolder([tmp_path / "s"])
    source.shards[0].pitch_yaw_rad[:] = np.inf
    monkeypatch.setattr(virtual_camera, "turn_label", lambda label, R: label)  # lets infinity pass
    with pytest.raises(GazeError, match="loss is"):
        train(TrainConfig(**SMALL, steps=3, augment="flip"), source, tmp_path / "run", options=QUIET)
    (saved,) = (tmp_path / "run").glob("not_finite_step_*.npz")
    with np.load(saved) as archive:
        assert archive["faces"].shape == (16, 64, 64, 3)
    assert not (tmp_path / "run" / "final.pt").exists()


def test_budget_of_minutes_ends_and_the_rate_follows_it(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LOG_STEPS", 1)
    write_shard(tmp_path / "s", 0, 32)
    config = TrainConfig(**SMALL, minutes=0.03, augment="none")
    result = train(config, ShardFolder([tmp_path / "s"]), tmp_path / "run", options=QUIET)
    assert 1.5 < result.elapsed_s < 20
    with (tmp_path / "run" / "log.csv").open() as file:
        rates = [float(row["learning_rate"]) for row in csv.DictReader(file) if row["learning_rate"]]
    assert rates[-1] < max(rates)


def test_validation_figures_go_into_the_log(tmp_path):
    write_shard(tmp_path / "s", 0, 32)
    figures = {"validation_deg": 3.5, "validation_offset_removed_deg": 3.0}
    train(
        TrainConfig(**SMALL, steps=2),
        ShardFolder([tmp_path / "s"]),
        tmp_path / "run",
        options=QUIET,
        validate=lambda net: figures,
    )
    with (tmp_path / "run" / "log.csv").open() as file:
        assert [row["validation_deg"] for row in csv.DictReader(file)] == ["3.5"]


def test_settings_out_of_range():
    for wrong in ({"steps": 1, "minutes": 2}, {}, {"steps": 0}, {"steps": 1, "input_size": 100},
                  {"steps": 1, "loss": "l2"}, {"steps": 1, "seed": -1},
                  {"steps": 1, "dropout": 1.0}):  # fmt: skip
        with pytest.raises(UsageError):
            TrainConfig(**wrong)


def test_meta_is_json_like(tmp_path):
    write_shard(tmp_path / "s", 0, 32)
    train(TrainConfig(**SMALL, steps=1), ShardFolder([tmp_path / "s"]), tmp_path / "run", options=QUIET)
    _, meta = load_checkpoint(tmp_path / "run" / "final.pt")
    assert json.loads(json.dumps(meta))["step"] == 1
