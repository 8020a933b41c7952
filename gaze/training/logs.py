"""What a run writes while it goes: log.csv, TensorBoard events, and a picture of the worst samples."""

from __future__ import annotations

import csv
import heapq
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.files import replacing
from gaze.geometry import vector_from_angles

COLUMNS = (
    "step",
    "epoch",
    "samples",
    "elapsed_s",
    "learning_rate",
    "loss",
    "error_deg",
    "gradient_norm",
    "images_per_s",
    "validation_deg",
    "validation_offset_removed_deg",
)


class RunLog:
    """Appends rows to log.csv and TensorBoard. On resuming, rows beyond ``step`` are dropped first."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        self.path = folder / "log.csv"
        rows = []
        if step and self.path.is_file():
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
        with replacing(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        from torch.utils.tensorboard import SummaryWriter

        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)

    def close(self) -> None:
        """Finish the TensorBoard file; log.csv is whole after every row."""
        self._board.close()

    def write(self, **values: float) -> None:
        """One row; columns that are not given stay empty."""
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS).writerow(
                {key: f"{value:.8g}" if isinstance(value, float) else value for key, value in values.items()}
            )
        for key, value in values.items():
            if key not in ("step", "epoch", "samples", "elapsed_s"):
                self._board.add_scalar(key, value, int(values["step"]))


class WorstSamples:
    """Keeps the samples with the largest error since the last picture."""

    def __init__(self, count: int = 24) -> None:
        self.count = count
        self._heap: list[tuple[float, int, NDArray[np.uint8], NDArray, NDArray]] = []
        self._serial = 0

    def offer(
        self, error_deg: NDArray, faces: NDArray[np.uint8], target: NDArray, predicted: NDArray
    ) -> None:
        """Show a batch: errors (N,), faces (N, S, S, 3), truth and prediction (N, 2) rad."""
        for row in np.argsort(error_deg)[-3:]:
            if len(self._heap) == self.count and error_deg[row] <= self._heap[0][0]:
                continue
            self._serial += 1
            item = (float(error_deg[row]), self._serial, faces[row].copy(), target[row], predicted[row])
            (heapq.heappush if len(self._heap) < self.count else heapq.heapreplace)(self._heap, item)

    def write(self, path: Path) -> None:
        """A sheet of them, worst first: truth green, prediction red, error in degrees; then forget them."""
        if not self._heap:
            return
        tiles = []
        for error, _, face, target, predicted in sorted(self._heap, reverse=True):
            tile = cv2.resize(face, (160, 160), interpolation=cv2.INTER_LINEAR)
            for angles, colour in ((target, (0, 220, 0)), (predicted, (0, 0, 255))):
                tip = 80 + 70 * vector_from_angles(angles)[:2]
                cv2.arrowedLine(tile, (80, 80), (round(tip[0]), round(tip[1])), colour, 2, cv2.LINE_AA)
            for colour, width in (((0, 0, 0), 3), ((0, 255, 255), 1)):
                place, font = (4, 154), cv2.FONT_HERSHEY_SIMPLEX
                cv2.putText(tile, f"{error:.1f}", place, font, 0.45, colour, width, cv2.LINE_AA)
            tiles.append(tile)
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 8)
        sheet = np.concatenate([np.concatenate(tiles[i : i + 8], axis=1) for i in range(0, len(tiles), 8)])
        _, picture = cv2.imencode(path.suffix, sheet)
        with replacing(path) as temporary:
            temporary.write_bytes(picture.tobytes())
        self._heap.clear()
