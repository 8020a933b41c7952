"""`gaze doctor`: what works on this machine, and how to fix what does not."""

from __future__ import annotations

import argparse
import dataclasses
import faulthandler
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.native_logs import quieten
from gaze.help_format import HelpFormatter
from gaze.quiet_start import start_noise_filtered

quieten()

from deploy.doctor_checks import (  # noqa: E402
    BAD,
    GOOD,
    Check,
    check_cameras,
    check_display,
    check_gstreamer,
    check_landmarks,
    check_models,
    check_packages,
    check_runtimes,
)
from deploy.machine import counted_cores, describe_machine  # noqa: E402

SCHEMA = "gaze.doctor/1"
SIGNS = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}


def examine(model: Path | None = None) -> Iterator[Check]:
    """Every check, in the order of the report."""
    yield from check_packages()
    yield from check_models(model)
    yield from check_landmarks()
    yield from check_runtimes(model)
    yield from check_cameras()
    yield from check_display()
    yield from check_gstreamer()


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report, each check as it comes: a native library that is broken may end the whole process.

    Returns 1 when something is missing that the loop cannot run without.
    """
    parser = argparse.ArgumentParser(
        prog="gaze doctor",
        description="Try everything the live loop needs or can use, and say how to mend what fails.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--model", type=Path, metavar="FILE", help="examine this network, not the package's")
    arguments = parser.parse_args(argv)
    machine = describe_machine()
    checks: list[Check] = []
    if not arguments.json:
        memory = f"{machine['memory_gb']} GB"
        print(f"{machine['cpu']}, {counted_cores(machine)}, {memory}, {machine['system']}\n", flush=True)
    with start_noise_filtered(), _native_faults_told():
        for check in examine(arguments.model):
            checks.append(check)
            if not arguments.json:
                print(as_text(check), flush=True)
    good = all(check.state != BAD for check in checks)
    if arguments.json:
        content = {
            "schema": SCHEMA,
            "ok": good,
            "machine": machine,
            "checks": [dataclasses.asdict(check) for check in checks],
        }
        print(json.dumps(content, indent=2))
    else:
        print("\nthe live loop can run" if good else "\nthe live loop cannot run: mend what is marked FAULT")
    sys.stdout.flush()
    return 0 if good else 1


@contextmanager
def _native_faults_told() -> Iterator[None]:
    """Where native code ends the process, Python says in which call: an illegal instruction is else mute.

    Windows would tell of faults, too, that libraries raise and handle themselves.
    """
    if faulthandler.is_enabled() or sys.platform == "win32":
        yield
        return
    faulthandler.enable(2)
    try:
        yield
    finally:
        faulthandler.disable()


def as_text(check: Check) -> str:
    """A check for people: one line, how to fix it below."""
    text = f"{SIGNS[check.state]} {check.name}: {check.detail}"
    return text if check.mend is None or check.state == GOOD else f"{text}\n      mend: {check.mend}"
