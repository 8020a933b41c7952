"""The thread that makes batches: it ends with whoever takes them, also after an error."""

import threading

import pytest

pytest.importorskip("torch")

from spot_faces import spots

from gaze.errors import DataError
from gaze.training.augment import Augment, AugmentConfig
from gaze.training.batches import BatchStream
from gaze.types import ROTATION_ONLY, NormalizedCamera

SIZE, BATCH = 32, 4


class BreaksOff:
    """Sixteen faces, of which only the first batches can be read; ``failing`` is set as the next is tried."""

    size_px = SIZE
    normalized_camera = NormalizedCamera(960 * SIZE / 224, 600.0, SIZE)
    label_space = ROTATION_ONLY

    def __init__(self, good):
        self.good, self.failing = good, threading.Event()
        self.faces, self.labels = spots(16, SIZE)

    def __len__(self):
        return len(self.faces)

    def read(self, indices):
        self.good -= 1
        if self.good < 0:
            self.failing.set()
            raise DataError("the disk is gone")
        return self.faces[indices], self.labels[indices]

    def rescan(self, names=None):
        pass

    def names(self):
        return []


def stream(source, ahead):
    augment = Augment(AugmentConfig.named("none"), source.normalized_camera, SIZE)
    return BatchStream(source, augment, BATCH, seed=0, ahead=ahead)


def test_an_error_that_nobody_has_room_for_does_not_keep_from_leaving():
    source = BreaksOff(good=2)
    # As many batches as the queue holds, and then the error.
    batches = stream(source, ahead=2)

    def enter_and_leave():
        with batches:
            assert source.failing.wait(10)

    leaving = threading.Thread(target=enter_and_leave, daemon=True)
    leaving.start()
    leaving.join(20)
    assert not leaving.is_alive()


def test_an_error_comes_after_the_batches_before_it():
    with stream(BreaksOff(good=3), ahead=1) as batches:
        assert [batches.next().position.batch for _ in range(3)] == [1, 2, 3]
        with pytest.raises(DataError, match="the disk is gone"):
            batches.next()
