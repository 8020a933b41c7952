"""What writes which kind of artefact, and what it refuses to write."""

from __future__ import annotations

import dataclasses

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from smooth_pictures import smooth_faces

from deploy.runtimes.torch_runtime import TorchRuntime
from export.artefacts import KINDS
from export.faces import FaceSet
from export.maker import Maker, make_maker
from gaze.errors import DataError


@pytest.fixture
def maker(checkpoint, tmp_path):
    """Without faces to calibrate on."""
    return make_maker(
        TorchRuntime(checkpoint), "small", tmp_path, None, FaceSet("made", smooth_faces(64, 4).faces)
    )


def test_every_kind_that_can_be_asked_for_is_written_by_something():
    assert set(Maker._writers) == set(KINDS)


@pytest.mark.parametrize("name", ["onnx-int8", "onnx-int8-tensorrt", "openvino-int8"])
def test_int8_without_faces_to_calibrate_on_is_refused(maker, tmp_path, name):
    if name.startswith("openvino"):
        pytest.importorskip("nncf")
    with pytest.raises(DataError, match=rf"{name}: .*give --calibration FOLDER"):
        maker.make(KINDS[name], tmp_path / f"small{KINDS[name].suffix}")
    assert not list(tmp_path.iterdir())


def test_a_kind_that_nothing_writes_is_an_error_and_no_empty_file(maker, tmp_path):
    unknown = dataclasses.replace(KINDS["onnx"], name="onnx-fp8", precision="fp8")
    with pytest.raises(KeyError, match="onnx-fp8"):
        maker.make(unknown, tmp_path / "small.onnx")
    assert not list(tmp_path.iterdir())
