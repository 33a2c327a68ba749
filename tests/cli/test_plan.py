"""`--dry-run`: the plan, its file, and nothing else; the file asks for what the command line asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl.cli import main
from tests.cli.conftest import LOCAL, SEARCH, Run


@pytest.fixture
def before(tmp_path: Path) -> set[str]:
    """Return what is in the folder before a command."""
    return set(os.listdir(tmp_path))


def test_the_plan(run: Run, tmp_path: Path, before: set[str]) -> None:
    """Everything is said that a search says before its first trial, with the whole space; only the file is made."""
    ran = run(*SEARCH, *LOCAL, "--trials", "4", "--max-epochs", "3", "--seed", "7", "--dry-run")

    assert (ran.code, ran.err) == (0, "")
    said = dict(line.split(maxsplit=1) for line in ran.out.splitlines() if "  " in line)
    assert said["study"] == "train-1"
    assert said["target"].endswith("train.py:objective: minimize val_loss (by its name; --direction says otherwise)")
    assert ran.out.count("1 parameter, infinitely many points") == 1
    assert said["sampler"].startswith("gp; ")
    assert said["policy"].startswith("gp, a model of 1 parameter; no early stopping: ")
    assert said["budget"] == "4 trials of up to 3 steps"
    assert said["machine"].endswith("1 at once, 1 CPU each")
    assert said["results"] == f"{tmp_path}/automl_runs/train-1"
    assert said["x"] == "0.0..1"
    assert said["run"] == "automl search train.study.yaml"
    assert set(os.listdir(tmp_path)) == before | {"train.study.yaml"}


def test_the_file_runs(run: Run) -> None:
    """What was planned is what happens."""
    plan = run(*SEARCH, *LOCAL, "--trials", "2", "--name", "mine", "--home", "here", "--dry-run", "-f", "json").json

    ran = run(*plan["run"].split()[1:], "-q")

    shown = run("show", "mine", "--home", "here", "-f", "json").json
    assert ran.code == 0, ran.err
    assert shown["space"] == plan["space"]
    assert (shown["trials"], shown["config"]["seed"]) == (plan["trials"], plan["seed"])


def test_no_file_is_lost(run: Run, tmp_path: Path) -> None:
    """The same plan is the same file; another one, be it of the file itself, is another file."""
    for words in (SEARCH, SEARCH, ["search", "train.study.yaml", "--trials", "5"]):
        assert run(*words, *LOCAL, "--seed", "7", "--dry-run").code == 0

    assert {path.name for path in tmp_path.glob("*.study.yaml")} == {"train.study.yaml", "train-2.study.yaml"}


def test_a_plan_that_is_looked_at_again_is_the_same_file(run: Run, tmp_path: Path) -> None:
    """Without --seed it keeps the seed of its file; other settings, or a file that was edited, stay apart."""
    first, second = (run(*SEARCH, *LOCAL, "--dry-run", "-f", "json").json for _ in range(2))
    more = run(*SEARCH, *LOCAL, "--trials", "5", "--dry-run", "-f", "json").json
    file = tmp_path / "train.study.yaml"
    file.write_text(file.read_text() + "# mine\n")

    after = run(*SEARCH, *LOCAL, "--dry-run", "-f", "json").json

    assert second == first
    assert [each["file"] for each in (more, after)] == ["train-2.study.yaml", "train-3.study.yaml"]
    assert file.read_text().endswith("# mine\n")


def test_the_space_of_a_task(run: Run, tmp_path: Path) -> None:
    """It is written whole, and why nothing is to be added to it; the file asks for the same space."""
    made = run("search", "digits", "--arch", "mlp", "--dry-run", "-f", "json").json
    again = run("search", "digits.study.yaml", "--dry-run", "-f", "json").json

    assert "\narch: none  # nothing of the target's own space is added " in (tmp_path / "digits.study.yaml").read_text()
    assert made["space"] == again["space"]


def test_as_an_event(run: Run) -> None:
    """With --json the plan is one line."""
    (line,) = run(*SEARCH, *LOCAL, "--dry-run", "--json").out.splitlines()

    assert json.loads(line)["event"] == "plan"
    assert json.loads(line)["parallel"] == 1


def test_ray_is_not_started(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine would hold is known without a cluster; what another one holds is not."""
    import ray

    monkeypatch.setattr(ray, "init", lambda *args, **kwargs: pytest.fail("Ray was started"))

    here = run(*SEARCH, "--cpus", "0.5", "--dry-run", "-f", "json").json
    there = run(*SEARCH, "--ray-address", "10.0.0.1:6379", "--dry-run", "-f", "json").json

    assert here["parallel"] >= 2
    assert there["explained"]["machine"] == "a Ray cluster, which is asked when the search starts"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--cpus", "100000"], 2, "--cpus 100000: that is for one trial"),
        (["--lr", "1..0"], 2, "--lr: cannot read '1..0'"),
        (["--name", "train-1"], 3, "automl resume train-1"),
    ],
)
def test_what_would_be_refused_is_refused(
    run: Run, finished: str, tmp_path: Path, before: set[str], arguments: list[str], code: int, said: str
) -> None:
    """A plan that cannot be run is no plan: the errors are those of the search."""
    ran = run(*SEARCH, *arguments, "--dry-run")

    assert (ran.code, ran.out) == (code, "")
    assert said in ran.errors[0]
    assert not list(tmp_path.glob("*.study.yaml"))


