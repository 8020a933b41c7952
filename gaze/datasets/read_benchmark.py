"""How fast shuffled faces come out of a prepared file: `python -m gaze.datasets.read_benchmark FILE.h5`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gaze.datasets.normalized_hdf5 import NormalizedFile


def shuffled_reads_per_s(file: NormalizedFile, seconds: float, batch: int = 64, seed: int = 0) -> float:
    """Faces per second, read in batches in a random order over the whole file, in this one process."""
    rng = np.random.default_rng(seed)
    buffer = np.empty((batch, file.size_px, file.size_px, 3), np.uint8)
    file.read(rng.integers(len(file), size=batch), buffer)
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        file.read(rng.integers(len(file), size=batch), buffer)
        count += batch
    return count / (time.perf_counter() - started)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures of each file as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m gaze.datasets.read_benchmark", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="prepared files")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to read each")
    args = parser.parse_args(argv)
    for path in args.files:
        with NormalizedFile(path) as file:
            speed = shuffled_reads_per_s(file, args.seconds)
            row = {"file": str(path), "size_px": file.size_px, "faces": len(file)}
            print(json.dumps({**row, "shuffled_faces_per_s": round(speed)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
