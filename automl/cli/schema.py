"""`automl schema`: the languages of study files and space files as JSON Schemas, for editors that complete and check.

    automl schema study > study.schema.json
    make schema         # writes the two files that the packages carry, after an option was added

Both are made from what reads the files: the options of `automl search`, and the distributions.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from automl.cli import given, options
from automl.study_file import SCHEMA, Key, Kind
from search_spaces import schema as spaces

_TEXT = {"type": ["string", "number"]}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_POINT = {"type": ["string", "object"], "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
_PARAMETERS = {"$ref": "#/$defs/parameters"}
_KINDS: dict[Kind, dict[str, Any]] = {
    Kind.LIST: _TEXTS,
    Kind.PATH: {"type": "string"},
    Kind.FLAG: {"type": "boolean"},
    Kind.RANGE: {"$ref": "#/$defs/parameter"},
    Kind.RANGES: _PARAMETERS,
    Kind.SPACE: {"anyOf": [*_TEXTS["anyOf"], _PARAMETERS]},
    Kind.POINTS: {"anyOf": [_POINT, {"type": "array", "items": _POINT, "minItems": 1}]},
    Kind.REQUIRE: {"$ref": "#/$defs/require"},
    Kind.FORBID: {"$ref": "#/$defs/forbid"},
}
_VALUES: dict[str, dict[str, Any]] = {
    "N": {"type": "integer", "minimum": 0},
    "X": {"type": "number", "minimum": 0},
    "TIME": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]},
}
"""Of keys that take text, by what the help shows after the option."""


class Language(StrEnum):
    """What a schema is for."""

    STUDY = "study"
    SPACE = "space"


def schema(
    language: Annotated[Language, typer.Argument(metavar="study|space", help="Of which files.")] = Language.STUDY,
) -> None:
    """Print the JSON Schema of study files or of space files, for editors and other programs."""
    file = SCHEMA if language is Language.STUDY else spaces.FILE
    print(file.read_text(encoding="utf-8"), end="")


def study_schema() -> dict[str, Any]:
    """Return the JSON Schema of study files."""
    from automl.cli import app

    command = typer.main.get_command(app).commands["search"]  # type: ignore[attr-defined]
    parameters = {given.key_of(parameter): parameter for parameter in command.params}
    properties = {name: _property(key, parameters[name]) for name, key in given.keys(command).items()}
    target = {"type": "string", "description": _plain(parameters["target"].help)}
    return {
        "$schema": spaces.DIALECT,
        "title": "A study",
        "type": "object",
        "properties": {"$schema": {"type": "string"}, "target": target, **properties},
        "required": ["target"],
        "additionalProperties": False,
        "$defs": spaces.definitions(),
    }


def files() -> dict[Path, str]:
    """Return the files that the packages carry, and what they should hold."""
    made = {SCHEMA: study_schema(), spaces.FILE: spaces.space_schema()}
    return {path: json.dumps(content, indent=2) + "\n" for path, content in made.items()}


def write() -> None:
    """Write the files that the packages carry."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


def _property(key: Key, option: Any) -> dict[str, Any]:
    names = options.NAMES.get(max(option.opts, key=len), ())
    value = _KINDS.get(key.kind) or _VALUES.get(option.metavar, _TEXT)
    if key.choices:
        value = {"enum": list(key.choices)}
    elif names and key.kind in (Kind.TEXT, Kind.LIST):
        value = {"type": "string", "pattern": rf"^({'|'.join(map(re.escape, names))})(\W.*)?$"}
        if key.kind is Kind.LIST:
            value = {"anyOf": [value, {"type": "array", "items": value, "minItems": 1}]}
    return {"description": _plain(option.help), **value}


def _plain(help: str) -> str:
    """Return a help text without its markup."""
    from rich.text import Text

    return Text.from_markup(help).plain
