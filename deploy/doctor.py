"""`gaze doctor`: what works on this machine, and how to fix what does not."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.native_logs import quieten
from gaze.help_format import HelpFormatter
from gaze.quiet_start import without_start_noise

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


def examine(model: Path | None = None) -> list[Check]:
    """Every check, in the order of the report."""
    with without_start_noise():
        return [
            *check_packages(),
            *check_models(model),
            *check_landmarks(),
            *check_runtimes(model),
            *check_cameras(),
            *check_display(),
            *check_gstreamer(),
        ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report. Returns 1 when something is missing that the loop cannot run without."""
    parser = argparse.ArgumentParser(
        prog="gaze doctor",
        description="Try everything the live loop needs or can use, and say how to mend what fails.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--model", type=Path, metavar="FILE", help="examine this network, not the package's")
    arguments = parser.parse_args(argv)
    checks = examine(arguments.model)
    good = all(check.state != BAD for check in checks)
    if arguments.json:
        content = {
            "schema": SCHEMA,
            "ok": good,
            "machine": describe_machine(),
            "checks": [dataclasses.asdict(check) for check in checks],
        }
        print(json.dumps(content, indent=2))
    else:
        print(as_text(checks))
        print("\nthe live loop can run" if good else "\nthe live loop cannot run: mend what is marked FAULT")
    sys.stdout.flush()
    return 0 if good else 1


def as_text(checks: Sequence[Check]) -> str:
    """The report for people: one line a check, how to fix it below."""
    machine = describe_machine()
    lines = [
        f"{machine['cpu']}, {counted_cores(machine)}, {machine['memory_gb']} GB, {machine['system']}",
        "",
    ]
    for check in checks:
        lines.append(f"{SIGNS[check.state]} {check.name}: {check.detail}")
        if check.mend is not None and check.state != GOOD:
            lines.append(f"      mend: {check.mend}")
    return "\n".join(lines)
