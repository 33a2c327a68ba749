"""What becomes of relations between parameters, library by library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from ConfigSpace import (
    ConfigurationSpace,
    ForbiddenAndConjunction,
    ForbiddenEqualsClause,
    ForbiddenInClause,
    ForbiddenLessThanRelation,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from search_spaces import SearchSpace
from search_spaces.convert import (
    TEXTS,
    ConversionError,
    from_configspace,
    to_configspace,
    to_json_schema,
    to_katib,
    to_optuna,
    to_params,
    to_ray,
    to_wandb,
)
from tests import strategies

RELATED = SearchSpace(
    {
        "n-layers": "1..6",
        "width": "16..256 log",
        "opt": "adam|sgd",
        "batch": "32|64|512",
        "momentum": "0.0..1.0 when opt=sgd",
    },
    require=["`n-layers` * width <= 512", "momentum < 0.9 or width >= 1e2"],
    forbid=["opt=sgd and batch=512"],
)

optuna.logging.set_verbosity(optuna.logging.ERROR)


_TO: dict[str, Callable[[SearchSpace], Any]] = {
    **{to.__name__: to for to in (to_katib, to_optuna, to_ray, to_wandb)},
    **{name: TEXTS[name] for name in ("ray", "wandb", "katib")},
}


@pytest.mark.parametrize("convert", _TO.values(), ids=_TO)
def test_every_relation_is_named(convert: Callable[[SearchSpace], Any]) -> None:
    """A space that would have other points there is refused, with each relation and the way out."""
    space = SearchSpace({"a": "1..5", "b": "1..5"}, require=["a<b"], forbid=["a=1"])

    with pytest.raises(ConversionError) as caught:
        convert(space)

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["require a < b", "forbid a=1"]
    assert all(" cannot express it; " in problem for problem in caught.value.problems)
    assert convert(SearchSpace(dict(space), when=space.conditions))


@settings(max_examples=30)
@given(strategies.related_spaces() | st.just(RELATED), st.integers(0, 2**32 - 1))
def test_optunas_trials_are_pruned(space, seed):
    """The function that is exported prunes exactly the trials whose params break a relation."""
    source: dict[str, Any] = {}
    exec(TEXTS["optuna"](space), source)
    ours, theirs = (optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask() for _ in range(2))

    params = space.suggest(ours)
    try:
        is_pruned = source["suggest"](theirs) != params
    except (optuna.TrialPruned, ZeroDivisionError, OverflowError):
        is_pruned = True

    assert is_pruned == (not space.is_feasible(params))


@settings(max_examples=30)
@given(strategies.related_spaces())
def test_a_json_schema_forbids_what_the_space_does(space: SearchSpace) -> None:
    """Of all points without relations exactly the feasible ones fit; a relation between numbers is refused."""
    loose = SearchSpace(dict(space), when=space.conditions)
    forbidding = SearchSpace(dict(space), when=space.conditions, forbid=space.forbid)

    validator = Draft202012Validator(to_json_schema(forbidding))

    assert [point for point in loose.grid(1) if validator.is_valid(point)] == list(forbidding.grid(1))
    if space.require:
        with pytest.raises(ConversionError, match="JSON Schema cannot express it"):
            to_json_schema(space)


def test_configspace_forbids_and_compares():
    """Forbidden combinations, and two numbers compared, come back and are kept by what is drawn."""
    space = SearchSpace(
        {"a": "1..6", "b": "1..9", "c": "x|y|z", "d": "0.0..1.0 when c=x"},
        require=["a <= b", "b != a"],
        forbid=["a=1|2 and c=y", "c=z and b=3"],
    )

    theirs = to_configspace(space, seed=1)

    assert from_configspace(theirs) == space
    for configuration in theirs.sample_configuration(100):
        to_params(space, dict(configuration))
    exec(TEXTS["configspace"](space), source := {})
    assert source["space"] == theirs


def test_relations_of_configspace_itself():
    """What somebody wrote with ConfigSpace's own classes is read."""
    theirs = ConfigurationSpace({"a": (1, 6), "b": (1, 6), "c": ["x", "y"]})
    theirs.add(
        ForbiddenAndConjunction(ForbiddenInClause(theirs["a"], [5, 6]), ForbiddenEqualsClause(theirs["c"], "y")),
        ForbiddenLessThanRelation(theirs["a"], theirs["b"]),
    )

    space = from_configspace(theirs)

    assert [*map(str, space.require), *map(str, space.forbid)] == ["a >= b", "a=5|6 and c=y"]


def test_what_configspace_cannot_express_is_named():
    """Products and the like; and a default point that is forbidden."""
    with pytest.raises(ConversionError) as caught:
        to_configspace(RELATED)
    assert len(caught.value.problems) == 2
    assert all("ConfigSpace cannot express it" in problem for problem in caught.value.problems)
    with pytest.raises(ConversionError, match="refuses its default point"):
        to_configspace(SearchSpace({"a": "x|y", "b": "x|y"}, forbid=["a=x and b=x"]))
