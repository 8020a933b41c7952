"""The parity table of an export: parity.json and parity.md beside the models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deploy.runtimes import create_runtime
from export.pipeline import Artefact
from gaze.files import replacing, write_json


def markdown_table(artefacts: Sequence[Artefact]) -> str:
    """One row per artefact and runtime; degrees from the torch network on the same faces."""
    lines = [
        "| model | MB | runtime:device:precision | mean ° | 99th ° | max ° | batched–single max ° | loss ° |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for artefact in artefacts:
        for item in artefact.parities:
            loss = "–" if item.loss_deg is None else f"{item.loss_deg:+.3f}"
            lines.append(
                f"| {artefact.path.name} | {artefact.size_mb:.1f} | {item.name} | {item.mean_deg:.5f} | "
                f"{item.p99_deg:.5f} | {item.max_deg:.5f} | {item.single_max_deg:.5f} | {loss} |"
            )
    return "\n".join(lines) + "\n"


def default_line(artefacts: Sequence[Artefact]) -> str:
    """Which artefact the demo and `gaze run` take by default, in which engine here, and why; or nothing."""
    for item in artefacts:
        if item.kind.name == "onnx":
            with create_runtime(item.path) as runtime:
                return (
                    f"The demo and `gaze run` use the plain ONNX file ({item.path.name}) by default: "
                    f"every engine runs it on every machine. Here: {runtime.description}.\n"
                )
    return ""


def write_report(artefacts: Sequence[Artefact], folder: Path, default: str = "") -> None:
    """Write parity.json and parity.md; ``default`` is the line below the table.

    Raises:
        OSError: they cannot be written.
    """
    content = {
        "schema": "gaze.parity/1",
        "models": [
            {
                "file": item.path.name,
                "format": item.kind.name,
                "size_mb": item.size_mb,
                "parity_deg": {parity.name: parity.as_json() for parity in item.parities},
            }
            for item in artefacts
        ],
    }
    write_json(folder / "parity.json", content)
    with replacing(folder / "parity.md") as temporary:
        text = markdown_table(artefacts) + (f"\n{default}" if default else "")
        temporary.write_text(text, encoding="utf-8")
