"""Ctrl-C: an exception in the main thread, never in the middle of a change of state."""

from __future__ import annotations

import os
import signal

import pytest

from automl import interrupts


def test_a_signal_raises_with_its_exit_code() -> None:
    """128 and the number, as shells have it; the handlers of before are put back."""
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(interrupts.Interrupted) as caught, interrupts.raised():
        os.kill(os.getpid(), signal.SIGTERM)

    assert caught.value.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_shielded_block_is_finished_first() -> None:
    """The signal waits until the outermost block is through, then raises."""
    done: list[str] = []

    def work() -> None:
        with interrupts.shielded():
            with interrupts.shielded():
                os.kill(os.getpid(), signal.SIGINT)
                done.append("inner")
            done.append("outer")
        done.append("never")

    with pytest.raises(interrupts.Interrupted), interrupts.raised():
        work()

    assert done == ["inner", "outer"]


def test_held_back_signals_are_dropped() -> None:
    """While the state is saved nothing interrupts."""
    with interrupts.raised(), interrupts.held_back():
        os.kill(os.getpid(), signal.SIGINT)
        saved = True

    assert saved
