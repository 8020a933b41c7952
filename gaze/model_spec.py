"""The sidecar JSON of a model file: reading, writing and checking it."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from pathlib import Path

from gaze.errors import ModelError
from gaze.files import read_json, write_json
from gaze.types import ModelSpec, NormalizedCamera

log = logging.getLogger("gaze")

SCHEMA = "gaze.model/1"
WEIGHTS_DIR = Path(__file__).parent / "weights"
DEFAULT_MODEL = WEIGHTS_DIR / "gaze_mobilenetv2.onnx"


def shipped_models() -> tuple[str, ...]:
    """Names of the networks in the package, the default one first."""
    others = sorted(path.stem for path in WEIGHTS_DIR.glob("*.onnx") if path != DEFAULT_MODEL)
    return (DEFAULT_MODEL.stem, *others)


def resolve_model(model: str | os.PathLike[str] | None) -> Path:
    """The file of a model given as None (the default), as a path, or by the name of one in the package."""
    if model is None:
        return DEFAULT_MODEL
    path = Path(model)
    shipped = path.name in shipped_models() and path == Path(path.name) and not path.exists()
    return WEIGHTS_DIR / f"{path.name}.onnx" if shipped else path


def is_shipped(model_path: str | os.PathLike[str]) -> bool:
    """Whether this is the exported file of a network in the package."""
    path = Path(model_path)
    return path.parent == WEIGHTS_DIR and path.suffix == ".onnx" and path.stem in shipped_models()


def sidecar_path(model_path: str | os.PathLike[str]) -> Path:
    """Where the sidecar of a model file lies: the same name, ending in .json."""
    return Path(model_path).with_suffix(".json")


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Hex digest of a file, read in pieces."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def save_spec(spec: ModelSpec, path: str | os.PathLike[str]) -> None:
    """Write a sidecar."""
    write_json(path, {"schema": SCHEMA, **dataclasses.asdict(spec)})


def load_spec(path: str | os.PathLike[str]) -> ModelSpec:
    """Read a sidecar.

    Raises:
        ModelError: it is missing, not JSON, of another schema, or holds unknown or wrong values.
    """
    path = Path(path)
    try:
        content = read_json(path)
    except OSError as error:
        raise ModelError(
            f"{path}: the model's sidecar cannot be read ({error.strerror}); "
            "a model is two files, keep them together or run `gaze export` again"
        ) from error
    except ValueError as error:
        raise ModelError(f"{path}: is not JSON ({error}); run `gaze export` again") from error
    if not isinstance(content, dict) or content.pop("schema", None) != SCHEMA:
        raise ModelError(f"{path}: is not a {SCHEMA} sidecar; run `gaze export` again")
    known = {item.name for item in dataclasses.fields(ModelSpec)}
    if unknown := sorted(set(content) - known):
        raise ModelError(f"{path}: unknown keys {', '.join(unknown)}; the file is of a newer version")
    try:
        content["normalized_camera"] = NormalizedCamera(**content["normalized_camera"])
        for key in ("mean", "std", "outputs"):
            if key in content:
                content[key] = tuple(content[key])
        return ModelSpec(**content)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: {error}; run `gaze export` again") from error


def checkpoint_beside(model_path: str | os.PathLike[str]) -> tuple[Path, ModelSpec]:
    """The checkpoint beside an exported model that it was made from, and the model's sidecar.

    What the sidecar says of the model (normalised camera, mean with the mirrored face) holds for both.

    Raises:
        ModelError: the sidecar is unusable, or the checkpoint is missing or another one.
    """
    spec = load_spec(sidecar_path(model_path))
    path = Path(model_path).with_suffix(".pt")
    if not path.is_file():
        raise ModelError(f"{path}: no such checkpoint; install again or choose another --runtime")
    actual, wanted = sha256_of(path), str(spec.notes.get("sha256_checkpoint", ""))
    if actual != wanted:
        raise ModelError(
            f"{path}: checksum is {actual[:12]}…, the sidecar beside it says {wanted[:12]}…; "
            "the file is truncated or altered: install again"
        )
    return path, spec


def used_as_exported(spec: ModelSpec, checkpoint: str | os.PathLike[str]) -> ModelSpec:
    """A checkpoint's ``spec``, seeing and read as the sidecar beside the checkpoint says, where there is one.

    A sidecar of another input size is of another network and says nothing. One that was written for another
    checkpoint of the same network holds, with a warning: a network that is trained anew keeps its view.

    Raises:
        ModelError: the sidecar is unusable.
    """
    if not sidecar_path(checkpoint).is_file():
        return spec
    beside = load_spec(sidecar_path(checkpoint))
    if beside.input_size != spec.input_size:
        return spec
    if beside.notes.get("sha256_checkpoint", spec.sha256) != spec.sha256:
        log.warning(
            "%s was written for another checkpoint than %s beside it; its view of %.4g mm is used all the "
            "same: run `gaze export --view-mm`, or remove it where it has nothing to do with this one",
            sidecar_path(checkpoint),
            Path(checkpoint).name,
            beside.normalized_camera.view_mm,
        )
    return dataclasses.replace(
        spec, normalized_camera=beside.normalized_camera, average_mirror=beside.average_mirror
    )


def load_model_spec(model_path: str | os.PathLike[str]) -> ModelSpec:
    """The checked sidecar of a model file.

    Raises:
        ModelError: the model is missing or empty, its sidecar is unusable, or its checksum differs.
    """
    model_path = Path(model_path)
    if not model_path.is_file():
        raise ModelError(
            f"{model_path}: no such model file; give a file that `gaze export` wrote, or the name of one "
            f"in the package ({', '.join(shipped_models())})"
        )
    if model_path.stat().st_size == 0:
        raise ModelError(f"{model_path}: is empty; install again or run `gaze export`")
    spec = load_spec(sidecar_path(model_path))
    actual = sha256_of(model_path)
    if actual != spec.sha256:
        raise ModelError(
            f"{model_path}: checksum is {actual[:12]}…, its sidecar says {spec.sha256[:12]}…; "
            "the file is truncated or altered: install again or run `gaze export`"
        )
    return spec
