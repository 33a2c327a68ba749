"""What every command line has: help that is there at once, a version, and words for what it does not understand."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from typing import Any

import pytest
import typer

from automl import __version__
from automl.cli import app
from automl.config import BUDGET
from tests.cli.conftest import ROOT, Run

HEAVY = ("torch", "ray", "mlflow", "optuna", "sqlalchemy", "numpy", "pandas", "plotly", "sklearn", "alembic")
VERBS = (
    *("search", "resume", "ls", "status", "top", "show", "space", "replay", "repro"),
    *("ui", "sync", "doctor", "stop", "rm", "schema"),
)

TYPED = ("--fix", "--takeover", "--now", "--no-wait", "--yes")  # what a variable that was left set must not do
# A variable set for searches is not about this study.
OF_ONE_STUDY = tuple(("resume", name) for name in ("--space", "--param", "--try", "--warm-start"))


def search_command() -> Any:
    """Return the command `automl search`, as Typer has made it."""
    return typer.main.get_command(app).commands["search"]  # type: ignore[attr-defined]


def loaded_by(*arguments: str) -> set[str]:
    """Return which heavy packages a process has loaded after running a command."""
    code = (
        "import sys; from automl.cli import main; main(sys.argv[1:]);"
        f"print('loaded', *[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
        check=True,
    )
    last = ran.stderr.splitlines()[-1].split()
    assert last[0] == "loaded", ran.stderr
    return set(last[1:])


@pytest.mark.parametrize(
    "arguments", [["--help"], ["search", "--help"], ["space", "ls"], ["schema"], ["--version"]], ids=" ".join
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """To read what can be typed costs no second of imports."""
    assert loaded_by(*arguments) == set()


@pytest.mark.parametrize(
    "arguments",
    [["ls"], ["status"], ["status", "--watch"], ["top"], ["show"], ["show", 0]],
    ids=lambda arguments: "-".join(map(str, arguments)),
)
def test_looking_loads_the_ledger_only(arguments: list[object], finished: str) -> None:
    """What answers in under a second reads SQL and loads no framework."""
    verb, *rest = map(str, arguments)
    words = [verb] if verb == "ls" else [verb, finished, *rest]

    assert loaded_by(*words) == {"sqlalchemy"}


def test_help_begins_with_examples_and_names_every_verb(run: Run) -> None:
    """Three lines to copy stand above options and commands."""
    ran = run("--help")

    assert ran.code == 0
    head, _, rest = ran.out.partition("Options")
    assert sum(line.strip().startswith("automl ") for line in head.splitlines()) == 3
    assert all(f" {verb} " in rest for verb in VERBS)
    assert "AUTOML_MAX_EPOCHS" in rest


def verbs() -> list[list[str]]:
    """Return the words of every verb, those of groups included."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    groups = {name: getattr(command, "commands", None) for name, command in commands.items()}
    return [
        words for name, group in groups.items() for words in ([[name, verb] for verb in group] if group else [[name]])
    ]


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_every_option_tells_its_variable_and_default(
    run: Run, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    """In a terminal of 100 columns each long option has a line that says both, and none is cut."""
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 100)
    command = functools.reduce(lambda group, name: group.commands[name], verb, typer.main.get_command(app))

    ran = run(*verb, "--help")

    entries = [" ".join(entry.replace("│", " ").split()) for entry in re.split(r"\n│ {1,12}(?=-)", ran.out)]
    assert ran.code == 0
    assert max(map(len, ran.out.splitlines())) <= 100
    assert "…" not in ran.out
    for option in [each for each in command.params if each.param_type_name == "option"]:
        long = max(option.opts, key=len)
        (entry,) = [each for each in entries if long in re.split("[ ,]", each)[:2]]
        has_variable = long.startswith("--") and long not in TYPED and (*verb, long) not in OF_ONE_STUDY
        assert option.envvar == (f"AUTOML_{long[2:].replace('-', '_').upper()}" if has_variable else None)
        assert option.envvar is None or f"[{option.envvar}]" in entry
        assert option.default in (None, False) or f"[default: {option.default}]" in entry


def test_no_verb_is_help(run: Run) -> None:
    """`automl` alone shows what there is."""
    assert run().out.strip() == run("--help").out.strip()


def test_version(run: Run) -> None:
    """The version is printed alone."""
    assert run("--version").out == f"automl {__version__}\n"


def test_search_help_shows_defaults_in_groups(run: Run) -> None:
    """Each option says what stands without it, and stands among its kin."""
    ran = run("search", "--help")

    assert "[default: 50]" in ran.out
    assert "[default: auto]" in ran.out
    for group in ("Search space", "Budget", "Where it runs", "Where it is kept", "Output"):
        assert f"─ {group} ─" in ran.out
    for option in ("--space", "--arch", "--weight-decay", "--param", "--trials", "--timeout", "--max-epochs", "--gpus"):
        assert option in ran.out


def test_resume_help_promises_no_default_of_a_new_study(run: Run) -> None:
    """What a study may have been given is as before without its option, whatever `search` would begin with."""
    entries = re.split(r"\n│ {1,12}(?=-)", run("resume", "--help").out)
    kept = ["trials", *(name for name in BUDGET if name != "n_trials"), "storage"]

    for name in kept:
        option = f"--{name.replace('_', '-')}"
        (entry,) = [" ".join(each.replace("│", " ").split()) for each in entries if each.split()[0] == option]
        assert "[default: as before]" in entry
    assert "[default: ./automl_runs]" in run("resume", "--help").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serch"], "Did you mean 'search'"),
        (["search", "digits", "--trails", "3"], "--trails; did you mean --trials?"),
        (["search"], "Missing argument 'TARGET'"),
        (["search", "digits", "extra"], "unexpected extra argument"),
        (["search", "digits", "--trials"], "--trials"),
        (["ls", "-f", "jsn"], "'jsn' is not one of 'table', 'json', 'csv', 'yaml'"),
        (["status"], "Missing argument 'STUDY'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misspelled_command_line(run: Run, arguments: list[str], said: str) -> None:
    """One plain line that names what was typed, exit code 2."""
    ran = run(*arguments)

    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1
    assert ran.err.startswith("error: ")
    assert said in ran.err


def test_verbose_adds_the_traceback(run: Run) -> None:
    """-v is for whoever mends automl; without it there is none."""
    quiet, verbose = run("search", "digit"), run("search", "digit", "-v")

    assert "Traceback" not in quiet.err
    assert "Traceback" in verbose.err
    assert quiet.errors == verbose.errors


@pytest.mark.parametrize("words", [[], *([verb] for verb in VERBS), ["space", "ls"]], ids=" ".join)
def test_flags_take_no_value(run: Run, words: list[str]) -> None:
    """No help shows a type behind --help or another flag."""
    help = run(*words, "--help").out

    assert "--help" in help
    assert "<bool>" not in help
