"""What every verb has in common: help that tells defaults and variables, and errors that name who set a wrong value.

    app.command(cls=Command)(search)

    automl search digits --sampler tpee          # error: --sampler 'tpee' is unknown; did you mean 'tpe'?
    AUTOML_SAMPLER=tpee automl search digits     # error: AUTOML_SAMPLER 'tpee' is unknown; did you mean 'tpe'?
    automl search study.yaml                     # error: study.yaml:3:10: sampler 'tpee' is unknown; ...

Whatever finds a problem speaks of options, as it knows nothing of where their values came from; the name is changed on
the way out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from automl.cli import given
from automl.config import BUDGET
from automl.errors import AutomlError
from automl.interrupts import Interrupted
from search_spaces import SearchSpaceError

_OPTION = re.compile(r"--[a-z][a-z-]*")
_KEPT = (*BUDGET, "trials", "storage")
"""Parameters of `resume` that a study has had: without them all is as before, whatever a new one would begin with."""


class Command(TyperCommand):
    """A verb."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        for parameter in self.params:
            is_kept = self.name == "resume" and parameter.name in _KEPT
            _complete_help(parameter, default="as before" if is_kept else None)

    def get_params(self, ctx: Any) -> Any:
        """Return all parameters, --help among them."""
        return _flags_without_type(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; what is wrong with a value of a variable or a file is told under that name."""
        try:
            return super().invoke(ctx)
        except (AutomlError, SearchSpaceError) as error:
            names = given.sources(ctx)
            error.problems = tuple(renamed(problem, names) for problem in error.problems)
            raise
        except Interrupted as error:  # Typer would take it for Ctrl-C, whatever the signal was
            raise typer.Exit(error.exit_code) from None


class Group(TyperGroup):
    """Several verbs under one name."""

    def get_params(self, ctx: Any) -> Any:
        """Return all parameters, --help and those of completion among them."""
        return _flags_without_type(super().get_params(ctx))


def renamed(problem: str, names: Mapping[str, str]) -> str:
    """Return `problem` with the option that it begins with under the name of who set it."""
    match = _OPTION.match(problem)
    return problem if match is None else names.get(match[0], match[0]) + problem[match.end() :]


def _complete_help(parameter: Any, *, default: str | None) -> None:
    """Put default, unless it is told its own, and variable at the end of an option's help.

    Typer can show both, but in columns, with gaps that differ from line to line.
    """
    notes = []
    if default is None:
        default = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    if parameter.show_default and default not in (None, False, ()):
        notes.append(f"default: {getattr(default, 'value', default)}")
    if parameter.envvar:
        notes.append(str(parameter.envvar))
    parameter.help = " ".join([parameter.help, *(f"[dim]\\[{note}][/dim]" for note in notes)])
    parameter.show_default = parameter.show_envvar = False


def _flags_without_type(parameters: Any) -> Any:
    """Return `parameters`, the flags among them without the type that Typer shows: a flag takes no value."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters
