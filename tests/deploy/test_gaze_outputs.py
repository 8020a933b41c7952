"""What `gaze run --profile` writes when it ends: heat map, scan path and dwell times."""

import gc
import json
from contextlib import ExitStack
from types import FunctionType, ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from profile_fakes import estimates, fake_estimator, person_and_profile

from calibration.areas import Area
from deploy import run_command
from deploy.point_of_gaze import GazeOutputs, PointOfGazeHook, hook_for_run
from deploy.run_config import parse_run
from gaze.errors import CalibrationError, SourceError

SUFFIXES = (".png", ".png", ".json")


def test_outputs_are_written_at_the_end(tmp_path):
    person, head, profile = person_and_profile()
    areas = tmp_path / "areas.json"
    one = {"name": "a", "rect_px": [200, 200, 300, 300]}
    areas.write_text(json.dumps({"schema": "gaze.areas/1", "areas": [one]}))
    config = parse_run([
        "--profile", "p.json", "--heatmap", str(tmp_path / "h.png"), "--scanpath", str(tmp_path / "s.png"),
        "--areas", str(areas), "--dwell", str(tmp_path / "d.json"),
    ])  # fmt: skip
    hook = hook_for_run(profile, config, fake_estimator(), SimpleNamespace(live=False))
    for estimate in estimates(person, head, [(300, 300), (1600, 300)], 20):
        hook(estimate)
    hook.close()
    assert cv2.imread(str(tmp_path / "h.png")).shape == cv2.imread(str(tmp_path / "s.png")).shape
    dwell = json.loads((tmp_path / "d.json").read_text())
    assert dwell["areas"][0]["dwell_s"] == pytest.approx(20 / 30, abs=0.1)


@pytest.mark.parametrize("broken", [("h",), ("d",), ("h", "s", "d")])
def test_an_output_that_cannot_be_written_costs_no_other(tmp_path, caplog, broken):
    """The first is raised, the others are logged; the dwell times are told in any case."""
    caplog.set_level("INFO", logger="gaze")
    person, head, profile = person_and_profile()
    paths = {name: tmp_path / name / f"{name}{suffix}" for name, suffix in zip("hsd", SUFFIXES, strict=True)}
    areas = (Area("menu", np.array([[200.0, 200], [500, 200], [500, 500], [200, 500]])),)
    hook = PointOfGazeHook(profile, outputs=GazeOutputs(paths["h"], paths["s"], areas, paths["d"]))
    for estimate in estimates(person, head, [(300, 300), (1600, 300)], 20):
        hook(estimate)
    for name in set(paths) - set(broken):  # the folder of the others is gone
        paths[name].parent.mkdir()
    with pytest.raises(CalibrationError, match=rf"{broken[0]}\.\w+: cannot be written \(No such file"):
        hook.close()
    assert {name for name, path in paths.items() if not path.exists()} == set(broken)
    told = "\n".join(caplog.messages)
    assert "menu" in told
    assert all(f"{paths[name]}: cannot be written" in told for name in broken[1:])


@pytest.mark.parametrize("ended_by", [None, SourceError("camera broke")])
def test_what_ended_the_run_is_told_although_an_output_fails_too(monkeypatch, caplog, ended_by):
    def close():
        raise CalibrationError("h.png: cannot be written")

    hook = SimpleNamespace(close=close)
    monkeypatch.setattr("deploy.point_of_gaze.hook_for_run", lambda *rest: hook)
    with pytest.raises(CalibrationError if ended_by is None else SourceError), ExitStack() as stack:
        run_command._open_hook("a profile", None, None, None, stack)
        if ended_by is not None:
            raise ended_by
    assert caplog.messages == ([] if ended_by is None else ["h.png: cannot be written"])


def test_a_run_that_writes_none_holds_no_points():
    """Seconds of a gaze that goes to and fro, and ten times as many: the hook holds as much after both."""
    person, head, profile = person_and_profile()
    hook = PointOfGazeHook(profile)

    def memory_after(visits, start_s):
        for estimate in estimates(person, head, [(300, 300), (1600, 300)] * visits, 8, start_s):
            hook(estimate)
            hook.events()
        gc.collect()
        return held_by(hook)

    first = memory_after(4, 0.0)
    assert memory_after(40, 100.0) <= first + 2
    hook.close()


def held_by(thing):
    """How many objects hang on a thing, itself among them."""
    seen, left = set(), [thing]
    while left:
        one = left.pop()
        if id(one) not in seen and not isinstance(one, type | ModuleType | FunctionType):
            seen.add(id(one))
            left += gc.get_referents(one)
    return len(seen)


def test_nothing_seen_writes_nothing(tmp_path, caplog):
    *_, profile = person_and_profile()
    hook = PointOfGazeHook(profile, outputs=GazeOutputs(heat_map=tmp_path / "h.png"))
    hook.close()
    assert not (tmp_path / "h.png").exists()
    assert "no point of gaze was seen" in caplog.text
