"""What a trial promises, and the search for the point that promises most."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from automl.samplers.acquisition import RANKED, Acquisition, ExpectedImprovement, Feasibly, most_wanted
from automl.samplers.cube import Cube
from automl.samplers.model import fit
from search_spaces import SearchSpace

SPACE = SearchSpace({"x": "0.0..1.0", "opt": "a|b|c", "y": "0.0..1.0 when opt=a|c", "n": "1..4"})
CUBE = Cube(SPACE)
RNG = np.random.default_rng(0)
ROWS = CUBE.settle(RNG.random((40, len(CUBE))))
KNOWN = CUBE.features(ROWS)
LOSS = fit(KNOWN, (ROWS[:, 0] - 0.3) ** 2 + ROWS[:, 2] + (ROWS[:, 1] < 0.3), axis=CUBE.axis)
LIMIT = fit(KNOWN, 0.5 - ROWS[:, 0] + RNG.normal(0, 0.05, 40), axis=CUBE.axis)  # kept from about x = 0.5
GAIN = ExpectedImprovement(LOSS, CUBE, 0.2)
KEPT = Feasibly(GAIN, [LIMIT])
ANY = Feasibly(ExpectedImprovement(LOSS, CUBE, math.inf), [LIMIT])


@pytest.mark.parametrize("wanted", [GAIN, KEPT, ANY], ids=["gain", "gain within limits", "limits alone"])
def test_slopes_are_those_of_the_values(wanted: Acquisition) -> None:
    """By the features of a row, along the axes that have one."""
    row = CUBE.row({"x": 0.45, "opt": "a", "y": 0.3, "n": 2})
    places = list(CUBE.smooth(row))

    value, slope = wanted.with_slope(CUBE.features(row[None, :])[0])

    def at(shares: np.ndarray) -> float:
        moved = row.copy()
        moved[places] = shares
        return float(wanted.of(moved[None, :])[0])

    assert value == pytest.approx(at(row[places]))
    assert slope[[CUBE.feature_of(place) for place in places]] == pytest.approx(
        approx_fprime(row[places], at, 1e-6), rel=1e-2, abs=1e-3
    )


@pytest.mark.parametrize(("wanted", "x"), [(GAIN, 0.3), (KEPT, 0.5)], ids=["gain", "gain within limits"])
def test_the_best_points_come_first_and_none_twice(wanted: Acquisition, x: float) -> None:
    """All are points of the space, and the first has the best choice, and the best number that the limits leave."""
    rows = most_wanted(wanted, CUBE, near=ROWS[:3], rng=np.random.default_rng(1))

    values = wanted.of(rows)
    best = SPACE.from_unit(rows[0])
    assert len({tuple(row) for row in rows}) == len(rows) == RANKED
    assert np.all(np.diff(values) <= 1e-9)
    assert CUBE.settle(rows) == pytest.approx(rows)
    assert best["opt"] != "a"
    assert best["x"] == pytest.approx(x, abs=0.15)
