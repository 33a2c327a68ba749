"""Ctrl-C: an exception in the main thread, never in the middle of a change of state."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

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


def test_all_but_ctrl_c_end_as_terminated() -> None:
    """SIGHUP and SIGUSR1 mean the same as SIGTERM, and a second signal changes nothing about the first."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_DFL)  # Tune on its own, in another test, takes it for itself

    try:
        with pytest.raises(interrupts.Interrupted) as caught, interrupts.raised():
            os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert (caught.value.exit_code, str(caught.value)) == (143, "interrupted by SIGUSR1")


def test_what_was_ignored_stays_ignored() -> None:
    """As `nohup` does with SIGHUP, and shells with SIGINT of what they run in the background."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    try:
        with interrupts.raised():
            os.kill(os.getpid(), signal.SIGHUP)
            survived = True
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)

    assert survived


def test_patience_lasts_until_the_next_change_of_state() -> None:
    """An objective comes to its next report, which is written, and no further."""
    done: list[str] = []

    def objective() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        done.append("trained")
        with interrupts.shielded():
            done.append("reported")
        done.append("never")

    with pytest.raises(interrupts.Interrupted), interrupts.raised(), interrupts.patient():
        objective()

    assert done == ["trained", "reported"]


@pytest.mark.parametrize("impatient", [lambda: os.kill(os.getpid(), signal.SIGTERM), interrupts.push])
def test_patience_ends(impatient: Callable[[], None]) -> None:
    """With a second signal, or when we say so; the exit code is that of the first."""
    done: list[str] = []

    def objective() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        done.append("trained")
        impatient()
        done.append("never")

    with pytest.raises(interrupts.Interrupted) as caught, interrupts.raised(), interrupts.patient():
        objective()

    assert (done, caught.value.exit_code) == (["trained"], 130)


def test_cleaning_up_is_not_interrupted() -> None:
    """Once it was raised, further signals only hasten what waits, and shorten what is left."""
    hastened = threading.Event()
    done: list[float] = []

    def clean_up() -> None:
        done.append(interrupts.left(100.0))
        with interrupts.held_back(), interrupts.hastened(hastened.set):
            os.kill(os.getpid(), signal.SIGINT)
            with interrupts.shielded():
                pass
            assert hastened.wait(10)
        done.append(interrupts.left(100.0))

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            clean_up()

    with pytest.raises(interrupts.Interrupted), interrupts.raised():
        work()

    assert 90 < done[0] <= 100
    assert done[1] == 0
    assert (interrupts.heard(), interrupts.left(100.0)) == (None, 100.0)


def test_what_is_asked_for_is_like_a_first_signal() -> None:
    """`automl stop --now` comes in another thread, and is raised at the next change of state."""
    heard: list[str | None] = []

    def work() -> None:
        thread = threading.Thread(target=interrupts.note, args=(signal.SIGINT,), kwargs={"by": "somebody"})
        thread.start()
        thread.join()
        with interrupts.shielded():
            heard.append(interrupts.why())
        heard.append("never")

    with pytest.raises(interrupts.Interrupted, match="stopped by somebody") as caught, interrupts.raised():
        work()

    assert (heard, caught.value.exit_code) == (["somebody"], 130)


def test_forks_are_terminated_as_ever() -> None:
    """A process that an objective forks, as multiprocessing does, does not wait for reports of its own."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # who runs the tests may have taken it

    try:
        with interrupts.raised(), interrupts.patient():
            child = os.fork()
            if not child:
                os.kill(os.getpid(), signal.SIGTERM)
                os._exit(0)
            _, status = os.waitpid(child, 0)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert os.WTERMSIG(status) == signal.SIGTERM
