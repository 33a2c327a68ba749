"""Hypothesis strategies: search spaces, with every kind of value and distribution, the ugly ones included; results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from automl.preference import DIRECTIONS, Constraint, Preference
from search_spaces import (
    Categorical,
    Condition,
    Constant,
    Distribution,
    Float,
    Int,
    Ordinal,
    SearchSpace,
    SearchSpaceError,
)
from search_spaces.base import SPREADS
from search_spaces.scalars import MAX_INT, Scalar, name_problem

# A busy machine is slow now and then; that is no failure of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Text that a careless reader takes for something else.
_TRICKY = [
    *("", " ", "1", "1e-5", "-.5", "010", "1:30", "2026-01-01", "true", "True", "null", "~", "on", "no", "when", "and"),
    *(
        "log",
        "default",
        "prior",
        "high",
        "a|b",
        "a<b",
        "{a}",
        "[0:1]",
        "f(x)",
        "=",
        "..",
        "1..6",
        "a b",
        "#",
        "- a",
        "!tag",
        "&a",
        "*a",
        "<<",
        "{}",
        "'",
        '"',
        "\\",
    ),
    *("\n", "\t", "\x00", "\x7f", "\x85", "\u2028", "\ufeff", "\U0001f600"),
]

texts = st.sampled_from(_TRICKY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
whole_numbers = st.integers(-20, 20) | st.integers(-MAX_INT, MAX_INT)
real_numbers = st.floats(allow_nan=False, allow_infinity=False)
scalars: st.SearchStrategy[Scalar] = st.one_of(st.none(), st.booleans(), whole_numbers, real_numbers, texts)
names = st.from_regex(r"[a-z_][a-zA-Z0-9_-]{0,5}(\.[a-zA-Z0-9_-]{1,5}){0,2}", fullmatch=True).filter(
    lambda name: name_problem(name) is None
)

json_values = st.recursive(scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(texts, part, max_size=3))
shares = st.floats(0, 1)
"""Of the unit scale."""

constants = st.builds(Constant, scalars)


@st.composite
def guesses(draw: st.DrawFn, domain: Distribution) -> dict[str, Any]:
    """Draw what may be known about a domain: nothing, a default, a prior and how sure it is, as arguments."""
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found["default"] = domain.from_unit(draw(shares))
    if draw(st.booleans()):
        found |= {"prior": domain.from_unit(draw(shares)), "confidence": draw(st.sampled_from(list(SPREADS)))}
    return found


@st.composite
def choices(draw: st.DrawFn, *, max_values: int = 5) -> Categorical | Ordinal:
    """Categorical or Ordinal, of values or of named ones."""
    kind = draw(st.sampled_from([Categorical, Ordinal]))
    least = 1 if kind is Categorical else 2
    values: Sequence[Scalar] | dict[str, Any]
    if draw(st.booleans()):
        values = draw(st.lists(scalars, min_size=least, max_size=max_values, unique=True))
    else:
        values = draw(st.dictionaries(texts, json_values, min_size=least, max_size=max_values))
    return kind(values, **draw(guesses(kind(values))))


@st.composite
def ints(draw: st.DrawFn, *, max_values: int = MAX_INT) -> Int:
    """Int of any scale and step, with at most `max_values` values."""
    if draw(st.booleans()):
        low, step, values = draw(st.integers(-1000, 1000)), draw(st.integers(1, 1000)), draw(st.integers(2, 20))
        domain = Int(low, low + step * (min(values, max_values) - 1), step=step)
    else:
        log = draw(st.booleans())
        low = draw(st.integers(1 if log else -MAX_INT, MAX_INT))
        domain = Int(low, draw(st.integers(low, min(low + max_values - 1, MAX_INT))), log=log)
    return replace(domain, **draw(guesses(domain)))


@st.composite
def floats(draw: st.DrawFn) -> Float:
    """Float of any scale, or of decimal steps."""
    if draw(st.booleans()):
        unit = Decimal(10) ** draw(st.integers(-6, 3))
        low, step = draw(st.integers(-1000, 1000)) * unit, draw(st.integers(1, 1000)) * unit
        domain = Float(float(low), float(low + step * draw(st.integers(1, 20))), step=float(step))
    else:
        log = draw(st.booleans())
        ends = st.floats(min_value=1e-300 if log else -1e300, max_value=1e300, allow_nan=False)
        bounds = sorted([draw(ends), draw(ends)])
        domain = Float(*bounds, log=log)
    return replace(domain, **draw(guesses(domain)))


distributions: st.SearchStrategy[Distribution] = st.one_of(floats(), ints(), choices(), constants)
_few: st.SearchStrategy[Distribution] = st.one_of(ints(max_values=3), constants, choices(max_values=3))


def _asked(draw: st.DrawFn, parent: Distribution) -> Any:
    """Return values that `parent` can have, or bounds of an interval in which it has at least one."""
    if isinstance(parent, Float):
        values: st.SearchStrategy[Any] = st.sampled_from(parent.grid(3))
    elif isinstance(parent, Int):
        values = st.integers(0, parent.size() - 1).map(lambda k: parent.low + parent.step * k)
    else:
        values = st.sampled_from(parent.grid(1))
    some = draw(st.lists(values, min_size=1, max_size=3))
    if not isinstance(parent, (Float, Int)) and not all(type(value) in (int, float) for value in parent.grid(1)):
        return some
    low, high = min(some), max(some)
    bounds = [{">=": low}, {"<=": high}, {">=": low, "<=": high}]
    if low < high:
        bounds += [{">": low}, {"<": high}, {">=": low, "<": high}, {">": low, "<=": high}]
    return draw(st.sampled_from([*bounds, *([] if isinstance(parent, Float) else [some])]))


@st.composite
def drafts(
    draw: st.DrawFn, *, kinds: st.SearchStrategy[Distribution] = distributions, min_size: int = 0
) -> tuple[dict[str, Distribution], dict[str, Condition]]:
    """Up to six parameters and conditions, each right by itself; together they may be such as never hold.

    Conditions have up to three alternatives, which ask for values or intervals of any parameters that came before.
    """
    drawn = draw(st.dictionaries(names, kinds, min_size=min_size, max_size=6))
    parameters = dict({name.casefold(): (name, kind) for name, kind in drawn.items()}.values())  # no two in a case
    when: dict[str, Condition] = {}
    above: list[str] = []
    for name in parameters:
        asked = st.lists(st.sampled_from(above), min_size=1, max_size=2, unique=True) if above else st.nothing()
        if alternatives := draw(st.lists(asked, max_size=draw(st.integers(0, 3)))) if above else []:
            when[name] = Condition.of(
                [{parent: _asked(draw, parameters[parent]) for parent in each} for each in alternatives]
            )
        above.append(name)
    return parameters, when


def can_exist(parameters: Mapping[str, Distribution], when: Mapping[str, Condition]) -> bool:
    """Say whether a space of these is refused for nothing but a parameter that can never exist."""
    try:
        SearchSpace(parameters, when=when)
    except SearchSpaceError as error:
        if not all("can never exist" in problem for problem in error.problems):
            raise
        return False
    return True


@st.composite
def spaces(
    draw: st.DrawFn,
    *,
    kinds: st.SearchStrategy[Distribution] = distributions,
    min_size: int = 0,
    conditions: bool = True,
) -> SearchSpace:
    """Spaces of up to six parameters, given in a shuffled order: drafts without the conditions that never hold."""
    parameters, drawn = draw(drafts(kinds=kinds, min_size=min_size))
    when: dict[str, Condition] = {}
    for name, condition in drawn.items() if conditions else ():
        if can_exist(parameters, {**when, name: condition}):
            when[name] = condition
    return SearchSpace({name: parameters[name] for name in draw(st.permutations(list(parameters)))}, when=when)


finite_spaces = spaces(kinds=_few)
finite_drafts = drafts(kinds=_few)


@st.composite
def related_spaces(draw: st.DrawFn) -> SearchSpace:
    """Spaces of a few hundred points at most, conditions and relations among them, of whose points a good part is left.

    No relation leaves less than about a third of what it finds.
    """
    parts = draw(st.lists(names, min_size=3, max_size=4, unique_by=str.casefold))
    root, *numbers = parts
    parameters: dict[str, Distribution] = {root: Categorical(["x", "y", "z"])}
    parameters |= {name: draw(st.builds(Int, st.just(0), st.integers(2, 4))) for name in numbers}
    when = {name: Condition.of({root: ["x", "y"]}) for name in draw(st.lists(st.sampled_from(numbers), max_size=1))}
    pairs = st.permutations(numbers).map(lambda order: (order[0], order[1]))
    texts = st.builds(lambda pair, k: f"`{pair[0]}` <= `{pair[1]}` + {k}", pairs, st.integers(0, 2))
    clauses = st.dictionaries(st.sampled_from(numbers), st.integers(0, 2), min_size=1, max_size=2)
    forbid = [Condition.of({root: "x", **clause}) for clause in draw(st.lists(clauses, max_size=2))]
    return SearchSpace(parameters, when=when, require=draw(st.lists(texts, max_size=1)), forbid=forbid)


@st.composite
def whole_spaces(draw: st.DrawFn) -> SearchSpace:
    """Spaces with all that there is; relations may hold nowhere."""
    space = draw(spaces(min_size=1))
    numbers = [name for name, kind in space.items() if not any(map(_is_no_number, _some_values(kind)))]
    require = draw(st.lists(_requirements(numbers), max_size=2)) if numbers else []
    forbid: list[Condition] = []
    for parents in draw(
        st.lists(st.lists(st.sampled_from(list(space)), min_size=1, max_size=2, unique=True), max_size=2)
    ):
        condition = Condition.of({parent: _asked(draw, space[parent]) for parent in parents})
        if _is_accepted(space, condition):
            forbid.append(condition)
    return SearchSpace(dict(space), when=space.conditions, require=require, forbid=forbid)


def _some_values(kind: Distribution) -> Sequence[Scalar]:
    return [] if isinstance(kind, (Float, Int)) else kind.grid(1)


def _is_no_number(value: Scalar) -> bool:
    return isinstance(value, bool) or not isinstance(value, (int, float))


def _requirements(numbers: Sequence[str]) -> st.SearchStrategy[str]:
    """Relations between some of the parameters named, spelled in many ways."""
    name = st.sampled_from(numbers).map(lambda name: f"`{name}`")
    return st.one_of(
        st.builds("{} <= {} * {}".format, name, name, st.integers(-3, 3)),
        st.builds("0 <= min({}, {}) % {} < 7".format, name, name, st.integers(1, 9)),
        st.builds(
            "not ({} == {:.3g} or -{} ** 2 > 1) and 2 // (1 + abs({})) != 1".format, name, st.floats(0, 9), name, name
        ),
    )


def _is_accepted(space: SearchSpace, forbidden: Condition) -> bool:
    """Say whether a space is refused for nothing but a forbidden condition that never holds."""
    try:
        SearchSpace(dict(space), when=space.conditions, forbid=[forbidden])
    except SearchSpaceError as error:
        if not all("is never so" in problem for problem in error.problems):
            raise
        return False
    return True


small_losses = st.integers(0, 4).map(float)
"""Few enough that points are often alike, or dominate each other."""


@st.composite
def preferences(draw: st.DrawFn, *, objectives: int = 3, limits: int = 2) -> Preference:
    """What a study of up to so many objectives wants, with up to so many limits on these or on other metrics."""
    metrics = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=objectives, unique=True))
    limit = st.builds(Constraint, st.sampled_from("abxy"), st.sampled_from(["<=", ">="]), st.integers(-4, 4).map(float))
    return Preference(
        metrics=tuple(metrics),
        directions=tuple(draw(st.sampled_from(DIRECTIONS)) for _ in metrics),
        constraints=tuple(draw(st.lists(limit, max_size=limits))),
    )


results = st.dictionaries(st.sampled_from("abcxy"), small_losses | st.floats(), max_size=5)
"""What a trial may have of the metrics of `preferences`: not each of them, nor always a number."""


def loss_points(axes: int) -> st.SearchStrategy[list[tuple[float, ...]]]:
    """Sets of points with whole losses from 0 to 4 on each of several axes."""
    return st.lists(st.tuples(*[small_losses] * axes), max_size=8)


def loss_endings(axes: int) -> st.SearchStrategy[list[tuple[float, ...] | None]]:
    """Losses of trials in the order of their ends, as many as it takes to judge the last ones; None for no result."""
    return st.lists(st.none() | st.tuples(*[small_losses] * axes), min_size=30, max_size=40)


def attempts() -> st.SearchStrategy[list[tuple[float, float, float]]]:
    """When attempts began, how long they ran and on how many CPUs; several begin and end at the same moments."""
    moments = st.integers(0, 20).map(float)
    return st.lists(st.tuples(moments, moments, st.sampled_from([0.5, 1.0, 4.0])), max_size=8)


def endings() -> st.SearchStrategy[list[float | None]]:
    """Values of trials in the order of their ends; None for one that has none."""
    return st.lists(st.sampled_from([None, 0.0, 0.25, 0.5, 0.75, 1.0]), max_size=30)
