"""The search space that a command line describes.

    flags = SpaceFlags(arch="mlp|cnn", ranges=["lr=1e-4..1e-1 log"])
    compose("digits", flags, problems)          # a SearchSpace, or None and `problems` say why

At the bottom lies what --arch chooses, of a task's own space or of the ready ones; each --space is laid on top of it,
and then what --lr and the like and -p say of single parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from automl import tasks
from automl.cli.values import Problems
from automl.config import unknown
from automl.errors import ConfigError
from search_spaces import READY, SearchSpace, SearchSpaceError, architectures, choose, load_space, parse_range, ready
from search_spaces.errors import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFlags:
    """What was typed about the search space."""

    spaces: Sequence[str] = ()
    """Ready names and files, from left to right."""
    arch: str | None = None
    named: dict[str, str | None] = field(default_factory=dict)
    """Parameters that have an option of their own, such as lr, and the range after it."""
    ranges: Sequence[str] = ()
    """NAME=RANGE."""


def compose(target: str, flags: SpaceFlags, problems: Problems) -> SearchSpace | None:
    """Return the space to search for `target`; None when `problems` were found."""
    found = len(problems.lines)
    space = problems.attempt(lambda: _base(target, flags.arch)) or SearchSpace()
    others = [problems.read("--space", text, find_space) for text in flags.spaces]
    lines = _lines(flags, problems)
    if len(problems.lines) > found:
        return None

    def joined() -> SearchSpace:
        made = space
        for other in others:
            made = made | (other or {})
        return made | lines

    return problems.attempt(joined)


def find_space(text: str) -> SearchSpace:
    """Return the ready space called `text`, or the one in the file `text`.

    Raises:
        SearchSpaceError: there is neither, or the file is not right.
    """
    if text in READY:
        return ready(text)
    if "/" in text or Path(text).suffix or Path(text).exists():
        return load_space(text)
    raise SearchSpaceError(
        f"{text!r} is neither a ready space ({', '.join(READY)}) nor a file (.yaml or .json){did_you_mean(text, READY)}"
    )


def _base(target: str, arch: str | None) -> SearchSpace:
    names = [] if arch is None else [name.strip() for name in arch.split("|")]
    problems = [f"--arch {arch!r}: {name!r} is there twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if target in tasks.names():
        made = tasks.task(target).space(list(dict.fromkeys(names)))
    else:
        problems += [
            unknown("--arch", name, architectures.__all__) for name in names if name not in architectures.__all__
        ]
        made = choose("arch", {name: ready(name) for name in names}) if names and not problems else SearchSpace()
    if problems:
        raise ConfigError(problems)
    return made


def _lines(flags: SpaceFlags, problems: Problems) -> dict[str, str]:
    """Return name -> range of all parameters given one by one."""
    given = [(f"--{name.replace('_', '-')}", name, text) for name, text in flags.named.items() if text is not None]
    for text in flags.ranges:
        name, equals, range_ = text.partition("=")
        if not equals or not name.strip():
            problems.add([f'-p {text!r}: write NAME=RANGE, such as -p batch_size="32|64|128"'])
        else:
            given.append((f"-p {name.strip()}", name.strip(), range_))
    lines: dict[str, str] = {}
    for option, name, text in given:
        problems.read(option, text, parse_range)
        if name in lines:
            problems.add([f"{option}: {name} was given a range already; give it one"])
        lines[name] = text
    return lines
