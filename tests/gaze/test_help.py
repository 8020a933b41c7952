"""Every command shows its help without any extra installed; what is written names only options that exist."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ("calibrate", "synthesize", "evaluate")  # commands whose next word names one of their own
DOCUMENTS = ("README.md", "docs/*.md", "deploy/*/README.md", "gaze/weights/*.md")
SCRIPTS = ("Makefile", "deploy/*/*.sh", "deploy/*/*.service", "deploy/*/Dockerfile", "deploy/*/device.conf")
HIDDEN = "\0"  # what an f-string puts in its place is not known

# Lets no package of an extra be imported, then prints exit code, help and options of every command as JSON.
COLLECT = """
import argparse, contextlib, importlib.abc, io, json, re, sys
from gaze import cli
EXTRAS = {package for packages in cli.EXTRAS.values() for package in packages}
class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NotInstalled())
from gaze.cli import COMMANDS, main
options, print_help = [], argparse.ArgumentParser.print_help
def print_and_note(parser, file=None):
    options.extend(parser._option_string_actions)
    print_help(parser, file)
argparse.ArgumentParser.print_help = print_and_note
def shown(*words):
    options.clear()
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = main([*words, "--help"])
        except SystemExit as end:
            code = end.code
    return code or 0, out.getvalue(), list(options)
found = {}
for command in COMMANDS:
    found[command] = shown(command)
    if command in sys.argv[1:]:
        for name in re.findall(r"^  ([a-z][a-z-]+)  ", found[command][1], re.M):
            found[f"{command} {name}"] = shown(command, name)
found["bench --models"] = shown("bench", "--models", "dist")
found["bench --soak"] = shown("bench", "--soak", "1")
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def helps():
    """Command -> (exit code, text, options) of its --help."""
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, *GROUPS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def options(helps):
    """Command -> its options."""
    return {name: set(found) for name, (_, _, found) in helps.items()}


def test_every_help_needs_no_extra(helps):
    assert {name: text for name, (code, text, _) in helps.items() if code != 0} == {}
    assert {"run", "calibrate camera", "synthesize shards", "evaluate video", "train"} <= set(helps)


def test_helps_show_defaults_as_they_are_written(helps):
    for name, (_, text, _) in helps.items():
        assert re.findall(r"\(default:\s+(?:None|\[|\().*", text) == [], name


def test_of_a_flag_it_is_said_that_it_is_off_only_where_it_can_be_switched_so(helps):
    said = 0
    for name, (_, text, _) in helps.items():
        for option in re.split(r"\n  (?=-)", text)[1:]:
            if re.search(r"\(default:\s+False\)", option):
                assert re.match(r"--(\S+), --no-\1\b", option), f"{name}: {option}"
                said += 1
    assert said > 5


def files(*patterns):
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def lines_of(text):
    """Lines with their number, continued ones joined to the first."""
    number, whole = 1, ""
    for i, line in enumerate(text.splitlines(), start=1):
        number = number if whole else i
        whole += line.rstrip().removesuffix("\\")
        if not line.rstrip().endswith("\\"):
            yield number, whole
            whole = ""


def spans_of(text):
    """What stands in single backticks, with its line; it may run over the end of a line."""
    for match in re.finditer(r"(?<!`)`([^`]+)`(?!`)", text):
        yield text.count("\n", 0, match.start()) + 1, " ".join(match[1].split())


def document_calls(text):
    """Every call of `gaze` in a document: lines of code blocks, and what stands in backticks."""
    prose, inside = [], False
    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        inside ^= fence
        code = inside or fence or line.startswith("    ")
        prose.append("" if code else line)
    outside = "\n".join(prose)
    blocks = "\n".join("" if kept else line for kept, line in zip(prose, text.splitlines(), strict=True))
    for number, line in [*lines_of(blocks), *spans_of(outside)]:
        yield from ((number, call) for call in calls_in(line))


def calls_in(line, before=r"(?<!from)(?:^|[\s/(])"):
    """The arguments of each `gaze` that a shell would call in a line, or that a comment behind it names."""
    for part in re.split(r"&&|\|\||[;|]|(?:^|\s)#", line):
        # Up to a bracket that was opened before: (gaze run --demo).
        match = re.search(before + r'gaze"?\s+([a-z](?:\([^)]*\)|[^)])*)', part)
        if match is not None:
            yield match[1]


