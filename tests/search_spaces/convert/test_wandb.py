"""Sweep parameters of W&B as its documentation has them, drawn from by a small model of its own random search."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import Categorical, Constant, Float, Int, SearchSpace
from search_spaces.convert import TEXTS, ConversionError, from_wandb, to_params, to_wandb
from tests import strategies
from tests.search_spaces.convert.plain import plain

few = settings(max_examples=30)


def draw(parameters: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return what the documentation says that a sweep draws."""
    return {name: _value(parameter, rng) for name, parameter in parameters.items()}


def _value(parameter: dict[str, Any], rng: random.Random) -> Any:
    if "value" in parameter:
        return parameter["value"]
    if "values" in parameter:
        return rng.choice(parameter["values"])
    low, high, law = parameter["min"], parameter["max"], parameter["distribution"]
    assert low < high
    if law == "int_uniform":
        return rng.randint(low, high)
    is_log = "log" in law
    value = math.exp(rng.uniform(math.log(low), math.log(high))) if is_log else rng.uniform(low, high)
    if law.startswith("q_"):
        q = parameter["q"]
        return round(value / q) * q
    return value


def returns(space: SearchSpace) -> SearchSpace:
    """Return the space that comes back: a single value is a constant, what has other steps a list."""
    changed = {}
    for name, distribution in space.items():
        said = to_wandb(SearchSpace({name: distribution}))[name]
        if "value" in said:
            changed[name] = Constant(said["value"])
        elif "values" in said:
            changed[name] = Categorical(said["values"])
    return plain(space).override(changed)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Float(0, 2), {"distribution": "uniform", "min": 0.0, "max": 2.0}),
        (Float(1e-5, 0.1, log=True), {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}),
        (Float(0.5, 2, step=0.25), {"distribution": "q_uniform", "min": 0.5, "max": 2.0, "q": 0.25}),
        (Int(1, 6), {"distribution": "int_uniform", "min": 1, "max": 6}),
        (Int(8, 64, log=True), {"distribution": "q_log_uniform_values", "min": 8, "max": 64, "q": 1}),
        (Int(16, 64, step=16), {"distribution": "q_uniform", "min": 16, "max": 64, "q": 16}),
        (Categorical(["a", None, 1.5]), {"values": ["a", None, 1.5]}),
        (Categorical([3, 5]), {"distribution": "categorical", "values": [3, 5]}),
        (Constant("a"), {"value": "a"}),
        (Constant("a"), {"distribution": "constant", "value": "a"}),
        (Int(1, 6), {"min": 1, "max": 6}),
        (Float(1, 6), {"min": 1.0, "max": 6}),
        (Float(math.exp(-5), math.exp(-1), log=True), {"distribution": "log_uniform", "min": -5, "max": -1}),
        (Float(math.exp(-5), math.exp(-1), log=True), {"distribution": "inv_log_uniform", "min": 1, "max": 5}),
        (Float(1e-3, 0.1, log=True), {"distribution": "inv_log_uniform_values", "min": 1e-3, "max": 0.1}),
        (Int(0, 12, step=4), {"distribution": "q_uniform", "min": 1, "max": 11, "q": 4}),
        (Int(2, 5), {"distribution": "q_uniform", "min": 1.6, "max": 5.2}),
    ],
)
def test_counterparts(ours, theirs):
    """Each distribution of the documentation that is a range or choices, and what stands for it when it is left out."""
    assert from_wandb({"x": theirs}) == SearchSpace({"x": ours})


@few
@given(strategies.spaces(conditions=False))
def test_there_and_back(space):
    """A space without conditions comes back from the YAML that is written."""
    text = TEXTS["wandb"](space)

    assert from_wandb(yaml.safe_load(text)["parameters"] if space else {}) == returns(space)


@few
@given(strategies.spaces(conditions=False), st.randoms(use_true_random=False))
def test_their_samples_are_points(space, rng):
    """What a sweep draws is a point of the space."""
    to_params(space, draw(to_wandb(space), rng))


def test_nested_parameters():
    """Groups become dotted names, and a run's nested config a point."""
    theirs = {"optimizer": {"parameters": {"name": {"values": ["adam", "sgd"]}, "lr": {"min": 0.0, "max": 1.0}}}}

    space = from_wandb(theirs)

    assert space == SearchSpace({"optimizer.name": "adam|sgd", "optimizer.lr": "0.0..1.0"})
    assert to_params(space, {"optimizer": {"name": "sgd", "lr": 0.5}}) == {"optimizer.name": "sgd", "optimizer.lr": 0.5}


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        ({"distribution": "normal", "mu": 0, "sigma": 1}, "normal is no range"),
        ({"distribution": "q_beta"}, "q_beta is no range"),
        ({"distribution": "loguniform", "min": 1, "max": 2}, "did you mean 'log_uniform'"),
        ({"distribution": "q_log_uniform_values", "min": 1, "max": 8, "q": 2}, "log and q 2 exclude each other"),
        ({"values": ["a", "b"], "probabilities": [0.9, 0.1]}, "probabilities are not kept"),
        ({"values": [[64, 64], [256]]}, "is a list"),
        ({"min": 0.5}, "uniform needs max"),
        ({"min": 0, "max": "1"}, "high must be a number"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}, "step must be above 0"),
        ({"min": 0, "max": 1, "step": 1}, "has no step"),
        ({}, "needs value, values, min and max"),
        (3, "must be a mapping"),
    ],
)
def test_what_we_cannot_express_is_named(theirs, says):
    """The parameter, what it asks for, and what to do."""
    with pytest.raises(ConversionError, match=f"^x: .*{says}"):
        from_wandb({"x": theirs})


def test_what_a_sweep_cannot_express_is_named():
    """All at once: names that it does not take, conditions, and too many steps to list."""
    space = SearchSpace({"1x": "a|b", "b": "1..2 when 1x=a", "n": Int(1, 10**6 + 1, step=2)})

    with pytest.raises(ConversionError) as caught:
        to_wandb(space)

    assert sorted(problem.partition(":")[0] for problem in caught.value.problems) == ["1x", "b", "n"]
