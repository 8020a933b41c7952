"""OpenVINO's converter and NNCF tell their maker nothing about their use."""

import os
import subprocess
import sys

import pytest

from tests.tiny_models import write_model

pytest.importorskip("openvino_telemetry")
pytest.importorskip("nncf")

CONVERT = """
import sys
import export.to_int8_openvino
from export.to_openvino import export_openvino
from gaze.model_spec import load_model_spec
export_openvino(sys.argv[1], load_model_spec(sys.argv[1]), sys.argv[2])
"""


def test_nothing_is_kept_in_the_home_of_the_user(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    # Under continuous integration they report nothing anyway.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "NNCF_"))}
    environment["HOME"] = str(home)
    model = write_model(tmp_path / "tiny.onnx")
    subprocess.run(
        [sys.executable, "-c", CONVERT, str(model), str(tmp_path / "tiny.xml")], env=environment, check=True
    )
    assert (tmp_path / "tiny.xml").is_file()
    assert not list(home.rglob("*telemetry*")) and not list(home.rglob("*_ga_cid"))
