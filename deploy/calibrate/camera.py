"""`gaze calibrate camera`: intrinsics from a board, live or from pictures, or from a known field of view."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.board_views import load_views, save_views, views_of_folder
from calibration.capture import Guidance, GuidedCapture, draw_guidance
from calibration.intrinsics import MIN_VIEWS, BoardView, fit_intrinsics
from calibration.intrinsics_covariance import intrinsics_covariance
from calibration.intrinsics_report import coverage_picture, intrinsics_text
from calibration.pictures import save_picture
from calibration.webcams import webcam_hfov_deg
from deploy.calibrate.board import add_board_options, board_of
from deploy.calibrate.common import make_parser, set_aside
from deploy.display.window import Window, display_problem
from deploy.sources import Source, open_source
from deploy.sources.captures import PREFERRED_SIZE
from deploy.stopping import StopSignals
from gaze.camera import Camera
from gaze.errors import CalibrationError, SourceError, UsageError
from gaze.files import prepare_outputs, spare_inputs
from gaze.option_refusals import refuse_beside
from gaze.option_types import at_least, hfov_argument, size_argument
from gaze.picture_files import prepare_pictures

log = logging.getLogger("gaze")


def parser() -> argparse.ArgumentParser:
    """The flags."""
    result = make_parser(
        "camera",
        "Intrinsics of a camera: film a board (it says what is missing and takes pictures by itself), give a "
        "folder of pictures of one, or state the field of view.",
    )
    add_board_options(result)
    result.add_argument("--source", default="0", help="camera index, device path or video file")
    result.add_argument(
        "--size",
        type=size_argument,
        metavar="WxH",
        help="size asked of the camera, in px; intrinsics belong to it (default: 1280x720 if it is fast at "
        "that)",
    )
    result.add_argument("--images", metavar="DIR", help="pictures of the board, instead of a camera")
    result.add_argument("--resume", metavar="JSON", help="views of a calibration that was stopped")
    result.add_argument("--views", type=at_least(MIN_VIEWS), default=15, metavar="N", help="views to collect")
    result.add_argument(
        "--distortion",
        choices=("auto", "plain", "rational"),
        default="auto",
        help="lens model; auto takes the one with the smaller error on views that it did not see",
    )
    result.add_argument(
        "--hfov", type=hfov_argument, metavar="DEG", help="no board: the horizontal field of view"
    )
    result.add_argument("--webcam", metavar="NAME", help="no board: the field of view of a common webcam")
    result.add_argument("--out", default="camera.json", metavar="JSON", help="where the intrinsics go")
    result.add_argument("--report", metavar="PNG", help="picture of where corners were seen")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Calibrate a camera. Returns 0.

    Raises:
        GazeError: as its message says; views taken so far are kept.
    """
    options = parser().parse_args(argv)
    spare_inputs({"--out": options.out, "--report": options.report}, {"--resume": [options.resume]})
    prepare_outputs(options.out)
    prepare_pictures(options.report)
    ways = [name for name in ("images", "hfov", "webcam") if getattr(options, name) is not None]
    if len(ways) > 1:
        raise UsageError(f"--{ways[0]} and --{ways[1]} exclude each other")
    if ways:
        refuse_beside(options, ways[0], ("resume",))
    if options.hfov is not None or options.webcam is not None:
        refuse_beside(options, ways[0], ("report",), "without a board there is nothing to draw")
        return _without_board(options)
    if options.images is not None:
        board = board_of(options)
        views, size, left_out = views_of_folder(options.images, board)
        for line in left_out:
            log.warning("left out: %s", line)
        if not views:
            raise CalibrationError(
                f"{options.images}: the board is seen in no picture; describe it with --board, --columns, "
                f"--rows (now {board.kind} {board.columns}x{board.rows} squares)"
            )
    else:
        views, size = _live(options)
    result = fit_intrinsics(views, size, options.distortion)
    print(intrinsics_text(result))
    if options.report:
        save_picture(coverage_picture(result), options.report)
    result.camera.save(
        options.out,
        rms_px=result.rms_px,
        model=result.model,
        held_out_px=result.held_out_px,
        view_rms_px=result.view_rms_px.tolist(),
        coverage=result.coverage,
        warnings=list(result.warnings),
        covariance=intrinsics_covariance(result.used_views, result.camera).tolist(),
    )
    print(f"wrote {options.out}")
    return 0


