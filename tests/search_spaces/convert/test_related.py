"""Relations have no counterpart elsewhere: none is lost without a word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from search_spaces import SearchSpace
from search_spaces.convert import (
    TEXTS,
    ConversionError,
    to_configspace,
    to_json_schema,
    to_katib,
    to_optuna,
    to_ray,
    to_wandb,
)
from tests import strategies

_TO: dict[str, Callable[[SearchSpace], Any]] = {
    **{to.__name__: to for to in (to_configspace, to_katib, to_optuna, to_ray, to_wandb)},
    **{name: write for name, write in TEXTS.items() if name != "json-schema"},
}


@pytest.mark.parametrize("convert", _TO.values(), ids=_TO)
def test_every_relation_is_named(convert: Callable[[SearchSpace], Any]) -> None:
    """A space that would have other points there is refused, with each relation and the way out."""
    space = SearchSpace({"a": "1..5", "b": "1..5"}, require=["a<b"], forbid=["a=1"])

    with pytest.raises(ConversionError) as caught:
        convert(space)

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["require a < b", "forbid a=1"]
    assert all("has no relations; " in problem for problem in caught.value.problems)
    assert convert(SearchSpace(dict(space), when=space.conditions))


@settings(max_examples=30)
@given(strategies.related_spaces())
def test_a_json_schema_forbids_what_the_space_does(space: SearchSpace) -> None:
    """Of all points without relations exactly the feasible ones fit; a relation between numbers is refused."""
    loose = SearchSpace(dict(space), when=space.conditions)
    forbidding = SearchSpace(dict(space), when=space.conditions, forbid=space.forbid)

    validator = Draft202012Validator(to_json_schema(forbidding))

    assert [point for point in loose.grid(1) if validator.is_valid(point)] == list(forbidding.grid(1))
    if space.require:
        with pytest.raises(ConversionError, match="JSON Schema compares no two values"):
            to_json_schema(space)
