"""The shader files against the code that feeds them."""

import re
from pathlib import Path

import pytest

import gaze.synthesis

FOLDER = Path(gaze.synthesis.__file__).parent
UNIFORMS = re.compile(r"^\s*uniform\s+\w+\s+([^;]+);", re.MULTILINE)


@pytest.mark.parametrize("path", sorted((FOLDER / "shaders").iterdir()), ids=lambda path: path.name)
def test_every_uniform_is_given_a_value(path):
    # OpenGL fills what nobody sets with zero, without a word.
    code = "\n".join(file.read_text(encoding="utf-8") for file in FOLDER.glob("*.py"))
    names = set(re.findall(r"\b\w+\b", code))
    declared = ",".join(UNIFORMS.findall(path.read_text(encoding="utf-8")))
    assert [name for name in re.findall(r"\b[a-z]\w*", declared) if name not in names] == []
