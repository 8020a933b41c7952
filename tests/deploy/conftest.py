"""Fixtures of more than one file."""

import pytest


@pytest.fixture
def no_display(monkeypatch, tmp_path):
    """A folder of its own, on a machine whose displays cannot be read."""
    monkeypatch.chdir(tmp_path)
    for module in ("deploy.calibrate.screens", "deploy.calibrate.common", "deploy.calibrate.board"):
        monkeypatch.setattr(f"{module}.find_displays", lambda: [])
    monkeypatch.setattr("calibration.displays.find_displays", lambda: [])
