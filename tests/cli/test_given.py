"""Who wins, and who is blamed: the command line, then variables, then a study file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import LOCAL, Run

STUDY = "target: train.py:objective\nmetric: val_loss\ntrials: 1\nmax_epochs: 3\nparam: {x: 0.0..1.0, y: a|b, z: 1}\n"


@pytest.fixture
def study(tmp_path: Path) -> str:
    """Return the path of a study file in a folder of its own, beside the script that it names."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "train.py").rename(tmp_path / "elsewhere" / "train.py")
    (tmp_path / "elsewhere" / "study.yaml").write_text(STUDY)
    return "elsewhere/study.yaml"


def test_a_file_is_a_command_line(run: Run, study: str, tmp_path: Path) -> None:
    """Everything it says is done, from its own folder; the study's name is that of the target."""
    ran = run("search", study, *LOCAL, "-q")

    found = run("show", "train-1", "-f", "json").json
    assert ran.code == 0, ran.err
    assert found["config"]["target"] == f"{tmp_path}/elsewhere/train.py:objective"
    assert (found["trials"], found["metric"], found["config"]["max_epochs"]) == (1, "val_loss", 3)
    assert found["space"] == {"x": "0.0..1", "y": "a|b", "z": "=1"}


def test_who_wins(run: Run, study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed beats a variable, which beats the file; ranges one parameter at a time."""
    monkeypatch.setenv("AUTOML_TRIALS", "2")
    monkeypatch.setenv("AUTOML_MAX_EPOCHS", "5")
    monkeypatch.setenv("AUTOML_PARAM", "y=b|c; z=2")

    ran = run("search", study, *LOCAL, "--max-epochs", "4", "-p", "z=3", "--lr", "0.1", "-q")

    found = run("show", "train-1", "-f", "json").json
    assert ran.code == 0, ran.err
    assert (found["trials"], found["config"]["max_epochs"]) == (2, 4)
    assert found["space"] == {"x": "0.0..1", "y": "b|c", "z": "=3", "lr": "=0.1"}


def test_a_study_is_repeated_by_the_file_it_leaves(run: Run, study: str) -> None:
    """The same settings and seed, hence the same values, under a new name."""
    assert run("search", study, *LOCAL, "--trials", "3", "-q").code == 0

    ran = run("search", "automl_runs/train-1/study.yaml", "-q")

    first, second = (run("show", name, "-f", "json").json for name in ("train-1", "train-2"))
    assert ran.code == 0, ran.err
    assert second["config"] == first["config"]
    assert second["space"] == first["space"]
    assert second["best"] == first["best"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("trials: 0", "study.yaml:2:9: trials must be a whole number from 1 to 1000000000, got 0"),
        ("trials: few", "study.yaml:2:9: trials must be a whole number, got 'few'"),
        ("sampler: tpee", "study.yaml:2:10: sampler 'tpee' is unknown; did you mean 'tpe'?"),
        ("name: a/b", "study.yaml:2:7: name: study name 'a/b'"),
        ("space: [mlp, none.yaml]", "none.yaml: there is no such file"),
        ("space: mpl", "study.yaml:2:8: space: 'mpl' is neither a ready space"),
        ("arch: mpl", "study.yaml:2:7: arch 'mpl'"),
        ("space: {width: {type: itn}}", "study.yaml:2:23: width: type must be one of"),
        ("executor: [ray]", "study.yaml:2:1: executor must be text or a number, got ['ray']"),
    ],
)
def test_a_file_is_blamed(run: Run, tmp_path: Path, line: str, said: str) -> None:
    """Whatever finds a wrong value, the message leads to the line it stands on; nothing is made."""
    (tmp_path / "study.yaml").write_text(f"target: digits\n{line}\n")

    ran = run("search", "study.yaml")

    assert (ran.code, ran.out) == (2, "")
    assert len(ran.errors) == len(ran.err.splitlines()) == 1, ran.err
    assert said in ran.errors[0]
    assert not (tmp_path / "automl_runs").exists()


def test_problems_of_a_file_and_of_the_command_line_come_together(run: Run, tmp_path: Path) -> None:
    """One run tells all there is to mend."""
    (tmp_path / "study.yaml").write_text("target: digits\ntrails: 4\nlr: 1..0\ncpus: 0\n")

    ran = run("search", "study.yaml", "--timeout", "soon")

    assert [line.partition(" ")[0] for line in ran.errors] == [
        "study.yaml:2:1:",
        "study.yaml:3:5:",
        "--timeout",
        "study.yaml:4:7:",
    ]


@pytest.mark.parametrize(
    ("arguments", "variable", "value"),
    [
        (["search", "digits"], "AUTOML_TRIALS", "0"),
        (["search", "digits"], "AUTOML_TIMEOUT", "soon"),
        (["search", "digits"], "AUTOML_SAMPLER", "tpee"),
        (["search", "digits"], "AUTOML_PARAM", "x"),
        (["search", "digits"], "AUTOML_LR", "1..0"),
        (["search", "digits"], "AUTOML_SPACE", "none.yaml"),
        (["search", "digits"], "AUTOML_ISOLATE", "maybe"),
        (["ls"], "AUTOML_FORMAT", "jsn"),
        (["ls"], "AUTOML_HOME", "train.py"),
    ],
)
def test_a_variable_is_blamed(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str, value: str
) -> None:
    """Who did not type a value is told where it comes from."""
    monkeypatch.setenv(variable, value)

    ran = run(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert len(ran.errors) == len(ran.err.splitlines()) == 1, ran.err
    assert variable in ran.errors[0]
    assert value in ran.errors[0]


def test_a_study_file_needs_a_target_that_is_none(run: Run, tmp_path: Path) -> None:
    """Files do not chain."""
    (tmp_path / "study.yaml").write_text("target: study.yaml\n")

    (line,) = run("search", "study.yaml").errors

    assert line == "study.yaml:1:9: target 'study.yaml' is a study file; write what that file has for a target"


def test_a_resume_leaves_what_is_not_given_as_it_was(run: Run) -> None:
    """An option that may be given again is none that was given empty: workers keep the variables that they were let."""
    kept = ("--env", "MY_TOKEN", "--env-block", "OTHER", "--trials", "1", "-q")
    assert run("search", "train.py:objective", "-p", "x=0.0..1.0", "--metric", "val_loss", *LOCAL, *kept).code == 0

    ran = run("resume", "train-1", "--trials", "+1", "-q")

    config = run("show", "train-1", "-f", "json").json["config"]
    assert ran.code == 0, ran.err
    assert (config["env"], config["env_block"], config["n_trials"]) == (["MY_TOKEN"], ["OTHER"], 2)
