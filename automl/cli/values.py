"""What people type after an option, read into numbers; all problems of a command line are kept, to be said together.

problems = Problems()
seconds = problems.read("--timeout", "1h30m", duration)     # 5400.0
problems.read("--trials", "abc", whole)                     # None
problems.check()        # ConfigError: --trials must be a whole number, got 'abc'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from automl.errors import ConfigError
from search_spaces import SearchSpaceError, scalars
from search_spaces.scalars import shown

T = TypeVar("T")

MOST = 1_000_000
"""Rows that a command prints; each is made in memory first."""

_DIGITS = r"([0-9]+(?:\.[0-9]*)?)"
_DURATION = re.compile(f"(?:{_DIGITS}h)?(?:{_DIGITS}m)?(?:{_DIGITS}s)?")


class Problems:
    """Collects what is wrong with a command line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def read(self, option: str, text: str | None, reader: Callable[[str], T]) -> T | None:
        """Return what `reader` makes of the text after `option`; None without one, or when it is wrong."""
        if text is None:
            return None
        try:
            return reader(text)
        except (SearchSpaceError, ConfigError) as error:
            self.add(f"{option}: {problem}" for problem in error.problems)
        except ValueError as error:
            self.add([f"{option} {error}"])
        return None

    def attempt(self, action: Callable[[], T]) -> T | None:
        """Return what `action` does, or None when it finds something wrong."""
        try:
            return action()
        except (SearchSpaceError, ConfigError) as error:
            self.add(error.problems)
        return None

    def add(self, lines: Iterable[str]) -> None:
        """Keep lines that say what is wrong."""
        self.lines += [each for each in lines if each not in self.lines]

    def check(self) -> None:
        """Raise a ConfigError with everything that is wrong, if anything is."""
        if self.lines:
            raise ConfigError(self.lines)


def whole(text: str) -> int:
    """Read a whole number."""
    value = scalars.number(text.strip())
    if not isinstance(value, int):
        raise ValueError(f"must be a whole number, got {shown(text)}")
    return value


def positive(text: str) -> int:
    """Read how many rows to print."""
    value = whole(text)
    if not 1 <= value <= MOST:
        raise ValueError(f"must be a whole number from 1 to {MOST}, got {shown(text)}")
    return value


def number(text: str) -> float:
    """Read a number."""
    if scalars.number(text.strip()) is None:
        raise ValueError(f"must be a number, got {shown(text)}")
    return float(text)


def duration(text: str) -> float:
    """Read a time in seconds: 90, 90s, 15m or 1h30m. In 1h30 nothing says what the 30 is."""
    compact = text.replace(" ", "").lower()
    match = _DURATION.fullmatch(f"{compact}s" if re.fullmatch(_DIGITS, compact) else compact)
    if match is None or not any(match.groups()):
        raise ValueError(f"must be a time such as 90, 90s, 15m or 1h30m, got {shown(text)}")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def trial_count(text: str, *, asked: int) -> int:
    """Read a number of trials: 40, or +20 for as many more than were `asked` for."""
    given = scalars.number(text.strip())
    if not isinstance(given, int):
        raise ValueError(f"must be a whole number or +N for N more, got {shown(text)}")
    if given < 1:
        raise ValueError(f"must be a whole number from 1, or +N for N more, got {shown(text)}")
    return asked + given if text.strip().startswith("+") else given
