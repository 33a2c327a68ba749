"""How one search space differs from another, and what that does to the trials of a study: shown, and asked about.

show(space.diff(newer), lost_by={})
agree(change, yes=False, quiet=False)               # `automl resume --space`: shows it, asks where trials are lost
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from automl.cli import completion, options, output
from automl.cli.compose import find_space
from automl.cli.output import Format
from automl.cli.values import Problems
from search_spaces import READY, Change, SearchSpace, SearchSpaceError
from search_spaces.files import is_code

if TYPE_CHECKING:
    from automl.home import Home
    from automl.space_history import SpaceChange

Compared = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FILE|STUDY",
        help="A ready space, a file with one, or a study.",
        autocompletion=completion.spaces,
    ),
]


def diff(
    a: Compared,
    b: Compared,
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Show what a newer space B changes of A; of a study A, what `automl resume A --space B` would do to its trials."""
    from automl.home import Home
    from automl.space_history import SpaceChange

    found = Home.find(home, storage)
    problems = Problems()
    old, new = (problems.attempt(functools.partial(_space_of, found, text)) for text in (a, b))
    problems.check()
    assert old is not None
    assert new is not None
    change = None
    if _is_study(found, a):
        with found.read(a) as reader:
            change = SpaceChange.look(reader, new)
    made = old.diff(new)
    trials = None if change is None else {"told": change.told, "lost": sorted(change.lost), "lost_by": change.lost_by}
    data = {"changes": [each.to_dict() for each in made], "trials": trials}

    def table() -> None:
        if not made:
            print(output.safe(f"{a} and {b} are the same space"))
            return
        show(made, {} if change is None else change.lost_by)
        if change is not None:
            print(change.summary)

    output.emit(data, format, table)


def show(changes: Iterable[Change], lost_by: Mapping[str, int], *, file: TextIO | None = None) -> None:
    """Print a line a parameter or relation; `lost_by` says how many trials it keeps out of the newer space."""
    rows: list[dict[str, Any]] = [
        {"param": each.label, "change": each.summary, "was": each.before, "becomes": each.after} for each in changes
    ]
    columns = ["param", "change", "was", "becomes"]
    if lost_by:
        names = {row["param"] for row in rows}
        rows += [{"param": name, "change": "no longer fits"} for name in lost_by if name not in names]
        rows = [row | {"trials lost": lost_by.get(row["param"], 0)} for row in rows]
        columns.insert(2, "trials lost")
    output.table(rows, columns, file=file)


def agree(change: SpaceChange, *, yes: bool, quiet: bool) -> None:
    """Show what a new space would be to a study, and return if the user wants that.

    Who is not there to be asked must have said `yes` where trials are lost to the sampler.
    """
    if change.lost or not quiet:
        show(change.changes, change.lost_by, file=sys.stderr)
        output.say(change.summary)
    if not change.lost or yes:
        return
    if not sys.stdin.isatty():
        output.fail("nothing was changed: nobody is here to be asked; give --yes", code=2)
    if not output.is_confirmed("go on?"):
        output.say("nothing was changed")
        raise typer.Exit(0)


def _is_study(home: Home, text: str) -> bool:
    return text not in READY and not Path(text).is_file() and "/" not in text and text in home.studies()


def _space_of(home: Home, text: str) -> SearchSpace:
    """Return a ready space, the one in a file, or that of a study.

    Raises:
        SearchSpaceError: there is none of these, or the file is not right.
    """
    if not _is_study(home, text):
        try:
            return find_space(text)
        except SearchSpaceError as error:
            if Path(text).suffix or "/" in text or is_code(text):
                raise
            nor = f"; nor is it a study in {home.where}"
            raise SearchSpaceError(f"{problem}{nor}" for problem in error.problems) from None
    with home.read(text) as reader:
        return SearchSpace.from_dict(reader.study().config["space"])
