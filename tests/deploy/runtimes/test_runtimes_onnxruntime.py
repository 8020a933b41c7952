"""onnxruntime keeps to itself: no reports of its use, and no file for them."""

from __future__ import annotations

import os
import subprocess
import sys

from tiny_models import write_model

START = """
import sys
from deploy.runtimes import create_runtime
create_runtime(sys.argv[1], "onnxruntime").close()
"""


def test_no_reports_are_prepared_for_its_maker(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    # Under continuous integration onnxruntime reports nothing anyway.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")
    }
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    model = write_model(tmp_path / "tiny.onnx")
    subprocess.run([sys.executable, "-c", START, str(model)], env=environment, check=True)
    assert not [path.name for path in home.rglob("*") if "onnxruntime" in path.name]
