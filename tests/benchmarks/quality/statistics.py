"""Means, and whether they differ: pairs of runs on the same task with the same seed.

    difference = paired([0.1, 0.3, 0.2], [0.2, 0.5, 0.3])
    difference.mean, difference.low, difference.high        # -0.133, -0.277, 0.010

The interval is Student's: it covers the mean difference in 95 of 100 such comparisons, if the differences are about
normal.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of `n` numbers, with its standard error and the interval that covers it."""

    mean: float
    error: float
    low: float
    high: float
    n: int


def mean(values: Sequence[float]) -> Mean:
    """Return the mean with its interval; of one number, an interval without end."""
    from scipy.stats import t

    n, middle = len(values), statistics.fmean(values)
    if n < 2:
        return Mean(middle, math.inf, -math.inf, math.inf, n)
    error = statistics.stdev(values) / math.sqrt(n)
    width = float(t.ppf((1 + LEVEL) / 2, n - 1)) * error
    return Mean(middle, error, middle - width, middle + width, n)


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Mean:
    """Return the mean of ours minus theirs, run by run."""
    return mean([mine - other for mine, other in zip(ours, theirs, strict=True)])


def geometric(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.fmean(math.log(value) for value in values))


def area(points: Sequence[tuple[float, float]], *, worst: tuple[float, float]) -> float:
    """Return the hypervolume of two objectives: the area that `points` dominate within `worst`, both minimized."""
    covered, height = 0.0, worst[1]
    for x, y in sorted(points):
        if x < worst[0] and y < height:
            covered += (worst[0] - x) * (height - y)
            height = y
    return covered
