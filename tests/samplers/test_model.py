"""The Gaussian process: it interpolates, knows what it does not know, and its slopes are those of its values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from automl.samplers.model import (
    Model,
    fit,
    log_expected_improvement,
    log_expected_improvement_with_slope,
)

X = np.random.default_rng(0).random((40, 3))
Y = 100 + 30 * np.sin(5 * X[:, 0]) + 10 * X[:, 1]  # the third axis does nothing


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(X, Y, axis=np.arange(3))


def test_it_learns_a_smooth_function(model: Model) -> None:
    """Between its points it is right within its own deviation, and far closer than the mean of all."""
    x = np.random.default_rng(1).random((200, 3))
    truth = 100 + 30 * np.sin(5 * x[:, 0]) + 10 * x[:, 1]

    mean, sd = model.predict(x)

    assert np.sqrt(np.mean((mean - truth) ** 2)) < 0.1 * Y.std()
    assert np.mean(np.abs(mean - truth) <= 3 * sd) > 0.95


def test_it_finds_which_axes_matter(model: Model) -> None:
    """An axis along which nothing changes has the longest length scale."""
    assert model.weights[2] < model.weights[1] < model.weights[0]


def test_noise_is_told_from_the_function() -> None:
    """Of values that scatter it says that their mean is likely, with a deviation below that of the noise."""
    rng = np.random.default_rng(0)
    x = rng.random((60, 1))
    y = 3 * x[:, 0] + rng.normal(0, 0.5, 60)

    mean, sd = fit(x, y, axis=np.arange(1)).predict(np.array([[0.5]]))

    assert mean[0] == pytest.approx(1.5, abs=0.3)
    assert sd[0] < 0.4


def test_slopes_are_those_of_the_values(model: Model) -> None:
    """Those of mean and deviation, and of the expected improvement made of both, near data and far from them."""
    for x in (np.array([0.3, 0.7, 0.2]), X[3] + 0.01, np.array([0.95, 0.02, 0.99])):
        mean, sd, d_mean, d_sd = model.predict_with_slope(x)
        value, slope = log_expected_improvement_with_slope(mean, sd, d_mean, d_sd, best=80.0)

        def wanted(at: np.ndarray) -> float:
            means, sds = model.predict(at[None, :])
            return float(log_expected_improvement(means, sds, best=80.0)[0])

        assert value == pytest.approx(wanted(x))
        assert d_mean == pytest.approx(approx_fprime(x, lambda at: model.predict(at[None, :])[0][0], 1e-6), abs=1e-2)
        assert slope == pytest.approx(approx_fprime(x, wanted, 1e-6), rel=1e-2, abs=1e-2)


def test_expected_improvement_never_vanishes() -> None:
    """Its logarithm tells hopeless points apart, where the improvement itself is too small for a float."""
    means, sds = np.array([-5.0, 0.0, 1.0, 1.01, 40.0, 1e3, 1e6]), np.ones(7)

    found = log_expected_improvement(means, sds, best=0.0)

    assert np.exp(found[:2]) == pytest.approx([5.0, 0.3989423])
    assert np.exp(found[2]) == pytest.approx(0.0833155)
    assert np.all(np.isfinite(found))
    assert np.all(np.diff(found) < 0)


def test_what_runs_already_is_less_wanted(model: Model) -> None:
    """Around pending points the mean stays as it is, and the deviation shrinks."""
    x = np.array([[0.5, 0.5, 0.5]])

    mean, sd = model.predict(x)
    mean_later, sd_later = model.with_pending(x).predict(x)

    assert mean_later == pytest.approx(mean, rel=1e-6)
    assert sd_later[0] < 0.8 * sd[0]


@pytest.mark.parametrize("unit", [1e-15, 1e90])
def test_units_make_no_difference(model: Model, unit: float) -> None:
    """Losses that are tiny in theirs are told apart as well as others."""
    mean, sd = model.predict(X[:5] + 0.05)

    mean_in_unit, sd_in_unit = fit(X, Y * unit, axis=np.arange(3)).predict(X[:5] + 0.05)

    assert mean_in_unit / unit == pytest.approx(mean, rel=1e-3)
    assert sd_in_unit / unit == pytest.approx(sd, rel=1e-2)


@pytest.mark.parametrize("y", [np.full(5, 7.0), np.array([0.0, 0, 0, 0, 1e12]), np.array([1e-9, 2e-9, 0, 0, 0])])
def test_values_of_any_size_will_do(y: np.ndarray) -> None:
    """Equal ones too, and the same point five times."""
    for x in (X[:5], np.repeat(X[:1], 5, axis=0)):
        mean, sd = fit(x, y, axis=np.arange(3)).predict(X)

        assert np.all(np.isfinite(mean))
        assert np.all(sd > 0)
