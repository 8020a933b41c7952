"""Which package of the system has a library that is missing here."""

from __future__ import annotations

import re

_MISSING = re.compile(r"(lib[\w.+-]+?\.so[\d.]*): cannot open shared object file")
# Of Debian and Ubuntu, by how the library's name begins.
_PACKAGES = {
    "libGL.": "libgl1",
    "libEGL.": "libegl1",
    "libGLES": "libgles2",
    "libgthread-2.0": "libglib2.0-0",
    "libglib-2.0": "libglib2.0-0",
    "libgomp.": "libgomp1",
    "libxcb.": "libxcb1",
}


def missing_library(error: BaseException) -> tuple[str, str] | None:
    """The library that a failed import asks for, and what brings it; None where it is another fault."""
    found = _MISSING.search(str(error))
    if found is None:
        return None
    library = found[1]
    package = next((name for start, name in _PACKAGES.items() if library.startswith(start)), None)
    if package is None:
        return library, "install the system's package that has it"
    return library, f"Debian and Ubuntu: sudo apt-get install {package}"
