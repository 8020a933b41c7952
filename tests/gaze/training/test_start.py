"""Starting from weights that were made for another input size."""

import csv

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from spot_faces import write_shard

from gaze.datasets.shards import ShardFolder
from gaze.errors import ModelError, UsageError
from gaze.geometry import angular_error_deg
from gaze.model_spec import DEFAULT_MODEL
from gaze.network import GazeNet
from gaze.network_checkpoint import load_checkpoint, save_checkpoint
from gaze.network_mobilenet import FEATURE_CHANNELS
from gaze.normalization import resize_face
from gaze.training.config import TrainConfig
from gaze.training.forward import predict
from gaze.training.seen_people import people_seen
from gaze.training.start import StartKind, as_able_as_its_start, build, kind_of

SMALL = {"width": 0.25, "predict_sigma": True}


def _started(tmp_path, start, size, **settings):
    write_shard(tmp_path / "s", 0, 16)
    config = TrainConfig(steps=1, input_size=size, start=str(start), **settings)
    return build(config, ShardFolder([tmp_path / "s"]))


@pytest.fixture
def checkpoint(tmp_path):
    """A random network for pictures of 112 px."""
    torch.manual_seed(1)
    net = GazeNet(112, **SMALL)
    save_checkpoint(tmp_path / "start.pt", net, {})
    return net, tmp_path / "start.pt"


@pytest.mark.parametrize("size", [64, 80, 112, 160, 224, 448])
def test_a_constant_map_is_answered_exactly_as_before(tmp_path, checkpoint, size):
    before, path = checkpoint
    after = _started(tmp_path, path, size, width=0.25)
    # Sums of 50,000 products in float32 depend on the CPU and its threads; in float64 they do not.
    value = torch.randn(5, FEATURE_CHANNELS, dtype=torch.float64)

    def first_layer(net):
        side = round((net.fc1[0].in_features / FEATURE_CHANNELS) ** 0.5)
        return net.fc1[0].double()(value[:, :, None, None].expand(-1, -1, side, side).flatten(1))

    torch.testing.assert_close(first_layer(after), first_layer(before), rtol=0, atol=2e-6)


def test_twice_the_side_copies_each_weight_to_four_cells(tmp_path, checkpoint):
    before, path = checkpoint
    after = _started(tmp_path, path, 256, width=0.25)
    old = before.fc1[0].weight.reshape(-1, FEATURE_CHANNELS, 4, 4).numpy(force=True)
    new = after.fc1[0].weight.reshape(-1, FEATURE_CHANNELS, 8, 8).numpy(force=True)
    np.testing.assert_allclose(new, old.repeat(2, axis=2).repeat(2, axis=3) / 4, atol=1e-8)
    for name, value in before.backbone.state_dict().items():
        assert torch.equal(value, after.backbone.state_dict()[name]), name


def test_the_same_size_takes_the_weights_over_as_they_are(tmp_path, checkpoint):
    before, path = checkpoint
    after = _started(tmp_path, path, 112, width=0.25).state_dict()
    for name, value in before.state_dict().items():
        assert torch.equal(value, after[name]), name


def test_eyes_apart_start_as_the_face_alone(tmp_path, checkpoint):
    before, path = checkpoint
    after = _started(tmp_path, path, 224, width=0.25, eyes=True).eval()
    for name, value in before.backbone.state_dict().items():
        assert torch.equal(value, after.eye_backbone.state_dict()[name]), name
    faces = torch.rand(3, 3, 112, 112)
    large = faces.repeat_interleave(2, 2).repeat_interleave(2, 3)
    with torch.no_grad():
        wanted, _ = before.eval()(faces)
        found, _ = after(large)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def test_landmarks_start_without_changing_an_answer(tmp_path, checkpoint):
    before, path = checkpoint
    after = _started(tmp_path, path, 112, width=0.25, landmarks=True).eval()
    faces = torch.rand(3, 3, 112, 112)
    with torch.no_grad():
        torch.testing.assert_close(after(faces)[0], before.eval()(faces)[0], rtol=0, atol=1e-5)


