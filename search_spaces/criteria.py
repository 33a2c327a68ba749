"""What a condition asks of one parent: to have one of some values, or to lie in an interval.

    values_of(["cnn", "rnn"]).accepts("cnn")        interval_of({">=": 2, "<": 5}).accepts(4)

`cells` parts the values of a distribution where criteria change their answer: asking one value of each cell is enough
to know what a range of 2**53 values can be, and how often.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from search_spaces.distributions import Distribution, Float, Int
from search_spaces.errors import SearchSpaceError
from search_spaces.rules import point, real_problem
from search_spaces.scalars import MAX_INT, RESERVED_WORDS, Scalar, literal, number, plain, scalar_problem, shown

SIGNS = (">=", ">", "<=", "<")
"""Comparisons that bound an interval."""


class Values(NamedTuple):
    """One of several values is enough. `Values.of` makes it."""

    values: tuple[Scalar, ...]
    truths: frozenset[Scalar]
    """Those of `values` that are booleans: kept apart, since to Python True is 1,"""
    others: frozenset[Scalar]
    """and those that are not."""

    @classmethod
    def of(cls, values: Iterable[Scalar]) -> Values:
        """Make the criterion of values that are known to be right, in the order given."""
        known = tuple(values)
        truths = frozenset(value for value in known if isinstance(value, bool))
        return cls(known, truths, frozenset(value for value in known if not isinstance(value, bool)))

    def accepts(self, value: object) -> bool:
        """Say whether `value` is one of them; True is not 1, but 1 is 1.0."""
        try:
            return value in (self.truths if isinstance(value, bool) else self.others)
        except TypeError:  # a list perhaps, which is no value of any parameter
            return False

    def edges(self) -> list[float]:
        """Return the numbers at which the answer changes."""
        return [value for value in self.others if isinstance(value, (int, float))]

    def to_data(self) -> Any:
        """Return it as JSON-able data: the value, or a list of them."""
        return self.values[0] if len(self.values) == 1 else list(self.values)

    def written(self, parent: str) -> str:
        """Return it in the grammar: arch=cnn|rnn."""
        return f"{written_name(parent)}={'|'.join(map(literal, self.values))}"


class Interval(NamedTuple):
    """A number from `low` to `high`; an end that is open is not in it. No bound is an open end at infinity."""

    low: float
    high: float
    low_open: bool
    high_open: bool

    def accepts(self, value: object) -> bool:
        """Say whether `value` is a number in it."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        is_above = value > self.low or (value == self.low and not self.low_open)
        return is_above and (value < self.high or (value == self.high and not self.high_open))

    def edges(self) -> list[float]:
        """Return the numbers at which the answer changes."""
        return [end for end in (self.low, self.high) if math.isfinite(end)]

    def to_data(self) -> dict[str, float]:
        """Return it as JSON-able data: comparison -> number."""
        low = {} if self.low == -math.inf else {">" if self.low_open else ">=": self.low}
        return low | ({} if self.high == math.inf else {"<" if self.high_open else "<=": self.high})

    def written(self, parent: str) -> str:
        """Return it in the grammar: n=2..4, n>=2, or n>2 and n<=4."""
        name, bounds = written_name(parent), self.to_data()
        if bounds.keys() == {">=", "<="}:
            return f"{name}={literal(self.low)}..{literal(self.high)}"
        return " and ".join(f"{name}{sign}{literal(bound)}" for sign, bound in bounds.items())


Criterion = Values | Interval

_NO_LOW = (-math.inf, True)
_NO_HIGH = (math.inf, False)


def values_of(given: Iterable[Scalar]) -> Values:
    """Make the criterion that any of some values fulfils.

    Raises:
        SearchSpaceError: there is none, or one that no parameter can have.
    """
    values = list(given)
    if problems := [problem for problem in map(scalar_problem, values) if problem]:
        raise SearchSpaceError(problems)
    if not values:
        raise SearchSpaceError("needs at least one value, got an empty list")
    spelled = {literal(plain(value)): plain(value) for value in values}
    return Values.of(value for _, value in sorted(spelled.items()))


