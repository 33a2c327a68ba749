"""`automl space`: look at ready spaces, check a file, draw points from either, write a file or for another library."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from automl.cli import changes, completion, given, options, output
from automl.cli.command import Command, Group
from automl.cli.compose import compose, find_space, read_space
from automl.cli.output import Format
from automl.cli.values import Problems, positive, whole
from automl.errors import unknown
from search_spaces import READY, Constant, Float, Int, SearchSpace, SearchSpaceError, architectures, dumps
from search_spaces.catalog import group
from search_spaces.convert import TEXTS, left_out
from search_spaces.files import format_of, is_code, read_document
from search_spaces.schema import FILE as SCHEMA

app = typer.Typer(cls=Group, no_args_is_help=True, help="Look at search spaces: ready ones, and those in files.")

FILES = ".yaml, .toml or .json file, or code: file.py:name, package.module:name"

Named = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE", help=f"A ready space, a {FILES}.", autocompletion=completion.spaces),
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
    file: Annotated[str, typer.Argument(metavar="FILE", help=f"A {FILES}.", autocompletion=completion.space_files)],
    format: options.Printed = Format.TABLE,
) -> None:
    """Check a file: all that is wrong in it, and what can have one value only, is named with line and column."""
    try:
        space = read_space(file)
    except SearchSpaceError as error:
        _fail(file, error.problems, format)
    try:
        space.check_feasible(random.Random(0))
    except SearchSpaceError as error:
        _fail(file, [f"{file}: {problem}" for problem in error.problems], format)
    warnings = _warnings(file, space)
    output.say(*(f"warning: {each}" for each in warnings))
    found = {"ok": True, "file": file, "problems": [], "warnings": warnings}
    found |= {"parameters": len(space), "size": space.size()}
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
    _deliver(TEXTS[to](space), file)
    if lost := left_out(space, to):
        output.say(f"note: {to} has no place for", *(f"  {line}" for line in lost))


app.command(cls=Command)(changes.diff)


@app.command(cls=Command)
def new(
    context: typer.Context,
    space: Annotated[
        list[str] | None,
        options.option(
            "--space",
            "--ready",
            metavar="FILE|NAME",
            help="A file, file.py:name or ready space; several are joined.",
            panel=options.SPACE,
            autocompletion=completion.spaces,
        ),
    ] = None,
    arch: Annotated[
        str | None,
        options.option(
            "--arch",
            metavar="A|B",
            help=f"Networks: {', '.join(architectures.__all__)}.",
            panel=options.SPACE,
            autocompletion=completion.among(architectures.__all__),
        ),
    ] = None,
    lr: options.Lr = None,
    weight_decay: options.WeightDecay = None,
    dropout: options.Dropout = None,
    optimizer: options.Optimizer = None,
    param: options.Params = None,
    require: options.Require = None,
    forbid: options.Forbid = None,
    file: Annotated[
        Path | None,
        options.option("-o", "--output", metavar="FILE", help="A new .yaml, .toml or .json file to write it to."),
    ] = None,
) -> None:
    """Print the file of a new space: ready spaces and files joined, with ranges of single parameters on top."""
    problems = Problems()
    ranges, relations = given.ranges(context, problems), given.relations(context)
    made = compose(None, problems, arch=arch, spaces=given.spaces(context), ranges=ranges, relations=relations)
    if made is not None and not made and not problems.lines:
        problems.add(['a space needs a parameter: give --arch, --ready, --lr or -p, such as -p batch_size="32|64|128"'])
    if made:
        problems.attempt(lambda: made.check_feasible(random.Random(0)))
    format = "yaml" if file is None else problems.read("--output", str(file), format_of)
    problems.check()
    assert made is not None
    _deliver(dumps(made, format=format or "yaml", schema=SCHEMA), file)


def _deliver(text: str, file: Path | None) -> None:
    """Print `text`, or write it to a file that was not there."""
    if file is None:
        print(text, end="")
        return
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        output.fail(f"--output {file}: cannot be written: {error.strerror or error}; name another file", code=2)
    output.say(f"written: {file}")


def _warnings(file: str, space: SearchSpace) -> list[str]:
    """Return a line for each range of which the ends meet, with its place in the file."""
    met = {name: d.grid(1)[0] for name, d in space.items() if isinstance(d, Float | Int) and d.size() == 1}
    document = read_document(Path(file)) if met and not is_code(file) else None
    places = {name: "" if document is None else "{}:{}:".format(*document.place((name,))) for name in met}
    return [
        f"{file}:{places[name]} {name}: low and high are both {value}: write ={value}, or leave it out"
        for name, value in met.items()
    ]


def _fail(file: str, problems: Sequence[str], format: Format) -> NoReturn:
    output.emit({"ok": False, "file": file, "problems": list(problems)}, format, lambda: None)
    output.fail(*problems, code=2)


def listed(lines: Mapping[str, str | list[str]]) -> list[tuple[str, str]]:
    """Return the lines of a space as pairs of a name and a line; `require` and `forbid` come once for each."""
    return [(name, line) for name, each in lines.items() for line in (each if isinstance(each, list) else [each])]


def describe(space: SearchSpace) -> str:
    """Return how large a space is: `5 parameters, 1,200 points`."""
    size = space.size()
    points = "infinitely many points" if isinstance(size, str) else f"{size:,} point{'s' if size != 1 else ''}"
    n = len(space.require) + len(space.forbid)
    points += f", {n} relation{'s' if n != 1 else ''}" if n else ""
    met = [
        f"; {name} can only be {d.grid(1)[0]}"
        for name, d in space.items()
        if isinstance(d, Float | Int) and d.size() == 1
    ]
    fixed = sum(isinstance(each, Constant) for each in space.values())
    known = f" ({fixed} fixed)" if fixed else ""
    return f"{len(space)} parameter{'s' if len(space) != 1 else ''}{known}, {points}{''.join(met)}"


def _first_line(make: object) -> str:
    return (make.__doc__ or "").strip().partition("\n")[0]
