"""Models are loaded one after the other, and the end of the program waits for the one that is being loaded."""

from __future__ import annotations

import threading

from app.errors import ModelNotUsable
from app.services.warm_up import WarmUp

WAIT = 30


def test_a_model_that_cannot_be_loaded_is_a_line_in_the_log_and_the_next_one_is_loaded(caplog):
    done, loaded = threading.Event(), []

    def broken():
        raise ModelNotUsable("It is broken.")

    WarmUp({"face": broken, "breed": lambda: loaded.append("breed")}, afterwards=done.set).start()
    assert done.wait(WAIT)
    assert loaded == ["breed"]
    assert "The face model is not ready: It is broken." in caplog.text


def test_stopping_waits_for_the_model_that_is_being_loaded_and_loads_no_other():
    began, go_on, stopped, loaded = threading.Event(), threading.Event(), threading.Event(), []

    def slow():
        began.set()
        assert go_on.wait(WAIT)
        loaded.append("face")

    warm_up = WarmUp({"face": slow, "breed": lambda: loaded.append("breed")}, afterwards=lambda: loaded.append("more"))
    warm_up.start()
    assert began.wait(WAIT)

    def stop():
        warm_up.stop()
        loaded.append("stopped")
        stopped.set()

    threading.Thread(target=stop).start()
    assert loaded == [], "it waits"
    go_on.set()
    assert stopped.wait(WAIT)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "warm-up"] or [None]
    if thread is not None:
        thread.join(WAIT)
    assert loaded == ["face", "stopped"]


def test_stopping_does_not_wait_for_what_comes_afterwards_nor_for_what_never_began():
    began, go_on = threading.Event(), threading.Event()

    def download():
        began.set()
        go_on.wait(WAIT)

    warm_up = WarmUp({}, afterwards=download)
    WarmUp({}, afterwards=download).stop()
    warm_up.start()
    assert began.wait(WAIT)
    warm_up.stop()
    assert not go_on.is_set()
    go_on.set()
