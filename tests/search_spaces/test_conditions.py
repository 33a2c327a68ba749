"""Conditions say when a parameter exists, have one spelling, and join like logic."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given

from search_spaces import Condition, SearchSpaceError
from search_spaces.ranges import parse_condition
from tests import strategies


def test_holds_when_every_parent_has_one_of_its_values():
    """Clauses are joined by and, values by or; a parent that does not exist decides against."""
    condition = Condition.of({"arch": ["cnn", "rnn"], "norm": True})

    assert condition.holds({"arch": "rnn", "norm": True, "lr": 0.1})
    assert not condition.holds({"arch": "mlp", "norm": True})
    assert not condition.holds({"arch": "cnn", "norm": 1})
    assert not condition.holds({"arch": "cnn"})


def test_holds_in_an_interval():
    """Ends belong to it or not; only numbers lie in one, and True is none."""
    half_open = Condition.of({"n": {">=": 2, "<": 5}})
    beyond = Condition.of({"n": {">": 2.0}})

    assert [n for n in range(8) if half_open.holds({"n": n})] == [2, 3, 4]
    assert [n for n in (1, 2, 2.0001, 10**300) if beyond.holds({"n": n})] == [2.0001, 10**300]
    assert not Condition.of({"n": {"<=": 1}}).holds({"n": True})
    assert not any(beyond.holds({"n": value}) for value in ("3", None, float("nan"), [3]))


def test_holds_when_one_alternative_does():
    """Alternatives are joined by or; one whose parent does not exist leaves it to the others."""
    condition = Condition.of([{"arch": "mlp"}, {"arch": "cnn", "depth": {">": 3}}])

    assert condition.holds({"arch": "mlp"})
    assert condition.holds({"arch": "cnn", "depth": 4})
    assert not condition.holds({"arch": "cnn", "depth": 3})
    assert not condition.holds({"arch": "cnn"})
    assert not condition.holds({"depth": 4})


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"n": {">=": 2, "<": 5}}, "n>=2 and n<5"),
        ({"n": {"<": 5, ">=": 2}}, "n>=2 and n<5"),
        ({"n": {">=": 2.0, "<=": 4}}, "n=2..4"),
        ({"n": {">=": "1e-5"}}, "n>=1e-05"),
        ({"n": {">": 1, ">=": 1, "<=": 9, "<": 9}}, "n>1 and n<9"),
        ([{"b": 1}, {"a": "x"}], "a=x or b=1"),
        ([{"a": "x"}, {"a": "x", "b": 1}], "a=x"),
        ([{"a": {">": 3}}, {"a": 5}, {"a": {">=": 2}}], "a>=2"),
        ([{"a": 1}, {"a": [1, 2]}], "a=1|2"),
        ({"and": 1, "or": {">": 2}}, '"and"=1 and "or">2'),
    ],
)
def test_has_one_spelling(data, text):
    """However it is given, it is written one way, and without what follows from another part."""
    condition = Condition.of(data)

    assert str(condition) == text
    assert parse_condition(text) == condition
    assert Condition.of(condition.to_dict()) == condition
    assert eval(repr(condition)) == condition


@given(strategies.drafts())
def test_joins_like_logic(draft):
    """Joined with itself it stays the same, `or` holds where one does, `and` where both do."""
    for one, other in itertools.pairwise(draft[1].values()):
        either = one | other

        assert one & one == one | one == one
        assert either == other | one
        assert either & one == one
        assert Condition.of(either.to_dict()) == parse_condition(str(either)) == either
        assert {*one.parents, *other.parents}.issuperset(either.parents)


def test_is_a_value():
    """Order does not matter, type does; data comes back as the same condition."""
    condition = Condition.of({"b": [2, 1], "a": "x"})

    assert condition == Condition.of({"a": ["x"], "b": [1, 2, 2]})
    assert hash(condition) == hash(Condition.of({"a": "x", "b": [1, 2]}))
    assert condition != Condition.of({"a": "x", "b": [True, 2]})
    assert Condition.of(condition.to_dict()) == condition
    assert condition.to_dict() == {"a": "x", "b": [1, 2]}
    assert str(condition) == "a=x and b=1|2"


def test_and():
    """Two conditions join; for one parent only the common values are left, and there must be some."""
    joined = Condition.of({"a": [1, 2]}) & Condition.of({"a": [2, 3], "b": "x"})

    assert joined == Condition.of({"a": 2, "b": "x"})
    assert Condition.of({"n": {">": 2}}) & Condition.of({"n": {"<=": 7}}) == Condition.of({"n": {">": 2, "<=": 7}})
    assert Condition.of({"n": {">": 2}}) & Condition.of({"n": [1, 3, 5]}) == Condition.of({"n": [3, 5]})
    assert (
        str(Condition.of([{"a": 1}, {"b": 1}]) & Condition.of([{"a": 2}, {"c": 1}]))
        == "a=1 and c=1 or a=2 and b=1 or b=1 and c=1"
    )
    with pytest.raises(SearchSpaceError, match="when a=1 and when a=2 exclude each other"):
        Condition.of({"a": 1}) & Condition.of({"a": 2})
    with pytest.raises(SearchSpaceError, match="when n>2 and when n<=2 exclude each other"):
        Condition.of({"n": {">": 2}}) & Condition.of({"n": {"<=": 2}})


@pytest.mark.parametrize(
    ("parents", "problem"),
    [
        ({}, "when must map parents to values"),
        (["arch"], "when must map parents to values"),
        ([], "when must map parents to values"),
        ("arch=cnn", "when must map parents to values"),
        ([{"arch": "cnn"}, {}], "when must map parents to values"),
        ({"arch": []}, "when arch: needs at least one value, got an empty list"),
        ({"arch": [["cnn"]]}, "when arch: ['cnn'] is a list"),
        ({"a b": 1}, "when parameter name 'a b' must be made of"),
        ({"n": {}}, 'when n: needs values, or bounds such as {">=": 2, "<": 5}, got an empty mapping'),
        ({"n": {"=": 1}}, "when n: bounds are >= > <= <, got '='"),
        ({"n": {">=": "two"}}, "when n: bound >= must be a number, got 'two'"),
        ({"n": {"<": float("nan")}}, "when n: bound < must be a finite number, got nan"),
        ({"n": {">=": 5, "<": 2}}, "when n: there is nothing between the bounds >=5 and <2"),
        ({"n": {">=": 2, "<": 2}}, "when n: there is nothing between the bounds >=2 and <2"),
        ([{"n": k, "m": k} for k in range(65)], "when has more than 64 alternatives once joined"),
    ],
)
def test_refuses_what_is_no_condition(parents, problem):
    """A condition needs parents with names, and values for each."""
    with pytest.raises(SearchSpaceError) as caught:
        Condition.of(parents)

    assert str(caught.value).startswith(problem)
