"""`automl ls`, `status`, `top`, `show`: the keys that programs read, in every format, and tables for people."""

from __future__ import annotations

import contextlib
import csv
import io
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from automl.home import Home
from tests.cli.conftest import LOCAL, SEARCH, Run

HELD = '''
import pathlib
import time

def objective(trial):
    """Trains three steps, with a checkpoint of each; is held before the third until there is the file `go`."""
    here = pathlib.Path(__file__).parent
    for step in range(trial.restored.step + 1 if trial.restored else 1, 4):
        while step == 3 and not (here / "go").exists():
            time.sleep(0.01)
        with trial.checkpoint(step) as folder:
            (folder / "step").write_text(str(step))
        trial.report(step, val_loss=1 / step)
'''
STATES = {"WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"}
TRIAL_KEYS = {"number", "state", "value", "values", "params", "step", "attempt", "seconds", "reason", "run_id"}
STATUS_KEYS = {
    "policy",
    "ended_by",
    "confirmed",
    "name",
    "state",
    "directions",
    "metric",
    "counts",
    "paused",
    "best",
    "storage",
    "tracking_uri",
    "owner",
    "request",
}


def read_csv(text: str) -> list[dict[str, str]]:
    """Read what `-f csv` printed."""
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    "words", [["ls"], ["status", "train-1"], ["top", "train-1"], ["show", "train-1"], ["show", "train-1", "2"]]
)
def test_formats_agree(run: Run, finished: str, words: list[str]) -> None:
    """YAML holds what JSON does, and CSV as many rows."""
    data = run(*words, "-f", "json").json

    assert yaml.safe_load(run(*words, "-f", "yaml").out) == data
    assert len(read_csv(run(*words, "-f", "csv").out)) == (len(data) if isinstance(data, list) else 1)


@pytest.mark.parametrize("format", ["table", "json", "csv", "yaml"])
@pytest.mark.parametrize(
    "words", [["ls"], ["status", "train-1"], ["top", "train-1"], ["show", "train-1"], ["show", "train-1", "2"]]
)
def test_standard_output_only(run: Run, finished: str, words: list[str], format: str) -> None:
    """The result is all that is printed, plain, and the exit code is 0."""
    ran = run(*words, "-f", format)

    assert (ran.code, ran.err) == (0, "")
    assert "\x1b" not in ran.out
    assert ran.out.strip()


def test_ls(run: Run, finished: str) -> None:
    """One study a row, the oldest first, though it was resumed since."""
    run(*SEARCH, *LOCAL, "--trials", "1", "-q", "--name", "second")
    assert run("resume", finished, "--trials", "+1", "-q").code == 0

    rows = run("ls", "-f", "json").json

    assert [row["name"] for row in rows] == [finished, "second"]
    best = run("status", finished, "-f", "json").json["best"]["value"]
    assert rows[0] == {"name": finished, "state": "finished", "trials": 5, "metric": "val_loss", "best": best}


def test_ls_of_no_studies(run: Run) -> None:
    """An empty list is a result too; people are told where was looked."""
    ran = run("ls", "-f", "json")

    assert (ran.code, ran.json) == (0, [])
    assert "automl_runs" in ran.err


def test_ls_beside_a_damaged_ledger(run: Run, finished: str, tmp_path: Path) -> None:
    """One study that cannot be read hides no other."""
    (tmp_path / "automl_runs" / "broken").mkdir()
    (tmp_path / "automl_runs" / "broken" / "ledger.db").write_text(
        "This is no database, and long enough to look at. " * 9
    )

    ran = run("ls", "-f", "json")

    assert [row["name"] for row in ran.json] == [finished]
    assert ran.err.startswith("warning: broken: ")


def test_status(run: Run, finished: str, tmp_path: Path) -> None:
    """The keys of the contract; all five states are counted."""
    status = run("status", finished, "-f", "json").json

    assert set(status) >= STATUS_KEYS
    assert status["counts"] == dict.fromkeys(STATES, 0) | {"COMPLETE": 4}
    assert (status["state"], status["directions"], status["owner"]) == ("finished", ["minimize"], None)
    assert set(status["best"]) == {"number", "value", "params", "step"}
    assert status["storage"] == f"sqlite:///{tmp_path}/automl_runs/{finished}/ledger.db"


def test_status_before_a_trial_is_complete(run: Run, tmp_path: Path) -> None:
    """Of a search that was aborted there is no best, and that is said."""
    run("search", "train.py:failing", "-p", "x=0.0..1.0", "--metric", "val_loss", *LOCAL, "--name", "s")

    assert run("status", "s", "-f", "json").json["best"] is None
    assert "no trial has a value yet" in run("status", "s").out
    assert "no trial has a value yet" in run("top", "s").out


