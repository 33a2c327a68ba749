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


MAX_DEPTH = 16
"""Of lists and mappings in the value of a choice."""


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
    problems = [f"choices: {problem}{_way_out(choice)}" for choice in choices if (problem := scalar_problem(choice))]
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


def _way_out(choice: object) -> str:
    """Return what to write for a choice that is no scalar: once choices have names, their values may be any JSON."""
    return f"; or name them all: {{a_name: {shown(choice)}, ...}}" if isinstance(choice, (list, tuple, dict)) else ""


def json_problem(value: object, depth: int = 0) -> str | None:
    """Say why a value that has a name is no JSON, or None when it is."""
    if depth > MAX_DEPTH:
        return f"its value is nested more than {MAX_DEPTH} deep"
    if isinstance(value, dict):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            return f"its value has the key {shown(wrong[0])}, which must be text"
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple)):
        parts = list(value)
    else:
        problem = scalar_problem(value)
        return problem and problem.replace("use text", "use a list, a mapping, text")
    return next((problem for part in parts if (problem := json_problem(part, depth + 1))), None)


def multiples_within(low: float, high: float, step: float) -> tuple[float, float] | None:
    """Return the first and the last multiple of `step` in low..high, None where there is none, or no step."""
    if not 0 < step < math.inf or not -math.inf < low <= high < math.inf:
        return None
    first, last = math.ceil(_exact(low) / _exact(step)), math.floor(_exact(high) / _exact(step))
    kind = type(high)
    return (kind(point(0, step, first)), kind(point(0, step, last))) if first <= last else None


@functools.lru_cache(maxsize=1024)
def steps_between(low: float, high: float, step: float) -> int:
    """Return how many whole steps fit between low and high."""
    return int((_exact(high) - _exact(low)) / _exact(step))


def point(low: float, step: float, k: int) -> float:
    """Return low + k * step as one would write it: 0.3, not the 0.30000000000000004 of binary sums."""
    return float(_exact(low) + k * _exact(step))


def rounded(share: float, low: float, high: float, log: bool) -> float:
    """Return the value at `share` of low..high, to about ten digits of the range: what people write and read back.

    So coarse a value is found again from the share that it stands at, whose last digits are lost.
    """
    if not log:
        return _round(low + share * (high - low), _digits(high - low))
    width = log_ratio(low, high)
    exponent = share * width
    is_near = exponent < math.log(2)  # of low: there expm1 is exact where a difference of logarithms is not
    value = low + low * math.expm1(exponent) if is_near else math.exp(math.log(low) + exponent)
    return float(f"{value:.{min(max(_digits(width), 9), 16)}e}")


def log_ratio(low: float, high: float) -> float:
    """Return log(high / low), exact also where the two are close, and where their quotient is no float."""
    return math.log1p((high - low) / low) if high <= 2 * low else math.log(high) - math.log(low)


@functools.lru_cache(maxsize=1024)
def _digits(width: float) -> int:
    """Return the decimal places that part `width` into 10**10 to 10**11."""
    return 10 - math.floor(math.log10(width))


def _round(value: float, digits: int) -> float:
    try:
        return round(value, digits) + 0.0  # not -0.0
    except OverflowError:  # next to the largest float
        return value


@functools.lru_cache(maxsize=1024)
def _exact(number: float) -> Fraction:
    from fractions import Fraction

    return Fraction(repr(number))
