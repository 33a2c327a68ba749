"""The median rule: a trial goes on while its best loss so far is no worse than the middle of what others had by now.

Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2.2; with the guards that
Optuna's MedianPruner has: nothing is stopped before `startup` other trials have reached the step, nor at step 1.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections import defaultdict
from collections.abc import Collection

from automl.stopping.verdict import Verdict


class Median:
    """Stops what is worse than the median at the same step."""

    decision_steps: frozenset[int] | None = None  # every step

    def __init__(self, *, max_epochs: int | None, startup: int = 5, warmup: int = 1) -> None:
        self.max_epochs = max_epochs
        self.startup = startup
        self.warmup = warmup
        self._best: dict[int, float] = {}
        self._at: dict[int, list[float]] = defaultdict(list)  # step -> losses of all trials, sorted
        self._seen: set[tuple[int, int]] = set()

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        if (trial, step) in self._seen:  # an attempt that began again goes over known ground
            return Verdict.CONTINUE
        self._seen.add((trial, step))
        loss = math.inf if math.isnan(loss) else loss
        best = self._best[trial] = min(loss, self._best.get(trial, math.inf))
        others = self._at[step]
        is_judged = len(others) >= self.startup and step > self.warmup and step != self.max_epochs
        verdict = Verdict.STOP if is_judged and best > statistics.median(others) else Verdict.CONTINUE
        bisect.insort(others, loss)
        return verdict

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        return None
