"""Signals that ask a search to end: one exception in the main thread, never in the middle of a change of state.

with raised():                          # from here on a first signal raises Interrupted ...
    try:
        with shielded():                # ... but not before this block is through,
            write()
        with patient():                 # nor here before the next shielded block is; a second signal raises at once
            objective()
    finally:
        with held_back():               # signals are counted and raise no more: the state is saved
            with hastened(give_up):     # called by each signal that comes meanwhile
                wait(left(20.0))        # what is left of 20 seconds that began with the first signal; 0 after a second

Signals: SIGINT, SIGTERM, SIGHUP (the terminal is gone) and SIGUSR1 (SLURM: the time is nearly up). One that is ignored
when we begin, as `nohup` does, stays so.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

POLITE = (signal.SIGHUP, signal.SIGUSR1)
"""Ours only where they would end the process: programs have uses of their own for them."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, *POLITE)
QUICK = 0.8
"""Seconds that the main thread has after a second signal."""
MARGIN = 1.0
"""Seconds that saving the state, and saying so, may take when the process must end."""
SAVING = 0.8
"""The same, for the state alone."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, another signal, or another process that asked for the same: the state is saved."""

    def __init__(self, number: int = signal.SIGINT, *, by: str | None = None) -> None:
        super().__init__(f"stopped by {by}" if by else f"interrupted by {signal.Signals(number).name}")
        self.by = by
        self.exit_code = exit_code(number)


def exit_code(number: int) -> int:
    """Return what a process ends with after a signal: who sends another than Ctrl-C wants it to terminate."""
    return 128 + (signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)


@dataclass(slots=True)
class _State:
    """What has come, and what the main thread is doing."""

    handlers: list[dict[int, Any]] = field(default_factory=list)
    """Of each `raised` block that it is in, the handlers of before."""
    shields: int = 0
    patience: int = 0
    holds: int = 0
    count: int = 0
    first: int | None = None
    by: str | None = None
    heard: float | None = None
    is_unwinding: bool = False
    """Whether it was raised: whatever runs now cleans up."""
    is_pushed: bool = False
    unwatched: int = 0
    """Signals that we have sent ourselves."""
    hasteners: list[Callable[[], object]] = field(default_factory=list)
    savers: list[Callable[[], object]] = field(default_factory=list)
    watcher: int | None = None
    """Where to write what no signal was sent for."""


_state = _State()


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Turn signals into `Interrupted`, raised in the main thread; elsewhere they are not ours to handle.

    May be nested: an inner block takes the signals back from whoever took them meanwhile, Ray for one.
    """
    if not _is_main():
        yield
        return
    kept: dict[int, Any] = {
        number: before for number in SIGNALS if _is_ours(number, before := signal.getsignal(number))
    }
    for number in kept:
        signal.signal(number, _hear)
    _state.handlers.append(kept)
    try:
        yield
    finally:
        _state.handlers.pop()
        for number, before in kept.items():
            signal.signal(number, before)
        if not _state.handlers:
            _forget()


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Let the block finish before a signal raises. Signals reach the main thread only; others need nothing."""
    if not _is_main():
        yield
        return
    _state.shields += 1
    try:
        yield
    finally:
        _state.shields -= 1
        if _state.first is not None and not _state.shields and not _state.holds:
            _raise()


