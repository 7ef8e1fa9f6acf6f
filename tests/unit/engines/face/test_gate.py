"""Bounded concurrency into a model."""

import threading

import pytest

from app.engines.face.gate import Gate
from app.errors import ModelBusy


class Occupied:
    """Callers who stand in the gate until they are let go; each has arrived once the constructor returns."""

    def __init__(self, gate, count, enter=None):
        self._go = threading.Event()
        self._arrived = threading.Semaphore(0)
        enter = enter or gate.enter

        def stay():
            with enter():
                self._arrived.release()
                self._go.wait(10)

        self._threads = [threading.Thread(target=stay, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()
        for _ in range(count):
            assert self._arrived.acquire(timeout=10)

    def leave(self):
        self._go.set()
        for thread in self._threads:
            thread.join(10)


def test_a_full_queue_sends_away_at_once_and_says_when_to_return():
    gate = Gate(inside=2, waiting=0)
    callers = Occupied(gate, 2)
    with pytest.raises(ModelBusy) as refused, gate.enter():
        pass
    assert refused.value.retry_after_seconds == 1
    callers.leave()
    with gate.enter():
        assert gate.present == 1
    assert gate.present == 0


def test_who_waits_gets_in_when_somebody_leaves():
    gate = Gate(inside=1, waiting=1)
    first = Occupied(gate, 1)
    got_in = threading.Event()

    def come():
        with gate.enter():
            got_in.set()

    second = threading.Thread(target=come)
    second.start()
    assert not got_in.is_set()
    first.leave()
    second.join(10)
    assert got_in.is_set()


def test_a_queue_that_does_not_move_is_left():
    gate = Gate(inside=1, waiting=5, patience_seconds=0.01)
    callers = Occupied(gate, 1)
    with pytest.raises(ModelBusy), gate.enter():
        pass
    assert gate.present == 1
    callers.leave()


def test_an_error_inside_gives_the_place_back():
    gate = Gate(inside=1, waiting=0)
    with pytest.raises(RuntimeError, match="inside"), gate.enter():
        raise RuntimeError("inside")
    with gate.enter():
        pass


def test_a_job_takes_a_place_inside_but_none_in_the_queue():
    gate = Gate(inside=1, waiting=0, patience_seconds=0.01)
    job = Occupied(gate, 1, enter=gate.wait)
    assert gate.present == 0
    with pytest.raises(ModelBusy), gate.enter():
        pass
    job.leave()
    with gate.enter():
        pass
