"""Counting and listing the points of conditional spaces agree with each other."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import SearchSpace
from search_spaces.points import Step, grid
from tests import strategies

_NESTED = SearchSpace(
    {
        "arch": "mlp|cnn",
        "norm": "none|batch|group when arch=cnn",
        "groups": "2|4 when norm=group",
        "scale": "true|false when norm=batch|group",
        "depth": "1..3 when arch=mlp",
        "seed": "=1",
    }
)


def test_missing_parameters_never_repeat_a_point():
    """Each combination of the parameters that exist comes once, the last changing fastest."""
    space = SearchSpace({"arch": "mlp|cnn", "kernel": "3|5 when arch=cnn", "pool": "max|avg when arch=cnn"})

    assert list(space.grid(3)) == [
        {"arch": "mlp"},
        {"arch": "cnn", "kernel": 3, "pool": "max"},
        {"arch": "cnn", "kernel": 3, "pool": "avg"},
        {"arch": "cnn", "kernel": 5, "pool": "max"},
        {"arch": "cnn", "kernel": 5, "pool": "avg"},
    ]


def test_nested_conditions():
    """A parameter below one that does not exist does not exist either: 3 + (none) + (batch x 2) + (group x 2 x 2)."""
    assert _NESTED.size() == 3 + 1 + 2 + 4
    assert len(list(_NESTED.grid(1))) == _NESTED.size()


def test_several_parents():
    """A parameter of two parents exists only where both agree."""
    space = SearchSpace({"a": "1..3", "b": "x|y", "c": "0..9 when a=2|3 and b=y"})

    assert space.size() == len(list(space.grid(1))) == 4 + 2 * 10


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({}, 1),
        ({"x": "0.0..1"}, "continuous"),
        ({"x": "0.0..1 step 0.5"}, 3),
        ({"a": "x|y", "lr": "0.0..1 when a=y"}, "continuous"),
        ({"n": "0..9007199254740990", "k": "1..5 when n=7"}, 9007199254740990 + 5),
        ({"a": "1.0|2.0", "k": "1..5 when a=1"}, 6),
        (
            {"n": "0..9007199254740990", "k": "1..5 when n>=10 and n<20 or n=9007199254740990"},
            9007199254740991 + 11 * 4,
        ),
        ({"n": "-9..9 step 3", "k": "1..5 when n>-3"}, 3 + 4 * 5),
        ({"x": "0.0..1 step 0.1", "k": "1..5 when x<=0.3 or x=0.7..0.8"}, 5 + 6 * 5),
        ({"x": "0.0..1", "k": "1..5 when x<=0.3"}, "continuous"),
        ({"c": "0.5|2|8", "k": "1..5 when c>0.5"}, 1 + 2 * 5),
        ({"c": "=3", "k": "1..5 when c=1..3"}, 5),
        ({"a": "x|y", "b": "1..3", "k": "1..5 when a=x or b>=2"}, 1 + 5 * 5),
        ({"a": "x|y", "b": "1..3 when a=x", "c": "0|1 when a=y", "k": "1..5 when b=2 or c=1"}, 2 + 5 + 1 + 5),
    ],
)
def test_size(parameters, size):
    """Counting needs no listing, however many values there are."""
    assert SearchSpace(parameters).size() == size


def test_many_parameters_are_counted_quickly():
    """Parameters that no condition connects are multiplied, not combined."""
    roots = {f"r{k}": "0|1" for k in range(1000)}
    children = {f"c{k}": f"1..3 when r{k}=1" for k in range(1000)}

    assert SearchSpace(roots | children).size() == 4**1000


def test_a_forest_of_every_shape_is_counted_quickly():
    """Alternatives and intervals cost no more than values, to any depth."""
    trees = {
        f"t{k}": "0..9007199254740990" if k < 20 else f"0..9 when t{k - 20}>=5 or t{k - 20}=1|3" for k in range(1000)
    }
    chain = 10
    for _ in range(48):
        chain = 3 + 7 * chain  # of ten values 1, 3 and 5 to 9 have another below

    assert SearchSpace(trees).size() == (3 + (9007199254740991 - 3) * chain) ** 20


@given(strategies.finite_drafts)
def test_a_space_is_refused_when_a_parameter_is_at_no_point(draft):
    """What is found by looking at conditions alone is what listing every point shows."""
    parameters, when = draft
    steps = [Step(name, distribution, when.get(name)) for name, distribution in parameters.items()]

    existing = {name for point in grid(steps, 1) for name in point}

    assert strategies.can_exist(parameters, when) == (existing == parameters.keys())


def test_one_alternative_is_enough():
    """A parameter of two alternatives exists where one holds; what the other asks about may not even exist."""
    space = SearchSpace({"arch": "mlp|cnn", "n": "1..3 when arch=cnn", "k": "=1 when arch=mlp or n>=2"})

    assert list(space.grid(1)) == [
        {"arch": "mlp", "k": 1},
        {"arch": "cnn", "n": 1},
        {"arch": "cnn", "n": 2, "k": 1},
        {"arch": "cnn", "n": 3, "k": 1},
    ]


def test_many_parents_are_counted():
    """A parameter of hundreds of parents is counted without climbing a stack as high."""
    roots = {f"r{k}": "0|1" for k in range(500)}

    space = SearchSpace(roots | {"c": f"1..3 when {' and '.join(f'{root}=1' for root in roots)}"})

    assert space.size() == 2**500 + 2


def test_a_grid_is_lazy():
    """The first points of an astronomical grid cost nothing."""
    space = SearchSpace({f"x{k}": "0.0..1" for k in range(300)})

    points = space.grid(10)

    assert next(points) == dict.fromkeys(space, 0.0)
    assert next(points)["x299"] == pytest.approx(1 / 9)


@given(strategies.finite_spaces)
def test_size_is_the_length_of_the_grid(space):
    """Two ways to look at a space, one by arithmetic and one by listing, give one number."""
    points = list(space.grid(2))

    assert len(points) == space.size()


@given(strategies.spaces(kinds=st.one_of(strategies.floats(), strategies.ints(max_values=3))), st.integers(1, 3))
def test_grid_points_are_distinct_points_of_the_space(space, n):
    """Every point of a grid validates, and none comes twice."""
    points = []
    for point in space.grid(n):
        space.validate(point)
        points.append(tuple(point.items()))
        if len(points) == 500:
            break

    assert len(set(points)) == len(points)


def test_conditions_without_end_are_not_counted():
    """Where conditions cross each other wildly, the size is what it is at most, and comes within a moment."""
    rng = random.Random(5)
    parents = {f"a{i}": "0|1" for i in range(60)}
    pairs = [rng.sample(range(60), 2) for _ in range(300)]
    children = {f"c{k}": f"1..3 when a{i}=1 and a{j}=0" for k, (i, j) in enumerate(pairs)}

    start = time.process_time()
    size = SearchSpace({**parents, **children}).size()

    assert size == 2**60 * 3**300
    assert time.process_time() - start < 10
