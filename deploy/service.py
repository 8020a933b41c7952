"""Health of a headless run: a status file, and systemd's readiness and watchdog messages."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress

from gaze.errors import GazeError, UsageError
from gaze.files import write_json

STATUS_SCHEMA = "gaze.status/1"
# The states that are not the loop's: before it and after it.
STARTING, FAILED, ENDED = "starting", "failed", "ended"


class Systemd:
    """Messages to systemd by the protocol of sd_notify(3); silent where systemd did not start us."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        interval = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(interval) / 1e6 if self._address and ours and _is_number(interval) else None
        self._socket = (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if self._address else None
        )
        self._next_feed = 0.0

    def send(self, message: str) -> None:
        """Send ``KEY=value`` lines; a full or vanished socket, or none, is no reason to stop."""
        if self._socket is None:
            return
        try:
            self._socket.sendto(message.encode("utf-8"), socket.MSG_DONTWAIT, self._address)
        except OSError:
            self._next_feed = 0.0

    def feed(self, now_s: float) -> None:
        """Feed the watchdog, four times an interval at most."""
        if self.watchdog_s is not None and now_s >= self._next_feed:
            self._next_feed = now_s + self.watchdog_s / 4.0
            self.send("WATCHDOG=1")

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,18}", text) is not None and int(text) > 0


class Health:
    """Tells the outside how the run goes: called from the loop, so that a loop that hangs tells nothing.

    Args:
        status_file: rewritten every ``interval_s`` and when the state changes.
        watchdog: "auto" feeds systemd's watchdog where there is one, "on" demands it, "off" does not.

    Raises:
        UsageError: the watchdog is demanded and systemd did not ask for one.
        GazeError: the status file cannot be written.
    """

    def __init__(
        self,
        status_file: str | None = None,
        watchdog: str = "auto",
        interval_s: float = 1.0,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._systemd = Systemd({} if watchdog == "off" else environment)
        if watchdog == "on" and self._systemd.watchdog_s is None:
            raise UsageError(
                "--watchdog on: systemd asks for no watchdog here (no NOTIFY_SOCKET and WATCHDOG_USEC); "
                "set Type=notify and WatchdogSec= in the unit"
            )
        self._status_file = status_file
        self._interval_s = interval_s
        self._next_write = 0.0
        self._state = ""
        self._started_unix_s = time.time()
        self._facts: dict[str, object] = {}

    def __enter__(self) -> Health:
        self.tell(STARTING, {})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        failed = isinstance(error, Exception)
        self._systemd.send("STOPPING=1")
        # What ended the run is not hidden by a status file that cannot be written either.
        with suppress(GazeError) if failed else nullcontext():
            self.tell(FAILED if failed else ENDED, {"error": str(error)} if failed else {})
        self._systemd.close()

    def note(self, facts: Mapping[str, object]) -> None:
        """Keep facts for what is told next, at the latest when the run ends; never fails."""
        self._facts.update(facts)

    def tell(self, state: str, facts: Mapping[str, object]) -> None:
        """The loop is alive and in this state; cheap enough for every frame."""
        now = time.monotonic()
        self.note(facts)
        self._systemd.feed(now)
        changed = state != self._state
        if not changed and now < self._next_write:
            return
        self._next_write = now + self._interval_s
        if changed:
            # Ready by the loop's first word: the watchdog's time does not run while the models load.
            ready = self._state == STARTING and state not in (FAILED, ENDED)
            self._state = state
            self._systemd.send(f"READY=1\nSTATUS={state}" if ready else f"STATUS={state}")
        if self._status_file is None:
            return
        content = {
            "schema": STATUS_SCHEMA,
            "state": state,
            "pid": os.getpid(),
            "started_unix_s": round(self._started_unix_s, 3),
            "updated_unix_s": round(time.time(), 3),
            **self._facts,
        }
        try:
            write_json(self._status_file, content)
        except OSError as error:
            raise GazeError(
                f"{self._status_file}: the status file cannot be written ({error.strerror}); "
                "choose another path"
            ) from error


def resident_mb() -> float | None:
    """Memory of this process in MB now, where the system says so."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
