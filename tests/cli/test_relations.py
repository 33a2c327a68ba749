"""Relations on the command line, in variables and in study files: every trial keeps to them, after a resume too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import LOCAL, Run

SEARCH = ["search", "train.py:objective", "-p", "x=0.0..1.0", "-p", "n=1..9", "-p", "kind=a|b", "--metric", "val_loss"]
RELATIONS = ["--require", "n*x <= 2", "--require", "n >= 4", "--forbid", "kind=a and n=4|5"]
WRITTEN = {"require": ["n * x <= 2", "n >= 4"], "forbid": ["kind=a and n=4|5"]}


def are_kept(run: Run, name: str) -> bool:
    trials = run("top", name, "-n", "100", "-f", "json").json
    points = [trial["params"] for trial in trials]
    return (
        all(p["n"] * p["x"] <= 2 and p["n"] >= 4 and not (p["kind"] == "a" and p["n"] in (4, 5)) for p in points)
        and len(points) >= 6
    )


def test_every_trial_keeps_to_them_and_so_does_a_resume(run: Run) -> None:
    """A study stores them with its space; `show` tells them, `doctor` and a resume know them."""
    ran = run(*SEARCH, *RELATIONS, *LOCAL, "--trials", "6", "--seed", "1", "-q")

    resumed = run("resume", "train-1", "--trials", "+8", "-q")

    shown = run("show", "train-1", "-f", "json").json["space"]
    assert (ran.code, resumed.code) == (0, 0), ran.err + resumed.err
    assert {key: shown[key] for key in WRITTEN} == WRITTEN
    assert are_kept(run, "train-1")
    assert len(run("top", "train-1", "-n", "100", "-f", "json").json) == 14
    assert run("doctor", "train-1", "-f", "json").json["ok"]
    assert "n * x <= 2" in run("show", "train-1").out


def test_the_file_that_a_study_leaves_has_them(run: Run) -> None:
    """The same again from its study file, and the dry run of that tells what it will keep to."""
    assert run(*SEARCH, *RELATIONS, *LOCAL, "--trials", "6", "--seed", "1", "-q").code == 0

    ran = run("search", "automl_runs/train-1/study.yaml", "-q")
    plan = run("search", "automl_runs/train-1/study.yaml", "--dry-run", "-f", "json").json

    assert ran.code == 0, ran.err
    assert {key: plan["space"][key] for key in WRITTEN} == WRITTEN
    assert are_kept(run, "train-2")
    assert "relations" in dict(plan["explained"])["space"]


def test_a_study_file_has_a_key_for_each(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In text, lists and mappings; what is typed wins over variables, and they over the file."""
    study = {
        "target": "train.py:objective",
        "metric": "val_loss",
        "trials": 1,
        "param": {"x": "0.0..1.0", "n": "1..9", "kind": "a|b"},
        "require": "n * x <= 2",
        "forbid": [{"kind": "a", "n": [4, 5]}, "n=1"],
    }
    (tmp_path / "study.json").write_text(json.dumps(study))

    def relations(*more: str) -> dict[str, object]:
        space = run("search", "study.json", *LOCAL, "--dry-run", "-f", "json", *more).json["space"]
        return {key: space.get(key) for key in WRITTEN}

    from_file = relations()
    monkeypatch.setenv("AUTOML_REQUIRE", "n >= 4; x < n")
    from_variable = relations()
    typed = relations("--require", "n < 5", "--forbid", "kind=b")

    assert from_file == {"require": ["n * x <= 2"], "forbid": ["kind=a and n=4|5", "n=1"]}
    assert from_variable == {"require": ["n >= 4", "x < n"], "forbid": ["kind=a and n=4|5", "n=1"]}
    assert typed == {"require": ["n < 5"], "forbid": ["kind=b"]}


def test_space_verbs_show_relations(run: Run, tmp_path: Path) -> None:
    """A line each in a table, in the plan how many there are, and points that keep to them."""
    (tmp_path / "space.yaml").write_text("a: 1..9\nb: 1..9\nrequire: [a < b]\nforbid:\n- {a: 1}\n- a=2 and b=3\n")

    shown = run("space", "show", "space.yaml").out
    points = run("space", "sample", "space.yaml", "-n", "30", "--seed", "1", "-f", "json").json

    assert [line.split() for line in shown.splitlines()[-3:]] == [
        ["require", "a", "<", "b"],
        ["forbid", "a=1"],
        ["forbid", "a=2", "and", "b=3"],
    ]
    assert run("space", "check", "space.yaml").out == "space.yaml: ok, 2 parameters, 27 points, 3 relations\n"
    assert all(1 < point["a"] < point["b"] for point in points)
