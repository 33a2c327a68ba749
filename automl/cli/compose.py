"""The search space that a command line describes.

    single = lines({"lr": "1e-4..1e-1 log"}, ["batch_size=32|64"], problems)
    compose(tasks.task("digits"), problems, arch="mlp|cnn", spaces=["space.yaml"], ranges=single)

At the bottom lies what --arch chooses, of a task's own space or of the ready ones; each --space is laid on top of it,
and then what --lr and the like and -p say of single parameters. With --arch none nothing lies at the bottom. What
--require and --forbid say comes on top of what the spaces say.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.cli.values import Problems
from automl.config import unknown
from automl.errors import ConfigError
from automl.tasks import Task
from search_spaces import (
    READY,
    SearchSpace,
    SearchSpaceError,
    architectures,
    choose,
    load_space,
    parse_range,
    plain,
    ready,
)
from search_spaces.errors import did_you_mean
from search_spaces.files import is_code
from search_spaces.plain import as_condition, as_expression


def compose(
    task: Task | None,
    problems: Problems,
    *,
    arch: str | None = None,
    spaces: Sequence[str | Mapping[str, Any]] = (),
    ranges: Mapping[str, str] | None = None,
    relations: Mapping[str, Sequence[str]] | None = None,
    labels: Mapping[str, str] | None = None,
) -> SearchSpace | None:
    """Return the space to search; None when `problems` were found.

    Args:
        task: has a space of its own; None for a function, which has none.
        problems: takes what is wrong.
        arch: architectures, with "|" between them, or "none".
        spaces: ready names, files, and parameters as in a file; of two the later one wins.
        ranges: name -> range of single parameters, from `lines`.
        relations: "require" -> relations and "forbid" -> conditions, in addition to those of the spaces.
        labels: name -> the option that was typed for it, to say in problems.
    """
    relations, labels = relations or {}, labels or {}
    found = len(problems.lines)
    unread = Problems()
    read = [unread.read("--space", each, find_space) if isinstance(each, str) else each for each in spaces]
    layers = [layer for layer in read if layer is not None]
    ranges = ranges or {}
    known = [plain.read(layer, outside=None).distributions for layer in (*layers, ranges)]
    given = dict(functools.reduce(operator.or_, known))
    made = problems.attempt(lambda: _base(task, arch, given=given))
    problems.add(unread.lines)
    unfit = [line.partition(": ") for line in (task.problems(given) if task else [])]
    problems.add(f"{labels.get(name, name)}: {text}" for name, _, text in unfit)  # before it breaks conditions, too
    for key, reader in (("require", as_expression), ("forbid", as_condition)):
        for text in relations.get(key, ()):
            problems.read(f"--{key}", text, reader)
    if made is None or len(problems.lines) > found:
        return None
    composed = problems.attempt(lambda: _ranged(functools.reduce(operator.or_, layers, made), ranges))
    if composed is None or not any(relations.values()):
        return composed
    try:
        return composed | relations
    except SearchSpaceError as error:  # each problem begins with "require" or "forbid"
        problems.add(f"--{problem}" for problem in error.problems)
        return None


def lines(
    named: Mapping[str, str | None], params: Sequence[str], problems: Problems, *, option: str = "-p"
) -> dict[str, str]:
    """Return name -> range of all parameters given one by one.

    Args:
        named: those with an option of their own, such as lr, and what stands after it.
        params: NAME=RANGE.
        problems: takes what is wrong.
        option: what gave `params`.
    """
    given = [(f"--{name.replace('_', '-')}", name, text) for name, text in named.items() if text is not None]
    for text in params:
        name, equals, range_ = text.partition("=")
        if not equals or not name.strip():
            problems.add([f'{option} {text!r}: write NAME=RANGE, such as -p batch_size="32|64|128"'])
        else:
            given.append((f"{option} {name.strip()}", name.strip(), range_))
    seen: dict[str, str | None] = {}
    for label, name, text in given:
        is_range = problems.read(label, text, parse_range) is not None
        if name in seen:
            problems.add([f"{label}: {name} was given a range already; give it one"])
        seen[name] = text if is_range else None
    return {name: range_ for name, range_ in seen.items() if range_ is not None}


def find_space(text: str) -> SearchSpace:
    """Return the ready space called `text`, or the one in a file or in Python code.

    Raises:
        SearchSpaceError: there is neither, or the file or code is not right.
    """
    if text in READY:
        return ready(text)
    if "/" in text or Path(text).suffix or Path(text).exists() or is_code(text):
        return read_space(text)
    raise SearchSpaceError(
        f"{text!r} is neither a ready space ({', '.join(READY)}), nor a file (.yaml, .toml or .json), nor file.py:name "
        f"or package.module:name{did_you_mean(text, READY)}"
    )


def read_space(text: str) -> SearchSpace:
    """Return the space in a file or in Python code, whose prints do not get among the results of a command.

    Raises:
        SearchSpaceError: there is none, or it is not right.
    """
    with contextlib.redirect_stdout(sys.stderr):
        return load_space(text)


def _ranged(space: SearchSpace, ranges: Mapping[str, str]) -> SearchSpace:
    """Return the space with other ranges for some parameters: each exists when it did, unless its range says when.

    First those that always exist: they may decide which of the others still do.

    Raises:
        SearchSpaceError: the ranges do not fit the space, or one is for a parameter that another range has ruled out.
    """
    always = {name: text for name, text in ranges.items() if name in space and name not in space.conditions}
    rest = {name: text for name, text in ranges.items() if name not in always}
    asked, space = space.conditions, space | always
    never = [name for name, text in rest.items() if name in asked.keys() - space and parse_range(text)[1] is None]
    if never:
        raise SearchSpaceError(
            f"{name}: exists only when {asked[name]}, which {' and '.join(sorted(asked[name].parents))} as given can "
            "never be: leave it out, or give it a when of its own"
            for name in never
        )
    for name, text in rest.items():
        if name in space.conditions and parse_range(text)[1] is None:
            rest[name] = f"{text} when {space.conditions[name]}"
    return space | rest


def _base(task: Task | None, arch: str | None, *, given: Collection[str]) -> SearchSpace:
    if arch == "none":
        return SearchSpace()
    names = [] if arch is None else [name.strip() for name in arch.split("|")]
    problems = [f"--arch {arch!r}: {name!r} is there twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if task is not None:
        made = task.space(list(dict.fromkeys(names)), given=given)
    else:
        problems += [
            unknown("--arch", name, architectures.__all__) for name in names if name not in architectures.__all__
        ]
        made = choose("arch", {name: ready(name) for name in names}) if names and not problems else SearchSpace()
    if problems:
        raise ConfigError(problems)
    return made
