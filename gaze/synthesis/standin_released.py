"""The stand-in's released layout: ``pXX.mat`` (HDF5 as MATLAB v7.3 writes it) of normalised faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from gaze.datasets.hdf5_writing import replacing_hdf5
from gaze.datasets.mpiifacegaze_normalized import LABELS, SIZE_PX
from gaze.datasets.mpiifacegaze_raw import RawDataset
from gaze.datasets.prepare_raw import RawSource
from gaze.geometry import angles_from_vector, vector_from_angles
from gaze.normalization import scale_direction
from gaze.synthesis.mpiifacegaze_standin import SUBSET_FOLDER
from gaze.types import SCALED

RELEASED_FOLDER = "MPIIFaceGaze_normalizad"
_USERBLOCK = (b"MATLAB 7.3 MAT-file, stand-in for MPIIFaceGaze_normalizad".ljust(124) + b"\x00\x02IM").ljust(
    512, b"\x00"
)


def write_released(root: Path, label_space: str, progress: bool = True) -> Path:
    """Normalise a raw stand-in at 448 px into ``root/MPIIFaceGaze_normalizad`` and return that folder.

    As in the released set the rows are those of the evaluation lists, right eyes mirrored.

    Raises:
        DataError: the raw set cannot be read.
    """
    out = root / RELEASED_FOLDER
    out.mkdir(exist_ok=True)
    source = RawSource(root, SIZE_PX, subset_lists=root / SUBSET_FOLDER)
    for name in tqdm(RawDataset(root).persons, unit="person", desc="released", disable=not progress):
        blocks = [block for block in source.blocks() if block.person == name]
        total = sum(block.stop - block.start for block in blocks)
        with replacing_hdf5(out / f"{name}.mat", libver="earliest", userblock=_USERBLOCK) as file:
            shape = (total, 3, SIZE_PX, SIZE_PX)
            data = file.create_dataset(
                "Data/data", shape, np.uint8, maxshape=shape, chunks=(1, *shape[1:]), compression=1
            )
            labels = np.empty((total, LABELS))
            row = 0
            for block in blocks:
                loaded = source.load(block)
                for image, columns in zip(loaded.faces, loaded.rows, strict=True):
                    data[row] = image.transpose(2, 0, 1)
                    labels[row] = _label(columns, label_space)
                    row += 1
            data.resize((row, *shape[1:]))
            file["Data/label"] = labels[:row]
    return out


def _label(columns: dict[str, object], label_space: str) -> np.ndarray:
    gaze = np.asarray(columns["pitch_yaw_rad"])
    if label_space == SCALED:
        gaze = angles_from_vector(scale_direction(vector_from_angles(gaze), columns["distance_scale"]))
    return np.concatenate([gaze, columns["head_pitch_yaw_rad"], np.ravel(columns["landmarks_norm_px"])])
