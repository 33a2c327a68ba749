"""What Ray draws from a converted space is a point of it, and what Ray can express comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray import tune
from ray.tune.search.variant_generator import generate_variants

from search_spaces import Categorical, Constant, Float, Int, SearchSpace
from search_spaces.convert import TEXTS, ConversionError, from_ray, to_params, to_ray
from tests import strategies
from tests.search_spaces.convert.plain import plain

few = settings(max_examples=30)


def draw(param_space: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return the config of the first trial of a search without search algorithm."""
    np.random.seed(seed)
    _, config = next(generate_variants(param_space))
    return config


def expressible(space: SearchSpace) -> bool:
    """Say whether None can only mean that a parameter does not exist."""
    return not any(space[name].contains(None) for name in space.conditions)


def returns(space: SearchSpace) -> SearchSpace:
    """Return the space that comes back: ranges whose low is no multiple of their step are choices there."""
    return plain(space).override(
        {
            name: Categorical(d.grid(1))
            for name, d in space.items()
            if isinstance(to_ray(d), tune.search.sample.Categorical)
        }
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Float(0, 2), tune.uniform(0.0, 2.0)),
        (Float(1e-5, 0.1, log=True), tune.loguniform(1e-5, 0.1)),
        (Float(0.5, 2, step=0.25), tune.quniform(0.5, 2.0, 0.25)),
        (Int(1, 6), tune.randint(1, 7)),
        (Int(8, 64, log=True), tune.lograndint(8, 65)),
        (Int(16, 64, step=16), tune.qrandint(16, 64, 16)),
        (Categorical(["a", None, 1.5]), tune.choice(["a", None, 1.5])),
        (Int(3, 7, step=2), tune.choice([3, 5, 7])),
    ],
)
def test_counterparts(ours, theirs):
    """Each kind has one counterpart with the same values: Ray's upper ends are excluded, its steps multiples."""
    made = to_ray(ours)

    assert (type(made), made.domain_str) == (type(theirs), theirs.domain_str)
    assert {theirs.sample() for _ in range(50)} <= set(ours.grid(1)) or ours.size() is None


@few
@given(strategies.spaces(conditions=False))
def test_there_and_back(space):
    """A space without conditions comes back."""
    assert from_ray(to_ray(space)) == returns(space)


@few
@given(strategies.spaces().filter(expressible), st.integers(0, 2**32 - 1))
def test_rays_samples_are_points(space, seed):
    """What Ray draws is a point once what does not exist is left out, conditions included."""
    config = draw(to_ray(space), seed)

    params = to_params(space, config)

    assert set(config) == set(space)
    assert all(config[name] is None for name in space.keys() - params.keys())


@few
@given(strategies.spaces().filter(expressible), st.integers(0, 2**32 - 1))
def test_the_source_draws_the_same(space, seed):
    """The Python source that is exported draws what the objects draw."""
    source: dict[str, Any] = {}
    exec(TEXTS["ray"](space), source)

    assert draw(source["param_space"], seed) == draw(to_ray(space), seed)


def test_nested_spaces_and_grids():
    """Groups become dotted names, a grid search choices, anything else a constant."""
    theirs = {"cnn": {"width": tune.lograndint(8, 65), "act": tune.grid_search(["relu", "gelu"])}, "epochs": 3}

    assert from_ray(theirs) == SearchSpace({"cnn.width": "8..64 log", "cnn.act": "relu|gelu", "epochs": Constant(3)})


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (tune.randn(0, 1), "x: is drawn from a Normal distribution"),
        (tune.qloguniform(1e-3, 1, 1e-3), "x: log and step 0.001 exclude each other"),
        (tune.qlograndint(2, 8, 2), "x: log and step 2 exclude each other"),
        (tune.sample_from(lambda config: 3), "x: a function of sample_from says nothing of its range"),
        (tune.choice([[64, 64], [256]]), "x: choices: .* is a list"),
        (tune.uniform(0, 10**400), "x: high must be a finite number"),
        ([1, 2], "x: .* is a list"),
    ],
)
def test_what_we_cannot_express_is_named(theirs, says):
    """The parameter, what it asks for, and what to do."""
    with pytest.raises(ConversionError, match=says):
        from_ray({"x": theirs})


def test_what_ray_cannot_express_is_named():
    """All at once: null where Ray writes None for what is missing, and too many steps to list."""
    space = SearchSpace({"a": "null|x", "b": "null|x when a=x", "c": "1..9 step 2", "d": Int(1, 10**6 + 1, step=2)})

    with pytest.raises(ConversionError) as caught:
        to_ray(space)

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["b", "d"]
