"""A search by a peer against a simulated clock: N workers, each of which asks for the next trial when its last is over.

    for seen in play(peer, task, workers=4, seconds=3600):
        seen.time, seen.trial, seen.step, seen.values

The clock's rules are those of our own simulated executor: reports come in the order of their times, a proposal costs no
time, and what would be reported after the end of the budget is not.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Params = Mapping[str, Any]
Values = Mapping[str, float]


class Peer(Protocol):
    """A sampler and what stops its trials, asked and told."""

    def ask(self, number: int) -> Params:
        """Return what trial `number` is to try."""

    def report(self, number: int, step: int, values: Values) -> bool:
        """Hear of a step that is not the last of a full training; return whether the trial goes on."""

    def end(self, number: int, step: int, values: Values, *, is_full: bool) -> None:
        """Hear of the last step of a trial: `is_full` unless the answer to it was to stop."""


class Searched(Protocol):
    """What is searched."""

    @property
    def n_steps(self) -> int:
        """Of a full training."""

    def curve(self, params: Params, seed: int) -> Iterable[tuple[float, dict[str, float]]]:
        """Return the seconds of each step, and what is reported after it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A report, when it arrived."""

    time: float
    trial: int
    step: int
    values: Values
    params: Params


def play(
    peer: Peer, task: Searched, *, workers: int, seed: int = 0, seconds: float | None = None, trials: int | None = None
) -> Iterator[Seen]:
    """Yield what is reported, in order, until the budget is used up."""
    due: list[tuple[float, int]] = []  # time of the next report, and whose
    running: dict[int, tuple[Params, Iterator[tuple[int, tuple[float, dict[str, float]]]]]] = {}
    coming: dict[int, tuple[int, dict[str, float]]] = {}
    asked = 0

    def advance(number: int, now: float) -> None:
        step, (after, values) = next(running[number][1])
        coming[number] = step, values
        heapq.heappush(due, (now + after, number))

    def start(now: float) -> None:
        nonlocal asked
        if trials is not None and asked >= trials:
            return
        number, asked = asked, asked + 1
        params = peer.ask(number)
        curve = task.curve(params, seed=random.Random(f"{seed}-{number}").randrange(2**31))
        running[number] = params, iter(enumerate(curve, start=1))
        advance(number, now)

    for _ in range(workers):
        start(0.0)
    while due:
        now, number = heapq.heappop(due)
        if seconds is not None and now > seconds:
            return
        step, values = coming.pop(number)
        yield Seen(now, number, step, values, running[number][0])
        is_full = step == task.n_steps
        if not is_full and peer.report(number, step, values):
            advance(number, now)
        else:
            peer.end(number, step, values, is_full=is_full)
            del running[number]
            start(now)
