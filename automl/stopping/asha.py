"""ASHA with pauses: give every trial a little, the best third of them three times as much, and so on.

Asynchronous successive halving as published (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys
2020, algorithm 2). A trial that reaches a rung pauses there and goes on when it is among the best 1/eta of all that
reached the rung. Pausing rather than stopping means that an early arrival, judged against nobody, is not carried to the
end by luck, and that a trial beaten today can still be promoted when the rung has filled.

    rungs for max_epochs=27, eta=3, first=2:  2, 6, 18, then the full budget

A trial that cannot pause (no checkpoint at the rung) is judged on arrival: it goes on if it is among the best 1/eta so
far, the first always, else it stops.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Collection

from automl.stopping.verdict import Verdict

LONGEST = 10**6  # rungs end here where no budget is known


class Asha:
    """Promotes the best 1/`eta` of each rung; the first rung is step `first`."""

    def __init__(self, *, max_epochs: int | None, eta: int = 3, first: int = 2) -> None:
        powers = (first * eta**k for k in itertools.count())
        self.rungs = list(itertools.takewhile(lambda rung: rung < (max_epochs or LONGEST), powers))
        self.eta = eta
        self.decision_steps: frozenset[int] | None = frozenset(self.rungs)
        self._ranked: list[list[tuple[float, int]]] = [[] for _ in self.rungs]  # (loss, trial), best first
        self._reached: dict[int, int] = {}  # trial -> rungs it has a loss at

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        rung = self._reached.get(trial, 0)
        loss = math.inf if math.isnan(loss) else loss
        verdict = Verdict.CONTINUE
        while rung < len(self.rungs) and self.rungs[rung] <= step:  # a trial that reports seldom may pass several
            bisect.insort(self._ranked[rung], (loss, trial))
            verdict = self._judge(rung, trial, loss, can_pause)
            rung += 1
        self._reached[trial] = rung
        return verdict

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        for rung in reversed(range(len(self.rungs))):
            ranked = self._ranked[rung]
            for _, trial in ranked if last_call else ranked[: len(ranked) // self.eta]:
                if trial in paused and self._reached[trial] == rung + 1:
                    return trial
        return None

    def _judge(self, rung: int, trial: int, loss: float, can_pause: bool) -> Verdict:
        ranked = self._ranked[rung]
        place = bisect.bisect_left(ranked, (loss, trial))
        if place < len(ranked) // self.eta:
            return Verdict.CONTINUE
        if can_pause:
            return Verdict.PAUSE
        return Verdict.CONTINUE if place == 0 else Verdict.STOP
