"""Compute: CPU or GPU hours, and how many of them the attempts of a study have used.

    budget = Budget.parse("4cpuh")                      # Budget(kind="cpus", seconds=14400.0)
    usage = Usage(reader.attempts())                    # of those that are over
    usage.begin((3, 1), {"cpus": 2.0}, now=0.0)
    usage.compute("cpus", now=10.0)                     # 20.0 more

An attempt uses what it was given for as long as it ran, whatever it made of it: an hour on half a GPU is 0.5 GPU hours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from search_spaces.scalars import shown

_BUDGET = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(cpu|gpu)(h|min)")
_SECONDS = {"h": 3600.0, "min": 60.0}


@dataclass(frozen=True, slots=True)
class Budget:
    """Compute that a study may use."""

    kind: Literal["cpus", "gpus"]
    seconds: float
    """Of one CPU or GPU."""

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read a budget such as `4cpuh`, `0.5gpuh` or `90cpumin`.

        Raises:
            ValueError: it is none; says what was expected.
        """
        compact = text.replace(" ", "").lower() if isinstance(text, str) else ""
        match = _BUDGET.fullmatch(compact)
        seconds = float(match[1]) * _SECONDS[match[3]] if match else 0.0
        if match is None or not 0 < seconds < math.inf:
            raise ValueError(f"must be compute above 0, such as 4cpuh, 10gpuh or 90cpumin, got {shown(text)}")
        return cls("cpus" if match[2] == "cpu" else "gpus", seconds)

    def __str__(self) -> str:
        return f"{self.seconds / _SECONDS['h']:.6g}{self.kind[:3]}h"


class AttemptRow(Protocol):
    """What there is to know of an attempt."""

    @property
    def trial(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def started(self) -> float: ...
    @property
    def ended(self) -> float | None: ...
    @property
    def resources(self) -> Mapping[str, float]: ...


class Usage:
    """What attempts have used so far: compute of both kinds, and the time in which any of them ran.

    A function of when they began and ended, in whatever order it hears of attempts that overlap.
    """

    def __init__(self, attempts: Iterable[AttemptRow] = ()) -> None:
        self._running: dict[object, tuple[Mapping[str, float], float]] = {}
        self._spent = {"cpus": 0.0, "gpus": 0.0}
        self._seconds = 0.0
        self._since = 0.0  # when the first of those that run began
        rows = [(row, (row.trial, row.number)) for row in attempts if row.ended is not None]
        times = [(row.started, 0, key, row.resources) for row, key in rows]
        times += [(max(row.started, row.ended or 0.0), 1, key, {}) for row, key in rows]
        for now, is_end, key, resources in sorted(times, key=lambda each: each[:3]):
            if is_end:
                self.end(key, now=now)
            else:
                self.begin(key, resources, now=now)

    def begin(self, attempt: object, resources: Mapping[str, float], *, now: float) -> None:
        """Take in that an attempt begins; `resources` are its CPUs and GPUs."""
        if not self._running:
            self._since = now
        self._running[attempt] = resources, now

    def end(self, attempt: object, *, now: float) -> None:
        """Take in that an attempt is over; nothing if it never began."""
        if attempt not in self._running:
            return
        resources, began = self._running.pop(attempt)
        for kind in self._spent:
            self._spent[kind] += resources.get(kind, 0.0) * max(0.0, now - began)  # clocks are set back
        if not self._running:
            self._seconds += max(0.0, now - self._since)

    def compute(self, kind: str, *, now: float) -> float:
        """Return the seconds of one CPU ("cpus") or GPU ("gpus") that were used."""
        running = self._running.values()
        return self._spent[kind] + sum(have.get(kind, 0.0) * max(0.0, now - began) for have, began in running)

    def seconds(self, *, now: float) -> float:
        """Return in how many seconds anything ran."""
        return self._seconds + (max(0.0, now - self._since) if self._running else 0.0)
