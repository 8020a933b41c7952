"""`gaze calibrate board`: a board on paper or on a screen."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from calibration.board import KINDS, Board
from calibration.board_pdf import PAPERS_MM, write_pdf
from calibration.displays import Display, choose_display, find_displays
from calibration.mirror_capture import shown_board
from deploy.calibrate.common import STOP_KEYS, add_display_options, make_parser
from deploy.display.fullscreen import FullScreen
from deploy.stopping import StopSignals
from gaze.errors import UsageError
from gaze.files import prepare_outputs
from gaze.option_refusals import refuse_beside
from gaze.option_types import above, at_least

PAPER = "a4"


def add_board_options(parser: argparse.ArgumentParser) -> None:
    """What board it is."""
    board = Board()
    parser.add_argument("--board", choices=KINDS, help=f"kind of board (default: {board.kind})")
    parser.add_argument(
        "--columns", type=at_least(4), metavar="N", help=f"squares across (default: {board.columns})"
    )
    parser.add_argument("--rows", type=at_least(4), metavar="N", help=f"squares down (default: {board.rows})")
    parser.add_argument(
        "--square-mm", type=above(0), metavar="MM", help=f"side of a square (default: {board.square_mm:g})"
    )


def board_of(options: argparse.Namespace) -> Board:
    """The board of the flags.

    Raises:
        UsageError: there is no such board.
    """
    given = (options.board, options.columns, options.rows, options.square_mm)
    names = ("kind", "columns", "rows", "square_mm")
    return Board(**{name: value for name, value in zip(names, given, strict=True) if value is not None})


def display_of(options: argparse.Namespace) -> Display:
    """The display of the flags; --resolution stands in where none can be read.

    Raises:
        UsageError: there is no such display.
        CalibrationError: no display can be read and no resolution is given.
    """
    displays = find_displays()
    if options.resolution is not None and not displays:
        return Display("screen", *options.resolution)
    return choose_display(displays, options.display)


def main(argv: Sequence[str] | None = None) -> int:
    """Write or show a board. Returns 0.

    Raises:
        UsageError: neither --pdf nor --show, or a board that does not fit.
        DisplayError: there is nothing to show it on.
    """
    parser = make_parser("board", "A board for `gaze calibrate camera`: printed, or shown on a screen.")
    add_board_options(parser)
    parser.add_argument("--pdf", metavar="FILE", help="write it as a PDF in true size")
    parser.add_argument(
        "--paper", choices=tuple(PAPERS_MM), help=f"size of the page, landscape (default: {PAPER})"
    )
    parser.add_argument(
        "--show", action="store_true", help="show it full-screen, to be filmed by a camera of another machine"
    )
    add_display_options(parser)
    options = parser.parse_args(argv)
    if not options.pdf and not options.show:
        raise UsageError("give --pdf FILE to print the board, or --show to show it on a screen")
    if not options.pdf:
        refuse_beside(options, "show", ("board", "columns", "rows", "square_mm", "paper"))
    if options.pdf:
        board = board_of(options)
        prepare_outputs(options.pdf)
        write_pdf(board, options.pdf, options.paper or PAPER)
        print(f"wrote {options.pdf}: print it at 100 %, check the ruler, glue it to something flat")
    if options.show:
        show(display_of(options))
    return 0


def show(display: Display) -> None:
    """Show a ChArUco board until a key is pressed; prints the side of a square, for --square-mm."""
    size = (display.width_px, display.height_px)
    shown = shown_board(size)
    print(f"charuco {shown.board.columns}x{shown.board.rows}, squares of {shown.square_px} px")
    if not display.size_problem():
        side = shown.square_px * display.width_mm / display.width_px
        print(
            f"film it with: gaze calibrate camera --board charuco --columns {shown.board.columns} "
            f"--rows {shown.board.rows} --square-mm {side:.2f}"
        )
    picture = shown.picture(size)
    with StopSignals() as stop, FullScreen(display, "gaze board") as window:
        window.show(picture)
        while not stop.requested:
            if window.poll(30) in (*STOP_KEYS, "space", "enter", "click"):
                return
