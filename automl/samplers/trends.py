"""What other studies found, as the belief that a Gaussian process starts from: trusted as far as it proves right.

    trends = Trends(pasts, space, cube)
    trust = trends.trust(x, y)                  # (n pasts,): 1 / n each at first, 0 of one that misleads
    model = trends.fit(x, y, trust)             # a model of what they leave unexplained, on top of them

Each past study has a model of its own, m(x), of standardised losses. The belief is the sum of b m(x) over the pasts, in
deviations of the losses at hand, and the model is fitted to the rest. Trust b >= 0 is a ridge regression of ranks: it
is drawn from 1 / n, with the weight of `DOUBT` observations, to what ranks the losses at hand best. A past that ranks
them badly has b = 0 after a handful of trials and is then as if it had never been.

That the weight of a past model follows from how it ranks the present results is from Feurer, Letham and Bakshy,
"Scalable Meta-Learning for Bayesian Optimization using Ranking-Weighted Gaussian Process Ensembles" (2018); that it is
the mean of a process fitted to the rest, from Golovin et al., "Google Vizier" (KDD 2017). Ranks as normal scores:
Salinas et al., "A Quantile-based Approach for Hyperparameter Transfer Learning" (ICML 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import ndtri
from scipy.stats import rankdata

from automl.samplers.cube import Cube
from automl.samplers.model import LARGEST, Array, Model, fit
from automl.samplers.past import Past
from search_spaces import SearchSpace

DOUBT = 3.0
"""Observations that weigh as much as the belief that a past study is right."""
CLIPPED = 80.0
"""Percentile at which its losses are clipped, as those of the study at hand."""
LEAST = 3
"""Results of a past study without which it has no model."""


@dataclass(frozen=True, slots=True, eq=False)
class Trend:
    """One past study's model, on the features that varied there."""

    model: Model
    columns: NDArray[np.intp]

    def __call__(self, x: Array) -> Array:
        """Return what it expects at the rows of `x`, (m, p), in its own standard deviations."""
        return self.model.predict(x[:, self.columns])[0]

    def with_slope(self, x: Array) -> tuple[float, Array]:
        """Return the same at one point, (p,), and its slope, (p,)."""
        mean, _, slope, _ = self.model.predict_with_slope(x[self.columns])
        whole = np.zeros_like(x)
        whole[self.columns] = slope
        return mean, whole


@dataclass(frozen=True, slots=True, eq=False)
class Shifted:
    """A model on top of trends, each with its weight in units of `y`; does what a `Model` does."""

    model: Model
    trends: Sequence[tuple[float, Trend]]

    @property
    def x(self) -> Array:
        """(n, p): where it knows something."""
        return self.model.x

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation, (m,) each, at the rows of `x`, (m, p)."""
        mean, sd = self.model.predict(x)
        return mean + sum(weight * trend(x) for weight, trend in self.trends), sd

    def predict_with_slope(self, x: Array) -> tuple[float, float, Array, Array]:
        """Return mean and standard deviation at one point, (p,), and how both change with its coordinates, (p,)."""
        mean, sd, d_mean, d_sd = self.model.predict_with_slope(x)
        for weight, trend in self.trends:
            more, slope = trend.with_slope(x)
            mean, d_mean = mean + weight * more, d_mean + weight * slope
        return mean, sd, d_mean, d_sd

    def with_pending(self, x: Array) -> Shifted:
        """Return the model that takes its own mean at the rows of `x` for observed."""
        return Shifted(self.model.with_pending(x), self.trends)


class Trends:
    """The models of past studies, on the features of a space."""

    def __init__(self, pasts: Sequence[Past], space: SearchSpace, cube: Cube) -> None:
        made = (_trend(past, space, cube) for past in pasts)
        self._trends = [trend for trend in made if trend is not None]
        self._axis = cube.axis

    def trust(self, x: Array, y: Array) -> Array:
        """Return the weight of each trend, given the losses `y`, (n,), at the rows of `x`, (n, p)."""
        if not self._trends:
            return np.zeros(0)
        k = len(self._trends)
        expected = np.array([_scores(trend(x)) for trend in self._trends]).T.reshape(len(x), k)
        doubt = np.sqrt(DOUBT) * np.eye(k)
        weights, _ = nnls(np.vstack([expected, doubt]), np.concatenate([_scores(y), doubt @ np.full(k, 1 / k)]))
        return np.asarray(weights)

    def fit(self, x: Array, y: Array, trust: Array) -> Model | Shifted:
        """Return a model of `y`, (n,), at the rows of `x`, (n, p), on top of the trends that are trusted."""
        spread = float(y.std()) or 1.0
        trends = [(spread * float(b), trend) for b, trend in zip(trust, self._trends, strict=True) if b > 0]
        if not trends:
            return fit(x, y, axis=self._axis)
        return Shifted(fit(x, y - sum(weight * trend(x) for weight, trend in trends), axis=self._axis), trends)


def _trend(past: Past, space: SearchSpace, cube: Cube) -> Trend | None:
    """Return the model of a past study's results; None where they tell nothing about the space."""
    results = [(point, loss) for point, loss, is_exact in past.carried(space) if is_exact]
    if len(results) < LEAST:
        return None
    x = cube.features(np.array([cube.row(point) for point, _ in results]))
    losses = np.clip([loss for _, loss in results], -LARGEST, LARGEST)
    y = np.minimum(losses, np.percentile(losses, CLIPPED))
    columns = np.flatnonzero(np.ptp(x, axis=0) > 0)
    if not len(columns) or not y.std() > 0:
        return None
    _, axis = np.unique(cube.axis[columns], return_inverse=True)
    return Trend(fit(x[:, columns], (y - y.mean()) / y.std(), axis=axis), columns)


def _scores(values: Array) -> Array:
    """Return the normal scores of the ranks of some values, ties sharing theirs."""
    return np.asarray(ndtri((rankdata(values) - 0.5) / len(values)))
