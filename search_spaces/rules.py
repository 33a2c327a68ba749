"""What makes a domain wrong: every rule says what it saw, what it expected and the way out.

    range_problems(low=1.0, high=0.1, log=False, step=None) == ["low 1.0 is above high 0.1: swap them"]

Steps are counted in decimals, as people write them: 0.1 is a tenth here, which no binary fraction is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search_spaces.scalars import MAX_INT, Scalar, literal, scalar_problem, shown

if TYPE_CHECKING:
    from fractions import Fraction


def real_problem(field: str, value: object) -> str | None:
    """Say why `value` cannot be a bound or step of a Float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"{field} must be a number, got {shown(value)}"
    try:
        is_finite = math.isfinite(value)
    except OverflowError:
        is_finite = False
    return None if is_finite else f"{field} must be a finite number, got {shown(value)}"


def whole_problem(field: str, value: object) -> str | None:
    """Say why `value` cannot be a bound or step of an Int."""
    beyond = f"{field} must lie within -2**53..2**53, got {shown(value)}"
    if isinstance(value, float) and math.isinf(value):  # as a number of hundreds of digits is read
        return beyond
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{field} must be a whole number, got {shown(value)}"
    return None if abs(value) <= MAX_INT else beyond


def range_problems(*, low: float, high: float, log: object, step: float | None) -> list[str]:
    """Return what is wrong with a range whose numbers are finite; `step` is None where there is none."""
    problems = []
    if not isinstance(log, bool):
        problems.append(f"log must be true or false, got {shown(log)}")
    if low > high:
        problems.append(f"low {low!r} is above high {high!r}: swap them")
    elif not math.isfinite(high - low):
        problems.append(f"low {low!r} is too far from high {high!r} for a float: narrow the range")
    if log is True and low <= 0:
        example = 1 if isinstance(low, int) else 1e-6
        problems.append(f"low must be above 0 on a log scale, got {low!r}: try {example}")
    if log is True and step is not None:
        problems.append(f"log and step {step!r} exclude each other: keep one of them")
    return problems or ([] if step is None else _step_problems(low, high, step))


def _step_problems(low: float, high: float, step: float) -> list[str]:
    if step <= 0:
        return [f"step must be above 0, got {step!r}"]
    steps = steps_between(low, high, step)
    if low < high and steps == 0:
        width = type(high)(_exact(high) - _exact(low))
        return [f"step {step!r} is larger than the range {low!r}..{high!r}: use at most {width!r}"]
    if steps > MAX_INT:
        return [f"step {step!r} is too small for {low!r}..{high!r}: it makes more than 2**53 values"]
    last = type(high)(point(low, step, steps))
    if last != high:
        return [f"step {step!r} does not divide {low!r}..{high!r}: high would become {last!r}, so write high {last!r}"]
    return []


def choices_problems(choices: Sequence[Scalar]) -> list[str]:
    """Return what is wrong with the choices of a Categorical."""
    if not len(choices):
        return ["choices must hold at least one value, got none"]
    problems = [f"choices: {problem}" for choice in choices if (problem := scalar_problem(choice))]
    if problems:
        return problems
    first: dict[Scalar, int] = {}
    for index, choice in enumerate(choices):
        if first.setdefault(choice, index) == index:
            continue
        other = choices[first[choice]]
        place = f"choices {first[choice] + 1} and {index + 1}"
        if repr(other) == repr(choice):
            problems.append(f"{place} are both {literal(choice)}: drop one")
        else:
            problems.append(f"{place} ({literal(other)} and {literal(choice)}) are equal in Python: write one as text")
    return problems


def steps_between(low: float, high: float, step: float) -> int:
    """Return how many whole steps fit between low and high."""
    return int((_exact(high) - _exact(low)) / _exact(step))


def point(low: float, step: float, k: int) -> float:
    """Return low + k * step as one would write it: 0.3, not the 0.30000000000000004 of binary sums."""
    return float(_exact(low) + k * _exact(step))


@functools.lru_cache(maxsize=1024)
def _exact(number: float) -> Fraction:
    from fractions import Fraction

    return Fraction(repr(number))
