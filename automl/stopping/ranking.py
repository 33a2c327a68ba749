"""Who is better than whom at one rung: the one place where trials are put in order.

rung = Ranking()
rung.add(7, 0.31)
rung.place(7)               # 0: nobody is better
list(rung)                  # trials, best first
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator


class Ranking:
    """Trials with a loss each, best first; of equals the older one."""

    def __init__(self) -> None:
        self._losses: dict[int, float] = {}
        self._ordered: list[tuple[float, int]] = []

    def add(self, trial: int, loss: float) -> None:
        """Take a trial in, that is not there yet."""
        self._losses[trial] = loss
        bisect.insort(self._ordered, (loss, trial))

    def discard(self, trial: int) -> None:
        """Leave a trial out from now on, if it is there."""
        if trial in self._losses:
            del self._ordered[self.place(trial)]
            del self._losses[trial]

    def place(self, trial: int) -> int:
        """Return how many are better than a trial that is there."""
        return bisect.bisect_left(self._ordered, (self._losses[trial], trial))

    def loss(self, trial: int) -> float:
        """Return what a trial that is there came with."""
        return self._losses[trial]

    def __contains__(self, trial: object) -> bool:
        return trial in self._losses

    def __iter__(self) -> Iterator[int]:
        return (trial for _, trial in self._ordered)

    def __len__(self) -> int:
        return len(self._ordered)
