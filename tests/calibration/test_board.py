import re

import cv2
import numpy as np
import pytest

from calibration.board import KINDS, MODULES, Board
from calibration.board_pdf import write_pdf
from gaze.errors import UsageError


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_board_is_found_where_it_was_drawn(kind):
    board = Board(kind, 9, 6, 28.0)
    page = cv2.GaussianBlur(board.picture(64, 50), (0, 0), 0.8)
    points_mm, points_px = board.find(page)
    assert len(points_px) == board.corner_count == 40
    # A corner at k squares lies on the border between pixels, half a pixel before the centre's whole number.
    expected = points_mm / 28.0 * 64 + 50 - 0.5
    if kind == "checkerboard" and np.abs(points_px - expected).max() > 1:
        points_px = points_px[::-1]
    assert points_px == pytest.approx(expected, abs=0.1)


def test_partly_hidden_charuco_is_still_found():
    board = Board("charuco")
    page = board.picture(64, 50)
    page[:, :220] = 255
    points_mm, points_px = board.find(page)
    assert 8 <= len(points_px) < board.corner_count
    assert points_px == pytest.approx(points_mm / 28.0 * 64 + 50 - 0.5, abs=0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_no_board_is_none(kind):
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    assert Board(kind).find(noise) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dots",), "charuco, checkerboard"),
        (("charuco", 3, 6), "at least 4x4"),
        (("charuco", 16, 16), "more than 100 markers"),
        (("charuco", 9, 6, 0.0), "must be positive"),
        (("charuco", 9, 6, float("nan")), "must be positive"),
    ],
)
def test_impossible_boards_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        Board(*arguments)


def rectangles_mm(path):
    """The rectangles of a written page: x, y, width, height in mm from the lower left."""
    content = path.read_bytes()
    rows = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re f", content)
    return np.array(rows, dtype=float) * 25.4 / 72.0


@pytest.mark.parametrize("kind", KINDS)
def test_pdf_is_true_to_size_and_shows_the_board(tmp_path, kind):
    path = tmp_path / "board.pdf"
    board = Board(kind)
    write_pdf(board, path)
    boxes = rectangles_mm(path)
    ruler = boxes[(boxes[:, 3] < 0.41) & (boxes[:, 2] > 90)]
    assert ruler[0, 2] == pytest.approx(100.0, abs=0.01)
    cell = board.square_mm / MODULES
    squares = boxes[np.abs(boxes[:, 3] - cell) < 1e-3]
    # Drawn again from its rectangles, the page is the board.
    left, bottom = squares[:, 0].min(), squares[:, 1].min()
    page = np.full((board.rows * MODULES, board.columns * MODULES), False)
    for x, y, width, _ in squares:
        row = board.rows * MODULES - 1 - round((y - bottom) / cell)
        start = round((x - left) / cell)
        page[row, start : start + round(width / cell)] = True
    assert np.array_equal(page, board.modules())


def test_pdf_is_well_formed(tmp_path):
    path = tmp_path / "board.pdf"
    write_pdf(Board(), path)
    content = path.read_bytes()
    assert content.startswith(b"%PDF-1.4")
    start = int(re.search(rb"startxref\n(\d+)", content)[1])
    assert content[start : start + 4] == b"xref"
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n", content), start=1):
        assert content[int(offset) :].startswith(f"{number} 0 obj".encode())
    length = int(re.search(rb"/Length (\d+)", content)[1])
    stream = content.index(b"stream\n") + 7
    assert content[stream + length :].startswith(b"\nendstream")


def test_board_larger_than_the_paper_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"does not fit on a4; squares of at most 30\.0 mm"):
        write_pdf(Board(square_mm=40.0), tmp_path / "b.pdf")
    assert not (tmp_path / "b.pdf").exists()
    with pytest.raises(UsageError, match="a4, a3, letter"):
        write_pdf(Board(), tmp_path / "b.pdf", "a9")
