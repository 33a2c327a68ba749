"""The schema of params accepts every point and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from search_spaces import Float, SearchSpace, SearchSpaceError
from search_spaces.convert import ConversionError, to_json_schema
from tests import strategies

few = settings(max_examples=30)


@few
@given(strategies.spaces(), st.randoms(use_true_random=False))
def test_points_are_accepted(space, rng):
    """Every sample is valid, and the schema itself is."""
    schema = to_json_schema(space)

    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(space.sample(rng))


@few
@given(strategies.spaces(min_size=1), st.randoms(use_true_random=False), st.data())
def test_what_is_no_point_is_refused(space, rng, data):
    """A point with one value changed, left out or added is valid where `validate` says so, and nowhere else."""
    params = space.sample(rng)
    name = data.draw(st.sampled_from([*space, "extra"]))
    changed = params | {name: data.draw(strategies.scalars | st.none())} if data.draw(st.booleans()) else dict(params)
    if changed == params:
        changed.pop(name, None)
    assume(not any(isinstance(value, float) and value.is_integer() for value in changed.values()))

    try:
        space.validate(changed)
        is_point = True
    except SearchSpaceError:
        is_point = False

    assert Draft202012Validator(to_json_schema(space)).is_valid(changed) == is_point


def test_steps_that_cannot_be_said():
    """Steps of a Float are listed; too many are an error that names the parameter."""
    assert to_json_schema(SearchSpace({"a": Float(0, 1, step=0.25)}))["properties"]["a"] == {
        "enum": [0.0, 0.25, 0.5, 0.75, 1.0]
    }
    with pytest.raises(ConversionError, match=r"^b: JSON Schema has no range with the steps"):
        to_json_schema(SearchSpace({"b": Float(0, 1, step=1e-5)}))
