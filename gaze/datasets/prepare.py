"""The engine of `gaze prepare`: blocks of faces, normalised in parallel, resumed after a kill, joined.

Each block is written to a part file of its own under a temporary name and then renamed, so whatever has its
final name is whole; a second call with the same settings does only what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from gaze.datasets.normalized_hdf5 import (
    NormalizedFile,
    NormalizedHeader,
    merge_normalized,
    write_normalized,
)
from gaze.datasets.normalized_rows import NormalizedRows
from gaze.datasets.system_errors import reading, writing
from gaze.errors import DataError, UsageError
from gaze.files import read_json, write_json
from gaze.worker_processes import finished

REPORT_SCHEMA = "gaze.prepare_report/1"
PARTS_SCHEMA = "gaze.prepare_parts/1"
BLOCK_FACES = 256


@dataclass(frozen=True, slots=True)
class Block:
    """Faces start..stop-1 of one person, in the source's own numbering."""

    person: str
    start: int
    stop: int

    @property
    def name(self) -> str:
        """A file name for the block's part."""
        return f"{self.person}_{self.start:06d}_{self.stop:06d}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A face that was left out: whose, where it stands, why."""

    person: str
    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class LoadedBlock:
    """Normalised faces, each (S, S, 3) uint8 BGR, their columns (NormalizedRows) and what was left out."""

    faces: list[NDArray[np.uint8]]
    rows: list[dict[str, object]]
    skipped: list[Skipped]


class BlockSource(Protocol):
    """Where blocks of faces come from. Must be picklable: blocks are loaded in worker processes."""

    def header(self) -> NormalizedHeader:
        """What all faces have in common, with the checksums of the source files."""

    def blocks(self) -> list[Block]:
        """All faces in blocks of at most BLOCK_FACES."""

    def skipped(self) -> list[Skipped]:
        """Faces that are left out before any picture is read."""

    def warnings(self) -> list[str]:
        """What a person should know about the data."""

    def load(self, block: Block) -> LoadedBlock:
        """Read and normalise a block."""


def split_blocks(person: str, count: int) -> list[Block]:
    """``count`` faces of a person in blocks of BLOCK_FACES."""
    return [Block(person, start, min(start + BLOCK_FACES, count)) for start in range(0, count, BLOCK_FACES)]


def prepare(
    source: BlockSource,
    out: str | os.PathLike[str],
    workers: int = 2,
    max_skipped_share: float = 0.05,
    overwrite: bool = False,
    restart: bool = False,
    progress: bool = True,
) -> dict[str, object]:
    """Write all faces of a source to one prepared file and return the report, also beside it as JSON.

    Raises:
        UsageError: ``out`` exists and is not to be overwritten, is a folder, or parts of other settings lie
            there.
        DataError: a person has more than ``max_skipped_share`` of its faces skipped, the source cannot be
            read, the disk is full, or a worker process is killed; finished blocks are then kept for the next
            call.
    """
    out, started = Path(out), time.perf_counter()
    with _disk_errors(out):
        if out.is_dir():
            raise UsageError(f"{out}: is a folder; give --out the name of a file")
        if out.exists() and not overwrite:
            raise UsageError(f"{out}: exists; give --overwrite or another --out")
    with reading():
        header, blocks = source.header(), source.blocks()
    parts = out.with_name(out.name + ".parts")
    with _disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        _open_parts(parts, _fingerprint(header, blocks), restart)
    missing = [block for block in blocks if not _is_done(parts, block)]
    _check_space(out, blocks, missing, header.normalized_camera.size_px)
    _run_blocks(source, header, parts, blocks, missing, workers, progress)
    with reading():
        before, warnings = source.skipped(), source.warnings()
    skipped = before + [item for block in blocks for item in _part_skipped(parts, block)]
    people = _people(blocks, before, skipped)
    _check_skipped(people, skipped, max_skipped_share, parts)
    with _disk_errors(out):
        header = merge_normalized([_part_path(parts, block) for block in blocks], out, header)
        seconds = time.perf_counter() - started
        report = _report(out, header, people, skipped, warnings, seconds, blocks, missing)
        write_json(out.with_suffix(".report.json"), report)
    shutil.rmtree(parts)
    return report


def _run_blocks(
    source: BlockSource,
    header: NormalizedHeader,
    parts: Path,
    blocks: list[Block],
    missing: list[Block],
    workers: int,
    progress: bool,
) -> None:
    total = sum(block.stop - block.start for block in blocks)
    done = total - sum(block.stop - block.start for block in missing)
    with tqdm(total=total, initial=done, unit="face", desc="prepare", disable=not progress) as bar:
        do = partial(_do_block, source, header, parts)
        serial = workers <= 1 or len(missing) <= 1
        results = ((block, do(block)) for block in missing) if serial else finished(do, missing, workers)
        try:
            for block, _ in results:
                bar.update(block.stop - block.start)
        except BrokenProcessPool as error:
            raise DataError(
                f"{parts}: a worker process was killed, perhaps for want of memory; run the same command "
                "again, with fewer --workers: finished blocks are kept"
            ) from error


