"""Nothing half-written is taken for whole."""

import json
import os

import numpy as np
import pytest

from gaze.errors import DataError, UsageError
from gaze.files import (
    prepare_outputs,
    read_bytes,
    read_json,
    read_object,
    replacing,
    spare_inputs,
    without_nan,
    write_json,
)


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


def test_names_of_any_length_are_written_or_refused(tmp_path):
    long, too_long = tmp_path / ("ä" * 125 + ".json"), tmp_path / ("x" * 300)
    write_json(long, [])
    assert list(tmp_path.iterdir()) == [long]
    with pytest.raises(UsageError, match=r"cannot be written \(File name too long\); give another place"):
        prepare_outputs(too_long)


def test_a_file_without_end_is_not_read_into_memory(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc" * 100)
    assert read_bytes(path) == b"abc" * 100
    assert read_bytes(path, most=300) == b"abc" * 100
    for endless in (path, "/dev/zero"):
        with pytest.raises(OSError, match=r"is larger than 0 MB"):
            read_bytes(endless, most=299)
    reading, writing = os.pipe()
    os.write(writing, b"{}")
    os.close(writing)
    assert read_json(f"/dev/fd/{reading}") == {}
    os.close(reading)


def test_outputs_spare_inputs_and_each_other(tmp_path):
    read, other = tmp_path / "read", tmp_path / "other"
    read.write_text("x")
    (tmp_path / "hard").hardlink_to(read)
    (tmp_path / "soft").symlink_to(read)
    for path in (read, tmp_path / "hard", str(tmp_path / "soft"), tmp_path / "a" / ".." / "read"):
        with pytest.raises(UsageError, match=r"--out .* would overwrite what --in reads; choose another"):
            spare_inputs({"--out": path}, {"--in": [None, "", str(read)]})
    with pytest.raises(UsageError, match=r"--b .*other would overwrite what --a writes"):
        spare_inputs({"--a": other, "--b": str(other)}, {})
    spare_inputs({"--a": None, "--b": other, "--c": "/dev/null", "--d": "/dev/null"}, {"--in": [read]})


def test_json_is_written_whole(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": [1, 2.5], "text": "grün"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"x": [1, 2.5], "text": "grün"}
    assert path.read_text().endswith("}\n")


def test_what_json_cannot_hold_is_none():
    given = {
        "a": float("nan"),
        "b": [1.5, (float("inf"), "x")],
        "c": {"d": None, "e": np.float64("nan")},
        "f": 2,
    }
    assert without_nan(given) == {"a": None, "b": [1.5, [None, "x"]], "c": {"d": None, "e": None}, "f": 2}


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    with pytest.raises(TypeError):
        write_json(path, {"x": object()})
    assert json.loads(path.read_text()) == {"x": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_the_mark_that_some_editors_put_first_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(path) == [1]


def test_json_nested_without_end_is_a_value_error(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(path)
    path.write_text("[1, {}]")
    assert read_json(path) == [1, {}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, r"is not JSON \(nested too deeply\)"),
        ("[1]", "is not a gaze.x/1 file .found 'a list'"),
        ('{"schema": "gaze.y/1"}', "is not a gaze.x/1 file .found 'gaze.y/1'"),
        ('{"schema": ["gaze.x/1"]}', "is not a gaze.x/1 file"),
        ("{}", "is not a gaze.x/1 file .found None"),
    ],
)
def test_an_object_of_another_schema_is_refused_with_the_mend(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"a.json: {message}.*; make it anew$"):
        read_object(path, "gaze.x/1", DataError, "make it anew")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1' + "0" * 400 + "}", "the number 10000000000000000000 is too large"),
        ("[-1e60]", "the number -1e60 is too large"),
        ("[1e999]", "the number 1e999 is too large"),
        ("[-Infinity]", "the number -Infinity is too large"),
        ("[" + "9" * 5000 + "]", "is too large"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands twice in one object"),
    ],
)
def test_numbers_that_overflow_and_keys_that_hide_each_other_are_value_errors(tmp_path, text, message):
    """Floats of Python overflow with an error that no reader of a file expects."""
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_json(path)


def test_large_seeds_and_times_are_numbers(tmp_path):
    path = tmp_path / "a.json"
    content = {"seed": 2**64, "t": 1.8e18, "small": 5e-324, "text": "1e999"}
    write_json(path, content)
    assert read_json(path) == content


@pytest.mark.parametrize("via", ["itself", "a link"])
def test_what_is_no_plain_file_is_not_replaced(tmp_path, via):
    """As root a rename over /dev/null would take it from the whole machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    path = pipe
    if via == "a link":
        path = tmp_path / "link"
        path.symlink_to(pipe)
    with pytest.raises(OSError, match="not a plain file"):
        write_json(path, {})
    with pytest.raises(UsageError, match=r"is not a plain file; give the name of a file"):
        prepare_outputs(path)
    assert pipe.is_fifo()
    assert path.is_symlink() == (via == "a link")


def test_a_link_keeps_pointing_at_the_file_that_is_written(tmp_path):
    (tmp_path / "kept").mkdir()
    path = tmp_path / "a.json"
    path.symlink_to(tmp_path / "kept" / "real.json")
    write_json(path, [1])
    assert path.is_symlink()
    assert (tmp_path / "kept" / "real.json").read_text() == "[\n  1\n]\n"
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_an_object_need_not_state_its_schema_where_that_is_said(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"b": 1}')
    assert read_object(path, "gaze.x/1", DataError, "", stated=False) == {"b": 1}
    with pytest.raises(DataError, match=r"absent.json: cannot be read .No such file"):
        read_object(tmp_path / "absent.json", "gaze.x/1", DataError, "", stated=False)
