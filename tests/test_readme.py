"""The README is true: its programs run, its commands are accepted, its tables are complete, its pictures are there."""

from __future__ import annotations

import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from automl import stopping, tasks
from automl.cli import app, main
from automl.errors import AutomlError
from search_spaces import dump_space, load_space
from tests.test_examples import EXAMPLES, shrink

ROOT = EXAMPLES.parent
README = (ROOT / "README.md").read_text()
LARGEST_PICTURE = 250_000  # bytes
SMALL = ["--trials", "2", "--max-epochs", "2", "--executor", "local", "--tracker", "none", "-q"]


def blocks(language: str) -> list[str]:
    """Return the contents of the README's blocks in `language`."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shell() -> list[list[str]]:
    """Return the commands of the shell blocks, as lists of words."""
    lines = "".join(blocks("sh")).replace("\\\n", "").splitlines()
    return [shlex.split(line, comments=True) for line in lines]


def section(title: str) -> str:
    """Return the text under a heading of the second level."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def quoted() -> list[list[str]]:
    """Return the commands of automl that the prose names."""
    return [shlex.split(text) for text in dict.fromkeys(re.findall(r"`(automl [^`]+)`", README))]


@pytest.fixture
def mlflow_here(mlflow_template: Path) -> None:
    """Put a migrated MLflow store where a search in this folder, and a program, look for one."""
    Path("automl_runs").mkdir()
    for file in ("automl_runs/mlflow.db", "mlflow.db"):
        shutil.copyfile(mlflow_template, file)


