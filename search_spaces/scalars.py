"""The values that a parameter can take, and how they are written on one line.

A value is a JSON scalar, so that it survives a file, a database and a tracker unchanged. Written on one line, a number,
`true`, `false` and `null` stand for themselves, a plain word for its text, and double quotes make text of anything:

    bare("1e-5") == 1e-05    bare("adam") == "adam"    literal("adam") == "adam"    literal("1e-5") == '"1e-5"'
"""

from __future__ import annotations

import json
import math
import re

Scalar = str | int | float | bool | None

WORD = re.compile(r"(?:(?!\.\.)[\w./+-])+")
"""What is read as one word; `..` parts the ends of a range."""

RESERVED_WORDS = frozenset({"when", "and", "or"})
"""Words of the grammar; as text they are quoted."""

SUFFIXES = frozenset({"default", "prior"})
"""Words that may follow choices; as text they are written quoted, and read unquoted where their place tells."""

MAX_INT = 2**53
"""Beyond it a float, and so JavaScript, JSON readers and most samplers, skips whole numbers."""

NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
"""Of a parameter, before `name_problem` looks closer."""

LONGEST_NAME = 250
"""Characters."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD_VALUES: dict[str, Scalar] = {"true": True, "True": True, "false": False, "False": False, "null": None}
_RESERVED_PREFIXES = ("mlflow.", "automl.")


def shown(value: object) -> str:
    """Return `value` as an error message shows it: at most 80 characters on one line."""
    try:
        text = repr(value)
    except ValueError:  # an int with more digits than Python prints
        return "a number with thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}..."


def number(text: str) -> int | float | None:
    """Return the number that `text` spells, or None. `1` is an int; `1.0`, `1e3` and `1e-5` are floats."""
    if _INTEGER.fullmatch(text) and len(text) <= 400:  # Python refuses to read an int of thousands of digits
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else None


def bare(text: str) -> Scalar:
    """Return the value that `text` means when it is not quoted."""
    if text in _WORD_VALUES:
        return _WORD_VALUES[text]
    spelled = number(text)
    return text if spelled is None else spelled


def literal(value: Scalar) -> str:
    """Return how `value` is written on one line; the inverse of `bare` where no quotes are needed."""
    if isinstance(value, str):
        is_plain = WORD.fullmatch(value) and value not in RESERVED_WORDS | SUFFIXES and isinstance(bare(value), str)
        return value if is_plain else json.dumps(value, ensure_ascii=not value.isprintable())
    return json.dumps(value)


def same(left: object, right: object) -> bool:
    """Say whether two values are one choice. Unlike in Python, True is not 1; but 1 is 1.0, as JSON has one number."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def scalar_problem(value: object) -> str | None:
    """Say why `value` cannot be the value of a parameter, or None when it can."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return f"{shown(value)} is not valid Unicode text"
        return None
    if isinstance(value, int):
        return None if abs(value) <= MAX_INT else f"{shown(value)} is beyond 2**53: write it as text"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{shown(value)} is not a finite number"
    return f"{shown(value)} is a {type(value).__name__}: use text, a number, true, false or null"


def plain(value: Scalar) -> Scalar:
    """Return `value` as exactly str, int, float, bool or None, whatever subclass it came as, and -0.0 as 0.0."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    return int(value) if isinstance(value, int) else float(value) + 0.0


def name_problem(name: object) -> str | None:
    """Say why `name` cannot name a parameter, or None when it can. Trackers, files and databases limit what can."""
    if not isinstance(name, str) or not NAME.fullmatch(name) or name.startswith("-"):
        return (
            f"parameter name {shown(name)} must be made of letters a to z, digits, '_', '-' and single dots inside, "
            "such as cnn.width"
        )
    if len(name) > LONGEST_NAME:
        return f"parameter name {shown(name)} has {len(name)} characters; at most {LONGEST_NAME} are allowed"
    if name.startswith(_RESERVED_PREFIXES):
        return f"parameter name {name!r} begins with a reserved prefix ({', '.join(_RESERVED_PREFIXES)}): rename it"
    return None
