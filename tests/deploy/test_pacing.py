"""How long pictures stay: by a clock and a window that only count."""

import pytest
from loop_fakes import ListSource, noise

from deploy import pacing
from deploy.pacing import Pacing
from deploy.stopping import StopSignals


class Clock:
    """The clock and the window: a poll takes as long as it is asked to, and is noted."""

    def __init__(self, monkeypatch):
        self.now_s, self.polled_ms = 100.0, []
        monkeypatch.setattr(pacing.time, "monotonic", lambda: self.now_s)

    def poll(self, wait_ms=0):
        self.polled_ms.append(wait_ms)
        self.now_s += wait_ms / 1000


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def film():
    return ListSource([noise(0)])


def test_a_film_plays_at_its_own_pace_whatever_the_work_takes(clock):
    paced = Pacing(film(), StopSignals(), lambda: None)
    for index, work_s in enumerate([0.0, 0.01, 0.03, 0.03]):
        clock.now_s += work_s
        paced.wait(clock, 7.0 + 0.04 * index)
    # Due at 0, 40, 80, 120 ms; the first poll takes a millisecond, as each does at least.
    assert clock.polled_ms == [1, 29, 10, 10]


def test_after_a_delay_it_goes_on_from_there(clock):
    paced = Pacing(film(), StopSignals(), lambda: None)
    paced.wait(clock, 0.0)
    clock.now_s += 5.0
    paced.wait(clock, 0.04)
    paced.wait(clock, 0.08)
    assert clock.polled_ms == [1, 1, 39]


def test_after_a_pause_it_goes_on_from_there(clock):
    paced = Pacing(film(), StopSignals(), lambda: None)
    paced.wait(clock, 0.0)
    clock.now_s += 0.3  # too short to be told from slow work
    paced.restart()
    paced.wait(clock, 0.04)
    paced.wait(clock, 0.08)
    assert clock.polled_ms == [1, 1, 39]


def test_no_picture_holds_longer_than_a_second(clock):
    paced = Pacing(film(), StopSignals(), lambda: None)
    paced.wait(clock, 0.0)
    paced.wait(clock, 60.0)
    assert clock.polled_ms == [1, 1000]


def test_a_camera_is_not_waited_for(clock):
    source = film()
    source.live = True
    Pacing(source, StopSignals(), lambda: None).wait(clock, 5.0)
    assert clock.polled_ms == [0]


def test_while_a_picture_waits_for_a_key_the_state_is_told(clock):
    source, told = film(), []
    source.sequence = False
    keys = iter([None, None, "n"])
    clock.poll = lambda wait_ms: next(keys)
    assert Pacing(source, StopSignals(), lambda: told.append(1)).wait(clock, 0.0) == "n"
    assert len(told) == 2
