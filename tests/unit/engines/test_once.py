from __future__ import annotations

import threading

import pytest

from app.engines.once import Once
from app.errors import ModelNotUsable


def test_many_who_come_first_load_once():
    loads = []
    barrier = threading.Barrier(8)
    once = Once(lambda: loads.append(1) or "thing", version=lambda: 1)
    got = []

    def ask():
        barrier.wait()
        got.append(once.get())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got, len(loads)) == (["thing"] * 8, 1)


def test_a_failure_is_remembered_until_the_files_change():
    version = [1]
    loads = []

    def load():
        loads.append(version[0])
        if version[0] == 1:
            raise ModelNotUsable("broken")
        return "mended"

    once = Once(load, version=lambda: version[0])
    for _ in range(3):
        with pytest.raises(ModelNotUsable, match="broken"):
            once.get()
    assert isinstance(once.peek(), ModelNotUsable)
    version[0] = 2
    assert once.get() == once.peek() == "mended"
    assert loads == [1, 2]


def test_files_that_are_replaced_while_they_are_read_are_read_again():
    files = {"classes": "new", "weights": "old"}  # the first of two renames is done

    def load():
        weights = files["weights"]
        files["weights"] = "new"
        return files["classes"], weights

    once = Once(load, version=lambda: tuple(files.items()))
    assert once.get() == ("new", "new")


def test_files_that_never_come_to_rest_are_not_waited_for():
    loads = []
    once = Once(lambda: loads.append(1) or len(loads), version=lambda: len(loads))
    assert once.get() == 3
