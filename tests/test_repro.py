"""One trial, run once more: the same values come out, and what has changed since is named."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import automl
from automl.cli import main
from automl.errors import ConfigError
from automl.home import Home
from automl.repro import repro
from automl.trial import TrialState

EPOCHS = 9
SCRIPT = """
import random

def objective(trial):
    print("noise")
    draws = random.Random(trial.seed)
    for step in range(1, trial.max_epochs + 1):
        loss = trial.params["x"] + draws.random() / step
        assert trial.number or step < 3, "fails here"
        trial.report(step, loss=loss, other=step)
    return {"loss": loss, "extra": 7.0}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a study of a script in which some trials were stopped."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    options: dict[str, Any] = {
        "n_trials": 6,
        "seed": 1,
        "max_epochs": EPOCHS,
        "early_stopping": "asha",
        "executor": "local",
        "tracker": "none",
        "listeners": (),
    }
    home = tmp_path / "home"
    automl.search(
        f"{script}:objective", {"x": "0.0..1.0"}, metric="loss", sampler="random", name="s", home=home, **options
    )
    return home


def test_a_trial_comes_out_as_it_is_recorded(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Step by step, as far as it got, whether it was COMPLETE, stopped or failed; nothing is written to the study."""
    ledger = home / "s" / "ledger.db"
    with sqlite3.connect(ledger) as connection:
        before = list(connection.iterdump())

    codes = [main(["repro", "s", str(number), "--home", str(home), "-f", "json"]) for number in range(6)]
    capsys.readouterr()
    found = [repro(Home(home), "s", number) for number in range(6)]

    assert codes == [0] * 6
    assert all(each.is_same for each in found)
    assert {each.record.state for each in found} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    assert [each.ending.message for each in found if each.ending.message] == ["AssertionError: fails here"]
    for each in found:
        metrics = {step.metric for step in each.steps}
        assert max(step.step for step in each.steps) == each.record.step
        assert ("extra" in metrics) == (each.record.state is TrialState.COMPLETE)
    with sqlite3.connect(ledger) as connection:
        assert list(connection.iterdump()) == before


def test_values_are_told_of_a_trial_that_has_some(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that was stopped has those of its steps, which are in the table."""
    records = [repro(Home(home), "s", number).record for number in range(6)]
    for record in records:
        main(["repro", "s", str(record.number), "--home", str(home)])

        lines = capsys.readouterr().out.splitlines()
        assert any(line.startswith("values") for line in lines) == (record.state is TrialState.COMPLETE)


def test_what_has_changed_is_said_and_shows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other code is named, and the values that it brings stand beside those of then; what it prints is no result."""
    script = home.parent / "train.py"
    script.write_text(SCRIPT.replace("draws.random() / step", "draws.random() / step + (step == 2)"))

    code = main(["repro", "s", "0", "--home", str(home), "-f", "json"])
    found = json.loads(capsys.readouterr().out)
    main(["repro", "s", "0", "--home", str(home)])
    shown = capsys.readouterr().out

    losses = [step for step in found["steps"] if step["metric"] == "loss"]
    assert code == 1
    assert not found["same"]
    assert ["train.py has changed since trial 0" in line for line in found["changes"]] == [True]
    assert [step["same"] for step in losses] == [True, False, *[True] * (len(losses) - 2)]
    assert losses[1]["again"] == pytest.approx(losses[1]["recorded"] + 1)
    assert "note: train.py has changed" in shown
    assert f"trial 0 of s comes out otherwise: 1 of {len(found['steps'])} values differ" in shown


def test_what_cannot_be_run_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trial that is not there, a number that is none, and a function that only Python has."""
    automl.search(
        lambda trial: 1.0,
        {"x": "0..9"},
        direction="minimize",
        n_trials=1,
        name="callable",
        home=home,
        executor="local",
        tracker="none",
        listeners=(),
    )

    assert main(["repro", "s", "six", "--home", str(home)]) == 2
    assert main(["repro", "s", "6", "--home", str(home)]) == 2
    assert main(["repro", "callable", "0", "--home", str(home)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "TRIAL" in lines[0]
    assert lines[1] == "error: study 's' has no trial 6; it has 6, counted from 0"
    with pytest.raises(ConfigError, match="Python callable"):
        repro(Home(home), "callable", 0)


def test_a_trial_that_confirms_another_can_be_run_again(home: Path) -> None:
    """It has a number, params and a seed as every trial, though it is none of the search."""
    automl.resume("s", home=home, listeners=(), confirm=1, confirm_seeds=2)

    found = repro(Home(home), "s", 7)

    assert found.is_same
    assert found.record.confirms is not None
