"""JSON Schema of the points of a space, so that a program without Python can check params.

    to_json_schema(SearchSpace({"lr": "1e-5..1e-1 log", "n": "1..6 when lr>0.01"}))["properties"]["lr"]
    # {"type": "number", "minimum": 1e-05, "maximum": 0.1}

There is no way back: a schema has no scales. (The schema of space files is another thing: `automl schema space`.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search_spaces.conditions import Condition
from search_spaces.convert.calls import alternatives
from search_spaces.convert.common import each, is_multiple, listed, related
from search_spaces.distributions import Constant, Distribution, Float, Int
from search_spaces.schema import DIALECT
from search_spaces.space import SearchSpace

_BOUNDS = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}


def to_json_schema(space: SearchSpace) -> dict[str, Any]:
    """Return the schema of params: an object with exactly the parameters that exist, each in its range.

    JSON has one kind of number: 3.0 passes where a whole number is asked for.

    Raises:
        ConversionError: naming every parameter with too many steps to list, and every relation of numbers.
    """
    problems = related(space, "JSON Schema", keys=["require"])
    schema = {
        "$schema": DIALECT,
        "type": "object",
        "properties": each(space, lambda _, distribution: _described(distribution), also=problems),
        "required": [name for name in space if name not in space.conditions],
        "additionalProperties": False,
    }
    existence = [
        {"if": _holds(condition), "then": {"required": [name]}, "else": {"properties": {name: False}}}
        for name, condition in space.conditions.items()
    ]
    forbidden = [{"not": _holds(condition)} for condition in space.forbid]
    return {**schema, "allOf": rules} if (rules := [*existence, *forbidden]) else schema


def _described(distribution: Distribution) -> dict[str, Any]:
    stated = distribution.to_dict()
    return _property(distribution) | ({"default": stated["default"]} if "default" in stated else {})


def _property(distribution: Distribution) -> dict[str, Any]:
    match distribution:
        case Constant(value):
            return {"const": value}
        case Float(low, high, step=None):
            return {"type": "number", "minimum": low, "maximum": high}
        case Int(low, high, step=1):
            return {"type": "integer", "minimum": low, "maximum": high}
        case Int(low, high, step=step) if is_multiple(distribution):
            return {"type": "integer", "minimum": low, "maximum": high, "multipleOf": step}
        case Float() | Int():
            return {"enum": listed(distribution, "JSON Schema")}
    return {"enum": distribution.grid(1)}


def _holds(condition: Condition) -> dict[str, Any]:
    cases = []
    for case in alternatives(condition):
        tests = {
            parent: {_BOUNDS[sign]: bound for sign, bound in test.items()}
            if isinstance(test, Mapping)
            else {"enum": test}
            for parent, test in case.items()
        }
        cases.append({"properties": tests, "required": list(case)})
    return cases[0] if len(cases) == 1 else {"anyOf": cases}