def test_a_run_from_weights_that_find_landmarks_finds_them_too(tmp_path):
    for name, landmarks in (("with.pt", True), ("without.pt", False)):
        save_checkpoint(tmp_path / name, GazeNet(64, width=0.25, landmarks=landmarks), {})
        config = TrainConfig(steps=1, start=str(tmp_path / name))
        assert as_able_as_its_start(config).landmarks is landmarks
    assert not as_able_as_its_start(TrainConfig(steps=1)).landmarks
    with pytest.raises(
        UsageError, match=r"--start .*with.pt: finds landmarks.* leave --eyes away or give ano"
    ):
        as_able_as_its_start(TrainConfig(steps=1, start=str(tmp_path / "with.pt"), eyes=True, input_size=128))


def test_kinds_of_starts_are_told_apart(tmp_path, checkpoint):
    wrapped = {"state_dict": checkpoint[0].state_dict()}
    imagenet = {"features.0.0.weight": torch.zeros(32, 3, 3, 3)}
    for name, content in (("bare.pt", wrapped), ("imagenet.pth", imagenet)):
        torch.save(content, tmp_path / name)
    starts = ["random", "nowhere.npz", tmp_path / "imagenet.pth", checkpoint[1], tmp_path / "bare.pt"]
    kinds = [kind_of(str(start))[0] for start in starts]
    assert kinds == [StartKind.RANDOM, *2 * [StartKind.IMAGENET], *2 * [StartKind.GAZE]]
    # A file that says nothing of its people may have seen anybody; ImageNet shows nobody who is measured.
    assert [people_seen(str(start)) for start in starts] == [[], [], [], None, None]


def test_landmarks_are_not_dropped_in_silence(tmp_path):
    torch.manual_seed(1)
    save_checkpoint(tmp_path / "found.pt", GazeNet(112, landmarks=True, **SMALL), {})
    with pytest.raises(ModelError, match="finds landmarks, and the run does not"):
        _started(tmp_path, tmp_path / "found.pt", 112, width=0.25)
    kept = _started(tmp_path, tmp_path / "found.pt", 160, width=0.25, landmarks=True)
    before = load_checkpoint(tmp_path / "found.pt")[0].landmarks.state_dict()
    for name, value in kept.landmarks.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_another_network_is_refused_by_name(tmp_path, checkpoint):
    with pytest.raises(ModelError, match=r"start.pt: .* does not fit; the checkpoint is of .*'width': 0.25"):
        _started(tmp_path, checkpoint[1], 160, width=0.5)


def test_eyes_apart_are_refused_for_a_network_without_or_of_another_size(tmp_path):
    save_checkpoint(tmp_path / "eyes.pt", GazeNet(160, eyes=True, **SMALL), {})
    with pytest.raises(ModelError, match=r"eyes.pt: fc1.0.weight does not fit"):
        _started(tmp_path, tmp_path / "eyes.pt", 224, width=0.25, eyes=True)
    with pytest.raises(ModelError, match=r"eyes.pt: .*eye_backbone.* does not fit|eyes.pt: fc1.0.weight"):
        _started(tmp_path, tmp_path / "eyes.pt", 160, width=0.25)


def test_the_shipped_weights_still_see_where_enlarged_faces_look(tmp_path, shared_dir):
    folder = shared_dir / "real" / "validation_faces"
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    start = DEFAULT_MODEL.with_suffix(".pt")
    before, _ = load_checkpoint(start)
    small = [resize_face(cv2.imread(str(folder / row["file"])), before.input_size) for row in rows]
    large = [resize_face(face, 160) for face in small]
    after = _started(tmp_path, start, 160)
    answers = [predict(net, torch.from_numpy(np.stack(faces))).numpy()
               for net, faces in ((before, small), (after, large))]  # fmt: skip
    # The features of larger faces are not the same, but where a face looks stays in order.
    for column in range(2):
        assert np.corrcoef(answers[0][:, column], answers[1][:, column])[0, 1] > 0.9
    spread = angular_error_deg(answers[0], answers[0].mean(axis=0)).mean()
    assert angular_error_deg(*answers).mean() < 0.7 * spread
