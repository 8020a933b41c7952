"""The extras of pyproject.toml against the imports of the commands that need them, read from the source."""

import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
from source_imports import imports

from gaze.cli import COMMANDS, CORE, EXTRAS, _extra_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gaze", "calibration", "deploy", "export")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What is called otherwise when it is imported, and what another package imports.
IMPORTED_AS = {"opencv-contrib-python": "cv2"}
BEHIND = {"torch.utils.tensorboard": "tensorboard"}
# Part of the GPU's software, not of this program's.
PROVIDED = {"tensorrt"}


def names(requirements):
    """The import names of requirements."""
    found = [re.match(r"[\w.-]+", line).group() for line in requirements]
    return {IMPORTED_AS.get(name, name) for name in found}


def file_of(module):
    stem = ROOT / module.replace(".", "/")
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def optional_packages(module):
    """Packages beyond the program's dependencies that a module imports, itself or through others."""
    waiting, seen, found = [module], set(), set()
    while waiting:
        path = file_of(waiting.pop())
        if path is None or path in seen:
            continue
        seen.add(path)
        # `from a import b` names a.b, which may be a module or something in the module a.
        for name in {
            each for whole, _ in imports(path) for each in (whole, whole.rpartition(".")[0]) if each
        }:
            top = name.partition(".")[0]
            if top in PACKAGES:
                waiting.append(name)
            elif top not in sys.stdlib_module_names:
                found |= {top, BEHIND.get(name, top)}
    return found - names(PROJECT["dependencies"]) - PROVIDED


def leaves():
    """(command, module) of every command; of one that dispatches by a table of names, of all in its table."""
    for command, (module, _) in COMMANDS.items():
        tree = ast.parse(file_of(module).read_text(encoding="utf-8"))
        words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        texts = [word for word in words if isinstance(word, str) and word.partition(".")[0] in PACKAGES]
        named = [word for word in texts if "." in word and file_of(word)]
        yield from ((command, name) for name in named or [module])


LEAVES = list(leaves())


def test_the_tables_of_subcommands_are_read():
    assert {"gaze.synthesis.standin_command", "gaze.training.train_command"} <= {name for _, name in LEAVES}
    assert len(LEAVES) > 20


@pytest.mark.parametrize(("command", "module"), LEAVES)
def test_one_extra_makes_a_command_work(command, module):
    needed = optional_packages(module)
    named = {_extra_of(command, package) for package in needed}
    assert len(named) <= 1, f"{module}: asks for {named} to get {needed}"
    for extra in named:
        assert needed <= names(PROJECT["optional-dependencies"][extra])


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_holds_what_its_commands_import_and_no_more(extra):
    used = [needed for command, module in LEAVES if (needed := optional_packages(module))
            and extra in {_extra_of(command, package) for package in needed}]  # fmt: skip
    assert names(PROJECT["optional-dependencies"][extra]) == set().union(*used) == set(EXTRAS[extra])


def test_what_comes_without_an_extra_is_what_the_program_depends_on():
    assert set(CORE) == names(PROJECT["dependencies"]) - {"jax", "jaxlib"}  # bounded for MediaPipe alone
    assert {_extra_of("run", package) for package in CORE} == {""}
    assert _extra_of("export", "onnxruntime.quantization") == "" and _extra_of("run", "strange") is None


def test_dev_brings_every_extra_and_there_is_no_other():
    extras = PROJECT["optional-dependencies"]
    assert set(extras) == {*EXTRAS, "dev"}
    (own,) = (line for line in extras["dev"] if line.startswith("webcam-gaze"))
    assert own == f"webcam-gaze[{','.join(name for name in extras if name != 'dev')}]"


@pytest.mark.skipif(
    metadata.version("mediapipe") != "0.10.21", reason="newer Pythons and 64-bit Arm have another MediaPipe"
)
def test_what_is_bounded_for_mediapipe_is_what_it_asks_for():
    """Where MediaPipe takes numpy 2, the bounds on it and on what goes with it can go."""
    asked = metadata.requires("mediapipe")
    assert "numpy<2" in asked
    bounded = [
        line for line in PROJECT["dependencies"] if "<" in line.partition(";")[0] and "< '3.13'" in line
    ]
    assert names(bounded) == {"numpy", "cv2", "jax", "jaxlib"} <= names(asked)