@pytest.mark.parametrize("command", [*shell(), *quoted()], ids=" ".join)
def test_the_commands_are_accepted(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each is a target of make, or a verb of automl with options that it has."""
    if command[0] == "make":
        assert re.search(rf"^{command[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        code = main([*command[1:], "--help"])  # is answered only when everything before it can be parsed

        assert command[0] == "automl"
        assert code == 0, capsys.readouterr().err


def test_the_commands_do_what_they_say(mlflow_here: None, capsys: pytest.CaptureFixture[str]) -> None:
    """They are typed one after the other in a folder with one study; searches are cut short and leave no log."""
    Path("examples").symlink_to(EXAMPLES)
    dump_space(tasks.task("digits").space() | {"batch_size": "32|64|128|256"}, "automl_runs/new.yaml")
    assert main(["search", "digits", *SMALL, "--tracker", "mlflow"]) == 0
    commands = [command[1:] for command in shell() if command[0] == "automl" and "--log" not in command]
    extra = {"search": SMALL, "resume": ["--trials", "+1", "-q"]}

    codes = [main([*command, *extra.get(command[0], [])]) for command in commands]

    assert len(codes) > 12
    assert codes == [0] * len(codes), (list(zip(codes, commands, strict=True)), capsys.readouterr().err)


def test_the_objective_shown_is_the_one_in_the_example() -> None:
    """The README quotes `examples/train.py` and its space word for word."""
    objective, space = blocks("python")[0], blocks("yaml")[0]

    assert objective in (EXAMPLES / "train.py").read_text()
    assert (EXAMPLES / "space.yaml").read_text().endswith(space)
    assert len(load_space(EXAMPLES / "space.yaml")) == len(space.splitlines())


def test_the_study_file_shown_is_the_one_in_the_examples() -> None:
    """The README quotes `examples/study.yaml` word for word; the commands above have run it."""
    assert (EXAMPLES / "study.yaml").read_text().endswith(blocks("yaml")[1])


def test_the_search_in_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """It prints the best trial and a table, and goes on with more trials."""
    names: dict[str, object] = {"__name__": "readme"}

    exec(compile(shrink(blocks("python")[2]), "README.md", "exec"), names)

    assert "params_x" in capsys.readouterr().out
    assert len(names["result"].trials) == 6  # type: ignore[attr-defined]


def test_the_winner_of_a_table_predicts(capsys: pytest.CaptureFixture[str]) -> None:
    """The search on a table, cut short, ends in predictions of both forms."""
    Path("examples").symlink_to(EXAMPLES)
    program = shrink(blocks("python")[1]).replace("n_trials=3", "n_trials=1, max_epochs=1")

    exec(compile(program, "README.md", "exec"), {"__name__": "readme"})

    assert "Name: Status" in capsys.readouterr().out


def test_the_spaces_of_a_project_are_those_in_the_examples() -> None:
    """What is shown of them is quoted, statement by statement, and the examples are run whole."""
    for file in ("project.py", "plain.py"):
        example = (EXAMPLES / file).read_text()
        (shown,) = (block for block in blocks("python") if block.rpartition("\n\n")[2] in example)

        assert [part for part in shown.split("\n\n") if part.strip("\n") not in example] == []


def test_the_packages_run_by_themselves(mlflow_here: None) -> None:
    """The other programs run as they stand."""
    programs = [block for block in blocks("python")[3:] if "convert" not in block and "LOSSES" not in block]

    for program in programs:
        exec(compile(program, "README.md", "exec"), {"__name__": "readme"})

    assert programs


def test_the_tracker_of_your_own_keeps_its_word(tmp_path: Path) -> None:
    """It passes the suite that it is shown with."""
    (program,) = (block for block in blocks("python") if "TrackerContract" in block)
    (tmp_path / "test_mine.py").write_text(program)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d\d passed", done.stdout, re.MULTILINE)


def test_the_table_of_options_is_complete() -> None:
    """It has every option of `automl search` and `automl resume`, and marks those of the latter."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    search, resume = (
        {name for option in commands[verb].params if option.param_type_name == "option" for name in option.opts}
        for verb in ("search", "resume")
    )
    cells = [row[0] for row in rows("Options of `automl search`")]

    shown = {name for cell in cells for name in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", cell)}
    marked = {name for cell in cells if cell.endswith("*") for name in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", cell)}

    assert shown == search | resume
    assert marked == resume


def test_the_table_of_rules_is_complete() -> None:
    """It has every rule of early stopping, with every parameter and its true default."""
    table = {row[0].split("`")[1]: re.findall(r"`([^`]+)`", row[2]) for row in rows("Early stopping")}

    assert list(table) == list(stopping.RULES)
    for name, given in table.items():
        assert [text.partition("=")[0] for text in given] == list(stopping.RULES[name].parameters)
        by_table, by_default = (stopping.rule(text, max_epochs=27) for text in (" ".join([name, *given]), name))
        assert pickle.dumps(by_table) == pickle.dumps(by_default)


def test_the_table_of_exit_codes_is_complete() -> None:
    """It has the code of every error, of success, of the two signals that save the state, and of a closed pipe."""

    def codes(error: type[AutomlError]) -> set[int]:
        return {error.exit_code}.union(*map(codes, error.__subclasses__()))

    shown = {int(code) for row in rows("Exit codes") for code in row[0].split(", ")}

    assert shown == codes(AutomlError) | {0, 130, 141, 143}


def test_links_and_pictures_are_there() -> None:
    """Every local link leads to a file; pictures are PNG files that load quickly, and none lies about unused."""
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    pictures = {target for target in targets if target.endswith(".png")}

    assert [target for target in targets if not (ROOT / target).exists()] == []
    assert pictures == {str(path.relative_to(ROOT)) for path in (EXAMPLES / "pictures").iterdir()}
    for picture in pictures:
        content = (ROOT / picture).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < LARGEST_PICTURE


def test_the_measurements_have_their_place() -> None:
    """What `make bench` and `make bench-search` print goes between two comments each."""
    text = section("Measured")

    assert 0 < text.find("<!-- bench -->") < text.find("<!-- /bench -->")
    assert 0 < text.find("<!-- bench-search -->") < text.find("<!-- /bench-search -->")
