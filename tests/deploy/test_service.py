import json
import os
import shutil
import socket
import time

import pytest

from deploy.service import Health, Systemd, resident_mb
from gaze.errors import GazeError, UsageError


@pytest.fixture
def manager(tmp_path):
    """systemd's end of the socket, and the environment it would give."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.setblocking(False)
        yield server, {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000", "WATCHDOG_PID": str(os.getpid())}


def received(server):
    messages = []
    while True:
        try:
            messages.append(server.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_ready_status_and_stopping(manager):
    server, environment = manager
    with Health(environment=environment) as health:
        assert [message for message in received(server) if "STATUS" in message] == ["STATUS=starting"]
        health.tell("waiting", {})
        health.tell("waiting", {})
        health.tell("running", {})
        messages = received(server)
        told = [message for message in messages if "STATUS" in message]
        assert told == ["READY=1\nSTATUS=waiting", "STATUS=running"]
    assert "STOPPING=1" in received(server)


def test_a_run_that_does_not_come_to_its_loop_is_never_ready(manager):
    server, environment = manager
    with pytest.raises(ValueError, match="no model"), Health(environment=environment):
        raise ValueError("no model")
    assert "READY=1" not in "".join(received(server))


def test_the_watchdog_is_fed_often_enough_and_not_at_every_frame(manager):
    server, environment = manager
    with Health(environment=environment) as health:
        received(server)
        end = time.monotonic() + 0.5
        turns = 0
        while time.monotonic() < end:
            health.tell("running", {})
            turns += 1
            time.sleep(0.002)
        fed = received(server).count("WATCHDOG=1")
    # Every 50 ms of the 200 ms that systemd allows.
    assert 3 <= fed <= 11
    assert turns > 2 * fed


def test_a_loop_that_hangs_feeds_nothing(manager):
    server, environment = manager
    with Health(environment=environment) as health:
        health.tell("running", {})
        received(server)
        time.sleep(0.1)
        assert received(server) == []


def test_the_watchdog_of_another_process_is_not_ours(manager):
    _, environment = manager
    assert Systemd({**environment, "WATCHDOG_PID": "1"}).watchdog_s is None
    assert Systemd(environment).watchdog_s == 0.2


def test_without_systemd_it_is_silent():
    systemd = Systemd({})
    assert systemd.watchdog_s is None
    systemd.send("READY=1")
    systemd.feed(0.0)


def test_a_manager_that_went_away_is_no_error(manager, tmp_path):
    server, environment = manager
    systemd = Systemd(environment)
    server.close()
    systemd.send("WATCHDOG=1")
    (tmp_path / "notify").unlink()
    systemd.send("WATCHDOG=1")


def test_watchdog_on_demands_one_and_off_ignores_it(manager):
    server, environment = manager
    with pytest.raises(UsageError, match="set Type=notify and WatchdogSec="):
        Health(watchdog="on", environment={})
    with Health(watchdog="off", environment=environment) as health:
        health.tell("running", {})
    assert received(server) == []


def test_status_file_follows_the_state(tmp_path):
    path = tmp_path / "status.json"
    with Health(str(path), interval_s=60.0, environment={}) as health:
        assert json.loads(path.read_text())["state"] == "starting"
        health.tell("running", {"frames": 1})
        first = json.loads(path.read_text())
        health.tell("running", {"frames": 2})  # too soon
        assert json.loads(path.read_text())["frames"] == 1
        health.tell("lost", {"frames": 3})
        assert json.loads(path.read_text())["frames"] == 3
    last = json.loads(path.read_text())
    assert first["schema"] == "gaze.status/1"
    assert first["pid"] == os.getpid()
    assert abs(first["updated_unix_s"] - time.time()) < 60
    assert (last["state"], last["frames"]) == ("ended", 3)
    assert list(tmp_path.iterdir()) == [path]


def test_status_file_tells_a_failure(tmp_path):
    path = tmp_path / "status.json"
    with pytest.raises(GazeError), Health(str(path), environment={}):
        raise GazeError("camera 0 cannot be opened")
    last = json.loads(path.read_text())
    assert (last["state"], last["error"]) == ("failed", "camera 0 cannot be opened")


def test_a_status_file_that_cannot_be_written(tmp_path):
    with (
        pytest.raises(GazeError, match="the status file cannot be written"),
        Health(str(tmp_path / "missing" / "status.json"), environment={}),
    ):
        pass


def test_what_ended_the_run_is_told_and_not_that_the_status_file_failed_too(tmp_path):
    (tmp_path / "status").mkdir()
    path = tmp_path / "status" / "status.json"
    with pytest.raises(GazeError, match="the disk is full"), Health(str(path), environment={}):
        shutil.rmtree(tmp_path / "status")
        raise GazeError("out.jsonl: the disk is full")


@pytest.mark.parametrize(
    "environment",
    [
        {"NOTIFY_SOCKET": "/" + "a" * 200},
        {"NOTIFY_SOCKET": "/etc/passwd/socket"},
        {"NOTIFY_SOCKET": "/run/none", "WATCHDOG_USEC": "²"},
        {"NOTIFY_SOCKET": "/run/none", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/run/none", "WATCHDOG_USEC": "9" * 5000},
    ],
)
def test_a_service_manager_that_cannot_be_told_is_no_error(environment):
    with Health(environment=environment) as health:
        health.tell("running", {})


def test_resident_memory_is_plausible():
    if resident_mb() is None:
        pytest.skip("this system does not tell")
    assert 5 < resident_mb() < 20_000
