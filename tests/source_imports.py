"""What Python files import, read from their source."""

from __future__ import annotations

import ast
from functools import cache


@cache
def imports(path):
    """Every module a file's import statements name, with the line; those for type checkers left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            # `from gaze import camera` names the module gaze.camera.
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found
