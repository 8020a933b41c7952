"""The parity table of an export: parity.json and parity.md beside the models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.runtimes import create_runtime
from export.pipeline import Artefact
from gaze.errors import GazeError
from gaze.files import read_json, replacing, write_json
from gaze.model_spec import DEFAULT_MODEL

SCHEMA = "gaze.parity/1"


def markdown_table(entries: Sequence[dict[str, Any]]) -> str:
    """One row per model and runtime; degrees from the torch network on the same faces.

    Args:
        entries: of parity.json, see `entry_of`.
    """
    lines = [
        "| model | MB | runtime:device:precision | mean ° | 99th ° | max ° | batched–single max ° | loss ° |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        for name, item in entry["parity_deg"].items():
            loss = f"{item['loss']:+.3f}" if "loss" in item else "–"
            lines.append(
                f"| {entry['file']} | {entry['size_mb']:.1f} | {name} | {item['mean']:.5f} | "
                f"{item['p99']:.5f} | {item['max']:.5f} | {item['batched_against_single_max']:.5f} | {loss} |"
            )
    return "\n".join(lines) + "\n"


def entry_of(artefact: Artefact) -> dict[str, Any]:
    """What parity.json says of a model."""
    return {
        "file": artefact.path.name,
        "format": artefact.kind.name,
        "size_mb": artefact.size_mb,
        "parity_deg": {parity.name: parity.as_json() for parity in artefact.parities},
    }


def remarks(artefacts: Sequence[Artefact]) -> str:
    """What to know of the models beside the table: what no engine here ran, and what runs by default."""
    lines = [
        f"{item.path.name} is for TensorRT, which has not run it here: on the device, `gaze export --formats "
        "tensorrt-int8` builds the engine and compares it."
        for item in artefacts
        if item.kind.for_tensorrt
    ]
    for item in artefacts:
        if item.kind.name == "onnx":
            try:
                with create_runtime(item.path) as runtime:
                    here = runtime.description
            except GazeError as error:  # another engine compared it than the one that is chosen here
                here = str(error)
            lines.append(
                f"Without --model the demo and `gaze run` take the package's {DEFAULT_MODEL.name}, a "
                "plain ONNX file, as every engine runs it on every machine; with --model they take one "
                f"of these, such as {item.path.name}. Here: {here}."
            )
    return "\n\n".join(lines) + "\n" if lines else ""


def write_report(artefacts: Sequence[Artefact], folder: Path, below: str = "") -> None:
    """Write parity.json and parity.md; ``below`` stands under the table.

    What earlier exports said of other models that still lie in the folder stays.

    Raises:
        OSError: they cannot be written.
    """
    written = [entry_of(item) for item in artefacts]
    names = {entry["file"] for entry in written}
    others = [entry for entry in _earlier(folder) if entry["file"] not in names]
    entries = sorted(others + written, key=lambda entry: entry["file"].partition(".")[0])
    write_json(folder / "parity.json", {"schema": SCHEMA, "models": entries})
    with replacing(folder / "parity.md") as temporary:
        text = markdown_table(entries) + (f"\n{below}" if below else "")
        temporary.write_text(text, encoding="utf-8")


def _earlier(folder: Path) -> list[dict[str, Any]]:
    """The entries of an earlier parity.json whose models are still there; none where it cannot be used."""
    try:
        content = read_json(folder / "parity.json")
        entries = content["models"] if content["schema"] == SCHEMA else []
        markdown_table(entries)
        return [entry for entry in entries if (folder / Path(entry["file"]).name).is_file()]
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return []