def _do_block(source: BlockSource, header: NormalizedHeader, parts: Path, block: Block) -> None:
    cv2.setNumThreads(1)  # blocks run side by side already
    size = header.normalized_camera.size_px
    with reading():
        loaded = source.load(block)
    faces = np.stack(loaded.faces) if loaded.faces else np.empty((0, size, size, 3), np.uint8)
    path = _part_path(parts, block)
    with _disk_errors(path):
        write_normalized(path, header, faces, NormalizedRows.from_dicts(loaded.rows))
        write_json(path.with_suffix(".json"), [asdict(item) for item in loaded.skipped])


def _disk_errors(path: Path) -> AbstractContextManager[None]:
    return writing(path, "then run the same command again: finished blocks are kept")


def _part_path(parts: Path, block: Block) -> Path:
    return parts / f"{block.name}.h5"


def _part_skipped(parts: Path, block: Block) -> list[Skipped]:
    content = read_json(_part_path(parts, block).with_suffix(".json"))
    return [Skipped(**item) for item in content]


def _is_done(parts: Path, block: Block) -> bool:
    # The list of skipped faces is written after the faces. A block that skipped some is done again, since
    # the files may have been mended; so is one that a power cut left damaged.
    try:
        if _part_skipped(parts, block):
            return False
        NormalizedFile(_part_path(parts, block)).close()
    except (OSError, ValueError, TypeError, DataError):
        return False
    return True


def _fingerprint(header: NormalizedHeader, blocks: list[Block]) -> str:
    content = {**asdict(header), "blocks": [block.name for block in blocks]}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _open_parts(parts: Path, fingerprint: str, restart: bool) -> None:
    manifest = parts / "parts.json"
    if restart and parts.exists():
        shutil.rmtree(parts)
    content = {"schema": PARTS_SCHEMA, "fingerprint": fingerprint}
    if any(parts.glob("*.h5")) and not _says(manifest, content):
        raise UsageError(
            f"{parts}: holds blocks of a run with other settings, other source files or another version; "
            "give --restart to throw them away, or another --out"
        )
    parts.mkdir(exist_ok=True)
    write_json(manifest, content)


def _says(manifest: Path, content: dict[str, str]) -> bool:
    try:
        return read_json(manifest) == content
    except (OSError, ValueError):
        return False


def _check_space(out: Path, blocks: list[Block], missing: list[Block], size: int) -> None:
    # Parts and the joined file lie there together for a moment; photographs pack to about 0.85.
    faces = sum(block.stop - block.start for block in (*missing, *blocks))
    needed = int(0.85 * faces * size * size * 3)
    free = shutil.disk_usage(out.parent).free
    if free < needed:
        raise DataError(
            f"{out}: needs about {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free; free some space or "
            "give a smaller --size"
        )


def _people(blocks: list[Block], before: list[Skipped], skipped: list[Skipped]) -> dict[str, dict[str, int]]:
    people: dict[str, dict[str, int]] = {}
    for name, rows in [(block.person, block.stop - block.start) for block in blocks] + [
        (item.person, 1) for item in before
    ]:
        person = people.setdefault(name, {"rows": 0, "skipped": 0})
        person["rows"] += rows
    for item in skipped:
        people[item.person]["skipped"] += 1
    return people


def _check_skipped(
    people: dict[str, dict[str, int]], skipped: list[Skipped], limit: float, parts: Path
) -> None:
    for name, counts in people.items():
        share = counts["skipped"] / counts["rows"]
        if share > limit:
            first = next(item for item in skipped if item.person == name)
            raise DataError(
                f"{name}: {counts['skipped']} faces ({share:.0%}) cannot be used, more than "
                f"--max-skipped {limit:g} allows; the first: {first.where}: {first.reason}. "
                f"Mend the files and run the same command again (what is done is kept in {parts})"
            )


def _report(
    out: Path,
    header: NormalizedHeader,
    people: dict[str, dict[str, int]],
    skipped: list[Skipped],
    warnings: list[str],
    seconds: float,
    blocks: list[Block],
    missing: list[Block],
) -> dict[str, object]:
    with NormalizedFile(out) as file:
        rows = file.rows
    table = {
        name: {
            **counts,
            "faces": int(np.count_nonzero(rows.person == name)),
            "off_screen": int(np.count_nonzero(rows.off_screen[rows.person == name])),
        }
        for name, counts in people.items()
    }
    worked = sum(block.stop - block.start for block in missing)
    return {
        "schema": REPORT_SCHEMA,
        "out": str(out),
        "provenance_id": header.provenance_id,
        "label_space": header.label_space,
        "size_px": header.normalized_camera.size_px,
        "faces": len(rows),
        "persons": table,
        "blocks": len(blocks),
        "blocks_done_before": len(blocks) - len(missing),
        "seconds": round(seconds, 3),
        "faces_per_s": round(worked / seconds, 1),
        "warnings": warnings,
        "skipped": [asdict(item) for item in skipped],
    }
