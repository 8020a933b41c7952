"""A small random network, exported once for all tests here."""

from __future__ import annotations

import cv2
import pytest


@pytest.fixture(scope="session", autouse=True)
def without_real_faces(tmp_path_factory):
    """Whatever lies beside this checkout, exports here compare on what their test names."""
    from export import command

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "REAL_FACES", tmp_path_factory.mktemp("beside") / "none")
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A narrow network whose angles differ plainly from face to face."""
    return _narrow_network(tmp_path_factory.mktemp("checkpoint") / "small.pt", 64)


@pytest.fixture(scope="session")
def checkpoint_with_eyes(tmp_path_factory):
    """Such a network that looks at the eyes apart."""
    return _narrow_network(tmp_path_factory.mktemp("checkpoint") / "eyes.pt", 128, eyes=True)


@pytest.fixture(scope="session")
def checkpoint_with_landmarks(tmp_path_factory):
    """Such a network that finds landmarks."""
    return _narrow_network(tmp_path_factory.mktemp("checkpoint") / "landmarks.pt", 64, landmarks=True)


def _narrow_network(path, size_px, **options):
    torch = pytest.importorskip("torch")
    from smooth_pictures import smooth_faces

    from gaze.network import FacePreprocess, GazeNet
    from gaze.network_checkpoint import save_checkpoint

    torch.manual_seed(3)
    net = GazeNet(input_size=size_px, width=0.25, predict_sigma=True, dropout=0.0, **options)
    if options.get("landmarks"):  # which say nothing in an untrained network
        torch.nn.init.normal_(net.fc_geometry.weight, std=0.02)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    pictures = FacePreprocess()(torch.from_numpy(smooth_faces(size_px, 64, seed=1).faces))
    with torch.no_grad():
        net.train()(pictures)
        angles, _ = net.eval()(pictures)
        # So that the angles spread by 0.05 rad about zero.
        net.fc_final.weight *= (0.05 / angles.std(dim=0)).unsqueeze(1)
        net.fc_final.bias -= net(pictures)[0].mean(dim=0)
    camera = {"focal_px": 280.0 * size_px / 64, "distance_mm": 600.0, "size_px": size_px}
    save_checkpoint(
        path,
        net,
        {"normalized_camera": camera, "licence": "Apache-2.0", "training_data": "none"},
    )
    return path


@pytest.fixture(scope="session")
def exported(checkpoint, tmp_path_factory):
    """The folder of what needs no calibration.

    A random network amplifies rounding as no trained one does, so the bounds of coarse precisions are lifted.
    """
    pytest.importorskip("onnx")
    from smooth_pictures import smooth_faces

    from export import parity
    from export.command import main

    folder, crops = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("crops")
    for index, face in enumerate(smooth_faces(64, 24).faces):
        cv2.imwrite(str(crops / f"{index:02d}.png"), face)
    argv = ["--checkpoint", str(checkpoint), "--out", str(folder), "--faces", str(crops)]
    formats = ["onnx", "onnx-float-input", "onnx-fp16", "openvino-fp16"]
    with pytest.MonkeyPatch.context() as patch:
        for precision in ("fp16", "bf16"):
            patch.setitem(parity.MAX_DEG, precision, 20.0)
        assert main([*argv, "--formats", *formats]) == 0
    return folder
