"""`gaze run` as a process of its own, for tests of what it reads and writes while it runs."""

import subprocess
import sys

RUN = (sys.executable, "-m", "gaze.cli", "run", "--no-window", "--hfov", "60")


def start(*arguments, **options):
    """The running process; ``options`` are those of Popen."""
    command = [*RUN, *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)
