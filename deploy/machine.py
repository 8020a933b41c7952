"""What this machine is, for reports that hold times."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

TOPOLOGY = Path("/sys/devices/system/cpu")
PACKAGES = (
    "webcam-gaze",
    "numpy",
    "mediapipe",
    "opencv-contrib-python",
    "onnxruntime",
    "openvino",
    "torch",
)


def describe_machine() -> dict[str, object]:
    """Processor, usable cores, memory in GB, system, Python and package versions."""
    return {
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "memory_gb": _memory_gb(),
        "system": platform.platform(terse=True),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "packages": installed_packages(),
    }


def cpu_name() -> str:
    """The processor's name as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def physical_cores(topology: Path = TOPOLOGY) -> int | None:
    """Cores of the machine, counted once where several threads share one; None where the system hides it."""
    try:
        shared = {path.read_text("ascii") for path in topology.glob("cpu*/topology/thread_siblings_list")}
    except OSError:
        return None
    return len(shared) or None


def installed_packages() -> dict[str, str]:
    """Versions of the packages that matter here; absent ones are left out."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def peak_memory_mb() -> float | None:
    """The most memory this process has held, in MB."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _memory_gb() -> float | None:
    if not hasattr(os, "sysconf"):
        return None
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (ValueError, OSError):
        return None


def counted_cores(machine: dict[str, object]) -> str:
    """The processors of a description of a machine in words: "1 core", "4 cores"."""
    return f"{machine['cores']} core{'' if machine['cores'] == 1 else 's'}"
