"""A bar on a terminal, lines elsewhere."""

from __future__ import annotations

import io

from app.learning.progress import Step, counted, told


class Terminal(io.StringIO):
    def isatty(self):
        return True


HALF = Step(1, 3, 5, 10, {"accuracy": 0.5}, 2.0)
WHOLE = Step(1, 3, 10, 10, {"accuracy": 0.75, "val_loss": 0.123456}, 4.2, complete=True)


def test_a_terminal_sees_a_bar_the_time_left_and_a_line_for_each_epoch():
    out = Terminal()
    show = told(out)
    show(HALF)
    show(WHOLE)
    assert "Epoch 1/3 [###############...............] 5/10 2 s left  accuracy 0.5" in out.getvalue()
    assert out.getvalue().split("\r")[-1].rstrip() == "Epoch 1/3 4 s  accuracy 0.75  val_loss 0.1235"
    assert out.getvalue().endswith("\n")


def test_a_file_sees_one_line_for_each_epoch():
    out = io.StringIO()
    show = told(out)
    show(HALF)
    show(WHOLE)
    assert out.getvalue() == "Epoch 1/3 4 s  accuracy 0.75  val_loss 0.1235\n"


def test_counting_is_told_once_in_a_file_and_redrawn_on_a_terminal():
    for out, expected in ((io.StringIO(), "Pictures: 2/2\n"), (Terminal(), "\rPictures: 1/2\rPictures: 2/2\n")):
        show = counted("Pictures:", out)
        show(1, 2)
        show(2, 2)
        assert out.getvalue() == expected