def interval_of(bounds: Mapping[str, Any]) -> Interval:
    """Make the criterion that numbers within `bounds`, such as {">=": 2, "<": 5}, fulfil.

    Raises:
        SearchSpaceError: no bound, another comparison, a bound that is no finite number, nothing between them.
    """
    if not bounds:
        raise SearchSpaceError('needs values, or bounds such as {">=": 2, "<": 5}, got an empty mapping')
    problems = []
    numbers: dict[str, float] = {}
    for sign, given in bounds.items():
        spelled = number(given.strip()) if isinstance(given, str) else None  # YAML 1.1 reads 1e-5 as text
        bound = given if spelled is None else spelled
        if sign not in SIGNS:
            problems.append(f"bounds are {' '.join(SIGNS)}, got {shown(sign)}; a value needs no mapping")
        elif problem := real_problem(f"bound {sign}", bound):
            problems.append(problem)
        else:
            numbers[sign] = _whole(bound)
    if problems:
        raise SearchSpaceError(problems)
    low, low_open = max(((numbers[sign], sign == ">") for sign in (">", ">=") if sign in numbers), default=_NO_LOW)
    high, is_closed = min(((numbers[sign], sign == "<=") for sign in ("<", "<=") if sign in numbers), default=_NO_HIGH)
    interval = _interval(low, high, low_open, not is_closed)
    if interval is None:
        written = " and ".join(f"{sign}{literal(bound)}" for sign, bound in numbers.items())
        raise SearchSpaceError(f"there is nothing between the bounds {written}")
    return interval


def common(left: Criterion, right: Criterion) -> Criterion | None:
    """Return the criterion of what both accept, or None where that is nothing."""
    if isinstance(left, Values):
        values = tuple(value for value in left.values if right.accepts(value))
        return Values.of(values) if values else None
    if isinstance(right, Values):
        return common(right, left)
    low, low_open = max((left.low, left.low_open), (right.low, right.low_open))
    high, is_closed = min((left.high, not left.high_open), (right.high, not right.high_open))
    return _interval(low, high, low_open, not is_closed)


def cells(distribution: Distribution, criteria: Iterable[Criterion]) -> list[tuple[Scalar, int]]:
    """Part the values of `distribution` into cells whose values all of `criteria` answer alike.

    Returns (one of its values, how many there are) for each cell; of a continuous range the number means nothing.
    """
    if not isinstance(distribution, (Float, Int)):
        return [(value, 1) for value in distribution.grid(1)]
    edges = {edge for criterion in criteria for edge in criterion.edges()}
    low, step, size = distribution.low, distribution.step or 0, distribution.size()
    if size is None:
        ends = sorted({low, distribution.high, *(edge for edge in edges if low < edge < distribution.high)})
        middles = (below + (above - below) / 2 for below, above in pairwise(ends))
        return [(value, 1) for value in (*ends, *middles)]

    def value_at(k: int) -> float:
        return low + k * step if isinstance(distribution, Int) else point(low, step, k)

    cuts = {0, size}
    for edge in edges:
        cuts |= {bisect_left(range(size), edge, key=value_at), bisect_right(range(size), edge, key=value_at)}
    return [(value_at(start), end - start) for start, end in pairwise(sorted(cuts))]


def is_possible(criterion: Criterion, distribution: Distribution) -> bool:
    """Say whether some value of `distribution` fulfils it."""
    return any(criterion.accepts(value) for value, _ in cells(distribution, [criterion]))


def written_name(name: str) -> str:
    """Return the name of a parameter as conditions spell it: those that are words of the grammar are quoted."""
    return f'"{name}"' if name in RESERVED_WORDS else name


def _interval(low: float, high: float, low_open: bool, high_open: bool) -> Interval | None:
    is_empty = low > high or (low == high and (low_open or high_open))
    return None if is_empty else Interval(low, high, low_open, high_open)


def _whole(bound: float) -> float:
    """Return a whole number as int, so that 2 and 2.0 are spelled alike."""
    is_whole = abs(bound) <= MAX_INT and bound == int(bound)
    return int(bound) if is_whole else float(bound)
