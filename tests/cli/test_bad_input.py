"""Bad input: the exit code of its class, a line a problem with the value seen and the way out, and nothing made.

The cases are tables in `tests/cli/bad_inputs/`: a mistake that users make, and what they are told, is a row there.

What has no row yet, because there is nothing to mistake:

    several objectives, and early stopping that cannot take them        a study has one metric
    a command as the objective: not executable, no shebang, silent      objectives are functions, tasks and tables
    two budgets that contradict each other                              there is one, --trials
    parameters named like an option or the metric                       they never share a table: nothing is shadowed
    names that become one after they are mapped for a tracker           every name allowed is kept as it is
    export and import of studies                                        there is none
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from automl.cli import main
from tests.cli.bad_inputs import code, json, options, spaces, storages, studies, tables, toml
from tests.cli.bad_inputs.case import Case
from tests.cli.bad_inputs.catalogue import CATALOGUE, CODE, JSON, TOML, YAML, Mistake
from tests.cli.conftest import LOCAL, ROOT, SEARCH, TRAIN, Run

IN_A_HURRY = {"AUTOML_MAX_EPOCHS": "1", "AUTOML_TRACKER": "none"}  # should one of them be searched after all
CASES = [*spaces.CASES, *json.CASES, *toml.CASES, *code.CASES, *options.CASES, *storages.CASES, *tables.CASES]


def cases(rows: list[Case]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with each of `rows`."""
    return pytest.mark.parametrize("case", rows, ids=[case.name for case in rows])