def option(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[str]]:
    """Return an option that is given or not."""
    return st.just([]) | values.map(lambda value: [f"--{name}={value}"])


numbers = st.integers(1, 10**9)
shares = st.floats(0.01, 0.9)
command_lines = st.tuples(
    st.sampled_from([["digits"], ["train.py:objective", "--direction", "maximize", "-p", "x=0..1"]]),
    option("metric", st.just("val_loss")),
    option("trials", numbers),
    option("timeout", numbers | shares | st.sampled_from(["15m", "1h30m", "90s"])),
    option("max-epochs", numbers),
    option("seed", st.integers(0, 2**63 - 1)),
    option("sampler", st.sampled_from(["auto", "random", "tpe"])),
    option("early-stopping", st.sampled_from(["asha eta=4", "none"])),
    option("executor", st.just("local")),
    option("cpus", shares),
    option("ray-address", st.sampled_from(["auto", "ray://host:10001"])),
    option("tracker", st.just("none")),
    option("tracking-uri", st.sampled_from(["http://localhost:5000", "sqlite:////tmp/a b.db"])),
    option("home", st.sampled_from(["here", "/tmp/nowhere/at all", "on"])),
    option("name", st.sampled_from(["n", "1e5", "010", "on", "null"])),
    option("lr", st.sampled_from(["1e-4..1e-2 log", "0.1|0.01", "=1e-05", "0.1"])),
    option("dropout", st.sampled_from(["0.0..0.5 step 0.1", "=0"])),
    option("optimizer", st.sampled_from(["adamw", "adamw|", "sgd|adam"])),
    option("arch", st.sampled_from(["mlp", "mlp|cnn"])),
    st.sampled_from([[], ["--isolate"]]),
    st.sampled_from([[], ["-p", "patience=3|5 when optimizer=sgd", "--optimizer", "sgd|adam"]]),
).map(lambda parts: [word for part in parts for word in part])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(arguments=command_lines)
def test_any_command_line_is_its_file(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The plan of the file that a plan has written is that plan."""
    first = plan_of(arguments, capsys)

    second = plan_of([first["file"]], capsys)

    different = {key for key in first if first[key] != second[key]} | set(first) ^ set(second)
    assert different <= {"file", "run", "explained"}
    assert first["explained"].items() - second["explained"].items() <= {("target", first["explained"]["target"])}


def plan_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the plan of a search."""
    capsys.readouterr()
    code = main(["search", *arguments, "--dry-run", "-f", "json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)
