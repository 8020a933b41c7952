"""Whether packed assets are those of the release, and which they are."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from numpy.typing import NDArray

from gaze.errors import DataError
from gaze.synthesis.asset_files import sha256_of_array
from gaze.synthesis.assets import FETCH, read_packed

MANIFEST = Path(__file__).with_name("assets_manifest.json")


def read_manifest() -> dict[str, dict]:
    """Sources and checksums of every asset, by its name."""
    return json.loads(MANIFEST.read_text(encoding="utf-8"))


def check_head(data: dict[str, NDArray], path: Path) -> None:
    """Hold the packed head model's arrays against the release's checksums.

    Raises:
        DataError: an array is missing or was altered: pictures made with it would be of nobody's head.
    """
    found = head_sums(data)
    for name, wanted in read_manifest()["ict_face"]["arrays"].items():
        if found.get(name) != wanted:
            raise DataError(f"{path}: {name} is not that of the release; remove the file and {FETCH}")


def head_sums(data: dict[str, NDArray]) -> dict[str, str]:
    """Checksums of the head model's arrays by their names in the manifest: shapes one by one, by OBJ file."""
    arrays = {name: data[name] for name in data.keys() - {"identity", "expression", "expression_names"}}
    shapes = [f"identity{number:03d}.obj" for number in range(len(data.get("identity", ())))]
    shapes += [f"{name}.obj" for name in data.get("expression_names", ())]
    # Where a list is too short the last shapes are missing, and so are their checksums.
    arrays |= dict(zip(shapes, [*data.get("identity", ()), *data.get("expression", ())], strict=False))
    return array_sums(arrays)


def array_sums(arrays: dict[str, NDArray]) -> dict[str, str]:
    """The checksum of each array."""
    return {name: sha256_of_array(array) for name, array in arrays.items()}


def environments_digest(assets_dir: str | os.PathLike[str]) -> str:
    """One checksum of all panoramas; they differ a little between the two places they are fetched from.

    Raises:
        DataError: the file is missing or damaged.
    """
    panoramas = read_packed(Path(assets_dir) / "hdri" / "environments.npz")
    lines = [f"{name} {value}" for name, value in sorted(array_sums(panoramas).items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
