"""What docs/performance.md says that an engine costs is what the shipped sidecars hold."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from export.parity import MAX_DEG
from gaze.model_spec import DEFAULT_MODEL

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["gaze_mobilenetv2", "gaze_mobilenetv2_112"])
def test_the_table_of_engines_is_that_of_the_sidecars(name):
    text = (ROOT / "docs/performance.md").read_text(encoding="utf-8").partition("## What an engine costs")[2]
    row = re.search(rf"^\| `{name}`.*\|$", text, re.MULTILINE)[0]
    fp32, fp16, bf16 = (
        float(re.match(r"[\d.]+(?=°)", cell.strip())[0]) for cell in row.strip("|").split("|")[1:]
    )
    parity = json.loads((DEFAULT_MODEL.parent / f"{name}.json").read_text())["parity_deg"]
    assert {entry["faces"] for entry in parity.values()} == {320}
    shipped = [parity[f"{engine}:CPU:fp32"]["max"] for engine in ("onnxruntime", "openvino")]
    assert fp32 == pytest.approx(max(shipped), abs=5e-5)
    assert fp16 == pytest.approx(parity["openvino:CPU:fp16"]["max"], abs=5e-3)
    # What breaks its bound is in no sidecar.
    assert "openvino:CPU:bf16" not in parity and bf16 > MAX_DEG["bf16"]
