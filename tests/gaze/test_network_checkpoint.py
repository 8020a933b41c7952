"""Checkpoints: what is written comes back, and what is damaged or foreign is refused in one line."""

import contextlib
import datetime
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from small_networks import small

from gaze.errors import ModelError
from gaze.network import GazeNet
from gaze.network_checkpoint import CHECKPOINT_SCHEMA, load_checkpoint, save_checkpoint


def test_a_checkpoint_with_the_eyes_apart_comes_back(tmp_path):
    net = small(input_size=128, eyes=True).eval()
    save_checkpoint(tmp_path / "eyes.pt", net, {})
    again, _ = load_checkpoint(tmp_path / "eyes.pt")
    picture = torch.rand(2, 3, 128, 128)
    torch.testing.assert_close(again(picture)[0], net(picture)[0], rtol=0, atol=0)


def test_checkpoint_round_trip(tmp_path):
    net = small(predict_sigma=True).eval()
    save_checkpoint(tmp_path / "net.pt", net, {"data": "synthetic", "steps": 3})
    other, meta = load_checkpoint(tmp_path / "net.pt")
    assert meta == {"data": "synthetic", "steps": 3}
    x = torch.rand(2, 3, 64, 64)
    assert torch.equal(net(x)[0], other(x)[0])
    assert other.config == net.config


@pytest.mark.parametrize("size", [112, 224])
def test_bare_public_state_dict(tmp_path, size):
    net = GazeNet(size).eval()
    torch.save({f"module.{name}": value for name, value in net.state_dict().items()}, tmp_path / "public.pt")
    other, meta = load_checkpoint(tmp_path / "public.pt")
    assert meta == {}
    assert other.config["input_size"] == size
    x = torch.rand(1, 3, size, size)
    assert torch.equal(net(x)[0], other(x)[0])


def test_damaged_checkpoints_are_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        load_checkpoint(tmp_path / "absent.pt")
    save_checkpoint(tmp_path / "net.pt", small(), {})
    whole = (tmp_path / "net.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="truncated"):
        load_checkpoint(tmp_path / "cut.pt")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ModelError, match="no gaze checkpoint"):
        load_checkpoint(tmp_path / "other.pt")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    with pytest.raises(ModelError, match="not a state dict"):
        load_checkpoint(tmp_path / "tensor.pt")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("empty", r"is no checkpoint, or it is truncated \(0 bytes\); copy it again"),
        ("cut in the middle", r"is no checkpoint, or it is truncated \(\d+ bytes\); copy it again"),
        ("cut near the start", r"is no checkpoint, or it is truncated \(1000 bytes\); copy it again"),
        ("text", r"is no checkpoint, or it is truncated \(6 bytes\); copy it again"),
        ("an object", "holds more than tensors and plain values.* save the state dict alone"),
        ("no state", "lacks its state; train a new one"),
        ("a folder", "cannot be read"),
    ],
)
def test_what_is_no_checkpoint_is_told_in_one_line(tmp_path, damage, told):
    path = tmp_path / "net.pt"
    save_checkpoint(path, small(), {})
    whole = path.read_bytes()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut in the middle":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "cut near the start":
        path.write_bytes(whole[:1000])
    elif damage == "text":
        path.write_text("hello\n")
    elif damage == "an object":
        torch.save({"state": {}, "made": datetime.date(2024, 1, 1)}, path)
    elif damage == "no state":
        torch.save({"schema": CHECKPOINT_SCHEMA, "config": {}, "meta": {}}, path)
    else:
        path.unlink()
        path.mkdir()
    with pytest.raises(ModelError, match=told) as error:
        load_checkpoint(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value) and len(str(error.value)) < len(str(path)) + 160


def test_a_checkpoint_of_another_network_is_told_with_the_mend(tmp_path):
    path = tmp_path / "net.pt"
    torch.save({"conv.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(ModelError, match=r"lacks 'fc1\.0\.weight'; give one that `gaze train` wrote"):
        load_checkpoint(path)
    content = {"schema": CHECKPOINT_SCHEMA, "config": dict(small().config), "meta": {}, "state": {}}
    torch.save(content, path)
    with pytest.raises(ModelError, match=r"(?s)does not fit the network.*give a checkpoint of `gaze train`"):
        load_checkpoint(path)


def test_damaged_bytes_give_one_kind_of_error(tmp_path):
    """Legacy files without zip around them reach the most branches of torch's reader."""
    content = io.BytesIO()
    torch.save({"a": torch.zeros(3), "b": [1, "x"]}, content, _use_new_zipfile_serialization=False)
    rng = np.random.default_rng(0)
    path = tmp_path / "net.pt"
    for _ in range(300):
        damaged = np.frombuffer(content.getvalue(), dtype=np.uint8).copy()
        places = rng.integers(0, len(damaged), 4)
        damaged[places] = rng.integers(0, 256, 4)
        path.write_bytes(damaged[: rng.integers(1, len(damaged) + 1)].tobytes())
        with contextlib.suppress(ModelError):
            load_checkpoint(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_full_disk_leaves_the_older_checkpoint(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "net.pt", small(), {"step": 1})

    original = Path.write_bytes

    def half_written(path, content):
        original(path, b"half")
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(content)

    monkeypatch.setattr(Path, "write_bytes", half_written)
    told = (
        r"net\.pt: cannot be written \(No space left on device\); the disk is full: make room or give another"
    )
    with pytest.raises(ModelError, match=told):
        save_checkpoint(tmp_path / "net.pt", small(), {"step": 2})
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt"]
    assert load_checkpoint(tmp_path / "net.pt")[1] == {"step": 1}


def test_a_packed_archive_is_refused_before_it_is_unpacked(tmp_path):
    """600 kB can hold 600 MB of zeros."""
    torch.save({"a": torch.zeros(10)}, tmp_path / "good.pt")
    with (
        zipfile.ZipFile(tmp_path / "good.pt") as good,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for item in good.infolist():
            bomb.writestr(item.filename, good.read(item) + bytes(1_000_000))
    with pytest.raises(ModelError, match=r"data.pkl in it is compressed; save it with torch"):
        load_checkpoint(tmp_path / "bomb.pt")


def test_code_in_a_checkpoint_is_called_by_its_name(tmp_path):
    class Code:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"a": Code()}, tmp_path / "evil.pt")
    with pytest.raises(ModelError, match=r"more than tensors and plain values, .* it could run code"):
        load_checkpoint(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("config", {"width": 1e5}, "width must be above 0 and at most 8, got 100000"),
        ("config", {"width": float("inf")}, "width must be above 0"),
        ("config", {"width": 10**400}, "does not fit the network"),
        ("config", {"input_size": 16 * 10**6}, "input size must be a multiple of 16 from 64 to 1024"),
        ("meta", {"train_persons": 5}, "its train_persons are no names, got 5; give a checkpoint"),
        ("meta", {"seen_people": [1]}, "its seen_people are no names"),
        ("meta", {"label_space": "x"}, "its label space is none of"),
        ("meta", {"normalized_camera": {"size_px": 64}}, "its normalised camera is unusable"),
        ("meta", {"normalized_camera": 5}, "its normalised camera is unusable"),
    ],
)
def test_wrong_values_of_a_checkpoint_are_named(tmp_path, part, changes, message):
    save_checkpoint(tmp_path / "net.pt", small(), {"train_persons": ["p00"], "seen_people": None})
    load_checkpoint(tmp_path / "net.pt")
    content = torch.load(tmp_path / "net.pt", weights_only=True)
    content[part] = {**content[part], **changes}
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=message):
        load_checkpoint(tmp_path / "net.pt")
