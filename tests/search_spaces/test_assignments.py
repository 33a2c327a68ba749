"""A point on one line: what is given is read by each parameter, the others are at their default, all is checked."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import SearchSpace, SearchSpaceError
from search_spaces.assignments import written
from tests.strategies import spaces

SPACE = SearchSpace(
    {
        "lr": "1e-5..1e-1 log",
        "opt": "adam|sgd",
        "momentum": "0.0..1 when opt=sgd",
        "n": "1..9",
        "batch": '"1"|"2"|"a, b"',
        "layers": "small=[64]|big=[1, 2]",
        "drop": "0.0..1 step 0.1",
    },
    require=["n * lr <= 0.1"],
)


@pytest.mark.parametrize(
    ("text", "differs"),
    [
        ("lr=1e-2", {"lr": 0.01}),
        (" n = 4.0 ,opt=sgd, momentum=1", {"n": 4, "opt": "sgd", "momentum": 1.0}),
        ("batch=1, layers=big", {"batch": "1", "layers": "big"}),
        ('batch="a, b"', {"batch": "a, b"}),
        ({"lr": "1e-3", "n": "4", "batch": 2, "drop": 0.1 + 0.2}, {"lr": 1e-3, "n": 4, "batch": "2", "drop": 0.3}),
    ],
)
def test_what_is_given_is_read_by_its_parameter(text: Any, differs: dict[str, Any]) -> None:
    """Names, whole numbers and steps as the space has them; whatever is not given has its default."""
    point = SPACE.point(text)

    expected = SPACE.default() | differs
    assert point == expected
    assert [type(point[name]) for name in expected] == [type(value) for value in expected.values()]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("lr=0.1", ["require n * lr <= 0.1: 5 * 0.1 = 0.5 (n=5 by default: give it too)"]),
        ("lr=0.1, n=9", ["require n * lr <= 0.1: 9 * 0.1 = 0.9"]),
        ("momentum=0.9", ["momentum: exists only when opt=sgd; leave it out"]),
        ("n=4.5", ["n: must be a whole number in 1..9, got 4.5"]),
        ("drop=0.35", ["drop: 0.35 lies between the steps of 0.0..1 step 0.1; 0.3 is nearest"]),
        (
            "lr=1, opt=sdg, nn=4",
            [
                "lr: 1 is outside 1e-05..0.1 log",
                "opt: must be one of adam|sgd, got 'sdg'; did you mean 'sgd'?",
                "nn: unknown parameter; did you mean 'n'?",
            ],
        ),
        ("lr=0.1, lr=0.2", ["lr: has two values, 0.1 and 0.2: keep one of them"]),
        ({"lr": [1]}, ["lr: must be a number in 1e-05..0.1 log, got [1]"]),
    ],
)
def test_everything_wrong_is_told(text: Any, problems: list[str]) -> None:
    """At once, with what to write instead."""
    with pytest.raises(SearchSpaceError) as caught:
        SPACE.point(text)

    assert list(caught.value.problems) == problems


@pytest.mark.parametrize("text", ["", "lr", "lr=", "=3", "lr=0.1 opt=sgd", 'batch="a', 7])
def test_what_is_no_point_is_shown_how_to_write_one(text: Any) -> None:
    """Whatever it is."""
    with pytest.raises(SearchSpaceError, match="lr=0"):
        SPACE.point(text)


@settings(max_examples=50)
@given(space=spaces(min_size=1), seed=st.integers(0, 2**31))
def test_every_point_can_be_written_and_read(space: SearchSpace, seed: int) -> None:
    """The line of a point is read as that point, whatever its values are called."""
    point = space.sample(random.Random(seed))

    assert space.point(written(point)) == point
