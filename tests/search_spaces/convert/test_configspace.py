"""What ConfigSpace draws from a converted space is a point of it, and every space that it can express comes back."""

from __future__ import annotations

import json
import random
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

from search_spaces import Categorical, Constant, Float, Int, Ordinal, SearchSpace
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
        (
            Int(1, 6, default=2),
            UniformIntegerHyperparameter("x", 1, 6, default_value=2, meta={"range": "1..6 default 2"}),
        ),
        (Ordinal([4, 2]), OrdinalHyperparameter("x", [4, 2])),
        (Int(3, 7, step=2), OrdinalHyperparameter("x", [3, 5, 7], meta={"range": "3..7 step 2"})),
        (Float(2, 2), ConfigSpace.Constant("x", 2.0, meta={"range": "2.0..2"})),
    ],
)
def test_counterparts(ours, theirs):
    """Each kind has one counterpart; what ConfigSpace lacks is kept as `meta`."""
    space = SearchSpace({"x": ours})

    assert to_configspace(space)["x"] == theirs
    assert from_configspace(ConfigurationSpace(space={"x": theirs})) == space


def equivalent(ours: SearchSpace, theirs: SearchSpace) -> bool:
    """Say whether two spaces have the same ranges, and points of one are points of the other."""
    for one, other in ((ours, theirs), (theirs, ours)):
        for seed in range(5):
            other.validate(one.sample(random.Random(seed)))
    return dict(ours) == dict(theirs)


@few
@given(spaces, st.integers(0, 2**32 - 1))
def test_there_and_back(space, seed):
    """A space comes back, by way of ConfigSpace's own JSON too, and what is drawn is a point of it.

    Bounds in conditions on what is listed there come back as the values between them: other words for the same.
    """
    theirs = to_configspace(space, seed=seed)
    text = json.dumps(theirs.to_serialized_dict())

    back = from_configspace(theirs)

    assert equivalent(space, back)
    assert from_configspace(to_configspace(back)) == back
    assert from_configspace(ConfigurationSpace.from_serialized_dict(json.loads(text))) == back
    for configuration in theirs.sample_configuration(3):
        to_params(space, dict(configuration))


@pytest.mark.parametrize(
    "condition",
    [
        "a=2",
        "a=2|4",
        "a=2 and c=x",
        "a=2 and c=x or b>0.5",
        "a>2",
        "a>=2 and a<5",
        "b>=0.25 and b<=0.75",
        "b<0.5 or b>0.75 and c=y|z",
    ],
)
def test_conditions(condition):
    """Values, bounds, `and` and `or` come back as they were written."""
    space = SearchSpace({"a": "1..6", "b": "0.0..1.0", "c": "x|y|z", "d": f"1..2 when {condition}"})

    theirs = to_configspace(space, seed=1)

    assert from_configspace(theirs) == space
    for configuration in theirs.sample_configuration(50):
        to_params(space, dict(configuration))


def test_conditions_of_their_own():
    """What others ask in other words is understood: another value than one, and bounds on ordinals by position."""
    theirs = ConfigurationSpace({"a": ["x", "y", "z"], "b": (0.0, 1.0)})
    order = OrdinalHyperparameter("o", ["low", "mid", "high"])
    children = [UniformIntegerHyperparameter(name, 0, 9) for name in "pqr"]
    theirs.add(order, *children)
    theirs.add(
        ConfigSpace.NotEqualsCondition(theirs["p"], theirs["a"], "y"),
        ConfigSpace.NotEqualsCondition(theirs["q"], theirs["b"], 0.5),
        ConfigSpace.GreaterThanCondition(theirs["r"], theirs["o"], "low"),
    )

    conditions = from_configspace(theirs).conditions

    assert {name: str(condition) for name, condition in conditions.items()} == {
        "p": "a=x|z",
        "q": "b<0.5 or b>0.5",
        "r": "o=high|mid",
    }


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

    assert from_configspace(ConfigurationSpace(space={"x": theirs})) == SearchSpace({"x": Ordinal([3, 5, 9])})


def test_defaults_of_their_own():
    """A default that somebody gave is one of ours; the middle, which ConfigSpace takes itself, is none."""
    theirs = ConfigurationSpace(
        space={
            "a": UniformFloatHyperparameter("a", 0, 1, default_value=0.25),
            "b": CategoricalHyperparameter("b", ["x", None], default_value=None),
            "c": UniformIntegerHyperparameter("c", 1, 6),
        }
    )

    space = from_configspace(theirs)

    assert space == SearchSpace({"a": "0.0..1 default 0.25", "b": "x|null default null", "c": "1..6"})
    assert to_configspace(space)["a"].default_value == 0.25


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
