"""What is asked of one parent: a value is accepted or not, and few values are enough to know about all of them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Float, Int
from search_spaces.criteria import cells, common, interval_of, is_possible, values_of
from tests import strategies

_CRITERIA = st.one_of(
    st.lists(st.integers(-9, 9), min_size=1, max_size=3).map(values_of),
    st.dictionaries(st.sampled_from([">", ">="]), st.integers(-9, 9), min_size=1, max_size=1).map(interval_of),
    st.dictionaries(st.sampled_from(["<", "<="]), st.floats(-9, 9), min_size=1, max_size=1).map(interval_of),
    st.tuples(st.integers(-9, 0), st.floats(0, 9)).map(lambda ends: interval_of({">=": ends[0], "<=": ends[1]})),
)
_NUMBERS = st.one_of(
    st.builds(
        lambda low, step, n: Int(low, low + step * n, step=step), *[st.integers(-9, 9), st.integers(1, 4)], st.just(4)
    ),
    st.sampled_from([Float(-1, 1, step=0.1), Float(0, 0), Float(-9, 9, step=4.5)]),
    strategies.choices(),
)


@given(_NUMBERS, st.lists(_CRITERIA, max_size=3))
def test_cells_stand_for_all_values(distribution, criteria):
    """Each value of a cell is answered like the one that stands for it, and none is left out or counted twice."""
    of_values = Counter(tuple(each.accepts(value) for each in criteria) for value in distribution.grid(1))

    of_cells: Counter[tuple[bool, ...]] = Counter()
    for value, count in cells(distribution, criteria):
        assert distribution.contains(value)
        of_cells[tuple(each.accepts(value) for each in criteria)] += count

    assert of_cells == of_values


@given(_CRITERIA, _CRITERIA, st.integers(-10, 10) | st.floats(-10, 10))
def test_what_two_accept(left, right, value):
    """Their common part accepts what both do."""
    both = common(left, right)

    assert (both is not None and both.accepts(value)) == (left.accepts(value) and right.accepts(value))


@pytest.mark.parametrize(
    ("bounds", "low", "high", "possible"),
    [
        ({">=": 1}, 0, 1, True),
        ({">": 1}, 0, 1, False),
        ({"<": 0}, 0, 1, False),
        ({">": 0.5, "<": 0.6}, 0, 1, True),
        ({">": 0.1, "<": 0.10000000000000002}, 0, 1, False),
        ({">=": -5, "<=": 5}, 0, 1, True),
    ],
)
def test_a_continuous_range(bounds, low, high, possible):
    """Of a range without steps an interval needs a number that is there, be it between its ends alone."""
    assert is_possible(interval_of(bounds), Float(low, high)) == possible


def test_a_huge_range_has_few_cells():
    """Only where an answer changes a range is parted."""
    huge = Int(0, 2**53)

    found = cells(huge, [interval_of({">=": 1000, "<": 2000}), values_of([7])])

    assert sum(count for _, count in found) == huge.size()
    assert len(found) == 7
