"""Conditions say when a parameter exists, and a space refuses those that make no sense."""

from __future__ import annotations

import pytest

from search_spaces import Condition, SearchSpace, SearchSpaceError
from search_spaces.conditions import MAX_DEPTH


def test_holds_when_every_parent_has_one_of_its_values():
    """Clauses are joined by and, values by or; a parent that does not exist decides against."""
    condition = Condition.of({"arch": ["cnn", "rnn"], "norm": True})

    assert condition.holds({"arch": "rnn", "norm": True, "lr": 0.1})
    assert not condition.holds({"arch": "mlp", "norm": True})
    assert not condition.holds({"arch": "cnn", "norm": 1})
    assert not condition.holds({"arch": "cnn"})


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
    with pytest.raises(SearchSpaceError, match="when a=1 and when a=2 exclude each other"):
        Condition.of({"a": 1}) & Condition.of({"a": 2})


@pytest.mark.parametrize(
    ("parents", "problem"),
    [
        ({}, "when must map parents to values"),
        (["arch"], "when must map parents to values"),
        ({"arch": []}, "when arch needs at least one value, got an empty list"),
        ({"arch": {"a": 1}}, "when {'a': 1} is a dict"),
        ({"a b": 1}, "when parameter name 'a b' must be made of"),
    ],
)
def test_refuses_what_is_no_condition(parents, problem):
    """A condition needs parents with names, and values for each."""
    with pytest.raises(SearchSpaceError) as caught:
        Condition.of(parents)

    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (
            {"arch": "mlp|cnn", "width": "1..9 when arhc=cnn"},
            "width: exists when arhc=cnn, but there is no parameter 'arhc'; did you mean 'arch'?",
        ),
        ({"width": "1..9 when arch=cnn"}, "width: exists when arch=cnn, but there is no parameter 'arch'; add it"),
        (
            {"arch": "mlp|cnn", "width": "1..9 when arch=cn"},
            "width: exists when arch=cn, but arch is mlp|cnn, never cn; did you mean 'cnn'?",
        ),
        ({"n": "1..3", "width": "1..9 when n=4|2"}, "width: exists when n=2|4, but n is 1..3, never 4"),
        ({"n": "1|2", "width": "1..9 when n=true"}, "width: exists when n=true, but n is 1|2, never true"),
        (
            {"lr": "0.0..1", "width": "1..9 when lr=0.5"},
            "width: exists when lr=0.5, but lr is a Float (0.0..1): only an Int, Categorical or Constant can decide",
        ),
        ({"a": "1..3 when a=1"}, "a: conditions form a cycle: a -> a;"),
        (
            {"x": "1..2", "a": "1..3 when b=1", "b": "1..3 when c=1 and x=1", "c": "1..3 when a=1"},
            "a: conditions form a cycle: a -> b -> c -> a;",
        ),
    ],
)
def test_a_space_refuses_conditions_without_sense(parameters, problem):
    """Unknown parents, impossible values and cycles are named by their path."""
    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace(parameters)

    (seen,) = caught.value.problems
    assert seen.startswith(problem)


def test_a_space_refuses_an_endless_chain():
    """A limit on depth keeps every recursion over conditions short."""
    chain = {"p0": "0|1"} | {f"p{k}": f"0|1 when p{k - 1}=1" for k in range(1, MAX_DEPTH + 1)}

    assert SearchSpace(chain).size() == MAX_DEPTH + 2
    with pytest.raises(SearchSpaceError, match=r"^p101: has more than 100 parents above one another"):
        SearchSpace(chain | {"p101": "0|1 when p100=1", "p102": "0|1 when p101=1"})


def test_a_broken_parent_is_not_reported_twice():
    """Whoever wrote a parent wrongly is told so once, not once more for each child."""
    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace({"arch": "mlp|mlp", "width": "1..9 when arch=cnn"})

    assert len(caught.value.problems) == 1
