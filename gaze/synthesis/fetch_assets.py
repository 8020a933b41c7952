"""`gaze synthesize fetch-assets`: what the renderer and the training start from, out of its public homes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import NDArray
from tqdm import tqdm

from gaze.array_files import write_arrays
from gaze.errors import DataError, GazeError
from gaze.files import replacing
from gaze.help_format import HelpFormatter
from gaze.synthesis import asset_checks
from gaze.synthesis.asset_files import Downloads, LocalFiles, sha256_of_array, unwritable
from gaze.synthesis.assets import default_assets_dir, read_packed
from gaze.synthesis.pack_environments import pack_environment
from gaze.synthesis.pack_ict import gather, pack_ict
from gaze.synthesis.pack_mobilenet import pack_mobilenet

Files = Downloads | LocalFiles
Arrays = dict[str, NDArray]


@dataclass(frozen=True)
class Group:
    """One packed file: ``path`` below the assets folder; ``pack(files, manifest)`` gives its arrays.

    ``pack`` raises GazeError where a file cannot be had, or DataError where its values are not the release's.
    """

    path: str
    pack: Callable[[Files, dict], Arrays]
    about: str


def pack_head(files: Files, manifest: dict) -> Arrays:
    """The head model's arrays, each checked."""
    names = [Path(path).name for path in manifest["files"] if path.endswith(".obj")]
    sums = manifest["arrays"]
    packed: dict[str, Arrays] = {}

    def read(name: str) -> bytes:
        path = next(path for path in manifest["files"] if Path(path).name == name)
        return files.read(name, manifest["url"] + path, manifest["files"][path])

    for name, arrays in tqdm(pack_ict(names, read), total=len(names), unit="file", leave=False):
        for key, array in arrays.items():
            _check(array, sums[key if key in sums else name], name, files)
        packed[name] = arrays
    return gather(packed)


def pack_environments(files: Files, manifest: dict) -> Arrays:
    """All panoramas: each from its original, or where that is not to be had, from the built package."""
    originals, built = manifest["originals"], manifest["built"]
    packed: Arrays = {}
    instead: dict[str, GazeError] = {}
    for name in tqdm(sorted(originals["arrays"]), unit="panorama", leave=False):
        file = f"{name}.hdr"
        try:
            packed[name] = pack_environment(files.read(file, originals["url"] + file, None), file)
            _check(packed[name], originals["arrays"][name], file, files)
        except GazeError as error:
            file = f"{name}.exr.js"
            try:
                content = files.read(file, built["url"] + file, built["files"][name])
                packed[name] = pack_environment(content, file)
            except GazeError as second:
                raise type(second)(f"{error}; {second}") from second
            instead[name] = error
    if instead:
        print(f"from the built package, which differs a little: {', '.join(instead)}")
        print(f"because {next(iter(instead.values()))}")
    return packed


def pack_imagenet(files: Files, manifest: dict) -> Arrays:
    """MobileNetV2's weights, each array checked."""
    name = manifest["file"]
    arrays = pack_mobilenet(files.read(name, manifest["url"] + name, None), name)
    if arrays.keys() != manifest["arrays"].keys():
        files.discard(name)
        raise DataError(f"{name}: holds {len(arrays)} arrays, expected {len(manifest['arrays'])}")
    for key, array in arrays.items():
        _check(array, manifest["arrays"][key], f"{name}, {key}", files, name)
    return arrays


GROUPS = {
    "ict_face": Group("ict_face/ict_face.npz", pack_head, "head model, MIT, about 120 MB to fetch"),
    "hdri": Group("hdri/environments.npz", pack_environments, "panoramas, CC0, about 25 MB"),
    "mobilenetv2_imagenet": Group(
        "mobilenetv2_imagenet/mobilenet_v2_imagenet_bn_folded.npz",
        pack_imagenet,
        "where training starts, Apache-2.0, about 4 MB",
    ),
}


def _check(array: NDArray, sha256: str, origin: str, files: Files, name: str | None = None) -> None:
    if sha256_of_array(array) != sha256:
        files.discard(name or origin)
        raise DataError(
            f"{origin} from {files.origin}: the values are not those of the release; run again to fetch it "
            "again; if that does not help, it was changed upstream: give an older copy with --from"
        )


def is_intact(path: Path, manifest: dict) -> bool:
    """Whether a packed file holds the arrays of the release."""
    try:
        arrays = read_packed(path)
    except DataError:
        return False
    if "files" in manifest:
        return asset_checks.head_sums(arrays) == manifest["arrays"]
    if "originals" in manifest:
        return not asset_checks.wrong_environments(arrays, manifest)
    return asset_checks.array_sums(arrays) == manifest["arrays"]


def fetch_group(name: str, assets_dir: Path, files: Files, manifest: dict) -> None:
    """Fetch and pack one group; its packed file is there whole or not at all.

    Raises:
        GazeError: something cannot be fetched or written.
        DataError: something is missing or altered.
    """
    target = assets_dir / GROUPS[name].path
    # Small files that stand beside the packed one as they are: the licence, the model's vertex lists.
    beside = {
        Path(path).name: files.read(Path(path).name, manifest["url"] + path, sha256)
        for path, sha256 in manifest.get("files", {}).items()
        if not path.endswith(".obj")
    }
    arrays = GROUPS[name].pack(files, manifest)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for file, content in beside.items():
            with replacing(target.with_name(file)) as temporary:
                temporary.write_bytes(content)
        write_arrays(target, arrays, compressed=True)
    except OSError as error:
        raise unwritable(target, error) from error
    files.clear()


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch, check and pack the groups that are not there yet; 0 when all are there and whole."""
    groups = "; ".join(f"{name}: {group.about}" for name, group in GROUPS.items())
    parser = argparse.ArgumentParser(
        prog="gaze synthesize fetch-assets",
        description=f"Fetch the assets from their public homes, check and pack them ({groups}). What is "
        "already there and whole is kept; run again after a fault to go on.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--assets", type=Path, default=default_assets_dir(), help="folder to put the packed assets in"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="take the upstream files from this folder (searched by name, .gz too) instead of the network",
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="groups to fetch")
    args = parser.parse_args(argv)
    manifest = asset_checks.read_manifest()
    local = LocalFiles(args.source) if args.source else None
    faults = []
    for name in args.only:
        target = args.assets / GROUPS[name].path
        if is_intact(target, manifest[name]):
            print(f"{target}: already there, checksums good")
            continue
        if os.path.lexists(target):
            print(f"{target}: altered or damaged, made again")
        print(f"{name}: {GROUPS[name].about}")
        files = local or Downloads(args.assets / "downloads" / name)
        try:
            fetch_group(name, args.assets, files, manifest[name])
        except GazeError as error:
            faults.append(error)
            continue
        print(f"{target}: written, checksums good")
    downloads = args.assets / "downloads"
    if downloads.is_dir() and not any(downloads.iterdir()):
        downloads.rmdir()
    if faults:
        raise GazeError("\n".join(map(str, faults)))
    return 0
