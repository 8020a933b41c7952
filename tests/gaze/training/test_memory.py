"""Memory does not grow with the data set: ten times the faces, the same peak but for the table of labels."""

import gc
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from gaze.datasets import prepare as prepare_module
from gaze.datasets.normalized_hdf5 import NormalizedFile, NormalizedHeader
from gaze.datasets.normalized_source import PersonSource
from gaze.datasets.prepare import LoadedBlock, prepare, split_blocks
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.training.augment import Augment, AugmentConfig
from gaze.training.batches import BatchStream
from gaze.training.prepared_errors import evaluate_prepared
from gaze.types import ModelSpec, Prediction

SIZE, FEW, MANY = 112, 96, 960
FACE_BYTES = SIZE * SIZE * 3
CAMERA = DEFAULT_NORMALIZED_CAMERA.resized(SIZE)
# What is known of a face beside its picture, with the copies that joining and sorting make.
ROW_BYTES = 4000


@dataclass(frozen=True)
class ManyFaces:
    """``count`` grey faces of one person (gaze.datasets.prepare.BlockSource)."""

    count: int

    def header(self):
        """Of no source file."""
        return NormalizedHeader("grey", "rotation-only", CAMERA, "none", "1")

    def blocks(self):
        """All of them."""
        return split_blocks("p00", self.count)

    def skipped(self):
        """None."""
        return []

    def warnings(self):
        """None."""
        return []

    def load(self, block):
        """A block of faces, each grey of its own."""
        numbers = range(block.start, block.stop)
        rows = [
            {
                "person": "p00",
                "day": "day01",
                "frame_id": f"day01/{i:04d}.jpg",
                "source_sha256": "0" * 64,
                "pitch_yaw_rad": (0.0, 0.001 * (i % 97)),
            }
            for i in numbers
        ]
        return LoadedBlock([np.full((SIZE, SIZE, 3), i % 256, np.uint8) for i in numbers], rows, [])


class Constant:
    """A model that says the same of every face."""

    spec = ModelSpec(name="constant", input_size=SIZE, normalized_camera=CAMERA)
    name = description = "constant"
    precision, threads_used = "fp32", None

    def predict(self, faces):
        """Straight ahead."""
        return Prediction(np.zeros((len(faces), 2), np.float32))


def _peak(work):
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _train(path):
    with NormalizedFile(path) as file:
        source = PersonSource(file, file.persons)
        augment = Augment(AugmentConfig.named("standard"), source.normalized_camera, SIZE)
        with BatchStream(source, augment, 16, 0) as stream:
            for _ in range(8):
                stream.next()


def _evaluate(path):
    with NormalizedFile(path) as file:
        assert evaluate_prepared(file, Constant())["n"] == len(file)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Prepared files of few and of many faces, and the peaks of preparing them."""
    folder = tmp_path_factory.mktemp("memory")
    paths, peaks = {}, {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare_module, "BLOCK_FACES", 32)
        prepare(ManyFaces(32), folder / "first.h5", 1, progress=False)  # imports and caches
        for count in (FEW, MANY):
            paths[count] = folder / f"{count}.h5"
            peaks[count] = _peak(lambda: prepare(ManyFaces(count), paths[count], 1, progress=False))  # noqa: B023
    return paths, peaks


def _assert_as_before(few, many):
    grown, pixels = many - few, (MANY - FEW) * FACE_BYTES
    assert grown < (MANY - FEW) * ROW_BYTES < 0.11 * pixels, f"{grown / 1e6:.1f} of {pixels / 1e6:.1f} MB"


def test_preparing(files):
    _, peaks = files
    assert peaks[FEW] > 32 * FACE_BYTES, "the measurement must see the faces of a block"
    _assert_as_before(peaks[FEW], peaks[MANY])


@pytest.mark.parametrize("work", [_train, _evaluate])
def test_training_and_evaluating(files, monkeypatch, work):
    paths, _ = files
    monkeypatch.setattr("gaze.training.prepared_errors.READ_AT_ONCE", 32)
    work(paths[FEW])
    few = _peak(lambda: work(paths[FEW]))
    assert few > 16 * FACE_BYTES, "the measurement must see a batch"
    _assert_as_before(few, _peak(lambda: work(paths[MANY])))
