"""The benchmark of exported models as a section of a document: machine, table, ratios, picture, default."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.bench.models_measure import Configuration
from deploy.machine import counted_cores
from deploy.runtimes import create_runtime
from gaze.errors import GazeError
from gaze.files import replacing

BEGIN = "<!-- models: begin (written by gaze bench --models) -->"
END = "<!-- models: end -->"


def default_choice(wanted: Sequence[Configuration]) -> list[str]:
    """What `gaze run --model FILE` takes by itself on this machine for each plain ONNX file, and why."""
    plain = dict.fromkeys(item.path for item in wanted if item.spec.notes.get("format", "onnx") == "onnx")
    lines = []
    for path in plain:
        if path.suffix != ".onnx":
            continue
        try:
            with create_runtime(path) as runtime:
                lines.append(f"`gaze run --model {path.name}` takes {runtime.description}.")
        except GazeError as error:  # one engine runs it, and the one that is chosen here does not
            lines.append(f"`gaze run --model {path.name}` does not start: {error}.")
    return lines


def as_section(
    table: str,
    ratios: Sequence[str],
    defaults: Sequence[str],
    machine: Mapping[str, object],
    rounds: int,
    picture: str | None,
) -> str:
    """Markdown without a heading; ``picture`` is its path as seen from the document."""
    versions = ", ".join(f"{name} {version}" for name, version in dict(machine["packages"]).items())
    parts = [
        f"{machine['cpu']}, {counted_cores(machine)}, {machine['memory_gb']} GB, {machine['system']}, Python "
        f"{machine['python']}; {versions}. {rounds} turns of 4 calls each, all runs in turn.",
        table,
        "\n".join(f"- {line}" for line in ratios),
        "\n\n".join(defaults),
        f"![Milliseconds against degrees]({picture})" if picture is not None else "",
    ]
    return "\n\n".join(part for part in parts if part)


def put_section(path: Path, text: str) -> None:
    """Write the section: between its marks where the document has them, else as the whole document.

    Raises:
        OSError: the document cannot be written.
    """
    whole = f"{text}\n"
    if path.is_file():
        before = path.read_text(encoding="utf-8")
        if BEGIN in before and END in before.partition(BEGIN)[2]:
            head, _, rest = before.partition(BEGIN)
            whole = f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}"
    with replacing(path) as temporary:
        temporary.write_text(whole, encoding="utf-8")


def seen_from(document: Path | None, picture: Path | None) -> str | None:
    """The picture's path relative to the document's folder, with slashes."""
    if document is None or picture is None:
        return None
    return Path(os.path.relpath(picture.resolve(), document.resolve().parent)).as_posix()
