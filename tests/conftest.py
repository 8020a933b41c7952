"""Where the optional real material lies; tests that need it skip when it is absent."""

import contextlib
import logging
import os
from pathlib import Path

# Threads of the linear algebra that wait for each other by spinning stand still when other programs want the
# cores: the suite then takes ten times as long. Read when numpy and torch are imported, so before all else.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

import pytest

from gaze.landmark_model import model_path

# torch's CUDA builds bring Triton, and torch loads it late. Triton and Mesa's software renderer carry an LLVM
# each: loaded after the renderer, Triton ends the process with a segmentation fault; before it, both work.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(autouse=True)
def logger_as_imported() -> None:
    """Commands and libraries set how much is told; no test may depend on which ran before."""
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("gaze").setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real samples and assets beside a development checkout."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside the checkout: real samples and assets are absent")
    return SHARED


@pytest.fixture(scope="session")
def landmark_models() -> None:
    """For tests that find faces: the models in the mediapipe wheel, or the file that was fetched."""
    mediapipe = pytest.importorskip("mediapipe")
    if not hasattr(mediapipe, "solutions") and not model_path().is_file():
        pytest.skip("this mediapipe has no models in its wheel: run `gaze download-models`")


@pytest.fixture(scope="session")
def face_mesh() -> None:
    """For tests whose bounds hold for the landmarks of the face mesh alone."""
    if not hasattr(pytest.importorskip("mediapipe"), "solutions"):
        pytest.skip("this mediapipe has no face mesh API (0.10.21 is the last)")
