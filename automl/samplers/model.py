"""A Gaussian process: what a few dozen trials tell about all points of a space, and where the next one gains most.

    model = fit(x, y, axis=np.arange(3))            # 3 axes, one coordinate each, in the unit cube
    mean, sd = model.predict(x_new)
    log_expected_improvement(mean, sd, best=y.min())

Matern-5/2 kernel with a length scale for each axis, whose hyperparameters are the most probable ones given the data
and the priors below (MAP). An axis may have several coordinates, such as the indicators of a choice. NumPy and SciPy
only, a few milliseconds on one core for 100 points: Optuna's and BoTorch's need torch and a third of a second.

Sources: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), chapters 2 and 5; Snoek et al.,
"Practical Bayesian Optimization of Machine Learning Algorithms" (NeurIPS 2012) for the kernel; Ament et al.,
"Unexpected Improvements to Expected Improvement" (NeurIPS 2023) for the logarithm of EI.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.optimize import minimize
from scipy.special import erfcx, log_ndtr, ndtr

Array = NDArray[np.float64]

LENGTH = (-0.5, 0.7)
"""Mean and deviation of the logarithm of a length scale, in widths of the unit cube: a normal prior, as all three."""
SCALE = (0.5, 1.0)
"""Of the logarithm of the signal's variance; losses are standardised."""
NOISE = (math.log(1e-3), 2.0)
"""Of the logarithm of the noise's variance."""
LEAST_NOISE = 1e-6
LARGEST = 1e100
"""Largest value that `fit` takes, and smallest below 0: sums of squares of such are floats yet."""
ITERATIONS = 30
_ROOT5 = math.sqrt(5.0)
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A Gaussian process that was fitted. All values are those of `fit`'s `y`, not standardised."""

    x: Array
    """(n, p): where it knows something."""
    weights: Array
    """(p,): one over the squared length scale of each coordinate."""
    scale: float
    """Variance of the function, standardised."""
    noise: float
    """Variance of what is observed around it."""
    mean: float
    deviation: float
    """What standardises: (y - mean) / deviation."""
    inverse: Array
    """(n, n), lower triangle: of the Cholesky factor of the covariance."""
    y: Array
    """(n,): standardised."""
    alpha: Array
    """(n,): the covariance's inverse times `y`."""

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation, (m,) each, of the function itself at the rows of `x`, (m, p)."""
        k, _ = self._kernel(x)
        half = k @ self.inverse.T
        variance = np.maximum(self.scale - np.einsum("ij,ij->i", half, half), 1e-12)
        return self.mean + self.deviation * (k @ self.alpha), self.deviation * np.sqrt(variance)

    def predict_with_slope(self, x: Array) -> tuple[float, float, Array, Array]:
        """Return mean and standard deviation at one point, (p,), and how both change with its coordinates, (p,)."""
        k, slope = self._kernel(x[None, :])
        toward = (x - self.x) * (2 * self.weights)
        slopes = slope[0][:, None] * toward
        half = self.inverse @ k[0]
        solved = half @ self.inverse
        variance = max(self.scale - float(half @ half), 1e-12)
        sd = math.sqrt(variance)
        d_mean, d_sd = self.alpha @ slopes, -(solved @ slopes) / sd
        mean = self.mean + self.deviation * float(k[0] @ self.alpha)
        return mean, self.deviation * sd, self.deviation * d_mean, self.deviation * d_sd

    def with_pending(self, x: Array) -> Model:
        """Return the model that takes its own mean at the rows of `x` for observed: it is less curious around there.

        Source: the "Kriging believer" of Ginsbourger et al., "Kriging Is Well-Suited to Parallelize Optimization"
        (2010).
        """
        if not len(x):
            return self
        believed, _ = self.predict(x)
        return _conditioned(
            np.concatenate([self.x, x]),
            np.concatenate([self.y, (believed - self.mean) / self.deviation]),
            weights=self.weights,
            scale=self.scale,
            noise=self.noise,
            mean=self.mean,
            deviation=self.deviation,
        )

    def _kernel(self, x: Array) -> tuple[Array, Array]:
        """Return the covariances of the rows of `x` with those of the model, and their slopes by squared distance."""
        root = np.sqrt(self.weights)
        return _matern(_squared_distances(x * root, self.x * root), self.scale)


def fit(x: Array, y: Array, *, axis: NDArray[np.intp]) -> Model:
    """Fit a model to values `y`, (n,), at points `x`, (n, p); `axis`, (p,), has which length scale a coordinate has.

    No value is beyond `LARGEST`. Axes are numbered from 0, and the coordinates of one stand together.
    """
    mean, deviation = float(y.mean()), float(y.std())
    deviation = deviation if deviation > 1e-12 * abs(mean) else 1.0
    standard = (y - mean) / deviation
    raw = _most_probable(x, standard, axis)
    weights = np.exp(-2 * raw[:-2])[axis]
    scale, noise = math.exp(raw[-2]), math.exp(raw[-1]) + LEAST_NOISE
    return _conditioned(x, standard, weights=weights, scale=scale, noise=noise, mean=mean, deviation=deviation)


def log_expected_improvement(mean: Array, sd: Array, *, best: float) -> Array:
    """Return the logarithm of how much below `best` values with such means and deviations are expected to be."""
    z = (best - mean) / sd
    return np.asarray(_log_h(z) + np.log(sd))


def log_expected_improvement_with_slope(
    mean: float, sd: float, d_mean: Array, d_sd: Array, *, best: float
) -> tuple[float, Array]:
    """Return the same of one point, and how it changes with its coordinates."""
    z = (best - mean) / sd
    log_h = float(_log_h(np.array([z]))[0])
    d_log_h = math.exp(min(float(log_ndtr(z)) - log_h, 700.0))
    return log_h + math.log(sd), d_log_h * (-d_mean - z * d_sd) / sd + d_sd / sd


def _log_h(z: Array) -> Array:
    """Return log(phi(z) + z Phi(z)), also where phi and Phi are too small for a float."""
    near = np.maximum(z, -1.0)
    above = np.log(np.exp(-0.5 * near * near - _HALF_LOG_2PI) + near * ndtr(near))
    far = np.minimum(z, -1.0)
    left = np.maximum(1 + far * erfcx(-far / math.sqrt(2)) * math.sqrt(math.pi / 2), 1e-300)
    series = -2 * np.log(-far)  # what `left` tends to, and cannot show beyond about -1e4 for rounding
    below = -0.5 * far * far - _HALF_LOG_2PI + np.where(far > -1e4, np.log(left), series)
    return np.where(z > -1.0, above, below)


def _conditioned(x: Array, y: Array, *, weights: Array, scale: float, noise: float, **rest: float) -> Model:
    root = np.sqrt(weights)
    covariance, _ = _matern(_squared_distances(x * root, x * root), scale)
    covariance[np.diag_indices(len(x))] = scale + noise
    factor = np.linalg.cholesky(covariance)
    inverse, _ = lapack.dtrtri(factor, lower=1)
    return Model(
        x=x,
        y=y,
        weights=weights,
        scale=scale,
        noise=noise,
        inverse=inverse,
        alpha=inverse.T @ (inverse @ y),
        mean=rest["mean"],
        deviation=rest["deviation"],
    )


def _squared_distances(a: Array, b: Array) -> Array:
    lengths = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
    return np.asarray(np.maximum(lengths - 2 * (a @ b.T), 0.0))


def _matern(squared: Array, scale: float) -> tuple[Array, Array]:
    """Return the kernel at squared distances, and its slope by them, which has no pole at 0."""
    root = _ROOT5 * np.sqrt(squared)
    decay = scale * np.exp(-root)
    return decay * (1 + root + (5 / 3) * squared), decay * (-5 / 6) * (1 + root)


def _most_probable(x: Array, y: Array, axis: NDArray[np.intp]) -> Array:
    """Return the MAP hyperparameters: logarithms of length scales, of the variances of signal and of noise."""
    n, n_axes = len(x), int(axis[-1]) + 1
    rows, columns = np.tril_indices(n, -1)
    starts = np.searchsorted(axis, np.arange(n_axes))
    squared = np.add.reduceat((x[rows] - x[columns]) ** 2, starts, axis=1)  # (pairs, axes)
    center = np.array([LENGTH[0]] * n_axes + [SCALE[0], NOISE[0]])
    spread = np.array([LENGTH[1]] * n_axes + [SCALE[1], NOISE[1]])
    covariance, diagonal = np.empty((n, n)), np.arange(n)

    def loss(raw: Array) -> tuple[float, Array]:
        weights, scale, noise = np.exp(-2 * raw[:-2]), math.exp(raw[-2]), math.exp(raw[-1])
        kernel, slope = _matern(squared @ weights, scale)
        covariance[rows, columns] = kernel
        covariance[diagonal, diagonal] = scale + noise + LEAST_NOISE
        factor, failed = lapack.dpotrf(covariance, lower=1)
        if failed:
            return 1e10, np.zeros_like(raw)
        inverse, _ = lapack.dpotri(factor, lower=1)
        pairs = inverse[rows, columns]
        own = inverse[diagonal, diagonal]
        alpha = own * y + np.bincount(rows, pairs * y[columns], n) + np.bincount(columns, pairs * y[rows], n)
        excess = alpha[rows] * alpha[columns] - pairs  # each pair counts twice, the one half cancels that
        on_diagonal = float(alpha @ alpha - own.sum())
        gradient = np.empty_like(raw)
        gradient[:-2] = -2 * weights * ((excess * slope) @ squared)
        gradient[-2] = float(excess @ kernel) + 0.5 * scale * on_diagonal
        gradient[-1] = 0.5 * noise * on_diagonal
        away = (raw - center) / spread
        likelihood = -0.5 * float(y @ alpha) - float(np.log(factor[diagonal, diagonal]).sum())
        return 0.5 * float(away @ away) - likelihood, away / spread - gradient

    bounds = [(math.log(0.005), math.log(200))] * n_axes + [(-6.0, 6.0), (math.log(1e-7), math.log(10))]
    found: Any = minimize(
        loss, center, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS, "gtol": 1e-2}
    )
    return np.asarray(found.x)
