"""Learning-curve extrapolation: a trial stops when its curve is unlikely to end below the best.

As in Domhan et al., "Speeding up Automatic Hyperparameter Optimization of Deep Neural Networks by Extrapolation of
Learning Curves" (IJCAI 2015): families of curves are fitted to what a trial has reported, each says where it will end,
they are weighed by how well they fit, and the trial stops when the probability to end below the best complete one is
under `chance`.

    rule = Curve(max_epochs=50, chance=0.05)

Where they draw from the posterior of eleven families, here a curve is `end + drop * shape(step)`, with shapes that fall
from 1 at step 1 to 0 at the full budget: power laws, exponentials and logarithms on a grid of their one parameter, each
with several levels of noise. Given shape and noise the posterior of end and drop is Gaussian, in closed form; averaging
over them by evidence takes a millisecond, and draws nothing that a replay would have to repeat.

Curves need not follow any of these: some turn up again. So the rule looks back: how far did complete trials end from
where they had been predicted to, in standard deviations? If further than they should, its errors are that much wider.
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl.stopping.base import EarlyStopping, Verdict
from automl.stopping.percentile import quantile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

FEWEST = 4  # reports before the first look: what an end, a drop and a shape take, and one more to see whether they fit
LOOKS = 12  # at a trial on its way to the full budget
POWERS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.4, 2.0)
RATES = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 50.0)
NOISES = (0.01, 0.02, 0.05, 0.1, 0.3)  # as shares of what is a large difference between losses
WIDE = 3.0  # so many large differences is what end and drop may well be
SURE = 0.9  # of all squared misses are below 2.71 where errors are normal and deviations right


@dataclass(frozen=True, slots=True)
class Prediction:
    """Where a curve will end: a mixture of normal distributions."""

    weights: Array
    means: Array
    deviations: Array

    def below(self, loss: float, *, widened: float = 1.0) -> float:
        """Return the probability to end below `loss`, all deviations being so many times as wide."""
        scores = (loss - self.means) / (widened * self.deviations * math.sqrt(2))
        return math.fsum(
            weight * (1 + math.erf(score)) / 2
            for weight, score in zip(self.weights.tolist(), scores.tolist(), strict=True)
        )

    def miss(self, loss: float) -> float:
        """Return how far an end is from the middle of what was predicted, in standard deviations, squared."""
        middle = float(self.weights @ self.means)
        variance = float(self.weights @ (self.deviations**2 + (self.means - middle) ** 2))
        return (loss - middle) ** 2 / variance


class Curve(EarlyStopping):
    """Stops a trial that will end below the best complete one with a probability under `chance`.

    It begins when `startup` trials are complete. Where no budget is known, the end is the longest that a complete trial
    has run. A trial that has been better than the best is let go on, as some objectives return their best value.
    """

    def __init__(self, *, max_epochs: int | None, chance: float = 0.05, startup: int = 5) -> None:
        self.max_epochs = max_epochs
        self.chance = chance
        self.startup = startup
        self._looks = [] if max_epochs is None else list(range(FEWEST, max_epochs, max(1, max_epochs // LOOKS)))
        self._curves: dict[int, dict[int, float]] = defaultdict(dict)  # trial that has not ended -> step -> loss
        self._predicted: dict[int, list[Prediction]] = defaultdict(list)
        self._ends: list[float] = []  # losses of complete trials, sorted
        self._misses: list[float] = []  # of predictions of complete trials, sorted
        self._longest = 0

    @property
    def decision_steps(self) -> frozenset[int] | None:
        return None if self.max_epochs is None else frozenset(self._looks)

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        curve = self._curves[trial]
        before = max(curve, default=0)
        curve[step] = loss
        horizon = self.max_epochs or self._longest
        if step >= horizon or not self._is_due(before, step):
            return Verdict.CONTINUE
        known = {at: value for at, value in curve.items() if value < math.inf}
        if loss == math.inf:
            return self._verdict(loss, 0.0)
        if len(known) < FEWEST:
            return Verdict.CONTINUE
        prediction = extrapolated(known, horizon=horizon, ends=self._ends)
        self._predicted[trial].append(prediction)
        if not self._ends:
            return Verdict.CONTINUE
        return self._verdict(min(known.values()), prediction.below(self._ends[0], widened=self._widened))

    def on_end(self, trial: int, loss: float | None) -> None:
        curve, predicted = self._curves.pop(trial, {}), self._predicted.pop(trial, [])
        if loss is None or not curve:
            return
        bisect.insort(self._ends, loss)
        self._longest = max(self._longest, *curve)
        last = curve[max(curve)]
        if last < math.inf:
            for prediction in predicted:
                bisect.insort(self._misses, prediction.miss(last))

    def __str__(self) -> str:
        return (
            f"curve: stops what will end below the best with a probability under {self.chance:g}, by its curve so far"
        )

    @property
    def _widened(self) -> float:
        return math.sqrt(max(1.0, quantile(self._misses, SURE) / 2.71)) if self._misses else 1.0

    def _is_due(self, before: int, step: int) -> bool:
        """Return whether a trial that was at one step and is at another has come to a look on its way."""
        return not self._looks or bisect.bisect(self._looks, step) > bisect.bisect(self._looks, before)

    def _verdict(self, best: float, probability: float) -> Verdict:
        is_judged = len(self._ends) >= self.startup and best >= self._ends[0]
        return Verdict.STOP if is_judged and probability < self.chance else Verdict.CONTINUE


def extrapolated(curve: Mapping[int, float], *, horizon: int, ends: Sequence[float]) -> Prediction:
    """Return where a curve of step -> finite loss will be at the step `horizon`, given where other trials ended.

    End and drop have normal priors, wide compared to what was seen: centred at the last loss and at no drop.
    """
    import numpy as np

    steps, losses = np.array([*curve], dtype=float), np.array([*curve.values()])
    scale = _scale(losses, [end for end in ends if end < math.inf])
    level = losses[-1]
    y = (losses - level) / scale
    shapes = _shapes(steps, horizon)[:, None, :]  # one row a shape, against one column a level of noise
    noise = np.array(NOISES)[None, :]
    precision = 0.5 / noise**2  # a report counts half: those of one curve err together
    wide = WIDE**-2
    # Posterior precision [[a, b], [b, c]] of end and drop, and what it is multiplied with to give their means.
    a = len(y) * precision + wide
    b = shapes.sum(2) * precision
    c = (shapes**2).sum(2) * precision + wide
    of_end, of_drop = y.sum() * precision, (shapes * y).sum(2) * precision
    determinant = a * c - b**2
    end = (c * of_end - b * of_drop) / determinant
    drop = (a * of_drop - b * of_end) / determinant
    evidence = end * of_end + drop * of_drop - (y @ y) * precision - len(y) * np.log(noise) - np.log(determinant)
    weights = np.exp((evidence - evidence.max()) / 2)
    deviations = np.sqrt(c / determinant + noise**2)
    return Prediction(
        weights=(weights / weights.sum()).ravel(),
        means=(level + scale * end).ravel(),
        deviations=(scale * deviations).ravel(),
    )


def _shapes(steps: Array, horizon: int) -> Array:
    """Return every shape at these steps, one a row: all fall from 1 at step 1 to 0 at the horizon."""
    import numpy as np

    at = np.concatenate([[1.0, float(horizon)], steps])
    rows = [*(at**-power for power in POWERS), *(np.exp(-rate * at / horizon) for rate in RATES), -np.log(at)]
    return np.array([(row[2:] - row[1]) / (row[0] - row[1]) for row in rows])


def _scale(losses: Array, ends: Sequence[float]) -> float:
    """Return what is a large difference here: by how much a curve has moved, or how far half of all ends lie apart."""
    ordered = sorted(ends)
    apart = quantile(ordered, 0.75) - quantile(ordered, 0.25) if ordered else 0.0
    return max(float(losses.max() - losses.min()), apart, 1e-9 * max(1.0, abs(float(losses[-1]))))
