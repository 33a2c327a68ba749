"""`automl resume --space` and `automl space diff`: what would change is shown first, and asked about where it costs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from automl.home import Home
from automl.study import Study
from tests.cli.conftest import LOCAL, ROOT, Run

TABLE = ["param  change   was     becomes", "x      widened  0.0..1  0.0..2"]


@pytest.fixture
def spaces(finished: str, tmp_path: Path) -> str:
    """Files with a wider, a narrower and another kind of space than the study has whose name is returned."""
    (tmp_path / "wider.yaml").write_text("x: 0.0..2.0\n")
    (tmp_path / "narrow.yaml").write_text("x: 0.9..2.0\nn: 1..3\n")
    (tmp_path / "kind.yaml").write_text("x: a|b\n")
    return finished


def test_a_wider_space_is_shown_and_searched(spaces: str, run: Run) -> None:
    """Nothing is asked where nothing is lost; `show` tells the change, doctor is content."""
    ran = run("resume", spaces, "--space", "wider.yaml", "--trials", "+2", "--json")

    assert ran.code == 0, ran.err
    assert ran.err.splitlines()[:3] == [*TABLE, "all 4 trials go on informing the sampler"]
    events = [json.loads(line) for line in ran.out.splitlines()]
    (changed,) = [event for event in events if event["event"] == "space-changed"]
    assert [change["name"] for change in changed["changes"]] == ["x"]
    assert run("doctor", spaces).out == f"{spaces}: ok\n"
    shown = run("show", spaces)
    assert "changed before trial 4\n" in shown.out
    assert run("show", spaces, "-f", "json").json["space_changes"][0]["lost"] == []


def test_one_range_is_changed_by_itself(spaces: str, run: Run) -> None:
    """`-p` leaves the rest of the space as it is; a range that cannot be read changes nothing."""
    wrong = run("resume", spaces, "-p", "x=2..1", "--trials", "+1")
    ran = run("resume", spaces, "-p", "x=0.0..2.0", "--trials", "+1", "-q")

    assert (wrong.code, wrong.errors[0].partition(":")[0]) == (2, "-p x")
    assert (ran.code, ran.err) == (0, "trial 4 speaks\n")
    assert run("show", spaces, "-f", "json").json["space"] == {"x": "0.0..2"}


def test_who_is_not_there_to_be_asked_must_say_yes(spaces: str, run: Run) -> None:
    """Without it the table and the number of trials are all that comes of it; with it the search goes on."""
    refused = run("resume", spaces, "--space", "narrow.yaml", "--trials", "+1")
    before = run("show", spaces, "-f", "json").json
    agreed = run("resume", spaces, "--space", "narrow.yaml", "--trials", "+1", "--yes")

    lines = refused.err.splitlines()
    assert refused.code == 2
    assert [line.split()[0] for line in lines[:3]] == ["param", "x", "n"]
    assert lines[3].startswith("0 of 4 trials go on informing the sampler; 4 cannot, and stay in the ledger")
    assert refused.errors == ["nothing was changed: nobody is here to be asked; give --yes"]
    assert (before["space"], before["trials"], before["space_changes"]) == ({"x": "0.0..1"}, 4, [])
    assert agreed.code == 0
    assert agreed.err.splitlines()[:4] == lines[:4]
    assert len(run("top", spaces, "-f", "json").json) == 5
    assert run("doctor", spaces).code == 0


@pytest.mark.parametrize(("answer", "trials"), [("y\n", 5), ("\n", 4)])
def test_on_a_terminal_the_user_is_asked(spaces: str, run: Run, answer: str, trials: int) -> None:
    """Whatever is not yes changes nothing, and is no error."""
    program = "import sys; from automl.cli import main; sys.exit(main())"
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())

    ran = subprocess.run(
        [sys.executable, "-c", program, "resume", spaces, "--space", "narrow.yaml", "--trials", "+1"],
        stdin=theirs,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    os.close(ours)
    os.close(theirs)

    assert ran.returncode == 0
    assert "go on? [y/N]" in ran.stderr
    assert ("nothing was changed" in ran.stderr) == (trials == 4)
    assert sum(run("status", spaces, "-f", "json").json["counts"].values()) == trials


def test_another_kind_is_refused(spaces: str, run: Run) -> None:
    """Agreed or not: nothing could keep its values."""
    ran = run("resume", spaces, "--space", "kind.yaml", "--yes")

    assert ran.code == 2
    assert ran.errors[0].startswith("x: is a Float (0.0..1) and would be a Categorical (a|b)")
    assert ran.errors[0].endswith("give it another name, such as x_2")


def test_a_task_takes_only_what_it_knows(run: Run, tmp_path: Path) -> None:
    """A parameter that the built-in task never reads is refused as in a search, before anything changes."""
    (tmp_path / "wrong.yaml").write_text("lr: 1e-4..1e-1 log\nwheels: 3..4\n")
    made = ["--arch", "none", "--lr", "1e-3..1e-2 log", "--max-epochs", "1", "--trials", "1"]
    assert run("search", "digits", *made, *LOCAL, "-q").code == 0

    ran = run("resume", "digits-1", "--space", "wrong.yaml", "--trials", "+1")

    assert (ran.code, ran.errors[0].partition(":")[0]) == (2, "wheels")
    assert run("show", "digits-1", "-f", "json").json["space_changes"] == []


def test_without_more_trials_it_is_said_how_to_try_it(spaces: str, run: Run) -> None:
    """The space is changed all the same."""
    ran = run("resume", spaces, "--space", "wider.yaml")

    assert ran.code == 0
    assert "all 4 trials were asked for before: --trials +20 tries the new space" in ran.err
    assert run("show", spaces, "-f", "json").json["space"] == {"x": "0.0..2"}


def test_diff_looks_without_writing(spaces: str, run: Run) -> None:
    """Of a study, what `resume --space` would do; of two files, what differs; the same for programs."""
    study, files = run("space", "diff", spaces, "narrow.yaml"), run("space", "diff", "wider.yaml", "narrow.yaml")
    found = run("space", "diff", spaces, "narrow.yaml", "-f", "json").json

    assert study.out.splitlines()[-1].startswith("0 of 4 trials go on informing the sampler")
    assert [line.split()[0] for line in files.out.splitlines()] == ["param", "x", "n"]
    assert [change["changes"] for change in found["changes"]] == [["widened", "narrowed"], ["added"]]
    assert found["trials"] == {"told": 4, "lost": [0, 1, 2, 3], "lost_by": {"x": 4, "n": 4}}
    assert run("show", spaces, "-f", "json").json["space"] == {"x": "0.0..1"}


def test_diff_of_equals_and_of_nothing(spaces: str, run: Run) -> None:
    """Spaces that are the same have no difference; a name of nothing is bad input, on either side at once."""
    same = run("space", "diff", "mlp", "mlp")
    wrong = run("space", "diff", "mpl", "wider.yml")

    assert (same.code, same.out) == (0, "mlp and mlp are the same space\n")
    assert (wrong.code, len(wrong.errors)) == (2, 2)
    assert "did you mean 'mlp'?" in wrong.errors[0]


def test_a_study_that_runs_is_refused_before_anybody_is_asked(spaces: str, run: Run, tmp_path: Path) -> None:
    """Neither a table nor a question comes first: what was agreed to would not be done."""
    home = Home.find(None, None)
    study = Study.open(home.ledger_url(spaces), spaces, folder=home.study(spaces))

    ran = run("resume", spaces, "--space", "narrow.yaml", "--trials", "+1")

    study.close()
    assert ran.code == 6
    assert ran.err.startswith(f"error: study '{spaces}' is being run by process {os.getpid()} on ")


def test_a_variable_changes_no_study(finished: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """AUTOML_SPACE and AUTOML_PARAM are for searches that begin."""
    monkeypatch.setenv("AUTOML_PARAM", "x=5.0..6.0")

    assert run("resume", finished).code == 0

    assert run("show", finished, "-f", "json").json["space"] == {"x": "0.0..1"}
