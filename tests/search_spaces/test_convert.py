"""Optuna's distributions hold exactly the values of ours."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search_spaces import Categorical, Constant, Float, Int
from search_spaces.convert import to_optuna
from tests import strategies


@pytest.mark.parametrize(
    ("ours", "optunas"),
    [
        (Float(1e-5, 0.1, log=True), FloatDistribution(1e-5, 0.1, log=True)),
        (Float(0, 1, step=0.1), FloatDistribution(0, 1, step=0.1)),
        (Int(8, 64, log=True), IntDistribution(8, 64, log=True)),
        (Int(16, 64, step=16), IntDistribution(16, 64, step=16)),
        (Categorical(["a", None, 1.5]), CategoricalDistribution(("a", None, 1.5))),
        (Constant("a"), CategoricalDistribution(("a",))),
    ],
)
def test_counterparts(ours, optunas):
    """Each kind has one counterpart, with the same ends, scale and step."""
    assert to_optuna(ours) == optunas


@given(strategies.distributions, st.integers(0, 2**32))
def test_our_samples_are_values_of_optuna(distribution, seed):
    """What we sample, Optuna takes as history of the same distribution."""
    value = distribution.sample(random.Random(seed))

    converted = to_optuna(distribution)

    assert converted._contains(converted.to_internal_repr(value))


def test_an_unknown_kind_is_refused():
    """A distribution that Optuna cannot express is named."""
    with pytest.raises(TypeError, match="no counterpart for str"):
        to_optuna("1..2")  # type: ignore[arg-type]