def strings_of(path):
    """The strings of a source file with their lines; docstrings too, f-strings with HIDDEN in them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            known = [part.value if isinstance(part, ast.Constant) else HIDDEN for part in node.values]
            yield node.lineno, "".join(known)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value


def source_calls(path):
    """Every call of `gaze` in backticks within the strings of a source file."""
    for number, text in strings_of(path):
        for _, span in spans_of(text):
            if span.startswith("gaze "):
                yield from ((number, call) for call in calls_in(span))


def wrong_in(call, options):
    """What is wrong with the arguments of `gaze`: an unknown command or options that it has not."""
    call, _, passed_on = call.partition(" -- ")
    words = call.split()
    command = words[0]
    if command in GROUPS and len(words) > 1 and words[1] not in ("--help", "...", "…"):
        command = f"{words[0]} {words[1]}"
        if HIDDEN in words[1] or words[1].isupper():
            return []
    elif command == "bench":
        command = next((f"bench {word}" for word in ("--models", "--soak") if word in words), "bench")
    if command not in options:
        return [f"gaze {command}: no such command"]
    options = {**options, command: {*options[command], "--help"}}
    named = re.findall(rf"(?<![\w{HIDDEN}-])--[a-z][a-z0-9{HIDDEN}-]*", call)
    wrong = [f"gaze {command} has no {name}" for name in named if not known(name, options[command])]
    return wrong + (wrong_in(f"run {passed_on}", options) if passed_on else [])


def known(name, present):
    pattern = re.escape(name).replace(re.escape(HIDDEN), "[a-z0-9-]*")
    return any(re.fullmatch(pattern, option) for option in present)


def where(path, number, text):
    return f"{path.relative_to(ROOT).as_posix()}:{number}: {text}"


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("export --formats tensorrt-fp16", []),
        ("export --tensorrt", ["gaze export has no --tensorrt"]),
        ("run --dwel d.json", ["gaze run has no --dwel"]),
        ("calibrate screen --mirror", []),
        ("evaluate faces [--mirror]", ["gaze evaluate faces has no --mirror"]),
        ("evaluate video clip.mp4 -- --mirror --views 2", ["gaze run has no --views"]),
        ("bench --models dist --batches 1", []),
        ("bench --batches 1", ["gaze bench has no --batches"]),
        (f"run --{HIDDEN}average-mirror --smooth-{HIDDEN} 2", []),
        (f"run --sharp-{HIDDEN} 2", [f"gaze run has no --sharp-{HIDDEN}"]),
        ("calibrate STAGE --help", []),
        ("calibrate somebody", ["gaze calibrate somebody: no such command"]),
    ],
)
def test_the_check_of_a_call(options, call, wrong):
    assert wrong_in(call, options) == wrong


def test_calls_are_found_in_a_document():
    block = "    gaze train \\\n        --resume  # (gaze doctor)\n"
    text = "Run `gaze run\n--demo` or\n\n" + block + "\n```\nfrom gaze import x\n```"
    found = [(number, " ".join(call.split())) for number, call in document_calls(text)]
    assert found == [(4, "train --resume"), (4, "doctor"), (1, "run --demo")]


def test_documents_call_what_exists(options):
    wrong, seen = [], 0
    for path in files(*DOCUMENTS):
        for number, call in document_calls(path.read_text(encoding="utf-8")):
            seen += 1
            wrong += [where(path, number, text) for text in wrong_in(call, options)]
    assert wrong == []
    assert seen > 100


def test_documents_name_only_options_that_exist(options):
    every = set().union(*options.values())
    wrong = [
        where(path, number, span)
        for path in files(*DOCUMENTS)
        for number, span in spans_of(path.read_text(encoding="utf-8"))
        if re.match(r"--[a-z]", span) and not known(span.split()[0], every)
    ]
    assert wrong == []


def test_scripts_call_what_exists(options):
    wrong, seen = [], 0
    for path in files(*SCRIPTS):
        for number, line in lines_of(path.read_text(encoding="utf-8")):
            for call in calls_in(line, before="/"):
                seen += 1
                wrong += [where(path, number, text) for text in wrong_in(call, options)]
    assert wrong == []
    assert seen > 5


def test_messages_call_what_exists(options):
    wrong, seen = [], 0
    for package in ("gaze", "calibration", "deploy", "export"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for number, call in source_calls(path):
                seen += 1
                wrong += [where(path, number, text) for text in wrong_in(call, options)]
    assert wrong == []
    assert seen > 100
