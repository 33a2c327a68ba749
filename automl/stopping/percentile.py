"""Percentile and median rule: a trial goes on while its best loss so far is among the better part of what others had.

The median rule of Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2.2, with
any share instead of one half, and with guards as in Optuna's PercentilePruner: nothing is stopped before `startup`
other trials have reached the step, nor at the first `warmup` steps.

    rule = Percentile(keep=25)      # stops what is not among the best quarter
    rule = Percentile(keep=50)      # the median rule

Trials are compared at equal steps only: one that reports at steps where nobody else did is not judged there. A trial
that has had nothing but NaN is the worst there can be, and stops as soon as most of the others are better.
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict

from automl.stopping.base import EarlyStopping, Verdict


class Percentile(EarlyStopping):
    """Stops a trial whose best loss is worse than what the best `keep` percent of the others have at the same step."""

    def __init__(self, *, keep: float = 25.0, startup: int = 5, warmup: int = 1) -> None:
        self.keep = keep
        self.startup = startup
        self.warmup = warmup
        self._best: dict[int, float] = {}
        self._at: dict[int, list[float]] = defaultdict(list)  # step -> losses of all trials, sorted

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        best = self._best[trial] = min(loss, self._best.get(trial, math.inf))
        others = self._at[step]
        is_judged = len(others) >= self.startup and step > self.warmup
        verdict = Verdict.STOP if is_judged and best > quantile(others, self.keep / 100) else Verdict.CONTINUE
        bisect.insort(others, loss)
        return verdict

    def __str__(self) -> str:
        worse = "than the middle of the others" if self.keep == 50 else f"than the best {self.keep:g} % of the others"
        return f"{'median' if self.keep == 50 else 'percentile'}: stops what is worse {worse} at the same step"


def quantile(ordered: list[float], share: float) -> float:
    """Return the value below which `share` of the numbers lie, interpolated; 0.5 is the median. They must be sorted."""
    place = share * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low if low == high else low + (high - low) * (place % 1)  # inf - inf would be NaN
