"""Where in a space a trial would gain most: what a model promises, and a search for the point that promises most.

    wanted = ExpectedImprovement(model, cube, best=0.1)
    rows = most_wanted(wanted, cube, near=cube.row(best_params)[None, :], rng=np.random.default_rng(7))

The search looks at many points over the whole space and around the best ones known, then climbs from a few of them: by
slope along parameters that have one, from value to neighbouring value along the others, in turns. So it needs no
relaxation of choices, and what it returns are points that there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr

from automl.samplers.cube import Cube
from automl.samplers.model import Array, Model, log_expected_improvement, log_expected_improvement_with_slope
from automl.samplers.trends import Shifted

ANYWHERE = 512
"""Random points looked at."""
NEARBY = 32
"""Points looked at around each of the best ones known."""
CLIMBS = 4
"""Points from which the search climbs."""
TURNS = 3
"""Most times that it goes along slopes and then along single values."""
ITERATIONS = 20
RANKED = 32
"""Points that are returned."""


class Acquisition(Protocol):
    """What is to be gained by a trial at a point; only its order matters, and that it is smooth."""

    def of(self, rows: Array) -> Array:
        """Return it for settled rows, (m,)."""
        ...

    def with_slope(self, features: Array) -> tuple[float, Array]:
        """Return it for the features of one row, (p,), and its slope by them, (p,)."""
        ...


@dataclass(frozen=True, slots=True)
class ExpectedImprovement:
    """The logarithm of the expected improvement on a loss of `best`."""

    model: Model | Shifted
    cube: Cube
    best: float

    def of(self, rows: Array) -> Array:
        mean, sd = self.model.predict(self.cube.features(rows))
        return log_expected_improvement(mean, sd, best=self.best)

    def with_slope(self, features: Array) -> tuple[float, Array]:
        return log_expected_improvement_with_slope(*self.model.predict_with_slope(features), best=self.best)


@dataclass(frozen=True, slots=True)
class Feasibly:
    """The logarithm of an expected improvement that counts only where all limits are kept."""

    improvement: ExpectedImprovement
    """On a `best` of +inf, where nothing known keeps the limits: then that alone counts."""
    limits: Sequence[Model | Shifted]
    """Models of what is above 0 where a limit is broken."""

    def of(self, rows: Array) -> Array:
        features = self.improvement.cube.features(rows)
        found = np.zeros(len(rows)) if self.improvement.best == math.inf else self.improvement.of(rows)
        for limit in self.limits:
            mean, sd = limit.predict(features)
            found = found + log_ndtr(-mean / sd)
        return np.asarray(found)

    def with_slope(self, features: Array) -> tuple[float, Array]:
        value, slope = 0.0, np.zeros(len(features))
        if self.improvement.best < math.inf:
            value, slope = self.improvement.with_slope(features)
        for limit in self.limits:
            mean, sd, d_mean, d_sd = limit.predict_with_slope(features)
            z = -mean / sd
            log_share = float(log_ndtr(z))
            log_density = -0.5 * z * z - 0.5 * math.log(2 * math.pi) - log_share
            density = math.exp(min(log_density, math.log1p(abs(z))))  # which it never reaches but by cancellation
            value, slope = value + log_share, slope - density * (d_mean + z * d_sd) / sd
        return value, slope


def most_wanted(wanted: Acquisition, cube: Cube, *, near: Array, rng: np.random.Generator) -> Array:
    """Return settled rows of which a trial promises most, best first, none twice.

    Args:
        wanted: what a trial promises.
        cube: of the space.
        near: (m, number of axes): the best points known; good ones are often close to them.
        rng: its state decides which points are looked at.
    """
    spread = 10 ** rng.uniform(-2.5, -0.5, size=(len(near) * NEARBY, 1))
    around = np.repeat(near, NEARBY, axis=0) + spread * rng.standard_normal((len(near) * NEARBY, len(cube)))
    moved = rng.random(around.shape) < max(0.5, 2 / max(len(cube), 1))
    around = np.where(moved, around, np.repeat(near, NEARBY, axis=0))
    rows = cube.settle(np.concatenate([rng.random((ANYWHERE, len(cube))), np.clip(around, 0, 1)]))
    values = wanted.of(rows)
    starts = np.argsort(-values, kind="stable")[: 8 * CLIMBS]
    chosen = _apart(rows, starts)
    climbed = [_climb(wanted, cube, rows[start], float(values[start])) for start in chosen]
    everything = np.concatenate([np.array([row for row, _ in climbed]), rows])
    order = np.argsort(-np.concatenate([np.array([value for _, value in climbed]), values]), kind="stable")
    unique = dict.fromkeys(tuple(row) for row in everything[order[: 4 * RANKED]])
    return np.array(list(unique)[:RANKED]).reshape(-1, len(cube))


def _apart(rows: Array, order: Any) -> list[int]:
    """Return the first of some rows, and of the others those that are far from the ones before."""
    chosen = [int(order[0])]
    while len(chosen) < min(CLIMBS, len(order)):
        gaps = np.min([np.abs(rows[order] - rows[each]).sum(axis=1) for each in chosen], axis=0)
        chosen.append(int(order[int(np.argmax(gaps))]))
    return chosen


def _climb(wanted: Acquisition, cube: Cube, row: Array, value: float) -> tuple[Array, float]:
    """Return a row from which no step leads higher, or the one after the last turn, and what it promises."""
    for _ in range(TURNS):
        before = value
        row, value = _along_slopes(wanted, cube, row, value)
        row, after = _along_values(wanted, cube, row, value)
        has_turned, value = after > value, after
        if not has_turned or value <= before:
            break
    return row, value


def _along_slopes(wanted: Acquisition, cube: Cube, row: Array, value: float) -> tuple[Array, float]:
    places = cube.smooth(row)
    if not places:
        return row, value
    moving, coordinates = cube.features(row[None, :])[0], [cube.feature_of(place) for place in places]

    def loss(shares: Array) -> tuple[float, Array]:
        moving[coordinates] = shares
        found, slope = wanted.with_slope(moving)
        return -found, -slope[coordinates]

    found = minimize(
        loss, row[places], jac=True, method="L-BFGS-B", bounds=[(0, 1)] * len(places), options={"maxiter": ITERATIONS}
    )
    end = row.copy()
    end[places] = np.clip(found.x, 0, 1)
    settled = cube.settle(end[None, :])
    reached = float(wanted.of(settled)[0])
    return (settled[0], reached) if reached > value else (row, value)


def _along_values(wanted: Acquisition, cube: Cube, row: Array, value: float) -> tuple[Array, float]:
    while len(beside := cube.beside(row)):
        values = wanted.of(beside)
        best = int(np.argmax(values))
        if not values[best] > value + 1e-9:
            break
        row, value = beside[best], float(values[best])
    return row, value
