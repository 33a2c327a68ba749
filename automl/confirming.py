"""A winner you can trust: the best trials run again with other seeds, and what those runs say.

    confirmation = Confirmation(k=3, seeds=3, preference=Preference.of("val_acc", "maximize"))
    confirmation.outstanding(records)                   # [7, 2, 9, 7, 2, 9, 7, 2, 9]: which trials to run again
    confirmation.judged(records)                        # [Confirmed(number=2, ...), ...], the winner first

The best of many trials was also lucky, and the more trials, the more: its own value promises too much (the winner's
curse; Cawley and Talbot, "On Over-fitting in Model Selection", JMLR 2010). So the value by which a trial was chosen is
left out of its mean, which is over the runs that confirm it alone.

The interval is Student's, of the mean over the seeds. Two trials can be told apart when Welch's t-test (Biometrika
1947), which asks for no equal variances, says so at 5 %. The runs of two trials are not paired: each has its own seeds.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from automl.config import StudyConfig
from automl.preference import Preference
from automl.samplers import Proposal
from automl.trial import TrialRecord

CONFIRMING = "confirming"
"""Kind of the event with which that begins: the `trials`, `seeds` of each, how many runs are `left`."""
LEVEL = 0.95
"""Of the intervals, and 1 minus that of the tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What the runs say that confirm a trial."""

    number: int
    value: float
    """Of the trial itself, by which it was chosen."""
    runs: tuple[float, ...]
    """The values with other seeds, of the runs that have one."""
    failed: int = 0
    """How many have none."""
    is_tied: bool = False
    """Whether it cannot be told from the first, nor any between them."""

    @property
    def mean(self) -> float | None:
        """Of the runs."""
        return statistics.fmean(self.runs) if self.runs else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval of the mean; None with fewer than two runs."""
        if len(self.runs) < 2:
            return None
        from scipy.special import stdtrit

        mean, n = statistics.fmean(self.runs), len(self.runs)
        half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * math.sqrt(statistics.variance(self.runs) / n)
        return mean - half, mean + half

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        low, high = self.interval or (None, None)
        about = {"number": self.number, "value": self.value, "mean": self.mean, "low": low, "high": high}
        return about | {"runs": list(self.runs), "failed": self.failed, "tied": self.is_tied}


class Again:
    """A sampler that proposes trials once more."""

    def __init__(self, trials: Iterable[TrialRecord]) -> None:
        self._left = iter(trials)

    def propose(self, number: int) -> Proposal | None:
        """Return the params of the next one."""
        record = next(self._left, None)
        return None if record is None else Proposal(params=record.params, confirms=record.number)

    def observe(self, record: TrialRecord) -> None:
        """Learn nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What `--confirm` asks for, as functions of a study's trials."""

    k: int
    """How many of the best trials run again; 0 for none."""
    seeds: int
    """How often each."""
    preference: Preference

    @classmethod
    def of(cls, config: StudyConfig) -> Confirmation:
        """Return what the settings of a study ask for."""
        return cls(k=config.confirm, seeds=config.confirm_seeds, preference=config.preference)

    def best(self, records: Iterable[TrialRecord], n: int) -> list[TrialRecord]:
        """Return the `n` best COMPLETE trials of the search by their own values, the best first."""
        done = [record for record in records if record.confirms is None and record.value is not None]
        ranks = self.preference.order({**r.values, self.preference.metrics[0]: r.value or 0.0} for r in done)
        return [done[at] for at in sorted(range(len(done)), key=ranks.__getitem__)[:n]]

    def outstanding(self, records: Iterable[TrialRecord]) -> list[int]:
        """Return the trials to run again, one seed of each before the next seed of any."""
        records = list(records)
        asked = _runs(records)
        best = [record.number for record in self.best(records, self.k)]
        return [number for seed in range(self.seeds) for number in best if seed >= len(asked[number])]

    def left(self, records: Iterable[TrialRecord]) -> int:
        """Return how many runs are missing, or not at their ends."""
        records = list(records)
        begun = sum(record.confirms is not None and not record.state.is_finished for record in records)
        return len(self.outstanding(records)) + (begun if self.k else 0)

    def told(self, records: Iterable[TrialRecord]) -> dict[str, Any]:
        """Return what the event says with which they begin."""
        records = list(records)
        best = [record.number for record in self.best(records, self.k)]
        return {"trials": best, "seeds": self.seeds, "left": self.left(records)}

    def judged(self, records: Iterable[TrialRecord]) -> list[Confirmed]:
        """Return the candidates by the mean of their runs, the winner first; none until all of the runs are there."""
        records = list(records)
        best, asked = self.best(records, self.k), _runs(records)
        if any(sum(run.state.is_finished for run in asked[each.number]) < self.seeds for each in best):
            return []
        found = []
        for each in best:
            assert each.value is not None
            values = tuple(run.value for run in asked[each.number] if run.value is not None)
            failed = len(asked[each.number]) - len(values)
            found.append(Confirmed(number=each.number, value=each.value, runs=values, failed=failed))
        sign = self._sign
        found.sort(key=lambda one: (one.mean is None, (one.mean or 0.0) * sign, one.value * sign, one.number))
        ties = 1
        while ties < len(found) and found[ties].runs and not can_tell(found[0].runs, found[ties].runs):
            ties += 1
        return [replace(each, is_tied=ties > 1 and place < ties) for place, each in enumerate(found)]

    def winner(self, records: Iterable[TrialRecord]) -> int | None:
        """Return the trial that has won: by the mean of its runs where it was confirmed, else by its own value."""
        records = list(records)
        order = [each.number for each in self.judged(records)] or [each.number for each in self.best(records, 1)]
        return order[0] if order else None

    @property
    def _sign(self) -> int:
        return -1 if self.preference.directions[0] == "maximize" else 1


def noted(record: TrialRecord) -> dict[str, int]:
    """Return what events of a trial say besides: which other one it confirms, if it does."""
    return {} if record.confirms is None else {"confirms": record.confirms}


def can_tell(one: Iterable[float], other: Iterable[float]) -> bool:
    """Say whether the means of two samples differ, by Welch's t-test at 5 %, two-sided; never of fewer than two."""
    one, other = tuple(one), tuple(other)
    if len(one) < 2 or len(other) < 2:
        return False
    from scipy.special import stdtr

    gap = abs(statistics.fmean(one) - statistics.fmean(other))
    a, b = (statistics.variance(each) / len(each) for each in (one, other))
    if a + b == 0:
        return gap > 0
    freedom = (a + b) ** 2 / (a**2 / (len(one) - 1) + b**2 / (len(other) - 1))
    return bool(2 * stdtr(freedom, -gap / math.sqrt(a + b)) < 1 - LEVEL)


def _runs(records: Iterable[TrialRecord]) -> defaultdict[int, list[TrialRecord]]:
    """Return trial -> the trials that confirm it."""
    found: defaultdict[int, list[TrialRecord]] = defaultdict(list)
    for record in records:
        if record.confirms is not None:
            found[record.confirms].append(record)
    return found
