"""Points have coordinates in the unit cube, which lead back to them, and neighbours that differ in one decision."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from search_spaces import Categorical, Constant, Float, Int, Ordinal, SearchSpace, SearchSpaceError
from search_spaces.base import MAX_GRID
from tests import strategies

_SPACE = SearchSpace(
    {
        "arch": "mlp|cnn",
        "lr": "1e-4..1 log",
        "seed": "=7",
        "kernel": "3<5<7 default 3 when arch=cnn",
        "pool": "2..4 when kernel>=5",
    }
)
_KINDS = (
    strategies.floats() | strategies.ints(max_values=MAX_GRID) | strategies.choices() | strategies.constants
)  # of few enough values for a grid, and for each to have a coordinate of its own
_CONDITIONAL = strategies.spaces(kinds=_KINDS)


def test_coordinates():
    """One for each parameter but constants, in the space's order; what does not exist stands at its default."""
    assert _SPACE.axes == ("arch", "lr", "kernel", "pool")
    assert _SPACE.to_unit({"arch": "mlp", "lr": 0.01, "seed": 7}) == pytest.approx([1 / 4, 1 / 2, 1 / 6, 1 / 2])
    assert _SPACE.to_unit({"arch": "cnn", "lr": 1.0, "seed": 7, "kernel": 7, "pool": 4}) == pytest.approx(
        [3 / 4, 1, 5 / 6, 5 / 6]
    )


def test_points_of_coordinates():
    """Coordinates of what does not exist go unused; anything that holds numbers will do, NumPy's rows as well."""
    assert _SPACE.from_unit([0.2, 0.5, 0.9, 0.9]) == {"arch": "mlp", "lr": 0.01, "seed": 7}
    assert _SPACE.from_unit(np.array([1, 0, 0.5, 1])) == {"arch": "cnn", "lr": 1e-4, "seed": 7, "kernel": 5, "pool": 4}
    assert _SPACE.from_unit(iter((np.float32(1), 0, 0.5, True)))["pool"] == 4
    assert SearchSpace({"seed": "=7"}).from_unit([]) == {"seed": 7}


@pytest.mark.parametrize(
    ("coordinates", "problem"),
    [
        ([0.5] * 3, "a point has 4 coordinates here, one for each parameter that is no constant, got 3"),
        ([0.5] * 5, "got 5"),
        ([0.5, -0.1, 0.5, "x"], r"^lr: .* must lie in 0\.\.1, got -0\.1\npool: .* must lie in 0\.\.1, got 'x'$"),
        ([None, math.nan, 0.5, 1.1], r"^arch: .* got None\nlr: .* got nan\npool: .* got 1\.1$"),
    ],
)
def test_wrong_coordinates(coordinates, problem):
    """All problems at once, with the parameter that a coordinate belongs to."""
    with pytest.raises(SearchSpaceError, match=problem):
        _SPACE.from_unit(coordinates)


@pytest.mark.parametrize("ask", [_SPACE.to_unit, _SPACE.neighbours])
def test_what_is_no_point_has_no_place(ask):
    """Missing, unknown and wrong params are told as `validate` tells them."""
    with pytest.raises(SearchSpaceError, match=r"arch: missing.*\nlr: 2 is outside.*\nseed: missing.*\nx: unknown"):
        ask({"lr": 2, "x": 1})


@given(_CONDITIONAL, st.integers(0, 2**32))
def test_coordinates_lead_back(space, seed):
    """Every sample, grid point, default and neighbour is the point at its coordinates, which lie in the unit cube."""
    sample = space.sample(random.Random(seed))
    grid = itertools.islice(space.grid(3), 20)
    beside = space.neighbours(sample)[:20]

    for point in [sample, space.default(), *grid, *beside]:
        coordinates = space.to_unit(point)

        assert all(0 <= share <= 1 for share in coordinates)
        assert len(coordinates) == len(space.axes)
        assert space.from_unit(coordinates) == point


@given(_CONDITIONAL, st.data())
def test_every_place_in_the_cube_is_a_point(space, data):
    """Whatever an optimizer of one's own comes up with is a point, and the point's own coordinates lead there too."""
    n = len(space.axes)
    coordinates = data.draw(st.lists(strategies.shares, min_size=n, max_size=n))

    point = space.from_unit(coordinates)

    space.validate(point)
    assert space.from_unit(space.to_unit(point)) == point


@given(strategies.floats(), strategies.shares, st.sampled_from(["default", "prior"]))
def test_what_users_state_is_found_again(real, share, field):
    """A default or a prior may have more digits than samples have; as near as coordinates can tell, it is itself."""
    assume(real.step is None)
    stated = min(max(real.low + share * (real.high - real.low), real.low), real.high)
    domain = Float(real.low, real.high, log=real.log, **{field: stated})

    found = domain.from_unit(domain.to_unit(stated))

    assert found == stated or domain.to_unit(found) == domain.to_unit(stated)


def test_a_third_is_a_third():
    """What the user wrote is not rounded, zero included; what is not at its place is."""
    third = Float(-1, 1, default=1 / 3, prior=0)

    assert [third.from_unit(third.to_unit(value)) for value in (1 / 3, 0.0)] == [1 / 3, 0.0]
    assert third.from_unit(2 / 3 + 1e-9) == 0.3333333353


