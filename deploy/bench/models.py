"""`gaze bench --models DIR`: every exported model in every runtime, with its error beside its time."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.bench.models_docs import as_section, default_choice, put_section, seen_from
from deploy.bench.models_measure import Configuration, configurations, measure
from deploy.bench.models_report import as_markdown, as_ratios, draw_pareto
from deploy.bench.progress import progress_line
from deploy.machine import describe_machine
from deploy.runtimes.base import check_threads
from deploy.runtimes.engines import OPENVINO_DEVICES, ORT_DEVICES
from gaze.errors import GazeError, UsageError
from gaze.files import prepare_outputs, spare_inputs, write_json
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least_one

SCHEMA = "gaze.bench_models/1"
# What the plot can be saved as.
PICTURES = (".png", ".svg", ".pdf")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print.

    Raises:
        GazeError: the folder holds no model, or a result cannot be written.
    """
    options = _parser().parse_args(argv)
    if not options.models.is_dir():
        raise UsageError(f"{options.models}: no such folder; make one with `gaze export`")
    devices = [device.upper() for device in options.devices]
    known = dict.fromkeys((*ORT_DEVICES, *OPENVINO_DEVICES))
    if unknown := [device for device in devices if device not in known]:
        raise UsageError(f"--devices {unknown[0]}: no such device; choose from {', '.join(known)}")
    if options.profile and (options.json or options.markdown or options.picture):
        raise UsageError("--profile prints its tables alone; leave out --json, --markdown and --picture")
    for count in options.threads:
        check_threads(count)
    spare_inputs(
        {"--json": options.json, "--markdown": options.markdown, "--picture": options.picture},
        {"--models": options.models.iterdir()},
    )
    prepare_outputs(options.json, options.markdown, options.picture)
    if options.picture is not None and options.picture.suffix.lower() not in PICTURES:
        raise UsageError(f"--picture {options.picture}: end its name in {', '.join(PICTURES)}")
    if options.picture is not None:
        importlib.import_module("matplotlib")  # that it is missing is told before the measurement
    wanted, left_out = configurations(options.models, devices, options.threads)
    _tell(left_out)
    nothing = GazeError(f"{options.models}: holds no model that runs here; make some with `gaze export`")
    if not wanted:
        raise nothing
    if options.profile:
        return _print_profiles(wanted, options.batches, options.rounds)
    with progress_line(len(wanted)) as say:
        rows, wanted, failed = measure(wanted, options.batches, options.rounds, options.memory, say)
    _tell(failed)
    if not rows:
        raise nothing
    machine = describe_machine()
    text = as_section(
        as_markdown(rows, options.label or str(machine["cpu"])),
        as_ratios(rows),
        default_choice(wanted),
        machine,
        options.rounds,
        seen_from(options.markdown, options.picture),
    )
    content = {
        "schema": SCHEMA,
        "label": options.label or machine["cpu"],
        "machine": machine,
        "rounds": options.rounds,
        "rows": [row.as_json() for row in rows],
        "left_out": left_out + failed,
    }
    try:
        if options.json is not None:
            write_json(options.json, content)
        if options.markdown is not None:
            put_section(options.markdown, text)
        if options.picture is not None:
            draw_pareto(rows, options.picture)
    except OSError as error:
        raise GazeError(
            f"{error.filename}: cannot be written ({error.strerror}); make room or give another file"
        ) from error
    finally:
        # After the files, as the reader of standard output may be gone, but also where one of them fails.
        print(text)
    return 0


def _tell(left_out: Sequence[str]) -> None:
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)


def _print_profiles(wanted: Sequence[Configuration], batches: Sequence[int], rounds: int) -> int:
    runs = [configuration for configuration in wanted if configuration.runtime == "openvino"]
    if not runs:
        raise GazeError("--profile: no model here runs on OpenVINO, whose counters it prints")
    from deploy.bench.models_profile import as_table, profile

    failed = []
    for configuration in runs:
        for batch in batches:
            try:
                table = as_table(configuration, profile(configuration, batch, 4 * rounds), batch)
            except GazeError as error:
                failed.append(f"{configuration.shown}: {error}")
                break
            print(table, flush=True)
    _tell(failed)
    return 1 if len(failed) == len(runs) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gaze bench",
        description="Milliseconds, throughput, size and memory of every model in a folder, in every runtime "
        "and precision that runs it here, with the error in degrees from its sidecar, or measured on "
        "rendered faces of the package where that has none. Runs take turns, so that a busy moment of the "
        "machine falls on all of them.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of `gaze export`")
    parser.add_argument(
        "--devices",
        nargs="+",
        default=["CPU"],
        metavar="DEVICE",
        help="some of CPU, CUDA, TENSORRT, GPU, NPU, AUTO",
    )
    parser.add_argument(
        "--threads",
        type=at_least_one,
        nargs="+",
        default=[None],
        metavar="N",
        help="CPU threads (default: all cores)",
    )
    parser.add_argument(
        "--batches", type=at_least_one, nargs="+", default=[1, 8], metavar="N", help="faces in one call"
    )
    parser.add_argument(
        "--rounds", type=at_least_one, default=50, metavar="N", help="turns that each run takes"
    )
    parser.add_argument(
        "--memory",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure the peak memory of each run in a process of its own",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="print instead which operations take the time, by OpenVINO's own counters",
    )
    parser.add_argument("--label", help="name of this machine in the table (default: the processor's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON")
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="write the table with ratios and machine; into a document that has the marks of "
        "docs/models.md, between them",
    )
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw milliseconds against degrees")
    return parser
