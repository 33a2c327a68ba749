"""What ConfigSpace draws from a converted space is a point of it, and every space that it can express comes back."""

from __future__ import annotations

import json
from typing import Any

import ConfigSpace
import pytest
from ConfigSpace import (
    CategoricalHyperparameter,
    ConfigurationSpace,
    NormalFloatHyperparameter,
    OrdinalHyperparameter,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import Categorical, Constant, Float, Int, SearchSpace
from search_spaces.convert import TEXTS, ConversionError, from_configspace, to_configspace, to_params
from tests import strategies


def expressible(space: SearchSpace) -> bool:
    """Say whether ConfigSpace can hold it, as far as its documentation and its rounding go."""
    try:
        to_configspace(space)
    except ConversionError:
        return False
    return True


spaces = strategies.spaces().filter(expressible)
few = settings(max_examples=30)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Float(0, 2), UniformFloatHyperparameter("x", 0, 2)),
        (Float(1e-5, 0.1, log=True), UniformFloatHyperparameter("x", 1e-5, 0.1, log=True)),
        (Int(1, 6), UniformIntegerHyperparameter("x", 1, 6)),
        (Int(8, 64, log=True), UniformIntegerHyperparameter("x", 8, 64, log=True)),
        (Categorical(["a", None, 1.5]), CategoricalHyperparameter("x", ["a", None, 1.5])),
        (Constant("a"), ConfigSpace.Constant("x", "a")),
        (Int(3, 7, step=2), OrdinalHyperparameter("x", [3, 5, 7], meta={"range": "3..7 step 2"})),
        (Float(2, 2), ConfigSpace.Constant("x", 2.0, meta={"range": "2.0..2"})),
    ],
)
def test_counterparts(ours, theirs):
    """Each kind has one counterpart; what ConfigSpace lacks is kept as `meta`."""
    space = SearchSpace({"x": ours})

    assert to_configspace(space)["x"] == theirs
    assert from_configspace(ConfigurationSpace(space={"x": theirs})) == space


@few
@given(spaces, st.integers(0, 2**32 - 1))
def test_there_and_back(space, seed):
    """A space comes back, conditions included, by way of ConfigSpace's own JSON too; what is drawn is a point."""
    theirs = to_configspace(space, seed=seed)
    text = json.dumps(theirs.to_serialized_dict())

    assert from_configspace(theirs) == space
    assert from_configspace(ConfigurationSpace.from_serialized_dict(json.loads(text))) == space
    for configuration in theirs.sample_configuration(3):
        to_params(space, dict(configuration))


@few
@given(spaces)
def test_the_source_makes_the_same(space):
    """The Python source that is exported makes an equal ConfigurationSpace."""
    source: dict[str, Any] = {}

    exec(TEXTS["configspace"](space), source)

    assert source["space"] == to_configspace(space)


def test_a_changed_hyperparameter_wins_over_its_meta():
    """`meta` is believed only while it says the same as the hyperparameter."""
    theirs = OrdinalHyperparameter("x", [3, 5, 9], meta={"range": "3..7 step 2"})

    with pytest.raises(ConversionError, match="x: there is no counterpart for a OrdinalHyperparameter"):
        from_configspace(ConfigurationSpace(space={"x": theirs}))


def test_what_we_cannot_express_is_named():
    """All at once, with what to do."""
    theirs = ConfigurationSpace(
        space={
            "n": NormalFloatHyperparameter("n", mu=0, sigma=1, lower=-1, upper=1),
            "w": CategoricalHyperparameter("w", ["a", "b"], weights=[1, 2]),
        }
    )

    with pytest.raises(ConversionError) as caught:
        from_configspace(theirs)

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["n", "w"]


def test_what_configspace_cannot_express_is_named():
    """All at once: ends that its 13 decimals lose, steps too many to list, booleans beside numbers, cut text."""
    space = SearchSpace(
        {
            "a": Float(1e-20, 1, log=True),
            "b": Float(0, 1e300),
            "c": Int(1, 10**6 + 1, step=2),
            "d": Categorical([True, 2]),
            "e": Categorical(["x\0", "y"]),
            "f": "1..2",
        }
    )

    with pytest.raises(ConversionError) as caught:
        to_configspace(space)

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["a", "b", "c", "d", "e"]
