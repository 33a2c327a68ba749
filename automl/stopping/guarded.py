"""ASHA on its guard: a rung is used only as long as it does not cut those that would have won.

Early values need not rank trials as final ones do: the best start may belong to a training that overfits later, the
worst to one with a small learning rate. Nothing tells beforehand, and a rule that cuts all that looks bad never learns.
So this one lets some of those that it would have cut run to their end, and looks where the two best of all finished
trials are:

    of 9 finished trials that step 6 kept   of 5 that it would have cut   step 6
                          2                             0                 pauses trials, as in `asha`
                          1                             1                 does not: 1 of 5 is more than 1 of 9

    rule = Guarded(max_epochs=52, doubt=1.5)

A step that pauses nobody lets all trials with a value pass, and those that paused there go on, the oldest first. How
many are spared grows with the root of the compute: after that of n full trainings `doubt * sqrt(n)` trials, which is a
third of 20 trainings, and less and less of more.

Lists of 600 predicted learning curves of LCBench (Zimmer et al., "Auto-PyTorch Tabular", 2021), 8 data sets, 20 orders,
compute of 30 trainings; regret, 1 being a median trial:

                                              no stopping    asha    guarded
    as they are                                      .136    .047       .057
    early ranks reversed                             .136   1.341       .145
    the best early third overfits                    .190    .775       .195

A first rung that comes too early does no harm here, so it comes early, and cuts more: where early values are right, the
first look at a trial saves most.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection

from automl.stopping.asha import Asha, listed
from automl.stopping.base import Verdict
from automl.stopping.ranking import Loss, Ranking

NEWEST = 100  # finished trials that are compared
BEST = 2  # of them are looked for among those that a rung keeps and among those that it cuts


class Guarded(Asha):
    """`Asha` that spares some trials, and leaves out rungs that turn out to be wrong.

    Unless it is given, the first rung is a 50th of the budget. Where no budget is known, nobody is spared before there
    is a complete trial.
    """

    def __init__(self, *, max_epochs: int | None, eta: int = 5, first: int | None = None, doubt: float = 1.5) -> None:
        super().__init__(max_epochs=max_epochs, eta=eta, first=first or max(1, round((max_epochs or 0) / 50)))
        self.doubt = doubt
        self._reached: dict[int, int] = {}  # trial -> its last step
        self._steps = 0  # of all trials
        self._longest = 0  # steps of a complete trial
        self._spared: set[int] = set()
        self._finished: deque[int] = deque()
        self._final = Ranking()
        self._is_right = [True for _ in self.rungs]

    def on_report(self, trial: int, step: int, loss: Loss, *, can_pause: bool) -> Verdict:
        self._steps += step - self._reached.get(trial, 0)
        self._reached[trial] = step
        return super().on_report(trial, step, loss, can_pause=can_pause)

    def on_end(self, trial: int, loss: Loss | None) -> None:
        super().on_end(trial, loss)
        steps = self._reached.pop(trial, 0)
        if loss is None or not steps:
            return
        self._longest = max(self._longest, steps)
        self._finished.append(trial)
        self._final.add(trial, loss)
        if len(self._finished) > NEWEST:
            self._final.discard(self._finished.popleft())
        self._is_right = [self._keeps_the_best(rung) for rung in self._ranked]

    def __str__(self) -> str:
        if not self.rungs:
            return super().__str__().replace("asha", "guarded", 1)
        return (
            f"guarded: pauses at step {listed(self.rungs)}, the best 1 in {self.eta} of each goes on; "
            "a step is left out while some that it would have cut turn out best"
        )

    def _goes_on(self, trial: int) -> bool:
        rung = self._rung[trial]
        if trial in self._spared or not self._is_right[rung] or self._is_promotable(trial):
            return True
        is_spared = len(self._spared) + 1 <= self._may_be_spared()
        if is_spared:
            self._spared.add(trial)
        return is_spared

    def _next_of(self, rung: int, paused: Collection[int]) -> int | None:
        if self._is_right[rung]:
            return super()._next_of(rung, paused)
        there = (trial for trial in paused if self._rung.get(trial) == rung and self._has_value(trial))
        return min(there, default=None)  # ranks say nothing

    def _may_be_spared(self) -> float:
        budget = self.max_epochs or self._longest
        return self.doubt * math.sqrt(self._steps / budget) if budget else 0.0

    def _keeps_the_best(self, rung: Ranking) -> bool:
        """Return whether the best finished trials are no rarer among those that a rung kept than among the others."""
        finished, best = [0, 0], [0, 0]  # of those that it would have cut, and of those that it kept
        for place, trial in enumerate(self._final):
            if trial in rung:
                is_kept = rung.place(trial) < math.ceil(len(rung) / self.eta)
                finished[is_kept] += 1
                best[is_kept] += place < BEST
        return best[True] * finished[False] >= best[False] * finished[True]
