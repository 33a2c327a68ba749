"""Wilcoxon: where steps are folds, seeds or instances, a trial stops when it is surely worse than the best one.

A trial of cross-validation reports the loss of one fold a step, and returns their mean. Losses at equal steps are then
of the same fold and can be paired, which takes the luck of easy and hard folds out of the comparison. Each report is
followed by Wilcoxon's signed-rank test ("Individual comparisons by ranking methods", 1945), one-sided: are the losses
on the folds so far larger than those of the best complete trial on the same folds? Optuna's WilcoxonPruner and its
default level of 0.1 are the model.

    rule = Wilcoxon(p=0.1, startup=2)       # four folds that are all worse have a p-value of 1/16, and stop the trial

The order of the folds does not matter, and gaps do not either: a trial is compared on the steps that both have. One
whose mean over them is not above that of the best is never stopped. A fold that gave NaN is worse than every number.
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Sequence

from automl.stopping.base import EarlyStopping, Verdict

EXACT = 100  # differences; the sum of more ranks is as good as normal


class Wilcoxon(EarlyStopping):
    """Stops a trial whose losses are larger than those of the best complete one, at level `p`.

    Nothing is stopped before `startup` steps can be compared.
    """

    def __init__(self, *, p: float = 0.1, startup: int = 2) -> None:
        self.p = p
        self.startup = startup
        self._losses: dict[int, dict[int, float]] = defaultdict(dict)  # trial -> step -> loss
        self._best: tuple[float, int] | None = None  # (loss, number) of the best complete trial

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        self._losses[trial][step] = loss
        if self._best is None:
            return Verdict.CONTINUE
        best = self._losses[self._best[1]]
        worse_by = differences([(own, best[at]) for at, own in self._losses[trial].items() if at in best])
        is_judged = len(worse_by) >= self.startup and sum(worse_by) > 0
        return Verdict.STOP if is_judged and p_value(worse_by) < self.p else Verdict.CONTINUE

    def on_end(self, trial: int, loss: float | None) -> None:
        if loss is not None and trial in self._losses and (self._best is None or (loss, trial) < self._best):
            former, self._best = self._best, (loss, trial)
            trial = trial if former is None else former[1]
        if self._best is None or trial != self._best[1]:
            self._losses.pop(trial, None)  # nobody will be compared with it

    def __str__(self) -> str:
        return (
            f"wilcoxon: stops what is worse than the best on the steps (folds, seeds) that both have, at p < {self.p:g}"
        )


def differences(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Return by how much the first is larger than the second; an infinity is twice the largest of the others."""
    found = [0.0 if own == other else own - other for own, other in pairs]  # inf - inf would be NaN
    far = 1.0 + 2 * max((abs(each) for each in found if math.isfinite(each)), default=0.0)
    return [each if math.isfinite(each) else math.copysign(far, each) for each in found]


def p_value(differences: Sequence[float]) -> float:
    """Return how likely a sum of ranks as large would be, were each difference as likely to be above zero as below.

    Zeros have ranks, but add nothing on either side, so that many of them are no evidence. Equal differences share
    their ranks. The answer is exact for up to `EXACT` differences, ties or not (where there are some, SciPy's test
    takes seconds).
    """
    ranks = _double_ranks([abs(each) for each in differences])
    signed = [rank for rank, each in zip(ranks, differences, strict=True) if each]
    above = sum(rank for rank, each in zip(ranks, differences, strict=True) if each > 0)
    if len(signed) > EXACT:
        deviation = math.sqrt(sum(rank**2 for rank in signed)) / 2
        return math.erfc((above - sum(signed) / 2) / deviation / math.sqrt(2)) / 2
    return _share_of_sums(signed, at_least=above)


def _double_ranks(sizes: Sequence[float]) -> list[int]:
    """Return twice the rank of each number, 2 for the smallest; equal ones have the mean of their ranks."""
    ordered = sorted(sizes)
    return [bisect.bisect_left(ordered, size) + bisect.bisect_right(ordered, size) + 1 for size in sizes]


def _share_of_sums(numbers: Sequence[int], *, at_least: int) -> float:
    """Return the share of all subsets whose sum is that large."""
    import numpy as np

    shares = np.zeros(sum(numbers) + 1)  # of subsets by their sum
    shares[0] = 1.0
    for number in numbers:
        shares[number:] = (shares[number:] + shares[:-number]) / 2
        shares[:number] /= 2
    return float(shares[at_least:].sum())
