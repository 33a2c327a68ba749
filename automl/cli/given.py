"""What a command was given and by whom: the command line before variables, variables before a study file.

    automl search study.yaml --trials 60       # the file says the rest
    AUTOML_SAMPLER=gp automl search study.yaml

The file's values become defaults of the options as soon as TARGET is read, which is before any other. Only what is made
of parts is put together here: ranges are given parameter by parameter, so `-p` replaces one and leaves the others.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import typer

from automl import study_file
from automl.cli import compose
from automl.cli.values import Problems, duration, number, whole
from automl.config import StudyConfig
from automl.study_file import Key, Kind, StudyFile
from search_spaces.relations import KEYS

_FILE = "automl.study_file"  # in the context's `meta`
_NEVER = ("help", "dry_run")
_KINDS = {"RANGE": Kind.RANGE, "NAME=RANGE": Kind.RANGES, "FILE|NAME": Kind.SPACE, "DIR": Kind.PATH}
_KINDS |= {"EXPR": Kind.REQUIRE, "CONDITION": Kind.FORBID, "POINT": Kind.POINTS}
_READERS = {"N": whole, "K": whole, "X": number, "V": number, "D": number, "TIME": duration}
"""Both by what the help shows after an option."""

_FIELDS = {"trials": "n_trials"}
"""Where the parameter of an option is called otherwise than the field that it sets."""
_KEYS = {"tries": "try"}
"""Where the parameter of an option cannot be called like its key, which is a word of Python."""


def read_target(context: typer.Context, value: str) -> str:
    """Return the target; of a study file the one that it names, and let the file's values be the defaults."""
    from automl.objectives import target

    if context.resilient_parsing or not target.is_study_file(value):
        return value
    found = study_file.read(value, keys(context.command), target.locate)
    context.meta[_FILE] = found
    names = {key: name for name, key in _KEYS.items()}
    context.default_map = {names.get(key, key): value for key, value in found.values.items()}
    return found.target


def keys(command: Any) -> dict[str, Key]:
    """Return the keys of study files: every option of `command` has one, called like it."""
    options = [each for each in command.params if each.param_type_name == "option" and each.name not in _NEVER]
    return {key_of(option): Key(_kind(option), _choices(option)) for option in options}


def key_of(option: Any) -> str:
    """Return the key of an option in study files."""
    return _KEYS.get(option.name, str(option.name))


def file_of(context: typer.Context) -> StudyFile:
    """Return the study file that was given; an empty one if there is none."""
    found = context.meta.get(_FILE)
    return found if isinstance(found, StudyFile) else StudyFile()


def settings(context: typer.Context, problems: Problems) -> dict[str, Any]:
    """Return what options say of the fields of a StudyConfig, with numbers and times read.

    The space is left out: it is composed of several options.
    """
    fields = {field.name for field in dataclasses.fields(StudyConfig)} - {"space"}
    options = [each for each in context.command.params if each.param_type_name == "option"]
    found = {}
    for option in options:
        name = _FIELDS.get(str(option.name), str(option.name))
        if name in fields:
            value, reader = context.params[str(option.name)], _READERS.get(str(option.metavar))
            value = None if option.multiple and not value else value  # Click's () for an option that was not given
            found[name] = problems.read(max(option.opts, key=len), value, reader) if reader else value
    return found


def spaces(context: typer.Context) -> list[str | Mapping[str, Any]]:
    """Return the search spaces, from left to right."""
    if source(context, "space") == "COMMANDLINE":
        return [*context.params["space"]]
    return [*_listed("AUTOML_SPACE")] or file_of(context).spaces


def relations(context: typer.Context) -> dict[str, list[str]]:
    """Return what is required and what is forbidden, besides what spaces say of it."""
    return {name: several(context, name) for name in KEYS}


def several(context: typer.Context, name: str) -> list[str]:
    """Return what an option was given that may be given again: in a variable there are semicolons between."""
    if source(context, name) == "ENVIRONMENT":
        return _listed(f"AUTOML_{_KEYS.get(name, name).upper()}")
    return [*(context.params[name] or ())]


def ranges(context: typer.Context, problems: Problems) -> dict[str, str]:
    """Return the range of each parameter that was given one by itself."""
    named = [option.name for option in context.command.params if option.metavar == "RANGE"]
    typed = context.params["param"] if source(context, "param") == "COMMANDLINE" else []
    found = dict(file_of(context).ranges)
    for setter, option, params in (
        ("ENVIRONMENT", "AUTOML_PARAM", _listed("AUTOML_PARAM")),
        ("COMMANDLINE", "-p", typed),
    ):
        texts = {name: context.params[name] for name in named if source(context, name) == setter}
        found |= compose.lines(texts, params, problems, option=option)
    return found


def labels(context: typer.Context) -> dict[str, str]:
    """Return parameter -> the option of its own that was typed, such as lr -> --lr."""
    named = [option for option in context.command.params if option.metavar == "RANGE"]
    return {each.name: max(each.opts, key=len) for each in named if source(context, each.name) == "COMMANDLINE"}


def sources(context: typer.Context) -> dict[str, str]:
    """Return option -> the variable, or the place in a file, that set it, for those that were not typed."""
    places = file_of(context).places
    found = {}
    for option in context.command.params:
        setter = source(context, option.name)
        if setter == "ENVIRONMENT":
            found[max(option.opts, key=len)] = str(option.envvar)
        elif setter != "COMMANDLINE" and (key := key_of(option)) in places:
            found[max(option.opts, key=len)] = f"{places[key]}: {key}"
    return found


def source(context: typer.Context, name: str) -> str:
    """Return who set an option: COMMANDLINE, ENVIRONMENT, DEFAULT_MAP (a study file) or DEFAULT."""
    return getattr(context.get_parameter_source(name), "name", "DEFAULT")


def _listed(variable: str) -> list[str]:
    """Return the parts of a variable between semicolons: ranges hold spaces, at which Click would part them."""
    return [part.strip() for part in os.environ.get(variable, "").split(";") if part.strip()]


def _kind(option: Any) -> Kind:
    if option.is_flag:
        return Kind.FLAG
    return _KINDS.get(option.metavar, Kind.LIST if option.multiple else Kind.TEXT)


def _choices(option: Any) -> list[str]:
    return [str(choice.value) for choice in option.type_descriptor.choices or ()]
