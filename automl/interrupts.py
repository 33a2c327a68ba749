"""Ctrl-C and SIGTERM while a search runs: one exception in the main thread, never in the middle of a change of state.

with raised():                  # from here on a signal raises Interrupted ...
    try:
        with shielded():        # ... but not before this block is through
            write()
        work()
    finally:
        with held_back():       # one signal was heard; further ones are dropped while the state is saved
            save()
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM, or another process that asked for the same: the state is saved."""

    def __init__(self, number: int = signal.SIGINT, *, by: str | None = None) -> None:
        super().__init__(f"stopped by {by}" if by else f"interrupted by {signal.Signals(number).name}")
        self.by = by
        self.exit_code = 128 + number


@dataclass(slots=True)
class _Shield:
    """How many `shielded` blocks the main thread is in, the signal that came meanwhile, and when the first came."""

    depth: int = 0
    waiting: int | None = None
    heard: float | None = None


_shield = _Shield()


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `Interrupted`, raised in the main thread; elsewhere they are not ours to handle."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        _shield.heard = _shield.heard or time.monotonic()
        if _shield.depth:
            _shield.waiting = number
        else:
            raise Interrupted(number)

    try:
        with _handled_by(interrupt):
            yield
    finally:
        _shield.heard = None


def heard() -> float | None:
    """Return when the first signal came since `raised` was entered, by `time.monotonic`: be brief since then."""
    return _shield.heard


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Let the block finish before a signal raises. Signals reach the main thread only; others need nothing."""
    if not _is_main():
        yield
        return
    _shield.depth += 1
    try:
        yield
    finally:
        _shield.depth -= 1
        if not _shield.depth and _shield.waiting is not None:
            number, _shield.waiting = _shield.waiting, None
            raise Interrupted(number)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Let what saves the state finish: signals that come meanwhile are dropped, one has been heard already."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], Any] | signal.Handlers) -> Iterator[None]:
    if not _is_main():
        yield
        return
    kept = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, before in kept.items():
            signal.signal(number, before)


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()
