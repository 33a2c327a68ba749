"""Optuna's distributions hold exactly the values of ours, and its trials suggest points of our spaces."""

from __future__ import annotations

import random
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search_spaces import Categorical, Constant, Float, Int, SearchSpace
from search_spaces.convert import TEXTS, ConversionError, from_optuna, to_optuna, to_params
from tests import strategies
from tests.search_spaces.convert.plain import single

few = settings(max_examples=30)

optuna.logging.set_verbosity(optuna.logging.ERROR)

ARCH = SearchSpace({"arch": "mlp|cnn", "cnn.k": "3|5 when arch=cnn", "cnn.pad": "true|false when cnn.k=5"})


def ask(distributions: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return what Optuna's random sampler draws."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return study.ask(distributions).params


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
    assert from_optuna(optunas) == ours


@few
@given(strategies.distributions, st.integers(0, 2**32))
def test_our_samples_are_values_of_optuna(distribution, seed):
    """What we sample, Optuna takes as history of the same distribution."""
    value = distribution.sample(random.Random(seed))

    converted = to_optuna(distribution)

    assert converted._contains(converted.to_internal_repr(value))


@few
@given(strategies.spaces(conditions=False))
def test_there_and_back(space):
    """A space without conditions comes back; choices of one are constants there."""
    assert from_optuna(to_optuna(space)) == single(space)


@few
@given(strategies.spaces(conditions=False), st.integers(0, 2**32 - 1))
def test_optunas_samples_are_points(space, seed):
    """What Optuna draws from the distributions is a point of the space."""
    params = ask(to_optuna(space), seed)

    assert to_params(space, params) == params


@few
@given(strategies.spaces(), st.integers(0, 2**32 - 1))
def test_the_source_suggests_points(space, seed):
    """The function that is exported suggests exactly what `suggest` does, conditions included."""
    source: dict[str, Any] = {}
    exec(TEXTS["optuna"](space), source)

    ours, theirs = (optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask() for _ in range(2))

    assert source["suggest"](theirs) == space.suggest(ours)


def test_conditions_have_no_distributions():
    """Every conditional parameter is named, with what to do."""
    with pytest.raises(ConversionError) as caught:
        to_optuna(ARCH)

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["cnn.k", "cnn.pad"]
    assert "space.suggest(trial)" in str(caught.value)


def test_what_we_cannot_hold_is_named():
    """Choices that are no scalars, and whole numbers beyond JSON's, are problems of their parameters."""
    with pytest.warns(UserWarning, match="persistent storage"):
        lists = CategoricalDistribution(([64, 64], [256]))

    with pytest.raises(ConversionError) as caught:
        from_optuna({"widths": lists, "big": IntDistribution(0, 2**60)})

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["widths", "widths", "big"]


def test_an_unknown_kind_is_refused():
    """What is no distribution, ours or Optuna's, is named."""
    with pytest.raises(TypeError, match="no counterpart for str"):
        to_optuna("1..2")  # type: ignore[call-overload]
    with pytest.raises(ConversionError, match=r"'1\.\.2'"):
        from_optuna("1..2")  # type: ignore[call-overload]
