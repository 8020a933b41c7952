"""Board views on file and from a folder of pictures, so that none is lost."""

from __future__ import annotations

import os

import numpy as np

from calibration.board import Board
from calibration.intrinsics import BoardView
from gaze.errors import CalibrationError
from gaze.files import read_object, write_json
from gaze.picture_files import pictures_of_one_size

SCHEMA = "gaze.board-views/1"


def save_views(views: list[BoardView], size_px: tuple[int, int], path: str | os.PathLike[str]) -> None:
    """Write views of pictures of one size."""
    entries = [
        {"name": view.name, "points_mm": view.points_mm.tolist(), "points_px": view.points_px.tolist()}
        for view in views
    ]
    write_json(path, {"schema": SCHEMA, "size_px": list(size_px), "views": entries})


def load_views(path: str | os.PathLike[str]) -> tuple[list[BoardView], tuple[int, int]]:
    """Read what save_views wrote.

    Raises:
        CalibrationError: the file is missing, truncated or altered.
    """
    content = read_object(path, SCHEMA, CalibrationError, "start without --resume")
    try:
        width, height = (int(value) for value in content["size_px"])
        views = []
        for entry in content["views"]:
            mm = np.array(entry["points_mm"], dtype=np.float64).reshape(-1, 2)
            px = np.array(entry["points_px"], dtype=np.float64).reshape(-1, 2)
            if mm.shape != px.shape or not (np.all(np.isfinite(mm)) and np.all(np.isfinite(px))):
                raise CalibrationError(f"{path}: a view's points do not belong together")
            views.append(BoardView(mm, px, str(entry["name"])))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f"{path}: cannot be used ({error!r}); start without --resume") from error
    return views, (width, height)


def views_of_folder(
    folder: str | os.PathLike[str], board: Board
) -> tuple[list[BoardView], tuple[int, int], list[str]]:
    """Views in the pictures of a folder, the size of the pictures, and a line for each that was left out.

    Raises:
        DataError: as pictures_of_one_size.
    """
    views: list[BoardView] = []
    left_out: list[str] = []
    size = (0, 0)
    for name, image in pictures_of_one_size(folder, "the pictures of the board", left_out):
        size = (image.shape[1], image.shape[0])
        found = board.find(image)
        if found is None:
            left_out.append(f"{name}: the board is not seen")
            continue
        views.append(BoardView(*found, name))
    return views, size, left_out
