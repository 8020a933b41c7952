"""Processes that work beside the one that a user started."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def finished(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    """Call ``function`` for every item in ``workers`` processes; each item with its result, as they come.

    All three must be picklable. The processes end with the one that started them. After an error, what is
    under way is finished, and nothing else is begun.

    Raises:
        BrokenProcessPool: a process was killed; all that was finished before has been given.
        Exception: the first that ``function`` raises.
    """
    # Not fork: OpenCV, HDF5 and OpenGL may hold locks or a state in this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _end_with_parent) as pool:
        try:
            tasks = {pool.submit(function, item): item for item in items}
            for task in as_completed(tasks):
                yield tasks[task], task.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def one_thread_each() -> None:
    """Let numerical libraries in processes that are started from now on use one thread.

    The processes themselves fill the cores.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def _end_with_parent() -> None:
    """End this process at once when the one that started it is gone.

    A pool's process whose parent was killed would otherwise work on, or wait for its next task for ever.
    """
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
