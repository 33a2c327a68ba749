"""Who is better than whom at one rung: the one place where trials are put in order.

rung = Ranking()
rung.add(7, 0.31)           # or, where several metrics count, a vector: rung.add(7, (0.0, 0.31, 12.5))
rung.place(7)               # 0: nobody is better
list(rung)                  # trials, best first

Numbers stay where they are once they are sorted, and so does one loss beside what it breaks of the constraints. Who
comes with several losses may move others: `automl.stopping.layers`.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from typing import Any, TypeGuard

from automl.preference import Vector
from automl.stopping.layers import Layers

Loss = float | Vector
"""Of a trial: a number, +inf for none; or what it breaks of the constraints, +inf where that is unknown, and losses."""


class Ranking:
    """Trials with a loss each, best first; of equals the older one. All losses are of one kind."""

    def __init__(self) -> None:
        self._losses: dict[int, Loss] = {}
        self._sorted: list[tuple[Any, int]] = []
        self._there: list[tuple[Any, int]] = []  # of these, those that have not left
        self._gone: set[int] = set()
        self._layers = Layers()

    def add(self, trial: int, loss: Loss) -> None:
        """Take a trial in, that is not there yet."""
        self._losses[trial] = loss
        if _is_layered(loss):
            self._layers.add(trial, loss)
        else:
            bisect.insort(self._sorted, (loss, trial))
            bisect.insort(self._there, (loss, trial))

    def leave(self, trial: int) -> None:
        """Take in that a trial has gone on, or has ended: it keeps its place, but stands there no more."""
        loss = self._losses[trial]
        if trial not in self._gone and not _is_layered(loss):
            del self._there[bisect.bisect_left(self._there, (loss, trial))]
        self._gone.add(trial)

    def standing(self) -> Iterator[int]:
        """Return those that have not left, best first."""
        if len(self._layers):
            return (trial for trial in self._layers if trial not in self._gone)
        return (trial for _, trial in self._there)

    def discard(self, trial: int) -> None:
        """Leave a trial out from now on, if it is there."""
        if trial not in self._losses:
            return
        self.leave(trial)
        self._gone.discard(trial)
        if _is_layered(self._losses[trial]):
            self._layers.discard(trial)
        else:
            del self._sorted[self.place(trial)]
        del self._losses[trial]

    def place(self, trial: int) -> int:
        """Return how many are better than a trial that is there."""
        loss = self._losses[trial]
        if _is_layered(loss):
            return self._layers.place(trial)
        return bisect.bisect_left(self._sorted, (loss, trial))

    def loss(self, trial: int) -> Loss:
        """Return what a trial that is there came with."""
        return self._losses[trial]

    def is_valued(self, trial: int) -> bool:
        """Return whether a trial that is there has a value: it may have diverged.

        One that will say only in the end what it costs, and whether that keeps the constraints, has the others.
        """
        loss = self._losses[trial]
        return (min(loss[1:]) if isinstance(loss, tuple) else loss) < math.inf

    def __contains__(self, trial: object) -> bool:
        return trial in self._losses

    def __iter__(self) -> Iterator[int]:
        return iter(self._layers) if len(self._layers) else (trial for _, trial in self._sorted)

    def __len__(self) -> int:
        return len(self._losses)


def _is_layered(loss: Loss) -> TypeGuard[Vector]:
    return isinstance(loss, tuple) and len(loss) > 2
