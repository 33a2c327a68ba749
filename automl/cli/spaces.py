"""`automl space`: look at ready spaces, check a file, draw points from either, write it for another library."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from automl.cli import completion, options, output
from automl.cli.command import Command, Group
from automl.cli.compose import find_space, read_space
from automl.cli.output import Format
from automl.cli.values import Problems, positive, whole
from automl.errors import unknown
from search_spaces import READY, Float, Int, SearchSpace, SearchSpaceError, dumps
from search_spaces.catalog import group
from search_spaces.convert import TEXTS

app = typer.Typer(cls=Group, no_args_is_help=True, help="Look at search spaces: ready ones, and those in files.")

FILES = ".yaml, .toml or .json file, or code: file.py:name, package.module:name"

Named = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE", help=f"A ready space, a {FILES}.", autocompletion=completion.among(READY)),
]


@app.command(cls=Command)
def ls(format: options.Printed = Format.TABLE) -> None:
    """List the ready spaces, those of architectures first."""
    rows = [
        {
            "group": group(name),
            "name": name,
            "parameters": len(make()),
            "size": make().size(),
            "about": _first_line(make),
        }
        for name, make in READY.items()
    ]
    output.emit(rows, format, lambda: output.table(rows, list(rows[0])))


@app.command(cls=Command)
def show(name: Named, format: options.Printed = Format.TABLE) -> None:
    """Show the parameters of a space, as they are written in a file."""
    space = find_space(name)
    if format in (Format.JSON, Format.YAML):
        print(dumps(space, format=format.value), end="")
    else:
        rows = [{"name": name, "range": text} for name, text in listed(space.lines())]
        output.emit(rows, format, lambda: output.table(rows, ["name", "range"]))


@app.command(cls=Command)
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help=f"A {FILES}.")],
    format: options.Printed = Format.TABLE,
) -> None:
    """Check a file, and name everything that is wrong in it with line and column."""
    try:
        space = read_space(file)
    except SearchSpaceError as error:
        _fail(file, error.problems, format)
    try:
        space.check_feasible(random.Random(0))
    except SearchSpaceError as error:
        _fail(file, [f"{file}: {problem}" for problem in error.problems], format)
    found = {"ok": True, "file": file, "problems": [], "parameters": len(space), "size": space.size()}
    text = f"{file}: ok, {describe(space)}"
    output.emit(found, format, lambda: print(output.safe(text)))


@app.command(cls=Command)
def sample(
    name: Named,
    n: Annotated[str, options.option("-n", metavar="N", help="How many points.")] = "5",
    seed: Annotated[str | None, options.option("--seed", metavar="N", help="The same seed, the same points.")] = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Draw points from a space."""
    problems = Problems()
    count = problems.read("-n", n, positive) or 0
    start = problems.read("--seed", seed, whole)
    space = problems.attempt(lambda: find_space(name))
    problems.check()
    assert space is not None
    rng = random.Random(start)
    points = [space.sample(rng) for _ in range(count)]
    output.emit(points, format, lambda: output.table(points, space))


@app.command(cls=Command)
def export(
    name: Named,
    to: Annotated[
        str | None, options.option("--to", metavar="LIBRARY", help=f"{', '.join(TEXTS)}.", among=[*TEXTS])
    ] = None,
    file: Annotated[
        Path | None, options.option("-o", "--output", metavar="FILE", help="A new file to write it to.")
    ] = None,
) -> None:
    """Print a space as another library has it: Python source, YAML or JSON."""
    problems = Problems()
    space = problems.attempt(lambda: find_space(name))
    if to is None:
        problems.add([f"--to is missing: give one of {', '.join(TEXTS)}"])
    elif to not in TEXTS:
        problems.add([unknown("--to", to, [*TEXTS])])
    problems.check()
    assert space is not None
    assert to is not None
    text = TEXTS[to](space)
    if file is None:
        print(text, end="")
        return
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        output.fail(f"--output {file}: cannot be written: {error.strerror or error}; name another file", code=2)


def _fail(file: str, problems: Sequence[str], format: Format) -> NoReturn:
    output.emit({"ok": False, "file": file, "problems": list(problems)}, format, lambda: None)
    output.fail(*problems, code=2)


def listed(lines: Mapping[str, str | list[str]]) -> list[tuple[str, str]]:
    """Return the lines of a space as pairs of a name and a line; `require` and `forbid` come once for each."""
    return [(name, line) for name, each in lines.items() for line in (each if isinstance(each, list) else [each])]


def describe(space: SearchSpace) -> str:
    """Return how large a space is: `5 parameters, 1,200 points`."""
    size = space.size()
    points = size if isinstance(size, str) else f"{size:,} point{'s' if size != 1 else ''}"
    n = len(space.require) + len(space.forbid)
    points += f", {n} relation{'s' if n != 1 else ''}" if n else ""
    met = [
        f"; {name} can only be {d.grid(1)[0]}"
        for name, d in space.items()
        if isinstance(d, Float | Int) and d.size() == 1
    ]
    return f"{len(space)} parameter{'s' if len(space) != 1 else ''}, {points}{''.join(met)}"


def _first_line(make: object) -> str:
    return (make.__doc__ or "").strip().partition("\n")[0]
