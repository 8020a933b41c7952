"""Work in processes: all of it, errors at once, and nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import pytest

from gaze.errors import DataError
from gaze.worker_processes import finished, one_thread_each

REPOSITORY = Path(__file__).resolve().parents[2]


def squared(number):
    return number * number


def leave_word(folder, number):
    (folder / str(number)).touch()
    time.sleep(0.05)
    if number == 2:
        raise DataError("two is not wanted")
    return os.getpid()


def killed_at_two(number):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_every_item_comes_with_its_result():
    assert sorted(finished(squared, range(7), 2)) == [(n, n * n) for n in range(7)]
    assert list(finished(squared, [], 2)) == []


def test_work_is_done_elsewhere_in_so_many_processes(tmp_path):
    processes = {pid for _, pid in finished(partial(leave_word, tmp_path), range(3, 12), 2)}
    assert os.getpid() not in processes and len(processes) <= 2


def test_after_an_error_nothing_else_is_begun(tmp_path):
    with pytest.raises(DataError, match="two is not wanted"):
        list(finished(partial(leave_word, tmp_path), range(40), 1))
    # A pool hands on one or two before they are due.
    assert {0, 1, 2} <= {int(path.name) for path in tmp_path.iterdir()} <= set(range(8))


def test_nor_is_it_when_the_caller_has_seen_enough(tmp_path):
    results = finished(partial(leave_word, tmp_path), range(3, 43), 1)
    next(results)
    results.close()
    assert len(list(tmp_path.iterdir())) < 8


def test_a_killed_process_is_told_after_what_was_finished():
    done = []
    with pytest.raises(BrokenProcessPool):
        for item, _ in finished(killed_at_two, range(20), 1):
            done.append(item)
    assert done == [0, 1]


WAITING = """
import os, sys, time
from gaze.worker_processes import finished
from tests.gaze.test_worker_processes import stay
if __name__ == "__main__":
    list(finished(stay, [sys.argv[1]], 1))
"""


def stay(path):
    """Tell which process this is, then kill the one that started it and outlast the test."""
    Path(path).write_text(str(os.getpid()))
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(120)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_processes_end_with_the_one_that_started_them(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", WAITING, str(tmp_path / "pid")]
    assert subprocess.run(command, env=environment, timeout=60).returncode == -signal.SIGKILL
    status = Path("/proc") / (tmp_path / "pid").read_text() / "status"
    deadline = time.monotonic() + 20
    while status.exists() and "State:\tZ" not in status.read_text():
        assert time.monotonic() < deadline, "the process outlived the one that started it"
        time.sleep(0.05)


def test_numerical_libraries_of_processes_to_come_use_one_thread(monkeypatch):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    for name in names:
        monkeypatch.setenv(name, "8")
    one_thread_each()
    assert dict(finished(os.getenv, names, 1)) == dict.fromkeys(names, "1")
