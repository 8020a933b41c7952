"""Fixtures of more than one file."""

import pytest


@pytest.fixture(scope="session")
def model(tmp_path_factory, landmark_models):
    """The file of a network that finds every gaze 0.2 rad aside."""
    from fixed_model import write_fixed_model  # here, as most tests do without the package onnx

    return str(write_fixed_model(tmp_path_factory.mktemp("model") / "fixed.onnx", 0.0, 0.2))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own, on a machine without a display."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)


@pytest.fixture
def no_display(monkeypatch, tmp_path):
    """A folder of its own, on a machine whose displays cannot be read."""
    monkeypatch.chdir(tmp_path)
    for module in ("deploy.calibrate.screens", "deploy.calibrate.common", "deploy.calibrate.board"):
        monkeypatch.setattr(f"{module}.find_displays", lambda: [])
    monkeypatch.setattr("calibration.displays.find_displays", lambda: [])
