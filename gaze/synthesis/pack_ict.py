"""ICT-FaceKit's OBJ files packed to ict_face.npz.

Each OBJ file holds a whole head with the same topology. Packed: the neutral head, its topology and
materials, and every other head's difference from it in half precision, in file-name order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError

NEUTRAL = "generic_neutral_mesh.obj"


def pack_ict(names: list[str], read: Callable[[str], bytes]) -> Iterator[tuple[str, dict[str, NDArray]]]:
    """Yield ``(file name, its arrays)``: the neutral head's first, then one ``shape`` per other file.

    ``names`` are OBJ files in any order, ``read`` gives a file's content.

    Raises:
        DataError: a file is not an OBJ of this model.
    """
    neutral = neutral_arrays(read(NEUTRAL))
    yield NEUTRAL, neutral
    for name in sorted(set(names) - {NEUTRAL}):
        yield name, {"shape": shape_of(read(name), neutral["vertices"], name)}


def gather(packed: dict[str, dict[str, NDArray]]) -> dict[str, NDArray]:
    """The arrays of ict_face.npz from those of each file."""
    identity = sorted(name for name in packed if name.startswith("identity"))
    expression = sorted(name for name in packed if name not in identity and name != NEUTRAL)
    return {
        **packed[NEUTRAL],
        "identity": np.stack([packed[name]["shape"] for name in identity]),
        "expression": np.stack([packed[name]["shape"] for name in expression]),
        "expression_names": np.array([name.removesuffix(".obj") for name in expression]),
    }


def neutral_arrays(content: bytes) -> dict[str, NDArray]:
    """Vertices (N, 3) cm, uv (M, 2), quads and quad_uv (Q, 4) with -1 for a triangle's fourth, materials.

    Raises:
        DataError: not an OBJ file with texture coordinates and materials.
    """
    quads, quad_uv, material = [], [], []
    current = ""
    for line in content.splitlines():
        if line.startswith(b"usemtl "):
            current = line.split()[1].decode("ascii", "replace")
        elif line.startswith(b"f "):
            corners = [corner.split(b"/") for corner in line.split()[1:]]
            if len(corners) not in (3, 4) or any(len(corner) < 2 for corner in corners):
                raise DataError(f"{NEUTRAL}: a face is neither a triangle nor a quad with texture: {line!r}")
            for rows, place in ((quads, 0), (quad_uv, 1)):
                index = [int(corner[place]) - 1 for corner in corners]
                rows.append(index + [-1] * (4 - len(index)))
            material.append(current)
    names = sorted(set(material))
    if not quads or "" in names:
        raise DataError(f"{NEUTRAL}: holds no faces with materials; fetch it again")
    return {
        "vertices": numbers_of(content, b"v ", 3, NEUTRAL),
        "uv": numbers_of(content, b"vt ", 2, NEUTRAL),
        "quads": np.array(quads, np.int32),
        "quad_uv": np.array(quad_uv, np.int32),
        "material": np.array([names.index(name) for name in material], np.uint8),
        "material_names": np.array(names),
    }


def shape_of(content: bytes, neutral_cm: NDArray[np.float32], name: str) -> NDArray[np.float16]:
    """Difference (N, 3) in cm of a head from the neutral one.

    Raises:
        DataError: another number of vertices.
    """
    vertices = numbers_of(content, b"v ", 3, name)
    if vertices.shape != neutral_cm.shape:
        raise DataError(f"{name}: has {len(vertices)} vertices, expected {len(neutral_cm)}; fetch it again")
    return (vertices - neutral_cm).astype(np.float16)


def numbers_of(content: bytes, keyword: bytes, columns: int, name: str) -> NDArray[np.float32]:
    """The numbers (rows, columns) of all lines that begin with a keyword.

    Raises:
        DataError: none there, or lines of another form.
    """
    lines = [line for line in content.splitlines() if line.startswith(keyword)]
    words = b" ".join(line[len(keyword) :] for line in lines).split()
    try:
        values = np.array([float(word) for word in words], np.float32)
    except ValueError as error:
        raise DataError(f"{name}: is not an OBJ file ({error}); fetch it again") from error
    if not lines or len(values) != columns * len(lines):
        raise DataError(f"{name}: its `{keyword.decode().strip()}` lines do not hold {columns} numbers each")
    return values.reshape(-1, columns)
