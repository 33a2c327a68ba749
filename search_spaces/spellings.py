"""Ranges as people have written them for other libraries, translated into the one-line grammar.

    translated("loguniform(1e-5, 1e-1) when arch=cnn") == "1e-05..0.1 log when arch=cnn"
    translated("tune.randint(1, 10)") == "1..9"        translated("{adam, 'sgd'}") == "adam|sgd"

The functions are those of Ray Tune, and mean what they mean there: the upper end of randint and lograndint is not
drawn, that of qrandint is (unless q is 1), and what is quantized are the multiples of q. Brackets with a colon are a
range with both ends, brackets and braces with commas are choices. They are read, never written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.rules import multiples_within
from search_spaces.scalars import WORD, Scalar, bare, literal, number, shown

_HEAD = re.compile(r"\s*(?P<name>(?:tune\.)?[A-Za-z_]\w*)?\s*(?P<open>[(\[{])")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def translated(text: str) -> str:
    """Return `text` in the one-line grammar if it begins in one of these spellings, else as it is.

    Raises:
        SearchSpaceError: it is one, but wrong or with two meanings; the grammar's own spelling is named.
    """
    head = _HEAD.match(text)
    if head is None or (head["name"] is None) == (head["open"] == "("):
        return text
    inner, rest = _enclosed(text, head.end() - 1)
    items = _items(inner)
    if head["open"] == "(":
        line = _call(head["name"].removeprefix("tune."), items)
    elif any(":" in item for item in items):
        line = _slice(inner, head["open"])
    else:
        line = _listed(items, is_set=head["open"] == "{")
    return f"{line} {rest.strip()}".strip()


def _call(name: str, items: list[str]) -> str:
    if name == "choice":
        is_list = len(items) == 1 and items[0][:1] in ("[", "(")
        return _choices(_items(_enclosed(items[0], 0)[0]) if is_list else items)
    if name in ("qloguniform", "qlograndint"):
        raise SearchSpaceError("log and step exclude each other: write 1e-5..1e-1 log, or 0.1..0.5 step 0.1")
    if name in ("normal", "randn", "qrandn"):
        raise SearchSpaceError(f"{name} has no ends: write low..high prior MEAN, as in 0.0..1 prior 0.3 high")
    if name not in _CALLS:
        near = did_you_mean(name, (*_CALLS, "choice")) or f"; known are {', '.join((*_CALLS, 'choice'))}"
        raise SearchSpaceError(f"unknown spelling {name}(...){near}")
    names, make = _CALLS[name]
    if len(items) != len(names) and not (name == "qrandint" and len(items) == 2):
        raise SearchSpaceError(f"{name} takes {', '.join(names)}, got {len(items)} values")
    numbers = []
    for what, item in zip(names, items, strict=False):
        value = number(item)
        if value is None or (name.endswith("randint") and not isinstance(value, int)):
            kind = "a whole number" if name.endswith("randint") else "a number"
            raise SearchSpaceError(f"{what} of {name} must be {kind}, got {shown(item)}")
        numbers.append(value)
    return make(*numbers)


def _uniform(low: float, high: float) -> str:
    return f"{float(low)!r}..{float(high)!r}"


def _quniform(low: float, high: float, q: float) -> str:
    return _multiples(float(low), float(high), float(q))


def _randint(low: int, high: int) -> str:
    return f"{low}..{high - 1}"


def _qrandint(low: int, high: int, q: int = 1) -> str:
    return _randint(low, high) if q == 1 else _multiples(low, high, q)


def _multiples(low: float, high: float, q: float) -> str:
    """Write low..high in steps of q, where both are multiples of it: otherwise the libraries draw something else."""
    line = f"{low!r}..{high!r} step {q!r}"
    within = multiples_within(low, high, q)
    if within not in (None, (low, high)):
        first, last = within
        raise SearchSpaceError(
            f"it draws multiples of {q!r}, and {low!r} or {high!r} is none: write {first!r}..{last!r} step {q!r}"
        )
    return line


_CALLS: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    "uniform": (("low", "high"), _uniform),
    "loguniform": (("low", "high"), lambda low, high: f"{_uniform(low, high)} log"),
    "quniform": (("low", "high", "q"), _quniform),
    "randint": (("low", "high"), _randint),
    "lograndint": (("low", "high"), lambda low, high: f"{_randint(low, high)} log"),
    "qrandint": (("low", "high", "q"), _qrandint),
}
"""What each takes, and how the grammar writes it."""


def _slice(inner: str, opening: str) -> str:
    ends = [part.strip() for part in inner.split(":")]
    if opening == "{" or any(number(end) is None for end in ends) or len(ends) > 3:
        raise SearchSpaceError("between [ and ] a colon parts two numbers; values with names are a=[64]|b=[128]")
    if len(ends) == 3:
        first, second, third = ends
        either = f"{first}..{third} step {second} or {first}..{second} step {third}"
        raise SearchSpaceError(f"which of the three is the step? write {either}")
    return "..".join(ends)


def _listed(items: list[str], *, is_set: bool) -> str:
    if not is_set and len(items) == 2 and all(number(item) is not None for item in items):
        raise SearchSpaceError(f"is it a range or two choices? write {items[0]}..{items[1]} or {items[0]}|{items[1]}")
    return _choices(items)


def _choices(items: list[str]) -> str:
    written = [literal(_value(item)) for item in items]
    return "|".join(written) if len(written) > 1 else f"{''.join(written)}|"


def _value(item: str) -> Scalar:
    if len(item) > 1 and item[0] == item[-1] and item[0] in "'\"" and not {item[0], "\\"} & set(item[1:-1]):
        return item[1:-1]
    if item[:1] in _CLOSING:
        raise SearchSpaceError(f"{shown(item)} needs a name: write a={item}|b=...")
    if not WORD.fullmatch(item):
        raise SearchSpaceError(
            f"expected a value, got {shown(item)}; text with other signs than . _ / + - needs quotes"
        )
    return None if item == "None" else bare(item)


def _enclosed(text: str, start: int) -> tuple[str, str]:
    """Return what stands between the bracket at `start` and the one that closes it, and what follows."""
    for end, _, depth in _outside_quotes(text, start):
        if depth == 0:
            return text[start + 1 : end], text[end + 1 :]
    raise SearchSpaceError(f"{text[start]!r} is never closed with {_CLOSING[text[start]]!r}")


def _items(text: str) -> list[str]:
    """Part `text` at the commas that no bracket encloses."""
    commas = [at for at, sign, depth in _outside_quotes(text, 0) if sign == "," and depth == 0]
    parts = [
        text[start:end].strip()
        for start, end in zip([0, *(at + 1 for at in commas)], [*commas, len(text)], strict=True)
    ]
    return parts if any(parts) else []


def _outside_quotes(text: str, start: int) -> Any:
    """Yield position, sign and the number of brackets open after it, of all that stands in no quotes."""
    depth = 0
    quote = None
    for at in range(start, len(text)):
        sign = text[at]
        if quote:
            quote = None if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            depth += (sign in "([{") - (sign in ")]}")
            yield at, sign, depth
