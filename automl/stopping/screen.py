"""Screening: ASHA for the first trials of a search, none for those that a model proposes from them.

The first trials of a search are drawn at random, and most are bad: giving each a little, and only the best third more,
is where early stopping pays. Later ones come from a sampler that has learnt, and are better than most. A rule that
ranks them against the first keeps nearly all, saves little, and where early values mislead it cuts just the good ones.

    screen = Screen(max_epochs=52, trials=30)       trials 0 to 29 pause at 2, 6 and 18; trial 30 runs to its end

A trial of the screen stays promotable as long as the search runs, and nothing waits for the screen: a rung promotes
the best third of those who have come so far, so that trials that failed are simply not there. Once all have come, the
best one goes on to its end, though a third of so few were nobody: else the first to get there would be any that came
after the screen, and for a while the search would have no better one to show.
"""

from __future__ import annotations

from collections.abc import Collection

from automl.stopping.asha import Asha, first_rung, listed
from automl.stopping.base import Verdict
from automl.stopping.ranking import Loss


class Screen(Asha):
    """`Asha` for trials with numbers below `trials`; all others run to their end.

    Unless it is given, the first rung is a 26th of the budget.
    """

    def __init__(self, *, max_epochs: int | None, trials: int = 30, eta: int = 3, first: int | None = None) -> None:
        super().__init__(max_epochs=max_epochs, eta=eta, first=first or first_rung(max_epochs))
        self.trials = trials
        self._out: set[int] = set()  # trials of the screen that have ended
        self._has_winner = False

    def on_report(self, trial: int, step: int, loss: Loss, *, can_pause: bool) -> Verdict:
        if trial >= self.trials:
            return Verdict.CONTINUE
        return super().on_report(trial, step, loss, can_pause=can_pause)

    def on_end(self, trial: int, loss: Loss | None) -> None:
        super().on_end(trial, loss)
        if trial < self.trials:
            self._out.add(trial)
            self._has_winner = self._has_winner or loss is not None

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        found = super().promote(paused, last_call=last_call)
        if found is None and not self._has_winner and len(self._rung.keys() | self._out) >= self.trials:
            best = self._best(self._rung.keys() - self._out)
            return best if best in paused else None
        return found

    def __str__(self) -> str:
        if not self.rungs:
            return super().__str__().replace("asha", "screen", 1)
        return (
            f"screen: the first {self.trials} trials pause at step {listed(self.rungs)}, "
            f"the best 1 in {self.eta} of each goes on; later ones run to their end"
        )
