"""Counting and listing the points of conditional spaces agree with each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import SearchSpace
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
        ({"a": "0|1", "b": "2..4 when a=0", "c": "0..9 when a=1 and b=2"}, 4),
    ],
)
def test_size(parameters, size):
    """Counting needs no listing; a parameter that can never exist does not count."""
    assert SearchSpace(parameters).size() == size


def test_many_parameters_are_counted_quickly():
    """Parameters that no condition connects are multiplied, not combined."""
    roots = {f"r{k}": "0|1" for k in range(1000)}
    children = {f"c{k}": f"1..3 when r{k}=1" for k in range(1000)}

    assert SearchSpace(roots | children).size() == 4**1000


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
