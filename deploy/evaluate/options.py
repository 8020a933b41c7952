"""What the evaluations have in common: the options that name a model, and figures in words and files."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.network_options import add_engine_options, add_mirror_option
from deploy.runtimes import CHECKPOINTS, create_runtime
from gaze.datasets.system_errors import writing
from gaze.errors import UsageError
from gaze.files import prepare_outputs, spare_inputs, without_nan, write_json
from gaze.mirrored import mirrored_if
from gaze.model_spec import DEFAULT_MODEL, resolve_model, sidecar_path

if TYPE_CHECKING:
    from gaze.estimator import Predictor


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --checkpoint, --runtime, --device, --precision and --average-mirror."""
    parser.add_argument(
        "--model",
        type=Path,
        help=f"exported model, or the name of one in the package (default: {DEFAULT_MODEL.stem})",
    )
    parser.add_argument("--checkpoint", type=Path, help="checkpoint of `gaze train`, instead of --model")
    add_engine_options(parser)
    add_mirror_option(parser)


def model_files(model: Path | str | None) -> list[Path]:
    """The files that --model reads."""
    path = resolve_model(model)
    return [path, sidecar_path(path)]


def prepare_figures(path: Path | None, **inputs: Path | str | Sequence[Path | str | None] | None) -> None:
    """Make room for the file of figures before the work.

    ``inputs`` are the files that it must not replace, one or several by the name of the option that names
    them, with _ for its hyphens; None is passed over.

    Raises:
        UsageError: it cannot be written there, or would take the place of an input.
    """
    read = {
        f"--{name.replace('_', '-')}": [found] if found is None or isinstance(found, (str, Path)) else found
        for name, found in inputs.items()
    }
    spare_inputs({"--json": path}, read)
    prepare_outputs(path)


def write_figures(path: Path, content: dict[str, object]) -> None:
    """Write the figures as JSON.

    Raises:
        DataError: the folder is not there or cannot be written.
    """
    with writing(path, "or give another --json"):
        write_json(path, without_nan(content))


def figure_text(value: float | None, form: str, unit: str = "") -> str:
    """A figure as a table shows it, such as "1.25°" for the form ".2f"; a dash for None and NaN."""
    return "-" if value is None or math.isnan(value) else f"{value:{form}}{unit}"


def open_predictor(args: argparse.Namespace) -> Predictor:
    """The predictor that the options name, which reads faces mirrored too where the live loop would.

    Raises:
        UsageError: both a model and a checkpoint are given.
        ModelError, RuntimeUnavailableError: it cannot be loaded.
    """
    if args.model and args.checkpoint:
        raise UsageError("give --model or --checkpoint, not both")
    if args.checkpoint and args.checkpoint.suffix not in CHECKPOINTS:
        raise UsageError(
            f"--checkpoint {args.checkpoint}: is none ({', '.join(CHECKPOINTS)}); an exported model is given "
            "with --model"
        )
    runtime = "torch" if args.checkpoint and args.runtime == "auto" else args.runtime
    network = create_runtime(
        args.checkpoint or args.model, runtime=runtime, device=args.device, precision=args.precision
    )
    return mirrored_if(network, args.average_mirror)
