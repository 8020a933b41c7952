"""An endless, resumable stream of augmented batches, made in a thread beside the training step."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError
from gaze.training.augment import Augment, Draws
from gaze.types import NormalizedCamera

# What the random numbers are for: the order of an epoch, the augmentation of a step, the statistics' samples,
# the dropout of a step.
STREAM_ORDER, STREAM_AUGMENT, STREAM_STATISTICS, STREAM_DROPOUT = 1, 2, 3, 4


class FaceSource(Protocol):
    """Faces that can be read by index; both shards and prepared data sets are such sources."""

    size_px: int
    normalized_camera: NormalizedCamera
    label_space: str

    def __len__(self) -> int: ...

    def read(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Faces (n, S, S, 3) uint8 BGR and gaze (pitch, yaw) (n, 2) rad."""

    def rescan(self, names: list[str] | None = None) -> None:
        """Take up what was written since, or exactly the parts called ``names``."""

    def names(self) -> list[str]:
        """The parts in use."""


@runtime_checkable
class LandmarkSource(FaceSource, Protocol):
    """A source that also knows where landmarks lie."""

    def read_landmarks(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Landmarks (n, 60, 2) in px of the faces, in the order of gaze.learned_landmarks."""


@dataclass(frozen=True, slots=True)
class Batch:
    """``faces`` (n, S, S, 3) uint8 BGR, ``pitch_yaw_rad`` (n, 2) and where the stream stands after it.

    ``landmarks`` (n, 60, 2) are shares of the face's side, or None where they were not asked for.
    """

    faces: NDArray[np.uint8]
    pitch_yaw_rad: NDArray[np.float32]
    position: Position
    landmarks: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Batch ``batch`` of epoch ``epoch``, which goes over ``names``; ``step`` counts all batches."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    names: tuple[str, ...] | None = None


class BatchStream:
    """Batches of ``batch_size`` per process; each epoch is a new order over all samples there are by then.

    Use as a context manager: the thread stops on leaving. The same seed gives the same batches, whatever the
    number of processes, if ``batch_size * processes`` is the same. With ``landmarks`` they are read, too,
    from a source that has them.

    Raises:
        DataError: the source holds fewer samples than one batch over all processes.
    """

    def __init__(
        self,
        source: FaceSource,
        augment: Augment,
        batch_size: int,
        seed: int,
        rank: int = 0,
        processes: int = 1,
        position: Position | None = None,
        ahead: int = 2,
        landmarks: bool = False,
    ) -> None:
        self.source = source
        self.augment = augment
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.processes = processes
        self.landmark_source = source if landmarks and isinstance(source, LandmarkSource) else None
        self._position = position or Position()
        self._queue: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._produce, daemon=True)

    def __enter__(self) -> BatchStream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def next(self) -> Batch:
        """The next batch of this process."""
        item = self._queue.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def _produce(self) -> None:
        try:
            for batch in self._batches():
                self._put(batch)
                if self._stop.is_set():
                    return
        except BaseException as error:
            self._put(error)

    def _put(self, item: Batch | BaseException) -> None:
        # Whoever takes the items may have left while the queue was full: never wait without looking.
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def _batches(self):
        global_size = self.batch_size * self.processes
        epoch, start, step = self._position.epoch, self._position.batch, self._position.step
        names = self._position.names
        while True:
            self.source.rescan(None if names is None else list(names))
            names = tuple(self.source.names())
            count = len(self.source) // global_size
            if count == 0:
                raise DataError(
                    f"{len(self.source)} samples are less than a batch of {global_size}; lower --batch-size"
                )
            order = np.random.default_rng([self.seed, STREAM_ORDER, epoch]).permutation(len(self.source))
            for index in range(start, count):
                rows = slice(self.rank * self.batch_size, (self.rank + 1) * self.batch_size)
                chosen = order[index * global_size : (index + 1) * global_size][rows]
                faces, labels = self.source.read(chosen)
                rng = np.random.default_rng([self.seed, STREAM_AUGMENT, step])
                draws = Draws.of(rng, global_size)[rows]
                landmarks_px = None
                if self.landmark_source is not None:
                    landmarks_px = self.landmark_source.read_landmarks(chosen)
                made = self.augment(faces, labels, draws, landmarks_px)
                step += 1
                position = Position(epoch, index + 1, step, names)
                yield Batch(made.faces, made.pitch_yaw_rad, position, made.landmarks)
            epoch, start, names = epoch + 1, 0, None


def statistics_batches(
    source: FaceSource, augment: Augment, seed: int, count: int = 16, batch_size: int = 64
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Augmented faces (n, S, S, 3) and gaze (n, 2) drawn over the whole source, to finish a network with."""
    rng = np.random.default_rng([seed, STREAM_STATISTICS])
    for _ in range(count):
        faces, labels = source.read(rng.integers(0, len(source), batch_size))
        made = augment(faces, labels, Draws.of(rng, batch_size))
        yield made.faces, made.pitch_yaw_rad
