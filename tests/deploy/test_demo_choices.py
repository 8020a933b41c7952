"""What `make demo` shows and writes where there is a camera or none, a display or none."""

import pytest

from deploy import demo
from deploy.run_config import parse_run
from gaze.errors import SourceError


def test_the_demo_shows_the_source_that_was_asked_for(monkeypatch):
    monkeypatch.setattr(demo, "display_problem", lambda: None)
    monkeypatch.setattr(demo, "camera_problem", lambda index: pytest.fail("a camera was tried"))
    chosen = demo.with_demo_choices(parse_run(["--demo", "--source", "film.mp4"]), [0])
    assert (chosen.source, chosen.truth, chosen.mirror) == ("film.mp4", None, None)


def test_the_demo_takes_a_camera_that_delivers_and_else_the_clip(tmp_path, monkeypatch, caplog):
    config = parse_run(["--demo"])
    monkeypatch.setattr(demo, "display_problem", lambda: None)
    caplog.set_level("INFO", "gaze")
    monkeypatch.setattr(
        demo, "camera_problem", lambda index: None if index == 2 else f"camera {index} is in use by zoom (7)"
    )
    chosen = demo.with_demo_choices(config, [0, 2, 4])
    assert (chosen.source, chosen.mirror, chosen.save) == ("2", True, None)
    assert "demo: camera 0 is in use by zoom (7)" in caplog.messages
    assert demo.with_demo_choices(parse_run(["--demo", "--no-mirror"]), [2]).mirror is False
    clip, truth = tmp_path / "demo.mp4", tmp_path / "demo.truth.jsonl"
    monkeypatch.setattr(demo, "CLIP", clip)
    monkeypatch.setattr(demo, "CLIP_TRUTH", truth)
    monkeypatch.setattr(demo, "camera_problem", lambda index: f"camera {index} is dark")
    with pytest.raises(SourceError, match=r"the clip .* is missing"):
        demo.with_demo_choices(config, [0])
    clip.touch()
    truth.touch()
    monkeypatch.setattr(demo, "display_problem", lambda: "no display: none")
    chosen = demo.with_demo_choices(config, [0])
    assert (chosen.source, chosen.truth) == (str(clip), str(truth))
    assert (chosen.window, chosen.save, chosen.jsonl) == (False, "out/demo.mp4", "out/demo.jsonl")