@contextlib.contextmanager
def patient() -> Iterator[None]:
    """Let a first signal wait for the next `shielded` block within this one, or for the first one after it."""
    if not _is_main():
        yield
        return
    _state.patience += 1
    try:
        yield
    finally:
        _state.patience -= 1


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Let what saves the state finish: signals that come meanwhile are counted, and never raise."""
    if not _is_main():
        yield
        return
    _state.holds += 1
    try:
        yield
    finally:
        _state.holds -= 1


@contextlib.contextmanager
def hastened(hurry: Callable[[], object]) -> Iterator[None]:
    """Call `hurry`, in a thread of its own, for each signal that comes while the block waits for something."""
    _state.hasteners.append(hurry)
    try:
        yield
    finally:
        _state.hasteners.remove(hurry)


@contextlib.contextmanager
def saved_by(save: Callable[[], object]) -> Iterator[None]:
    """Have `save` called where `limited` must end the process within this block; it may be called in any thread."""
    _state.savers.append(save)
    try:
        yield
    finally:
        _state.savers.remove(save)


def leave_by_exit() -> None:
    """Let what terminates this process by default end it with the exit code of any other signal: it is told by that.

    For programs whose process is theirs to end, before and after what they have to save.
    """
    for number in SIGNALS:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _exit)


def heard() -> float | None:
    """Return when the first signal came since `raised` was entered, by `time.monotonic`."""
    return _state.heard


def why() -> str | None:
    """Return what the first signal was, or who asked for the same; None before."""
    return None if _state.first is None else _state.by or signal.Signals(_state.first).name


def by() -> str | None:
    """Return who asked for what a first signal does; None before, and where it was a signal."""
    return _state.by


def left(seconds: float) -> float:
    """Return what is left of a time that began with the first signal: all of it before one, none after a second."""
    if _state.heard is None:
        return seconds
    return 0.0 if _state.count > 1 else max(0.0, _state.heard + seconds - time.monotonic())


def limit(grace: float) -> float:
    """Return after how many seconds of `grace` a process is ended, for that to be over in time."""
    return max(grace - MARGIN, grace / 2)


def note(number: int, *, by: str) -> None:
    """Take in what is to have the effect of a first signal, from any thread; nothing is interrupted at once."""
    if _state.handlers and _state.first is None:
        _count(number)
        _state.by = by
        if _state.watcher is not None:
            os.write(_state.watcher, bytes([number]))


def push() -> None:
    """Raise in the main thread what was heard, from another one: patience is at an end."""
    ours = [number for number in SIGNALS if signal.getsignal(number) is _hear]
    if ours:
        _state.is_pushed = True
        _state.unwatched += 1
        signal.pthread_kill(threading.main_thread().ident or 0, ours[0])  # it may wait for anything


@contextlib.contextmanager
def limited(grace: float, last: Callable[[int, bool], object]) -> Iterator[None]:
    """End the process `grace` seconds after a first signal, or soon after a second, wherever the main thread is stuck.

    Before it ends, in another thread, the state is saved (see `saved_by`), and `last` is called with the exit code and
    whether saving it worked. For programs whose process is theirs to end.
    """
    if not _is_main():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watching = threading.Thread(target=_watch, args=(reading, grace, last), name="signals", daemon=True)
    watching.start()
    _state.watcher = writing
    try:
        yield
    finally:
        _state.watcher = None
        signal.set_wakeup_fd(before)
        os.close(writing)
        watching.join()
        os.close(reading)


def _hear(number: int, frame: FrameType | None) -> None:
    """Handle a signal."""
    if _state.is_pushed:
        _state.is_pushed = False
        is_patient = False
    else:
        _count(number)
        for hurry in _state.hasteners:
            _thread.start_new_thread(_call, (hurry,))  # what it does might wait for what the main thread holds
        is_patient = _state.patience > 0 and _state.count == 1
    if not (_state.shields or _state.holds or is_patient or (_state.is_unwinding and not _state.patience)):
        _raise()


def _exit(number: int, frame: FrameType | None) -> None:
    os._exit(exit_code(number))


def _count(number: int) -> None:
    _state.count += 1
    if _state.first is None:
        _state.first, _state.heard = number, time.monotonic()


def _raise() -> None:
    _state.is_unwinding = True
    raise Interrupted(_state.first or signal.SIGINT, by=_state.by)


def _is_ours(number: int, before: object) -> bool:
    if number in POLITE:
        return before in (signal.SIG_DFL, _exit, _hear)
    return before not in (signal.SIG_IGN, None)


def _forget() -> None:
    _state.count, _state.first, _state.by, _state.heard = 0, None, None, None
    _state.is_unwinding = _state.is_pushed = False


def _leave_to_default() -> None:
    """In a process that was forked from ours, let signals do what they did before: `terminate()` is meant for it."""
    if _state.handlers:
        for number, before in _state.handlers[0].items():
            signal.signal(number, before)
        signal.set_wakeup_fd(-1)
        _forget()


os.register_at_fork(after_in_child=_leave_to_default)


def _call(action: Callable[[], object]) -> None:
    with contextlib.suppress(Exception):  # nobody is left to hear of it
        action()


def _watch(reading: int, grace: float, last: Callable[[int, bool], object]) -> None:
    """Read the numbers of signals as they come, and end the process when the time is up; return when nobody writes."""
    first: int | None = None
    deadline: float | None = None
    while True:
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([reading], [], [], timeout)
        if not ready:
            break
        if not (numbers := os.read(reading, 64)):
            return
        for number in numbers:
            if number not in SIGNALS:
                continue
            if _state.unwatched:
                _state.unwatched -= 1
            elif first is None or deadline is None:
                first, deadline = number, time.monotonic() + limit(grace)
            else:
                deadline = min(deadline, time.monotonic() + QUICK)
    _end(exit_code(first or signal.SIGINT), last)


def _end(code: int, last: Callable[[int, bool], object]) -> None:
    """Save the state if that takes no longer than it should, and end the process."""
    saved = []
    until = time.monotonic() + MARGIN

    def save() -> None:
        for each in list(_state.savers):
            each()
        saved.append(True)

    # Each might wait for what never comes; what saving leaves of its time is there for the rest.
    for action, seconds in ((save, SAVING), (lambda: last(code, bool(saved)), MARGIN)):
        thread = threading.Thread(target=_call, args=(action,), daemon=True)
        thread.start()
        thread.join(max(0.0, min(seconds, until - time.monotonic())))
    os._exit(code)


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()
