"""What every process that works beside the one that a user started has to do."""

from __future__ import annotations

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """The initializer of a pool of processes: each ends at once when the process that started it is gone.

    A pool's process whose parent was killed would otherwise work on, or wait for its next task for ever.
    """
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
