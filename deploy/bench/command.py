"""`gaze bench`: speed and memory of the loop; with --models, of exported models; with --soak, over long."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from deploy.native_logs import quieten

quieten()

from deploy.demo import CLIP  # noqa: E402
from deploy.network_options import add_network_options  # noqa: E402
from gaze.errors import GazeError  # noqa: E402
from gaze.files import prepare_outputs, spare_inputs, write_json  # noqa: E402
from gaze.help_format import HelpFormatter  # noqa: E402
from gaze.option_types import at_least_one, size_argument  # noqa: E402


def make_parser() -> argparse.ArgumentParser:
    """The flags of the loop's benchmark."""
    parser = argparse.ArgumentParser(
        prog="gaze bench",
        description="Milliseconds of every stage of the live loop, drawing excluded, cold start and peak "
        "memory. With --models DIR: of every exported model in a folder (`gaze bench --models DIR --help`); "
        "with --soak FRAMES: over a long run (`gaze bench --soak 1 --help`).",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--source", default=str(CLIP), help="what to measure on, as of `gaze run`")
    parser.add_argument(
        "--size", type=size_argument, default="640x480", metavar="WxH", help="of the frames, in px"
    )
    parser.add_argument(
        "--faces", type=at_least_one, default=1, metavar="N", help="people in the picture, made by tiling"
    )
    parser.add_argument("--frames", type=at_least_one, default=300, metavar="N", help="how many are measured")
    parser.add_argument(
        "--warm-up", type=at_least_one, default=30, metavar="N", help="frames before them that are not"
    )
    add_network_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - is standard output")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print.

    Raises:
        GazeError: the source or a model is unusable, or the JSON cannot be written.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if any(text == "--models" or text.startswith("--models=") for text in argv):
        from deploy.bench import models

        return models.main(argv)
    if any(text == "--soak" or text.startswith("--soak=") for text in argv):
        from deploy.bench import soak

        return soak.main(argv)
    from deploy.bench.live_loop import as_text, run_bench

    arguments = make_parser().parse_args(argv)
    if arguments.json != "-":
        spare_inputs(
            {"--json": arguments.json}, {"--source": [arguments.source], "--model": [arguments.model]}
        )
        prepare_outputs(arguments.json)
    result = run_bench(arguments)
    if arguments.json == "-":
        print(json.dumps(result, indent=2))
        return 0
    try:
        if arguments.json is not None:
            write_json(arguments.json, result)
    except OSError as error:
        raise GazeError(
            f"{arguments.json}: cannot be written ({error.strerror}); make room or give another --json"
        ) from error
    finally:
        # After the file, as the reader of standard output may be gone, but also where it fails.
        print(as_text(result))
    return 0
