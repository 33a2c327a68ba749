"""ASHA with pauses: give every trial a little, the best third of them three times as much, and so on.

Asynchronous successive halving as published (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys
2020, algorithm 2). A trial that reaches a rung pauses there and goes on when it is among the best 1/eta of all that
reached the rung. Pausing rather than stopping means that an early arrival, judged against nobody, is not carried to the
end by luck, and that a trial beaten today can still be promoted when the rung has filled.

    rungs for max_epochs=27, eta=3, first=2:  2, 6, 18, then the full budget

A trial that cannot pause (no checkpoint at the rung) is judged on arrival: it goes on if it is among the best 1/eta so
far, the first always, else it stops. With `pause=False` all are: no trial is ever taken up again, which suits trials
with large checkpoints. One that reports seldom counts at every rung that it has passed, and is judged at the last.
One that has no value at a rung (NaN, an infinity) has diverged, and never passes it, however few there are.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Collection

from automl.stopping.base import EarlyStopping, Verdict
from automl.stopping.ranking import Loss, Ranking

LONGEST = 10**6  # rungs end here where no budget is known


class Asha(EarlyStopping):
    """Promotes the best 1/`eta` of each rung; the first rung is step `first`.

    A first rung of 2 rather than 1, and an eta of 3, found better trials for the same compute on learning curves of
    LCBench (Zimmer et al., "Auto-PyTorch Tabular", 2021).
    """

    def __init__(self, *, max_epochs: int | None, eta: int = 3, first: int = 2, pause: bool = True) -> None:
        powers = (first * eta**k for k in itertools.count())
        self.rungs = list(itertools.takewhile(lambda rung: rung < (max_epochs or LONGEST), powers))
        self.max_epochs = max_epochs
        self.eta = eta
        self.pause = pause
        self._ranked = [Ranking() for _ in self.rungs]  # all that reached a rung
        self._rung: dict[int, int] = {}  # trial -> the highest that it reached

    @property
    def decision_steps(self) -> frozenset[int] | None:
        return frozenset(self.rungs)

    def on_report(self, trial: int, step: int, loss: Loss, *, can_pause: bool) -> Verdict:
        passed = bisect.bisect_right(self.rungs, step)
        known = self._rung.get(trial, -1) + 1
        if passed <= known:
            return Verdict.CONTINUE
        self._leave(trial)
        for rung in range(known, passed):
            self._ranked[rung].add(trial, loss)
            if rung < passed - 1:
                self._ranked[rung].leave(trial)
        self._rung[trial] = passed - 1
        has_value = self._has_value(trial)
        if has_value and self._goes_on(trial):
            return Verdict.CONTINUE
        if can_pause and self.pause:
            return Verdict.PAUSE
        return Verdict.CONTINUE if has_value and self._ranked[passed - 1].place(trial) == 0 else Verdict.STOP

    def on_end(self, trial: int, loss: Loss | None) -> None:
        self._leave(trial)

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        if last_call:
            return self._best(paused)
        found = (self._next_of(rung, paused) for rung in reversed(range(len(self.rungs))))
        return next((trial for trial in found if trial is not None), None)  # work that is nearly done comes first

    def standing(self, trial: int) -> tuple[int, Loss, int]:
        """Return what sorts trials best first: how far did it get? how good was it there?"""
        rung = self._rung[trial]
        return -self.rungs[rung], self._ranked[rung].loss(trial), trial

    def __str__(self) -> str:
        if not self.rungs:
            return f"asha: the budget of {self.max_epochs} is too small to stop anything early"
        cuts = "pauses" if self.pause else "stops"
        return f"asha: {cuts} at step {listed(self.rungs)}; the best 1 in {self.eta} of each goes on"

    def _goes_on(self, trial: int) -> bool:
        """Return whether a trial that has just come to a rung with a value passes it."""
        return self._is_promotable(trial)

    def _next_of(self, rung: int, paused: Collection[int]) -> int | None:
        """Return who goes on from a rung, of those that are paused there."""
        # Few come before the first paused one: only trials that are on their way to the next rung.
        best = next((trial for trial in self._ranked[rung].standing() if trial in paused), None)
        return best if best is not None and self._has_value(best) and self._is_promotable(best) else None

    def _best(self, among: Collection[int]) -> int | None:
        """Return who got furthest, and was best there; None if all have diverged."""
        return min((each for each in among if self._has_value(each)), key=self.standing, default=None)

    def _has_value(self, trial: int) -> bool:
        """Return whether a trial is at a rung, and had a value there."""
        return trial in self._rung and self._ranked[self._rung[trial]].is_valued(trial)

    def _is_promotable(self, trial: int) -> bool:
        ranked = self._ranked[self._rung[trial]]
        return ranked.place(trial) < len(ranked) // self.eta

    def _leave(self, trial: int) -> None:
        """Take in that a trial stands at its rung no more."""
        if trial in self._rung:
            self._ranked[self._rung[trial]].leave(trial)


def first_rung(max_epochs: int | None) -> int:
    """Return a 26th of the budget, and 2 at least: step 1 of a training often says nothing yet."""
    return max(2, math.ceil((max_epochs or 0) / 26))


def listed(steps: list[int]) -> str:
    """Return the first few steps, to be read."""
    return ", ".join([*map(str, steps[:4]), *(["..."] if len(steps) > 4 else [])])
