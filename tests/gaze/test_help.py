"""Every command shows its help without any extra installed; the documents name only options that exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Lets no package of an extra be imported, then prints the help of every command and subcommand as JSON.
COLLECT = """
import contextlib, importlib.abc, io, json, re, sys
from gaze import cli
EXTRAS = {package for packages in cli.EXTRAS.values() for package in packages}
class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NotInstalled())
from gaze.cli import COMMANDS, main
def shown(words):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = main([*words, "--help"])
        except SystemExit as end:
            code = end.code
    return code or 0, out.getvalue()
found = {}
for command in COMMANDS:
    found[command] = shown([command])
    if command in ("calibrate", "synthesize", "evaluate"):
        for name in re.findall(r"^  ([a-z][a-z-]+)  ", found[command][1], re.M):
            found[f"{command} {name}"] = shown([command, name])
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def helps():
    done = subprocess.run(
        [sys.executable, "-c", COLLECT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_every_help_needs_no_extra(helps):
    assert {name: text for name, (code, text) in helps.items() if code != 0} == {}
    assert {"run", "calibrate camera", "synthesize shards", "evaluate video", "train"} <= set(helps)


@pytest.mark.parametrize("document", ["README.md", "docs/usage.md"])
def test_documents_name_only_options_that_exist(helps, document):
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text))
    known = set(re.findall(r"--[a-z][a-z0-9-]+", " ".join(text for _, text in helps.values())))
    assert named - known == set()
    assert len(named) > 5
