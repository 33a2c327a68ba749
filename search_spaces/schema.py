"""The language of space files as a JSON Schema, made from the distributions, so that an editor completes and checks it.

    definitions()["parameter"]      # what may stand after a name
    space_schema()                  # a whole file; `space.schema.json` beside this module holds it

A schema knows names, types and what is missing; what a range may be (low below high, ...) only `load_space` knows.
"""

from __future__ import annotations

from dataclasses import MISSING
from pathlib import Path
from typing import Any

from search_spaces.base import SPREADS
from search_spaces.criteria import SIGNS
from search_spaces.distributions import KINDS
from search_spaces.groups import FIELDS
from search_spaces.relations import KEYS
from search_spaces.scalars import LONGEST_NAME, NAME

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE = Path(__file__).with_name("space.schema.json")

_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_SCALARS: dict[str, Any] = {"type": "array", "items": _SCALAR, "minItems": 1, "uniqueItems": True}
_TYPES: dict[str, dict[str, Any]] = {
    "float": {"type": "number"},
    "float | None": {"type": "number"},
    "int": {"type": "integer"},
    "int | None": {"type": "integer"},
    "bool": {"type": "boolean"},
    "Scalar": _SCALAR,
    "Scalar | Unset": _SCALAR,
    "Confidence": {"enum": list(SPREADS)},
    "tuple[Scalar, ...]": {"anyOf": [_SCALARS, {"type": "object", "minProperties": 1}]},
}
"""By the annotation of a distribution's field."""


def space_schema() -> dict[str, Any]:
    """Return the JSON Schema of a space file."""
    return {"$schema": DIALECT, "title": "A search space", "$ref": "#/$defs/parameters", "$defs": definitions()}


def definitions() -> dict[str, Any]:
    """Return the parts by name: `parameters` is a whole space, `parameter` one of its values."""
    line = {"type": "string", "description": "A range such as 1e-4..1e-1 log, 1..6, adam|sgd, =0.1, or text."}
    constant = {"type": ["number", "boolean"], "description": "A constant."}
    # $schema leads an editor to this schema where the format has no comments.
    names = {"pattern": rf"^(?:{NAME.pattern}|\$schema)$", "maxLength": LONGEST_NAME, "not": {"pattern": "^-"}}
    group = {
        "type": "object",
        "description": "Parameters whose names begin alike: the width of the group cnn is cnn.width.",
        "minProperties": 1,
        "propertyNames": {**names, "not": {"anyOf": [{"pattern": "^-"}, {"enum": sorted(FIELDS)}]}},
        "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "object", "$ref": "#/$defs/parameter"}]},
    }
    bounds = {
        "type": "object",
        "minProperties": 1,
        "properties": {sign: {"type": "number"} for sign in SIGNS},
        "additionalProperties": False,
    }
    parents = {"$ref": "#/$defs/parents"}
    asked = {"anyOf": [_SCALAR, _SCALARS, bounds, parents]}
    return {
        "parameters": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": names,
            "properties": {key: {"$ref": f"#/$defs/{key}"} for key in KEYS},
            "additionalProperties": {"$ref": "#/$defs/parameter"},
        },
        "parameter": {"anyOf": [line, constant, *({"$ref": f"#/$defs/{name}"} for name in [*KINDS, "group"])]},
        "group": group,
        "when": {
            "description": "When the parameter exists: other parameters and what they must be; a list of alternatives.",
            "anyOf": [{"type": "string"}, parents, {"type": "array", "items": parents, "minItems": 1}],
        },
        "parents": {
            "type": "object",
            "description": "Other parameters and what they must be; names that begin alike may stand in a group.",
            "minProperties": 1,
            "propertyNames": {"pattern": f"^{NAME.pattern}$"},
            "additionalProperties": asked,
        },
        "require": {
            "description": "Relations between numbers that all points fulfil, such as n_layers * width <= 4096.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        },
        "forbid": {
            "description": "What no point may be, written like a condition: optimizer=sgd and batch_size=512.",
            "anyOf": [{"$ref": "#/$defs/when"}, {"type": "array", "items": {"$ref": "#/$defs/when"}}],
        },
        **{name: _kind(name) for name in KINDS},
    }


def _kind(name: str) -> dict[str, Any]:
    """Return the schema of one kind of distribution: its type, its fields, and when it exists."""
    kind: Any = KINDS[name]
    needed = [field.name for field in kind.options() if field.default is MISSING]
    return {
        "type": "object",
        "description": str(kind.__doc__).partition("\n")[0],
        "properties": {
            "type": {"const": name},
            **{field.name: _TYPES[str(field.type)] for field in kind.options()},
            "when": {"$ref": "#/$defs/when"},
        },
        "required": ["type", *needed],
        "additionalProperties": False,
    }
