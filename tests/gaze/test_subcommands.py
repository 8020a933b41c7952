"""Tables of commands: one behaviour for all of them."""

import sys
import types

import pytest

from deploy.calibrate import command as calibrate
from deploy.evaluate import command as evaluate
from gaze import cli
from gaze.subcommands import dispatch
from gaze.synthesis import command as synthesize

TABLE = {"eye": ("eye_command", "looks"), "eyelash": ("eyelash_command", "does not")}
USAGE = """\
usage: gaze find THING [OPTIONS]

  eye      looks
  eyelash  does not

Mind the lashes.

`gaze find THING --help` lists its options.
"""


def test_help_is_the_table_with_the_note(capsys):
    assert dispatch("gaze find", "THING", TABLE, ["--help"], "Mind the lashes.") == 0
    assert capsys.readouterr().out == USAGE


def test_no_name_is_wrong_use(capsys):
    assert dispatch("gaze find", "THING", TABLE, [], "Mind the lashes.") == 2
    assert capsys.readouterr().out == USAGE


def test_a_wrong_name_is_named_and_cannot_move_the_cursor(capsys):
    assert dispatch("gaze find", "THING", TABLE, ["\x1b[2Jear"], "Mind the lashes.") == 2
    assert capsys.readouterr().err == "gaze find: no such thing: \\x1b[2Jear\n\n" + USAGE


def test_the_rest_goes_to_what_is_named(monkeypatch):
    module = types.ModuleType("eye_command")
    module.main = lambda argv: len(argv) + 40
    monkeypatch.setitem(sys.modules, "eye_command", module)
    monkeypatch.setattr(sys, "argv", ["gaze", "eye", "--a", "--b", "--c"])
    assert dispatch("gaze find", "THING", TABLE, ["eye", "--a", "--b"]) == 42
    assert dispatch("gaze find", "THING", TABLE, None) == 43


@pytest.mark.parametrize(
    ("main", "told"),
    [
        (cli.main, "gaze: no such command: ear"),
        (calibrate.main, "gaze calibrate: no such stage: ear"),
        (evaluate.main, "gaze evaluate: no such kind: ear"),
        (synthesize.main, "gaze synthesize: no such subcommand: ear"),
    ],
)
def test_all_tables_tell_a_wrong_name_alike(capsys, main, told):
    assert main(["ear", "--help"]) == 2
    assert capsys.readouterr().err.startswith(f"{told}\n\nusage: gaze ")
