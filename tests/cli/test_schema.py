"""The JSON Schema of study files agrees with the options, and with what reads and writes such files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from automl.cli.given import keys
from automl.cli.schema import files, study_schema
from automl.study_file import SCHEMA
from search_spaces.documents import read_yaml
from search_spaces.schema import FILE
from tests.cli.conftest import LOCAL, SEARCH, Run
from tests.cli.test_help import search_command
from tests.test_examples import EXAMPLES

VALIDATOR = Draft202012Validator(study_schema())


def load(path: Path) -> Any:
    """Return the data of a file."""
    return read_yaml(path.read_text()).data


def test_the_schema_is_one() -> None:
    """It keeps the rules of its own dialect, and has every option."""
    Draft202012Validator.check_schema(VALIDATOR.schema)

    assert set(VALIDATOR.schema["properties"]) == {"$schema", "target", *keys(search_command())}


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_the_packages_carry_it(path: Path) -> None:
    """`make schema` was called after the last change."""
    assert path.read_text() == files()[path], "an option or distribution changed: make schema"


@pytest.mark.parametrize(("words", "path"), [([], SCHEMA), (["study"], SCHEMA), (["space"], FILE)])
def test_it_is_printed(run: Run, words: list[str], path: Path) -> None:
    """For editors that want a copy."""
    ran = run("schema", *words)

    assert (ran.code, ran.err) == (0, "")
    assert ran.json == json.loads(path.read_text())


def test_the_example_is_valid() -> None:
    """As it lies there, with its first line that leads an editor to the schema."""
    VALIDATOR.validate(load(EXAMPLES / "study.yaml"))

    target = (EXAMPLES / "study.yaml").read_text().partition("\n")[0].removeprefix("# yaml-language-server: $schema=")
    assert (EXAMPLES / target).resolve() == SCHEMA.resolve()


def test_written_files_are_valid(run: Run) -> None:
    """That of a plan, which leads an editor to the schema, and those that studies leave."""
    options = ["--max-epochs", "3", "--timeout", "1h", "--isolate", "--seed", str(2**63 - 1), "--name", "010"]
    assert run(*SEARCH, *LOCAL, *options, "--dry-run").code == 0
    assert run(*SEARCH, *LOCAL, "--trials", "1", "-q").code == 0
    assert run("search", "digits", "--dry-run").code == 0

    plan, task, left = Path("010.study.yaml"), Path("digits.study.yaml"), Path("automl_runs/train-1/study.yaml")

    for path in (plan, task, left):
        VALIDATOR.validate(load(path))
    assert plan.read_text().startswith(f"# yaml-language-server: $schema={SCHEMA}\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {"trails": 3},
        {"trials": "few"},
        {"trials": 1.5},
        {"seed": -1},
        {"sampler": "tpee"},
        {"early_stopping": ["asha"]},
        {"direction": "down"},
        {"format": "jsn"},
        {"isolate": "yes"},
        {"cpus": "many"},
        {"timeout": 0},
        {"lr": {"type": "float", "low": 1}},
        {"param": ["x=1"]},
        {"space": {"x": None}},
        {"space": []},
        {"home": 3},
        {"dry_run": True},
        {"target": None},
    ],
    ids=str,
)
def test_what_a_search_refuses_the_schema_refuses(wrong: dict[str, Any]) -> None:
    """Unknown keys and wrong values; the same file without them is valid."""
    right = {"target": "digits"}
    VALIDATOR.validate(right)

    with pytest.raises(ValidationError):
        VALIDATOR.validate(right | wrong)


def test_a_file_without_target_is_none() -> None:
    """It is the one key that every study file has."""
    with pytest.raises(ValidationError):
        VALIDATOR.validate({"trials": 3})
