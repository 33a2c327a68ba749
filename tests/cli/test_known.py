"""`--try` and `--warm-start`: on the command line, in variables and study files, of `search` and of `resume`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import LOCAL, SEARCH, Run

QUICK = [*SEARCH, "-p", "opt=a|b", *LOCAL, "--early-stopping", "none"]


def test_what_is_typed_is_tried_and_written_down(run: Run) -> None:
    """The study's own file asks for the same points; `resume` adds one, and says when there is no trial left for it."""
    ran = run(*QUICK, "--trials", "2", "--try", "x=0.3", "--try", "x=0.4, opt=b", "-q")
    said = run("resume", "train-1", "--try", "x=0.7").err
    more = run("resume", "train-1", "--try", "x=0.6", "--try", "x=0.3", "--trials", "+2")
    again = run("search", "automl_runs/train-1/study.yaml", "-q", "-f", "json")

    first, second = ([(row["number"], row["params"]["x"]) for row in top(run, name)] for name in ("train-1", "train-2"))
    assert (ran.code, more.code, again.code) == (0, 0, 0)
    assert "all 2 trials were asked for before: --trials +20 tries the new points" in said
    assert "--try 'x=0.3': trial 0 has tried it\n" in more.err
    assert first == [(0, 0.3), (1, 0.4), (2, 0.7), (3, 0.6)]
    assert second == first[:2]


def test_a_file_may_hold_points_in_both_forms(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As lines and as mappings; a variable has semicolons between, and wins."""
    file = "target: train.py:objective\nmetric: val_loss\nparam: {x: 0.0..1.0, opt: a|b}\n"
    (tmp_path / "study.yaml").write_text(f'{file}try: [{{x: 3e-1, opt: b}}, "x=0.25"]\n')

    plan = run("search", "study.yaml", "--dry-run", "-f", "json").json
    monkeypatch.setenv("AUTOML_TRY", "x=0.5, opt=a; opt=b")
    other = run("search", "study.yaml", "--dry-run", "-f", "json").json

    assert plan["try"] == ["x=0.3, opt=b", "x=0.25, opt=a"]
    assert other["try"] == ["x=0.5, opt=a", "x=0.5, opt=b"]
    assert plan["explained"]["sampler"].endswith("begins with 2 points of yours")


def test_all_that_is_wrong_is_said_at_once(run: Run, tmp_path: Path) -> None:
    """With the place in a file that said it; a point is not judged by a space that is wrong itself."""
    (tmp_path / "study.yaml").write_text("target: train.py:objective\nmetric: val_loss\nlr: 0.1..1.0\ntry: {lr: 7}\n")

    typed = run(*QUICK, "--try", "x=3, y=1", "--try", "opt", "--trials", "few")
    filed = run("search", "study.yaml")
    spaceless = run(*SEARCH[:2], "--metric", "val_loss", "-p", "x=2..1", "--try", "x=0.1")

    assert [ran.code for ran in (typed, filed, spaceless)] == [2, 2, 2]
    assert [line.partition(":")[0] for line in typed.errors] == [
        "--trials must be a whole number, got 'few'",
        *["--try 'x=3, y=1'"] * 2,
        "--try 'opt'",
    ]
    assert filed.errors[0].startswith("study.yaml:4:1: try")
    assert len(spaceless.errors) == 1


def test_what_is_learnt_from_is_said(run: Run, finished: str, tmp_path: Path) -> None:
    """In the plan, before the first trial and on resume; the study's file names it; `auto` says when it finds none."""
    options = [*SEARCH, "-p", "n=1..3", *LOCAL, "--trials", "1", "--warm-start", finished]

    plan = run(*options, "--dry-run", "-f", "json").json
    ran = run(*options)
    resumed = run("resume", "train-2", "--trials", "+1")
    none = run(
        "search",
        "train.py:objective",
        *LOCAL,
        "-p",
        "y=0..1",
        "--metric",
        "m",
        "--direction",
        "minimize",
        "--warm-start",
        "auto",
        "--dry-run",
        "-f",
        "json",
    ).json
    wrong = run(*options, "--warm-start", "nope", "--sampler", "none")

    said = f"{finished}: 4 results; 1 of 2 parameters in common\ntheir best points come first; "
    assert plan["explained"]["learns from"].startswith(said)
    assert plan["warm_start"] == [finished]
    assert f"warm_start:\n- {finished}\n" in (tmp_path / "automl_runs" / "train-2" / "study.yaml").read_text()
    for each in (ran, resumed):
        assert (each.code, f"learns from  {finished}: 4 results" in each.err) == (0, True)
    assert none["explained"]["learns from"].startswith("auto: no study here measures the same")
    assert (wrong.code, len(wrong.errors)) == (2, 1)


def top(run: Run, name: str) -> list[dict[str, dict[str, float]]]:
    return sorted(run("top", name, "-f", "json").json, key=lambda row: row["number"])
