import dataclasses
import json
import math
import re
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from loop_fakes import FakeEstimator, make_estimate, noise

from deploy.calibrate import rendered
from deploy.calibrate.rendered import main
from gaze.errors import UsageError
from gaze.model_spec import DEFAULT_MODEL
from gaze.types import Frame, GazeAngles, Status


def test_numbers_are_checked():
    with pytest.raises(UsageError, match=r"--frames must be 1 to \d+, got 1000"):
        main(["--frames", "1000"])
    for name in ("--people", "--frames"):
        with pytest.raises(SystemExit) as caught:
            main([name, "0"])
        assert caught.value.code == 2


@pytest.mark.parametrize(
    ("options", "status"),
    [([], Status.UNSURE), (["--max-sigma", "21"], Status.OK), (["--max-sigma", "0"], Status.OK)],
)
def test_pictures_go_through_the_gates_of_a_run(monkeypatch, options, status):
    """A gaze of which the network itself says 20 degrees is not calibrated on, unless asked for."""
    pytest.importorskip("moderngl")

    def script(frame):
        estimate = make_estimate(frame.index, frame.t_s)
        return [dataclasses.replace(estimate, gaze=GazeAngles(0.1, 0.2, math.radians(20.0)))]

    seen = []

    def trial(sitter, estimate, *rest):
        seen.extend(estimate(Frame(noise(0), 0, 0.0)))
        return SimpleNamespace(kind="offset", seed=1)

    plain = SimpleNamespace(wears_sunglasses=False)
    monkeypatch.setattr("gaze.synthesis.webcam.WebcamRenderer", lambda *rest: nullcontext())
    monkeypatch.setattr(rendered.GazeEstimator, "create", lambda *a, **k: nullcontext(FakeEstimator(script)))
    monkeypatch.setattr(rendered, "sitting", lambda *rest: nullcontext(plain))
    monkeypatch.setattr(rendered, "run_trial", trial)
    list(rendered._trials(rendered.parser().parse_args(["--people", "1", *options])))
    assert [estimate.status for estimate in seen] == [status]


@pytest.mark.slow
@pytest.mark.skipif(not DEFAULT_MODEL.exists(), reason="there is no network in the package")
def test_rendered_people_gain_from_calibration(tmp_path, capsys, shared_dir):
    out = tmp_path / "errors.json"
    code = main(["--people", "6", "--errors", str(out)])
    text = capsys.readouterr().out
    assert code == 0, text
    assert len(re.findall(r"^\| 9000", text, re.MULTILINE)) == 6
    assert len(json.loads(out.read_text())["person"]) > 150