def _without_board(options: argparse.Namespace) -> int:
    name, hfov = ("", options.hfov) if options.webcam is None else webcam_hfov_deg(options.webcam)
    camera = Camera.from_hfov(hfov, *(options.size or PREFERRED_SIZE))
    camera.save(options.out, **({"webcam": name} if name else {}))
    print(
        f"wrote {options.out}: {hfov:.1f} degrees across at {camera.width}x{camera.height}. The lens is "
        "taken to be without distortion; a board measures it (gaze calibrate board --pdf board.pdf)"
    )
    return 0


class _Guide:
    """Shows in a window what is to be done next, or prints it where there is none."""

    def __init__(self, window: Window | None) -> None:
        self._window = window
        self._said = ""

    def key(self) -> str | None:
        """The key that was pressed."""
        return self._window.poll() if self._window is not None else None

    def tell(self, image: NDArray[np.uint8], guidance: Guidance, views: int) -> None:
        """What the newest picture showed, and how many views there are."""
        if self._window is not None:
            self._window.show(draw_guidance(image, guidance, views))
        elif guidance.message != self._said or guidance.taken:
            self._said = guidance.message
            log.info("%s (%d views)", guidance.message, views)


@contextmanager
def _open_guide() -> Iterator[_Guide]:
    problem = display_problem()
    if problem is not None:
        log.info("%s: what to do is printed here", problem)
        yield _Guide(None)
        return
    with Window("gaze calibrate camera") as window:
        yield _Guide(window)


def _live(options: argparse.Namespace) -> tuple[list[BoardView], tuple[int, int]]:
    """Collect views until there are enough or somebody ends it.

    Raises:
        CalibrationError: it was stopped before there were enough views; they are kept.
        SourceError: there is no picture.
    """
    resumed = load_views(options.resume) if options.resume else None
    with (
        StopSignals() as stop,
        open_source(options.source, size=options.size) as source,
        _open_guide() as guide,
    ):
        capture, stopped = _film(options, resumed, source, guide, stop)
    if capture is None:
        raise SourceError(f"{options.source}: gave no picture")
    if stopped or len(capture.views) < MIN_VIEWS:
        raise CalibrationError(_too_few(capture, _views_path(options)))
    return capture.views, capture.size_px


def _views_path(options: argparse.Namespace) -> Path:
    return Path(options.out).with_suffix(".views.json")


def _film(
    options: argparse.Namespace,
    resumed: tuple[list[BoardView], tuple[int, int]] | None,
    source: Source,
    guide: _Guide,
    stop: StopSignals,
) -> tuple[GuidedCapture | None, bool]:
    """What was taken, None without a picture, and whether somebody stopped it; space ends it as enough.

    However it ends, the views are then on file.
    """
    capture: GuidedCapture | None = None
    try:
        while not source.ended and not (capture is not None and capture.done):
            frame = source.read(0.1)
            key = guide.key()
            if stop.requested or key == "q":
                return capture, True
            if key == "space":
                break
            if frame is None:
                continue
            if capture is None:
                capture = _begin(options, resumed, (frame.image.shape[1], frame.image.shape[0]))
            guidance = capture.feed(frame.image, frame.t_s)
            guide.tell(frame.image, guidance, len(capture.views))
    except SourceError as error:
        if capture is None or not capture.views:
            raise
        raise SourceError(f"{error}; {_kept(capture, _views_path(options))}") from error
    finally:
        if capture is not None and capture.views:
            set_aside(_views_path(options), options.resume)
            save_views(capture.views, capture.size_px, _views_path(options))
    return capture, False


def _begin(
    options: argparse.Namespace,
    resumed: tuple[list[BoardView], tuple[int, int]] | None,
    size_px: tuple[int, int],
) -> GuidedCapture:
    views, before_px = resumed or ([], size_px)
    if before_px != size_px:
        raise CalibrationError(
            f"{options.resume}: its pictures were {before_px[0]}x{before_px[1]} px, "
            f"the camera gives {size_px[0]}x{size_px[1]}; give --size"
        )
    capture = GuidedCapture(board_of(options), size_px, options.views)
    capture.add(views)
    return capture


def _too_few(capture: GuidedCapture, path: Path) -> str:
    """What to say of a capture that ended early, and how to go on."""
    count, board = len(capture.views), capture.board
    text = f"stopped with {count} views"
    if count < MIN_VIEWS:
        text += (
            f" of at least {MIN_VIEWS}; see that the board is {board.kind} of {board.columns}x{board.rows} "
            "squares (--board, --columns, --rows), flat, evenly lit and held still"
        )
    return f"{text}; {_kept(capture, path)}" if count else text


def _kept(capture: GuidedCapture, path: Path) -> str:
    return f"{len(capture.views)} views are kept in {path}: go on with --resume {path}"
