"""Nothing half-written is taken for whole."""

import json

import pytest

from gaze.errors import UsageError
from gaze.files import prepare_outputs, read_json, replacing, write_json


def test_success_replaces_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.suffix == ".txt"  # writers that go by the suffix keep working
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="none"):
        write_json(tmp_path / "none" / "a.json", {})


def test_outputs_are_prepared_before_the_work(tmp_path):
    """The folder is made, nothing else is left, and what cannot be a file is refused."""
    old = tmp_path / "old.json"
    old.write_text("{}")
    prepare_outputs(tmp_path / "new" / "deep" / "a.json", None, old)
    assert list((tmp_path / "new" / "deep").iterdir()) == []
    assert old.read_text() == "{}"
    with pytest.raises(UsageError, match=r"new: is a folder; give the name of a file"):
        prepare_outputs(tmp_path / "new")
    with pytest.raises(UsageError, match=r"a.json: cannot be written \(.*\); give another place"):
        prepare_outputs(old / "a.json")


def test_json_is_written_whole(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": [1, 2.5], "text": "grün"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"x": [1, 2.5], "text": "grün"}
    assert path.read_text().endswith("}\n")


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    with pytest.raises(TypeError):
        write_json(path, {"x": object()})
    assert json.loads(path.read_text()) == {"x": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_json_nested_without_end_is_a_value_error(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(path)
    path.write_text("[1, {}]")
    assert read_json(path) == [1, {}]