@pytest.mark.parametrize(
    ("objective", "failure", "way_on"),
    [
        ("silent", "missing-metric: metric 'val_loss' was never", "search again with the right --metric"),
        ("failing", "raised: ZeroDivisionError: first line", "when that is mended: automl resume s"),
    ],
)
def test_status_of_a_search_whose_trials_fail(run: Run, objective: str, failure: str, way_on: str) -> None:
    """What they failed of comes before the command that goes on, which alone would only fail again."""
    run("search", f"train.py:{objective}", "-p", "x=0.0..1.0", "--metric", "val_loss", *LOCAL, "--name", "s", "-q")

    shown = run("status", "s").out

    assert f"\nfailed   trial 2: {failure}" in shown
    assert f"\ngo on    {way_on}" in shown
    assert shown.endswith(": automl resume s\n")


def test_top(run: Run, finished: str) -> None:
    """The best trials, best first, as many as asked for."""
    rows = run("top", finished, "-n", "3", "-f", "json").json

    assert len(rows) == 3
    assert all(set(row) >= TRIAL_KEYS for row in rows)
    assert [row["value"] for row in rows] == sorted(row["value"] for row in rows)
    assert rows[0]["number"] == run("status", finished, "-f", "json").json["best"]["number"]
    assert len(read_csv(run("top", finished, "-f", "csv").out)) == 4


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_why_a_better_value_has_not_won(run: Run, tmp_path: Path, direction: str) -> None:
    """A trial that was stopped early may show a better value than the winner's: one line says why it is not that."""
    sign = -1 if direction == "maximize" else 1
    (tmp_path / "train.py").write_text(
        "def objective(trial):\n"
        "    for step in range(1, 5):\n"
        f"        trial.report(step, score={sign} * (trial.params['x'] + 1) * step)\n"
    )
    search = ["search", "train.py:objective", "-p", "x=0.0..1.0", "--metric", "score", "--direction", direction]
    trials = ["--try", "x=0.1", "--try", "x=0.9", "--trials", "2", "--early-stopping", "median startup=1 warmup=0"]

    searched = run(*search, *LOCAL, *trials, "--max-epochs", "4", "-q", "--name", "s")

    assert searched.code == 0, searched.err
    assert [row["value"] * sign for row in run("top", "s", "-f", "json").json] == pytest.approx([4.4, 1.9])
    had = f"trial 1 had {sign * 1.9} when it was stopped at step 1: only a COMPLETE trial can win\n"
    assert f"\nnote   {had}" in searched.out
    assert run("top", "s", "-n", "1").out.endswith(f"\n\nnote  {had}")


def test_top_needs_no_reason_where_the_best_has_won(run: Run, finished: str) -> None:
    """Where no trial that was stopped has a better value, nothing is said of it."""
    assert "note" not in run("top", finished).out


def test_show_trial(run: Run, finished: str) -> None:
    """All about one trial: its row, its attempts, every value it reported."""
    trial = run("show", finished, "2", "-f", "json").json

    assert set(trial) >= TRIAL_KEYS
    x = trial["params"]["x"]
    assert trial["value"] == pytest.approx((x - 0.3) ** 2 + 1 / 3)
    assert [row["step"] for row in trial["reports"]] == [1, 2, 3]
    assert trial["reports"][1] == {"step": 2, "val_loss": pytest.approx((x - 0.3) ** 2 + 1 / 2), "step_twice": 4.0}
    assert [attempt["state"] for attempt in trial["attempts"]] == ["RESULT"]
    table = run("show", finished, "2").out
    assert "step_twice" in table
    assert f"{x:.5g}" in table


