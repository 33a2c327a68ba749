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
from search_spaces import SearchSpaceError

T = TypeVar("T")

_DURATION = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?")


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
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"must be a whole number, got {text!r}") from None


def positive(text: str) -> int:
    """Read a whole number from 1."""
    value = whole(text)
    if value < 1:
        raise ValueError(f"must be at least 1, got {text}")
    return value


def number(text: str) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"must be a number, got {text!r}") from None


def duration(text: str) -> float:
    """Read a time in seconds: 90, 90s, 15m or 1h30m."""
    match = _DURATION.fullmatch(text.replace(" ", "").lower())
    if match is None or not any(match.groups()):
        raise ValueError(f"must be a time such as 90, 90s, 15m or 1h30m, got {text!r}")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def trial_count(text: str, *, asked: int) -> int:
    """Read a number of trials: 40, or +20 for as many more than were `asked` for."""
    try:
        given = int(text)
    except ValueError:
        raise ValueError(f"must be a whole number or +N for N more, got {text!r}") from None
    if text.strip().startswith("+") and given < 1:
        raise ValueError(f"must ask for at least one more trial, got {text!r}")
    return asked + given if text.strip().startswith("+") else given
