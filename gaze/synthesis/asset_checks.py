"""Packed assets, held against the checksums of the release, and which of its panoramas they are."""

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


def read_head(assets_dir: str | os.PathLike[str]) -> dict[str, NDArray]:
    """The arrays of the packed head model.

    Raises:
        DataError: the file is missing or damaged, or an array is not that of the release (see check_head).
    """
    path = head_path(assets_dir)
    data = read_packed(path)
    check_head(data, path)
    return data


def head_path(assets_dir: str | os.PathLike[str]) -> Path:
    """Where the packed head model lies."""
    return Path(assets_dir) / "ict_face" / "ict_face.npz"


def read_environments(assets_dir: str | os.PathLike[str]) -> dict[str, NDArray]:
    """The panoramas by their names, each from one of the two places they are fetched from.

    Raises:
        DataError: the file is missing or damaged, or a panorama is missing or was altered: nobody could
            render the same pictures again.
    """
    path = Path(assets_dir) / "hdri" / "environments.npz"
    panoramas = read_packed(path)
    if wrong := wrong_environments(panoramas, read_manifest()["hdri"]):
        some = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} others" if len(wrong) > 3 else "")
        raise DataError(f"{path}: {some} not as in the release; {FETCH} to mend it")
    return panoramas


def wrong_environments(panoramas: dict[str, NDArray], manifest: dict) -> list[str]:
    """The names of panoramas that are missing, altered or none of those of the manifest."""
    found = array_sums(panoramas)
    originals, built = manifest["originals"]["arrays"], manifest["built"]["arrays"]
    return [
        name
        for name in sorted(originals.keys() | found.keys())
        if found.get(name, "") not in (originals.get(name), built.get(name))
    ]


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
        DataError: they are not all those of the release (see read_environments).
    """
    panoramas = read_environments(assets_dir)
    lines = [f"{name} {value}" for name, value in sorted(array_sums(panoramas).items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
