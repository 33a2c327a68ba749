"""A point in one line, as people type it: some parameters and their values; the others are at their default.

    values("lr=0.1, opt=sgd")                   # {"lr": 0.1, "opt": "sgd"}
    point(steps, relations, "lr=0.1, opt=sgd")  # {"lr": 0.1, "opt": "sgd", "momentum": 0.9}
    written({"lr": 0.1, "opt": "sgd"})          # "lr=0.1, opt=sgd"

A value is written as in a range, and goes up to the next comma; text that looks like a number, or has a comma in it,
stands in double quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces import points
from search_spaces.errors import SearchSpaceError
from search_spaces.points import Step
from search_spaces.relations import Relations, asked
from search_spaces.scalars import NAME, Scalar, bare, literal, shown

_VALUE = re.compile(rf'\s*({NAME.pattern})\s*=\s*("(?:[^"\\]|\\.)*"|[^,"=]+?)\s*(?:,|\Z)')


def values(text: str) -> dict[str, Scalar]:
    """Return the value of each name.

    Raises:
        SearchSpaceError: `text` is not written so, or has a name twice.
    """
    found: dict[str, Scalar] = {}
    at = 0
    while at < len(text):
        match = _VALUE.match(text, at)
        if match is None:
            seen = shown(text[at:].strip())
            raise SearchSpaceError(
                f"cannot read {seen}: write NAME=VALUE with commas between, such as lr=0.1, opt=sgd; a value with "
                "commas or quotes in it stands in double quotes"
            )
        name, value = match.groups()
        if name in found:
            raise SearchSpaceError(f"{name}: has two values, {literal(found[name])} and {value}: keep one of them")
        found[name] = _unquoted(value) if value.startswith('"') else bare(value)
        at = match.end()
    if not found:
        raise SearchSpaceError("there is no value in it: write NAME=VALUE, such as lr=0.1")
    return found


def point(steps: Sequence[Step], relations: Relations, given: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the feasible point with the values that are `given`, and the default of all others that exist there.

    Raises:
        SearchSpaceError: with every problem: unknown, not existing there, out of range, infeasible.
    """
    if not isinstance(given, (str, Mapping)):
        raise SearchSpaceError(f"must map names to values, or be text such as lr=0.1, opt=sgd; got {shown(given)}")
    known = {step.name: step.distribution for step in steps}
    found = {
        name: known[name].read(value) if name in known else value
        for name, value in (values(given) if isinstance(given, str) else given).items()
    }
    made = points.completed(steps, found)
    problems = list(points.problems(steps, Relations(), {**made, **found}))
    if not problems:
        problems = [f"{text}: {seen}{_hint(text, relations, made, found)}" for text, seen in relations.broken(made)]
    if problems:
        raise SearchSpaceError(problems)
    return made


def written(params: Mapping[str, Scalar]) -> str:
    """Return the line that is read as exactly these params."""
    return ", ".join(f"{name}={literal(value)}" for name, value in params.items())


def _hint(text: str, relations: Relations, made: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Say which parameters of a broken relation are where they are because nobody gave them a value."""
    names = next(sorted(asked(each)) for each in relations if text.endswith(f" {each}"))
    missing = [f"{name}={literal(made[name])}" for name in names if name in made and name not in found]
    return f" ({', '.join(missing)} by default: give it too)" if missing else ""


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        raise SearchSpaceError(f"{text} is not a text as JSON writes it") from None
