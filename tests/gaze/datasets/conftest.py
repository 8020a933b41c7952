"""A small stand-in data set of drawn faces, and copies of it to damage."""

import shutil

import pytest
from drawn_person import DrawnPerson

from gaze.datasets.prepare import prepare
from gaze.datasets.prepare_raw import RawSource
from gaze.synthesis.mpiifacegaze_standin import StandinOptions, write_standin

PERSONS, IMAGES = 3, 8


@pytest.fixture(scope="session")
def standin(tmp_path_factory):
    """Three drawn people with eight pictures each, in a folder whose name holds a space. Do not change it."""
    root = tmp_path_factory.mktemp("data") / "stand in"
    write_standin(root, DrawnPerson, StandinOptions(PERSONS, IMAGES, seed=3), progress=False)
    return root


@pytest.fixture
def damaged(standin, tmp_path):
    """A copy of the stand-in that a test may damage."""
    return shutil.copytree(standin, tmp_path / "damaged")


@pytest.fixture(scope="session")
def prepared(standin, tmp_path_factory):
    """The stand-in, prepared at 112 px."""
    out = tmp_path_factory.mktemp("prepared") / "standin.h5"
    prepare(RawSource(standin, 112), out, workers=1, progress=False)
    return out
