import json
import re

import pytest

from deploy.calibrate.rendered import main
from gaze.errors import UsageError
from gaze.model_spec import DEFAULT_MODEL


def test_numbers_are_checked():
    with pytest.raises(UsageError, match=r"--frames must be 1 to \d+, got 1000"):
        main(["--frames", "1000"])
    for name in ("--people", "--frames"):
        with pytest.raises(SystemExit) as caught:
            main([name, "0"])
        assert caught.value.code == 2


@pytest.mark.slow
@pytest.mark.skipif(not DEFAULT_MODEL.exists(), reason="there is no network in the package")
def test_rendered_people_gain_from_calibration(tmp_path, capsys, shared_dir):
    out = tmp_path / "errors.json"
    code = main(["--people", "6", "--errors", str(out)])
    text = capsys.readouterr().out
    assert code == 0, text
    assert len(re.findall(r"^\| 9000", text, re.MULTILINE)) == 6
    assert len(json.loads(out.read_text())["person"]) > 150
