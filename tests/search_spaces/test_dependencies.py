"""A space refuses conditions that do not fit together, and names the way that leads to the contradiction."""

from __future__ import annotations

import pytest

from search_spaces import SearchSpace, SearchSpaceError
from search_spaces.dependencies import MAX_DEPTH


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
            "width: exists when lr=0.5, but lr is a Float (0.0..1): ask for an interval, such as lr>=0.0",
        ),
        ({"lr": "0.1..0.5", "w": "1..9 when lr>0.5"}, "w: exists when lr>0.5, but lr is 0.1..0.5, never in there"),
        ({"n": "1..9 step 4", "w": "1..9 when n=2..4"}, "w: exists when n=2..4, but n is 1..9 step 4, never in there"),
        ({"n": "1|2|8", "w": "1..9 when n>8"}, "w: exists when n>8, but n is 1|2|8, never in there"),
        (
            {"n": "1|two", "w": "1..9 when n>=1"},
            "w: exists when n>=1, but n is 1|two, not only numbers: ask for values, such as n=1",
        ),
        ({"n": "1|2", "w": "1..9 when n=1 or m=2"}, "w: exists when m=2, but there is no parameter 'm'"),
        (
            {"n": "1..9", "w": "1..9 when n<3 and n>5"},
            "w: cannot read '1..9 when n<3 and n>5': when n<3 and n>5 exclude",
        ),
        (
            {"n": "1|2", "w": "1..9 when n=1 and n=2"},
            "w: cannot read '1..9 when n=1 and n=2': when n=1 and n=2 exclude each other; write n=value|value",
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


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (
            {"arch": "mlp|cnn", "a": "1|2 when arch=cnn", "b": "1..3 when a=1 and arch=mlp"},
            "b: can never exist: it needs a=1, and a exists only when arch=cnn, but b asks for arch=mlp",
        ),
        (
            {"n": "1..9", "a": "1|2 when n>=5", "b": "1|2 when a=1", "c": "1|2 when b=2 and n<5"},
            "c: can never exist: it needs b=2, and b exists only when a=1, and a exists only when n>=5, "
            "but c asks for n<5",
        ),
        (
            {
                "n": "1..9",
                "a": "1|2 when n>3",
                "b": "1|2 when n<6",
                "c": "1|2 when n=7|8|4",
                "d": "=1 when a=1 and b=1 and c=1",
            },
            None,
        ),
        (
            {
                "n": "1|4|9",
                "a": "1|2 when n<6",
                "b": "1|2 when n>2",
                "c": "1|2 when n=1|9",
                "d": "=1 when a=1 and b=1 and c=1",
            },
            "d: can never exist: it needs c=1, and c exists only when n=1|9, "
            "but what else it needs leaves only n>2 and n<6",
        ),
        (
            {"n": "1..9 step 4", "a": "1|2 when n>5", "b": "=1 when a=1 and n<9"},
            "b: can never exist: it needs a=1, and a exists only when n>5, but b asks for n<9",
        ),
        (
            {"x": "0|1", "a": "1|2 when x=0", "b": "=1 when a=1 and x=1 or a=2 and x=1"},
            "b: can never exist: it needs a=1, and a exists only when x=0, but b asks for x=1; "
            "no other alternative can hold either",
        ),
        ({"x": "0|1", "a": "1|2 when x=0", "b": "=1 when a=1 and x=1 or x=1"}, None),
        ({"x": "0|1", "a": "1|2 when x=0 or x=1", "b": "=1 when a=1 and x=1"}, None),
    ],
)
def test_a_space_refuses_what_is_out_of_reach(parameters, problem):
    """A parameter whose parents exclude each other is named, with the way that leads to the contradiction."""
    if problem is None:
        assert len(SearchSpace(parameters)) == len(parameters)
        return

    with pytest.raises(SearchSpaceError) as caught:
        SearchSpace(parameters | {"below": f"=1 when {list(parameters)[-1]}=1"})

    assert list(caught.value.problems) == [problem]


def test_a_search_for_contradictions_ends():
    """Where conditions leave too many ways to look at, a parameter is taken to be possible."""
    parameters = {"x": "0..99"} | {f"a{k}": f"0|1 when x={2 * k} or x={2 * k + 1}" for k in range(30)}
    asks = " and ".join(f"a{k}=1" for k in range(30))

    with pytest.raises(SearchSpaceError, match="c: can never exist"):
        SearchSpace(parameters | {"c": f"=1 when {asks}"})
    knot = {f"y{k}": "0|1" for k in range(30)} | {f"b{k}": f"0|1 when y{k}=0 or y{k}=1" for k in range(30)}
    asks = " and ".join(f"b{k}=1" for k in range(30))
    knot |= {"p": "0|1", "q": "0|1 when p=0", "r": "0|1 when p=1", "z": f"=1 when {asks} and q=1 and r=1"}
    assert "z" in SearchSpace(knot)


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