@pytest.fixture
def killed(run: Run, start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> str:
    """Return the name of a study whose driver was killed after the second step of its only trial."""
    (tmp_path / "train.py").write_text(HELD)
    driver = start(*SEARCH, *LOCAL, "--trials", "1", "--early-stopping", "none", "-q", "--name", "s")
    while driver.poll() is None:
        asked = run("top", "s", "-f", "json")  # there is no such study at first
        if asked.code == 0 and [row["step"] for row in asked.json] == [2]:
            break
    driver.kill()
    driver.wait()
    return "s"


def test_show_the_checkpoint_of_a_trial_that_was_cut(run: Run, killed: str, tmp_path: Path) -> None:
    """An attempt that was cut has the checkpoint that the next one goes on from, before and after that begins."""
    (before,) = run("show", killed, "0", "-f", "json").json["attempts"]
    (tmp_path / "go").touch()
    resumed = run("resume", killed, "-q")
    after = run("show", killed, "0", "-f", "json").json["attempts"]

    assert resumed.code == 0, resumed.err
    assert (before["start_step"], before["checkpoint"]) == (0, 2)
    assert [(each["start_step"], each["checkpoint"]) for each in after] == [(0, 2), (2, 3)]


def test_nothing_runs_after_a_kill(run: Run, killed: str) -> None:
    """What ran under a driver that was killed is said to be cut; programs read what the ledger has until a resume."""
    status, top, trial = (run(*words).out for words in (["status", killed], ["top", killed], ["show", killed, "0"]))

    assert "\ntrials   1 trial (1 cut), of 1 asked for\n" in status
    assert top.splitlines()[1].split()[:2] == ["0", "cut"]
    assert "\nstate    cut\n" in trial
    assert run("status", killed, "-f", "json").json["counts"]["RUNNING"] == 1


def test_show_study(run: Run, finished: str) -> None:
    """How the study was made, and what it cost."""
    study = run("show", finished, "-f", "json").json

    assert set(study) >= STATUS_KEYS
    assert study["space"] == {"x": "0.0..1"}
    assert (study["config"]["n_trials"], study["config"]["seed"], study["config"]["sampler"]) == (4, 3, "random")
    assert (study["receipt"]["trials"], study["receipt"]["epochs"]) == (4, 12)


@pytest.mark.parametrize(
    ("target", "cost"), [("0", "12 of 12 steps (100%) in"), ("100", "3 of 3 steps of the 1 trial begun (100%) in")]
)
def test_the_cost_says_of_how_many_trials(run: Run, target: str, cost: str) -> None:
    """The share of steps that were run is of the trials that were begun; where these are not all, that is said."""
    budget = ["--trials", "4", "--max-epochs", "3", "--early-stopping", "none", "--target-value", target]

    searched = run(*SEARCH, *LOCAL, *budget, "--name", "s", "-q")

    assert searched.code == 0, searched.err
    assert f"cost   {cost}" in searched.out
    assert f"cost  {cost}" in run("show", "s").out


def test_the_pause_before_a_resume_costs_nothing(run: Run, finished: str) -> None:
    """A study that goes on after a day has cost the seconds in which trials ran."""
    with contextlib.closing(sqlite3.connect(Home.find().study(finished) / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE attempts SET started = started + 86400, ended = ended + 86400 WHERE trial >= 2")

    receipt = run("show", finished, "-f", "json").json["receipt"]

    assert 0 <= receipt["trial_seconds"] <= receipt["wall_seconds"] + 0.1 < 3600


def test_show_log(run: Run, finished: str, tmp_path: Path) -> None:
    """What a trial printed is printed as it is."""
    log = Home.find().trial(finished, 1) / "log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"epoch 1\nnot \xff text\n")

    assert run("show", finished, "1", "--log").out == "epoch 1\nnot \N{REPLACEMENT CHARACTER} text\n"
    assert run("show", finished, "1", "-f", "json").json["log"] == str(log)


def test_home_by_option_and_variable(run: Run, finished: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--home wins over $AUTOML_HOME, which wins over ./automl_runs."""

    def names(*options: str) -> Any:
        return [row["name"] for row in run("ls", "-f", "json", *options).json]

    (tmp_path / "automl_runs").rename(tmp_path / "moved")

    assert names() == []
    assert names("--home", "moved") == [finished]
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path / "moved"))
    assert names() == [finished]
    assert names("--home", "automl_runs") == []


def test_a_reader_that_goes_away(start: Callable[..., Any], finished: str) -> None:
    """`automl ls | head` ends quietly."""
    process = start("top", finished, "-f", "json")
    process.stdout.close()

    _, err = process.communicate(timeout=30)

    assert err == ""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_has_enough(finished: str, start: Callable[..., subprocess.Popen[str]], stream: str) -> None:
    """`automl top STUDY | head -1`, and errors to a pipe like it: the command ends as by the signal, and is silent."""
    process = start("top", finished if stream == "stdout" else "unknown")
    closed, other = (process.stdout, process.stderr) if stream == "stdout" else (process.stderr, process.stdout)
    assert closed is not None
    assert other is not None
    closed.close()

    said = other.read()

    assert (process.wait(timeout=60), said) == (141, "")
