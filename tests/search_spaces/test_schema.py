"""The JSON Schema of space files agrees with what reads them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from search_spaces import READY, SearchSpace, dumps
from search_spaces.documents import read_json, read_yaml
from search_spaces.schema import FILE, space_schema
from search_spaces.toml import read_toml
from tests import strategies
from tests.test_examples import EXAMPLES

VALIDATOR = Draft202012Validator(space_schema())


def test_the_schema_is_one() -> None:
    """It keeps the rules of its own dialect, and the package carries it."""
    Draft202012Validator.check_schema(VALIDATOR.schema)

    assert json.loads(FILE.read_text()) == VALIDATOR.schema, "an option or distribution changed: make schema"


@given(space=strategies.spaces(min_size=1))
def test_every_written_space_is_valid(space: SearchSpace) -> None:
    """Whatever `dump_space` writes, an editor accepts, with the line that leads it to the schema."""
    VALIDATOR.validate(read_yaml(dumps(space, schema=FILE)).data)
    VALIDATOR.validate(read_toml(dumps(space, format="toml", schema=FILE)).data)
    VALIDATOR.validate(read_json(dumps(space, format="json", schema=FILE)).data)


def test_what_toml_makes_of_names_with_dots_is_valid() -> None:
    """They are tables in it, whether of parameters or of the parents of a condition."""
    text = 'a.b = "x|y"\n[a.c]\ntype = "int"\nlow = 1\nhigh = 2\n[[a.c.when]]\na.b = "x"\n[[forbid]]\na.c.">" = 1\n'

    VALIDATOR.validate(tomllib.loads(text))
    assert str(SearchSpace(tomllib.loads(text))) == "a.b: x|y\na.c: 1..2 when a.b=x\nforbid: a.c>1"


@pytest.mark.parametrize("name", READY)
def test_ready_spaces_are_valid(name: str) -> None:
    """Those that come with the package too."""
    VALIDATOR.validate(READY[name]().to_dict())


def test_the_example_is_valid() -> None:
    """As it lies there, with its first line that leads an editor to the schema."""
    text = (EXAMPLES / "space.yaml").read_text()

    VALIDATOR.validate(read_yaml(text).data)
    target = text.partition("\n")[0].removeprefix("# yaml-language-server: $schema=")
    assert (EXAMPLES / target).resolve() == Path(FILE).resolve()


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"lr": None},
        {"lr": ["a", "b"]},
        {"a b": "0..1"},
        {"-x": 1},
        {"lr": {"low": 0, "high": 1}},
        {"cnn": {}},
        {"cnn": {"width": 3}},
        {"cnn": {"width": "8..64", "type": "text"}},
        {"cnn": {"a b": "8..64"}},
        {"cnn": {"block": {"width": [1, 2]}}},
        {"lr": {"type": "flaot", "low": 0, "high": 1}},
        {"lr": {"type": "float", "low": 0}},
        {"lr": {"type": "float", "low": 0, "hihg": 1, "high": 1}},
        {"lr": {"type": "float", "low": 0, "high": "one"}},
        {"n": {"type": "int", "low": 0, "high": 1.5}},
        {"n": {"type": "int", "low": 0, "high": 3, "log": "yes"}},
        {"c": {"type": "categorical", "choices": []}},
        {"c": {"type": "categorical", "choices": "a|b"}},
        {"c": {"type": "categorical", "choices": [[1]]}},
        {"c": {"type": "constant"}},
        {"c": {"type": "constant", "value": 1, "when": {"a": {"b c": 1}}}},
        {"c": {"type": "constant", "value": 1, "when": {"a": {">": "x"}}}},
        {"c": {"type": "constant", "value": 1, "when": {"a": {}}}},
        {"c": {"type": "constant", "value": 1, "when": []}},
        {"c": {"type": "constant", "value": 1, "when": ["a=1"]}},
    ],
    ids=str,
)
def test_what_the_reader_refuses_the_schema_refuses(data: Any) -> None:
    """Missing and unknown fields, wrong types, wrong names."""
    with pytest.raises(ValidationError):
        VALIDATOR.validate(data)