@pytest.mark.parametrize(
    ("distribution", "value", "neighbours"),
    [
        (Float(0, 1), 0.5, [0.4, 0.6]),
        (Float(0, 1), 0.05, [0, 0.15]),
        (Float(0, 1), 1, [0.9]),
        (Float(1e-5, 1e5, log=True), 1, [0.1, 10]),
        (Float(2, 2), 2, []),
        (Float(0, 0.6, step=0.05), 0.3, [0.25, 0.35]),
        (Float(0, 0.6, step=0.05), 0.6, [0.55]),
        (Int(1, 9), 1, [2]),
        (Int(-(2**53), 2**53), 2**53 - 1, [2**53 - 2, 2**53]),
        (Int(16, 256, step=16), 32, [16, 48]),
        (Int(1, 1023, log=True), 32, [15, 69]),
        (Int(1, 3, log=True), 2, [1, 3]),
        (Int(5, 5), 5, []),
        (Ordinal([1, 8, 64]), 8, [1, 64]),
        (Ordinal([1, 8, 64]), 64, [8]),
        (Categorical(["a", 1, None]), 1, ["a", None]),
        (Categorical({"a": [1], "b": [2], "c": [3]}), "a", ["b", "c"]),
        (Categorical(["a"]), "a", []),
        (Constant(3), 3, []),
    ],
)
def test_neighbours_of_a_value(distribution, value, neighbours):
    """A step of the grid or a tenth of the scale, to the next choices in order, or to every other one."""
    assert distribution.neighbours(value) == pytest.approx(neighbours)


def test_a_value_outside_has_no_neighbours():
    """The reason is that of `validate`."""
    with pytest.raises(SearchSpaceError, match=r"0 is outside 1\.\.9"):
        Int(1, 9).neighbours(0)


def test_neighbours_take_along_what_depends_on_them():
    """Children that come to exist have their default, to any depth; those that cannot exist any more leave."""
    point = {"arch": "cnn", "lr": 1.0, "seed": 7, "kernel": 5, "pool": 4}

    assert _SPACE.neighbours(point) == [
        {"arch": "mlp", "lr": 1.0, "seed": 7},
        {**point, "lr": pytest.approx(10**-0.4)},
        {"arch": "cnn", "lr": 1.0, "seed": 7, "kernel": 3},
        {**point, "kernel": 7},
        {**point, "pool": 3},
    ]
    assert {"arch": "cnn", "lr": 1.0, "seed": 7, "kernel": 3} in _SPACE.neighbours(
        {"arch": "mlp", "lr": 1.0, "seed": 7}
    )


def test_neighbours_are_feasible():
    """Where relations forbid a step it is left out; an infeasible point has a place, and neighbours that mend it."""
    space = SearchSpace({"a": "1..4", "b": "1..4"}, require=["a * b <= 6"], forbid=[{"a": 1, "b": 3}])

    assert space.neighbours({"a": 2, "b": 3}) == [{"a": 2, "b": 2}]
    assert space.neighbours({"a": 4, "b": 2}) == [{"a": 3, "b": 2}, {"a": 4, "b": 1}]
    assert space.from_unit(space.to_unit({"a": 4, "b": 4})) == {"a": 4, "b": 4}


@given(_CONDITIONAL | strategies.related_spaces(), st.integers(0, 2**32))
def test_neighbours_differ_in_one_decision(space, seed):
    """Each is a point of which one value differs, and whose new parameters are at their default; none comes twice."""
    point = space.sample(random.Random(seed))

    neighbours = space.neighbours(point)

    for other in neighbours:
        space.validate(other)
        (changed,) = [name for name in point.keys() & other.keys() if point[name] != other[name]]
        assert other[changed] in space[changed].neighbours(point[changed])
        assert all(other[name] == space[name].default_value() for name in other.keys() - point.keys())
    assert len({str(sorted(other.items())) for other in neighbours}) == len(neighbours)


@given(_CONDITIONAL | strategies.related_spaces(), st.integers(0, 2**32))
def test_choices_can_be_taken_back(space, seed):
    """Of two choices or whole numbers on an even scale either both are neighbours or none is, and so of points."""
    point = space.sample(random.Random(seed))

    for other in space.neighbours(point):
        changed = next(name for name in point.keys() & other.keys() if point[name] != other[name])
        kind = space[changed]
        if isinstance(kind, (Categorical, Ordinal)) or (isinstance(kind, Int) and not kind.log):
            assert point[changed] in kind.neighbours(other[changed])
            assert point.keys() != other.keys() or point in space.neighbours(other)


@given(strategies.related_spaces(), st.integers(0, 2**32))
def test_no_neighbour_is_forgotten(space, seed):
    """Among points with the same parameters they are all feasible ones at a distance of one step or choice."""
    point = space.sample(random.Random(seed))

    expected = [
        other
        for other in space.grid(1)
        if other.keys() == point.keys()
        and sum(
            abs(a - b) if isinstance(a, int) else a != b for a, b in zip(point.values(), other.values(), strict=True)
        )
        == 1
    ]

    found = [other for other in space.neighbours(point) if other.keys() == point.keys()]
    assert sorted(map(str, found)) == sorted(map(str, expected))


def test_places_next_to_an_end_of_a_wide_range_are_points():
    """Where a value is too near an end for a share of the range to tell, it is that end."""
    space = SearchSpace({"a": Float(-3.479890561516551e-217, 1.4086753818275847e107)})

    point = space.from_unit([2.2250738585072014e-308])

    assert space.from_unit(space.to_unit(point)) == point
