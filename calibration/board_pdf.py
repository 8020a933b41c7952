"""A board as a PDF page in true size, without any other library: black rectangles and a ruler."""

from __future__ import annotations

import os
from pathlib import Path

from calibration.board import MODULES, Board
from gaze.errors import UsageError
from gaze.files import replacing

POINTS_PER_MM = 72.0 / 25.4
PAPERS_MM = {"a4": (297.0, 210.0), "a3": (420.0, 297.0), "letter": (279.4, 215.9)}
MARGIN_MM = 8.0
FOOT_MM = 14.0


def write_pdf(board: Board, path: str | os.PathLike[str], paper: str = "a4") -> None:
    """Write a landscape page with the board in the middle and a 100 mm ruler below it.

    Raises:
        UsageError: no such paper, or the board is larger than it.
    """
    if paper not in PAPERS_MM:
        raise UsageError(f"no paper {paper!r}; there are {', '.join(PAPERS_MM)}")
    page_w, page_h = PAPERS_MM[paper]
    width, height = board.size_mm
    if width > page_w - 2 * MARGIN_MM or height > page_h - 2 * MARGIN_MM - FOOT_MM:
        fits = min((page_w - 2 * MARGIN_MM) / board.columns, (page_h - 2 * MARGIN_MM - FOOT_MM) / board.rows)
        raise UsageError(
            f"the board of {width:.0f}x{height:.0f} mm does not fit on {paper}; squares of at most "
            f"{fits:.1f} mm do (--square-mm)"
        )
    with replacing(path) as temporary:
        Path(temporary).write_bytes(_document(_content(board, page_w, page_h), page_w, page_h))


def _content(board: Board, page_w: float, page_h: float) -> bytes:
    width, height = board.size_mm
    left, top = (page_w - width) / 2, (page_h - FOOT_MM + height) / 2 + FOOT_MM
    cell = board.square_mm / MODULES
    lines = ["0 g"]
    for row, cells in enumerate(board.modules()):
        start = None
        for column, black in enumerate([*cells.tolist(), False]):
            if black and start is None:
                start = column
            elif not black and start is not None:
                y = top - (row + 1) * cell
                lines.append(_rectangle(left + start * cell, y, (column - start) * cell, cell))
                start = None
    ruler = (page_w - 100.0) / 2
    lines.append(_rectangle(ruler, MARGIN_MM, 100.0, 0.4))
    lines += [_rectangle(ruler + step * 10.0 - 0.1, MARGIN_MM, 0.2, 2.5) for step in range(11)]
    text = (
        f"{board.kind} {board.columns}x{board.rows}, squares {board.square_mm:g} mm. Print at 100 %: "
        "the ruler is 100 mm long. Glue it to something flat."
    )
    x, y = ruler * POINTS_PER_MM, (MARGIN_MM + 4.5) * POINTS_PER_MM
    lines.append(f"BT /F1 8 Tf {x:.2f} {y:.2f} Td ({text}) Tj ET")
    return "\n".join(lines).encode("ascii")


def _rectangle(x_mm: float, y_mm: float, width_mm: float, height_mm: float) -> str:
    values = (value * POINTS_PER_MM for value in (x_mm, y_mm, width_mm, height_mm))
    return " ".join(f"{value:.4f}" for value in values) + " re f"


def _document(content: bytes, page_w: float, page_h: float) -> bytes:
    """A PDF 1.4 file with one page (ISO 32000-1, 7.5)."""
    size = f"{page_w * POINTS_PER_MM:.3f} {page_h * POINTS_PER_MM:.3f}".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 " + size + b"] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length " + str(len(content)).encode() + b" >>\nstream\n" + content + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    result = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(result))
        result += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(result)
    result += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    for offset in offsets:
        result += f"{offset:010d} 00000 n \n".encode()
    result += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(result)