def files_in(folder: Path) -> dict[str, bytes | None]:
    """Return every path below `folder` with what is in it, but for what SQLite puts beside a database that is read."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
        if not path.name.endswith(("-wal", "-shm"))
    }


def check(case: Case, run: Run, here: Path) -> None:
    """Run the command of a case, and compare what it says and leaves."""
    before = files_in(here)

    ran = run(*case.arguments)

    assert (ran.code, ran.out) == (case.code, ""), ran.err
    assert len(ran.errors) == len(ran.err.splitlines()), ran.err  # so no traceback, nor anything else
    assert case.unlike(ran.errors, here) == []
    assert files_in(here) == before


@cases(CASES)
def test_refused(case: Case, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong is said, a line each, before anything is made."""
    case.write_files(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # what Python keeps of code that it imports is its own affair
    for name, value in (IN_A_HURRY | case.env).items():
        monkeypatch.setenv(name, value)

    check(case, run, tmp_path)


@pytest.mark.parametrize("mistake", CATALOGUE, ids=lambda mistake: mistake.number)
def test_every_mistake_of_a_space_has_its_rows(mistake: Mistake) -> None:
    """In each format in which it can be made; what is no error has a test of its own."""
    formats: dict[str, set[str]] = {}
    for case in CASES:
        name, _, rest = case.name.rpartition(" (")
        known = rest in (f"{JSON})", f"{TOML})", f"{CODE})")
        formats.setdefault(name if known else case.name, set()).add(rest[:-1] if known else YAML)

    missing = [row for row in mistake.rows if row not in formats]
    shown = set().union(*(formats[row] for row in mistake.rows if row in formats))

    assert missing == []
    assert shown >= {YAML, JSON, TOML} - mistake.not_in.keys() or mistake.elsewhere
    assert shown.isdisjoint(mistake.not_in)


def test_the_catalogue_is_whole() -> None:
    """B1 to B27, each once; a test that it points to is there."""
    folder = Path(__file__).parent

    assert [mistake.number for mistake in CATALOGUE] == [f"B{n}" for n in range(1, 28)]
    for mistake in CATALOGUE:
        file, _, test = mistake.elsewhere.partition("::")
        found = [path.read_text() for path in (folder / file, folder.parent / "search_spaces" / file) if path.is_file()]
        assert not test or any(f"def {test}(" in text for text in found)


@cases([*spaces.CASES, *options.CASES][::10])
def test_refused_by_the_script(case: Case, tmp_path: Path) -> None:
    """The same in a process of its own, whose streams and exit code are what a shell gets."""
    case.write_files(tmp_path)
    before = files_in(tmp_path)

    ran = subprocess.run(
        [sys.executable, "-c", "import sys; from automl.cli import main; sys.exit(main())", *case.arguments],
        capture_output=True,
        text=True,
        env=os.environ | IN_A_HURRY | case.env | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )

    lines = ran.stderr.splitlines()
    assert (ran.returncode, ran.stdout) == (case.code, "")
    assert all(line.startswith("error: ") for line in lines), ran.stderr
    assert case.unlike([line.removeprefix("error: ") for line in lines], tmp_path) == []
    assert files_in(tmp_path) == before


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `train.py`, the finished study `train-1`, and a folder of something else in the home."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "train.py").write_text(TRAIN)
    arguments = [*SEARCH, *LOCAL, "--trials", "4", "--sampler", "random", "--early-stopping", "none", "-q"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(arguments) == 0
    (folder / "automl_runs" / "notes").mkdir()
    (folder / "automl_runs" / "notes" / "ideas.txt").write_text("")
    return folder


@cases(studies.STUDIES)
def test_a_study_asked_about(case: Case, run: Run, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown study, trial or number is told beside what there is, and what there is stays as it is."""
    monkeypatch.chdir(made)

    check(case, run, made)


@cases(studies.OBJECTIVES)
def test_objective_that_fails(case: Case, run: Run, tmp_path: Path) -> None:
    """A trial that gives no value is FAIL with a reason; three of them alike end the search, which says it."""
    case.write_files(tmp_path)

    ran = run(*case.arguments)

    assert (ran.code, ran.out) == (case.code, "")
    assert case.unlike(ran.errors, tmp_path) == []
    assert run("status", "objective-1", "-f", "json").json["counts"]["FAIL"] == 3


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("return True", 1.0),
        ("import decimal; return decimal.Decimal('0.5')", 0.5),
        ("import fractions; return fractions.Fraction(1, 2)", 0.5),
        ("import numpy; return numpy.float32(0.5)", 0.5),
        ("import numpy; return numpy.array([[0.5]])", 0.5),
        ("import torch; return torch.tensor(0.5)", 0.5),
        ("import numpy; trial.report(numpy.int64(3), value=0.5)", 0.5),
    ],
)
def test_numbers_of_every_kind(run: Run, tmp_path: Path, body: str, value: float) -> None:
    """What is one number is taken as it comes."""
    (tmp_path / "objective.py").write_text(f"def objective(trial):\n    {body}\n")

    ran = run("search", "objective.py:objective", "-p", "x=0..1", "--direction", "minimize", *LOCAL, "--trials", "1")

    assert ran.code == 0, ran.err
    assert run("status", "objective-1", "-f", "json").json["best"]["value"] == value


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"lr: {type: float, low: 1e-5, high: 1}\n", "1 parameter, infinitely many points"),
        (b'n: {type: int, low: "1", high: "3"}\n', "1 parameter, 3 points"),
        (b"\xef\xbb\xbfx: 1..2\n", "1 parameter, 2 points"),
        (b"x: 1..2\r\ny: a|b\r\n", "2 parameters, 4 points"),
        (b'o: {type: categorical, choices: ["on", "off", true]}\n', "1 parameter, 3 points"),
        (b"o: {type: categorical, choices: [adam]}\n", "1 parameter, 1 point"),
    ],
    ids=["text that is a number", "numbers as text", "BOM", "CRLF", "quoted on", "one choice"],
)
def test_what_is_meant_is_taken(run: Run, tmp_path: Path, content: bytes, line: str) -> None:
    """Spellings that YAML's readers trip over are no mistakes of the user's."""
    (tmp_path / "space.yaml").write_bytes(content)

    ran = run("space", "check", "space.yaml")

    assert (ran.code, ran.out, ran.err) == (0, f"space.yaml: ok, {line}\n", "")
