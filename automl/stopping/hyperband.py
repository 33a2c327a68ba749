"""Hyperband: several ASHAs side by side, the later ones patient with trials that start slowly.

How much a trial must get before it can be judged is not known beforehand: curves that cross punish early judges, curves
that do not make patience a waste. Hyperband (Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
Optimization", JMLR 2018) hedges: bracket 0 begins to judge at the first rung, bracket 1 at the second, and the last one
never does. Here each bracket is an ASHA with pauses, which is how Li et al. (MLSys 2020) make it asynchronous.

    max_epochs=27, eta=3, first=2      judged at       share of the trials
    bracket 0                          2, 6, 18        27 of 49
    bracket 1                          6, 18           12 of 49
    bracket 2                          18               6 of 49
    bracket 3                                           4 of 49

The shares are the paper's numbers of configurations, with which every bracket gets about the same compute.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Collection

from automl.stopping.asha import Asha, listed
from automl.stopping.base import EarlyStopping, Verdict
from automl.stopping.ranking import Loss

GOLDEN = (math.sqrt(5) - 1) / 2
UNBOUNDED = 5  # brackets where no budget is known: what the paper has in its example of 81 steps


class Hyperband(EarlyStopping):
    """Gives each trial to a bracket by its number; the rungs of bracket k are those of `Asha` from the k-th on."""

    def __init__(self, *, max_epochs: int | None, eta: int = 3, first: int = 2) -> None:
        self.eta = eta
        self._rungs = Asha(max_epochs=max_epochs, eta=eta, first=first).rungs
        count = UNBOUNDED if max_epochs is None else len(self._rungs) + 1
        self.brackets = [Asha(max_epochs=max_epochs, eta=eta, first=first * eta**k) for k in range(count)]
        self.shares = [math.ceil(count / (s + 1) * eta**s) for s in reversed(range(count))]
        self._edges = list(itertools.accumulate(self.shares))

    @property
    def decision_steps(self) -> frozenset[int] | None:
        return frozenset(self._rungs)

    def bracket(self, trial: int) -> int:
        """Return the bracket of a trial.

        Multiples of the golden ratio, modulo 1, fill the interval evenly (Weyl): after any number of trials each
        bracket has its share, give or take one or two.
        """
        return bisect.bisect_right(self._edges, trial * GOLDEN % 1 * self._edges[-1])

    def on_report(self, trial: int, step: int, loss: Loss, *, can_pause: bool) -> Verdict:
        return self.brackets[self.bracket(trial)].on_report(trial, step, loss, can_pause=can_pause)

    def on_end(self, trial: int, loss: Loss | None) -> None:
        self.brackets[self.bracket(trial)].on_end(trial, loss)

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        found = [bracket.promote(paused, last_call=last_call) for bracket in self.brackets]
        return min((trial for trial in found if trial is not None), key=self._standing, default=None)

    def _standing(self, trial: int) -> tuple[int, Loss, int]:
        return self.brackets[self.bracket(trial)].standing(trial)

    def __str__(self) -> str:
        if not self._rungs:
            return str(self.brackets[0]).replace("asha", "hyperband", 1)
        starts = listed([bracket.rungs[0] for bracket in self.brackets if bracket.rungs])
        never = "" if self.brackets[-1].rungs else " or never"
        return f"hyperband: brackets that pause from step {starts}{never}; the best 1 in {self.eta} of a rung goes on"
