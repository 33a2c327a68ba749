"""Who is better than whom at one rung: the one place where trials are put in order.

rung = Ranking()
rung.add(7, 0.31)           # or, where several metrics count, a vector: rung.add(7, (0.0, 0.31, 12.5))
rung.place(7)               # 0: nobody is better
list(rung)                  # trials, best first

Numbers stay where they are once they are sorted. Who comes with a vector may move others: `automl.stopping.layers`.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator

from automl.preference import Vector
from automl.stopping.layers import Layers

Loss = float | Vector
"""Of a trial: a number, +inf for none; or what it breaks of the constraints, +inf for no values, and several losses."""


class Ranking:
    """Trials with a loss each, best first; of equals the older one. All losses are of one kind."""

    def __init__(self) -> None:
        self._losses: dict[int, Loss] = {}
        self._numbers: list[tuple[float, int]] = []
        self._there: list[tuple[float, int]] = []  # of numbers, those that have not left
        self._gone: set[int] = set()
        self._vectors = Layers()

    def add(self, trial: int, loss: Loss) -> None:
        """Take a trial in, that is not there yet."""
        self._losses[trial] = loss
        if isinstance(loss, tuple):
            self._vectors.add(trial, loss)
        else:
            bisect.insort(self._numbers, (loss, trial))
            bisect.insort(self._there, (loss, trial))

    def leave(self, trial: int) -> None:
        """Take in that a trial has gone on, or has ended: it keeps its place, but stands there no more."""
        loss = self._losses[trial]
        if trial not in self._gone and not isinstance(loss, tuple):
            del self._there[bisect.bisect_left(self._there, (loss, trial))]
        self._gone.add(trial)

    def standing(self) -> Iterator[int]:
        """Return those that have not left, best first."""
        if len(self._vectors):
            return (trial for trial in self._vectors if trial not in self._gone)
        return (trial for _, trial in self._there)

    def discard(self, trial: int) -> None:
        """Leave a trial out from now on, if it is there."""
        if trial not in self._losses:
            return
        self.leave(trial)
        self._gone.discard(trial)
        if isinstance(self._losses[trial], tuple):
            self._vectors.discard(trial)
        else:
            del self._numbers[self.place(trial)]
        del self._losses[trial]

    def place(self, trial: int) -> int:
        """Return how many are better than a trial that is there."""
        loss = self._losses[trial]
        if isinstance(loss, tuple):
            return self._vectors.place(trial)
        return bisect.bisect_left(self._numbers, (loss, trial))

    def loss(self, trial: int) -> Loss:
        """Return what a trial that is there came with."""
        return self._losses[trial]

    def is_valued(self, trial: int) -> bool:
        """Return whether a trial that is there has any value: it may have diverged."""
        loss = self._losses[trial]
        return (loss[0] if isinstance(loss, tuple) else loss) < math.inf

    def __contains__(self, trial: object) -> bool:
        return trial in self._losses

    def __iter__(self) -> Iterator[int]:
        return iter(self._vectors) if len(self._vectors) else (trial for _, trial in self._numbers)

    def __len__(self) -> int:
        return len(self._losses)
