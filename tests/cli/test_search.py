"""`automl search` and `resume`: real searches, what they print, how they end and go on."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import LOCAL, SEARCH, Run
from tests.cli.test_look import STATES, STATUS_KEYS, read_csv

Start = Callable[..., "subprocess.Popen[str]"]


def events(text: str) -> list[dict[str, Any]]:
    """Read what `--json` printed; JSON has no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


class TestSearch:
    """A new study, from flags to the last line."""

    def test_what_is_said(self, run: Run, tmp_path: Path) -> None:
        """Before: what is searched, how, where. While: a line a trial. After: leaderboard, cost, how to go on."""
        ran = run(*SEARCH, *LOCAL, "--trials", "4", "--max-epochs", "3", "--seed", "7")

        assert ran.code == 0
        said = dict(line.split(maxsplit=1) for line in ran.err.splitlines() if "  " in line)
        assert said["study"] == "train-1"
        assert (
            said["target"]
            == f"{tmp_path}/train.py:objective: minimize val_loss (by its name; --direction says otherwise)"
        )
        assert said["space"] == "1 parameter, infinitely many points"
        assert said["sampler"].startswith("gp; ")
        assert said["stopping"] == "none: every trial runs to its end"
        assert said["policy"] == "gp, a model of 1 parameter; no early stopping: a trial has 3 steps at most"
        assert said["budget"] == "4 trials of up to 3 steps"
        assert said["machine"].endswith("1 at once, 1 CPU each")
        assert said["seed"] == "7"
        assert said["results"] == f"{tmp_path}/automl_runs/train-1"
        assert sum(line.endswith(" of 4 done") for line in ran.err.splitlines()) == 4
        assert "trial 0 speaks" in ran.err  # the objective's own words are no result
        assert ran.out.startswith("train-1: finished, 4 trials (")
        assert "cost " in ran.out
        assert ran.out.endswith("automl resume train-1 --trials +20\n")

    def test_leaderboard(self, run: Run) -> None:
        """The best trial stands first, with its value as `status` gives it."""
        ran = run(*SEARCH, *LOCAL, "--trials", "6", "--early-stopping", "none", "-q")

        best = run("status", "train-1", "-f", "json").json["best"]
        header, first = ran.out.splitlines()[2:4]
        assert header.split() == ["trial", "state", "val_loss", "step", "seconds", "params"]
        assert first.split()[:3] == [str(best["number"]), "COMPLETE", f"{best['value']:.5g}"]

    @pytest.mark.parametrize("format", ["json", "csv"])
    def test_result_for_programs(self, run: Run, format: str) -> None:
        """What `status` gives, and test, seconds and resume; standard output has nothing else."""
        ran = run(*SEARCH, *LOCAL, "--trials", "2", "-f", format, "--home", "other")

        found = ran.json if format == "json" else read_csv(ran.out)[0]
        assert ran.code == 0
        assert found["resume"].startswith("automl resume train-1 --trials +20 --home ")
        assert float(found["seconds"]) > 0
        if format == "json":
            assert set(found) == {*STATUS_KEYS, "trials", "test", "seconds", "resume"}
            assert (found["test"], set(found["counts"])) == (None, STATES)

    def test_events(self, run: Run) -> None:
        """--json prints every event, then the result."""
        ran = run(*SEARCH, *LOCAL, "--trials", "3", "--early-stopping", "none", "--json", "-q")

        found = events(ran.out)
        kinds = [event["event"] for event in found]
        assert kinds[0] == "study-started"
        assert kinds[-2:] == ["study-ended", "result"]
        assert (kinds.count("trial-started"), kinds.count("report"), kinds.count("trial-ended")) == (3, 9, 3)
        assert found[-1]["counts"]["COMPLETE"] == 3
        assert not [line for line in ran.err.splitlines() if "speaks" not in line]

    def test_quiet(self, run: Run) -> None:
        """-q says nothing while it runs."""
        ran = run(*SEARCH, *LOCAL, "--trials", "1", "-q")

        assert ran.err == "trial 0 speaks\n"

    def test_names_are_counted_up(self, run: Run) -> None:
        """Without a name each search is another study."""
        for _ in range(2):
            assert run(*SEARCH, *LOCAL, "--trials", "1", "-q").code == 0

        assert [row["name"] for row in run("ls", "-f", "json").json] == ["train-1", "train-2"]

    def test_options_from_variables(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each option has a variable; what is typed wins; ranges with blanks are parted by semicolons."""
        monkeypatch.setenv("AUTOML_TRIALS", "2")
        monkeypatch.setenv("AUTOML_METRIC", "nothing")
        monkeypatch.setenv("AUTOML_PARAM", "x=0.01..1.0 log; y=a|b")

        ran = run("search", "train.py:objective", "--metric", "val_loss", *LOCAL, "-q")

        assert ran.code == 0
        study = run("show", "train-1", "-f", "json").json
        assert (study["trials"], study["metric"]) == (2, "val_loss")
        assert study["space"] == {"x": "0.01..1 log", "y": "a|b"}

    def test_nothing_has_a_value(self, run: Run) -> None:
        """A search whose trials all fail alike ends after three, with exit 1 and the reason in one line."""
        ran = run("search", "train.py:failing", "-p", "x=0.0..1.0", "--metric", "val_loss", *LOCAL)

        assert (ran.code, ran.out) == (1, "")
        (line,) = ran.errors
        assert "raised: ZeroDivisionError: first line\\nsecond \\x1b[31m[bold]" in line
        assert "\x1b" not in ran.err

    def test_metric_that_is_never_reported(self, run: Run) -> None:
        """It is said what was reported instead; programs get the result all the same."""
        ran = run("search", "train.py:silent", "-p", "x=0.0..1.0", "--metric", "val_loss", *LOCAL, "-f", "json", "-q")

        assert ran.code == 1
        assert "seen: accuracy" in ran.errors[0]
        assert ran.json["counts"]["FAIL"] == 3
        assert (ran.json["best"], ran.json["resume"]) == (None, "automl resume train-1")

    def test_no_trial_has_a_value_at_the_timeout(self, run: Run, tmp_path: Path) -> None:
        """Time that is too short for a single trial is exit 1, said in one line."""
        (tmp_path / "slow.py").write_text(
            "import time\n\ndef f(trial):\n    for step in range(1, 1000):\n        time.sleep(0.01)\n"
            "        trial.report(step, loss=1.0)\n"
        )

        ran = run("search", "slow.py:f", "-p", "x=0.0..1.0", "--metric", "loss", *LOCAL, "--timeout", "0.2s", "-q")

        assert ran.code == 1
        assert ran.errors == ["no trial of slow-1 has a value: 1 trial (1 PRUNED)"]
        assert "slow-1: finished" in ran.out

    def test_a_small_space_is_tried_whole(self, run: Run) -> None:
        """Three points are three trials, whatever was asked for: it is said before, and again at the end."""
        ran = run(
            "search", "train.py:objective", "-p", "x=1..3", "--metric", "val_loss", *LOCAL, "--early-stopping", "none"
        )
        more = run("resume", "train-1", "--trials", "+20", "-q")

        assert "1 parameter, 3 points" in ran.err
        assert "random; ends when every point was tried" in ran.err
        assert "train-1: finished, 3 trials (3 COMPLETE)" in ran.out
        assert (ran.code, more.code) == (0, 0)
        for printed in (ran.out, more.out):
            assert "ended nothing is left to try in this space" in " ".join(printed.split())

    def test_a_target_that_is_reached(self, run: Run) -> None:
        """More is possible with a better target only, which is said; it is."""
        easy, better = ("--target-value", "1e9"), ("--target-value", "1e8")
        ran = run("search", "train.py:objective", "-p", "x=1..3", "--metric", "val_loss", *LOCAL, *easy, "-q")
        more = run("resume", "train-1", *better, "-q")

        for printed in (ran.out, more.out):
            assert printed.splitlines()[-1] == "go on  automl resume train-1 --target-value V, with a better V"
        assert (ran.code, more.code) == (0, 0)

    def test_a_target_that_the_last_trial_reaches(self, run: Run) -> None:
        """A better target alone would run nothing, so more trials are named as well; typed so, they run."""
        easy, better = ("--target-value", "1e9"), ("--target-value", "1e-9")
        ran = run(*SEARCH, *LOCAL, "--trials", "1", *easy, "-q")
        more = run("resume", "train-1", "--trials", "+20", *better, "-f", "json", "-q")

        last = ran.out.splitlines()[-1]
        assert last == "go on  automl resume train-1 --trials +20 --target-value V, with a better V"
        assert sum(more.json["counts"].values()) == 21


class TestResume:
    """Going on with a study."""

    def test_finished_study(self, run: Run, finished: str) -> None:
        """Without a larger budget its result is printed, and nothing runs."""
        before = run("status", finished, "-f", "json").json

        ran = run("resume", finished)

        assert ran.code == 0
        assert ran.err == f"{finished} is finished: nothing to run\n"
        assert ran.out.startswith(f"{finished}: finished, 4 trials (4 COMPLETE)")
        assert run("status", finished, "-f", "json").json == before

    @pytest.mark.parametrize(("asked", "trials"), [("+2", 6), ("5", 5), ("4", 4), ("2", 4)])
    def test_more_trials(self, run: Run, finished: str, asked: str, trials: int) -> None:
        """+N adds N, N is the total; what is done stays."""
        before = run("show", finished, "0", "-f", "json").json

        ran = run("resume", finished, "--trials", asked, "-f", "json")

        assert ran.code == 0
        assert sum(ran.json["counts"].values()) == trials
        assert ran.json["state"] == "finished"
        assert run("show", finished, "0", "-f", "json").json == before

    def test_events(self, run: Run, finished: str) -> None:
        """The events of this run, and the result of the whole study."""
        found = events(run("resume", finished, "--trials", "+1", "--json", "-q").out)

        assert (found[0]["event"], found[0]["ended"]) == ("study-started", 4)
        assert sum(event["event"] == "trial-ended" for event in found) == 1
        assert found[-1]["counts"]["COMPLETE"] == 5

    def test_several_problems(self, run: Run, finished: str) -> None:
        """Everything wrong is said at once here too."""
        ran = run("resume", finished, "--trials", "+x", "--timeout", "soon", "--gpus", "many")

        assert ran.code == 2
        assert len(ran.errors) == 3


class TestInterrupt:
    """Ctrl-C and SIGTERM: the state is saved, the way on is told."""

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_state_is_saved(self, run: Run, start: Start, tmp_path: Path, number: signal.Signals, code: int) -> None:
        """The trial that was cut waits, and `resume`, as it was printed, finishes the study."""
        (tmp_path / "hold").touch()
        process = start(*SEARCH, *LOCAL, "--trials", "3", "--early-stopping", "none", "--home", "other", "--grace", "2")
        assert process.stderr is not None
        said = ""
        while "trial 1 speaks" not in said:
            said = process.stderr.readline()
            assert said, "the search ended before its second trial"

        process.send_signal(number)
        out, err = process.communicate(timeout=30)

        assert process.returncode == code
        assert out == ""
        assert err.splitlines()[-1] == (
            f"interrupted: state saved; go on with: automl resume train-1 --home {tmp_path}/other"
        )
        status = run("status", "train-1", "--home", "other", "-f", "json").json
        assert (status["state"], status["owner"]) == ("interrupted", None)
        assert (status["counts"]["COMPLETE"], status["counts"]["WAITING"]) == (1, 1)

        (tmp_path / "go").touch()
        ran = run("resume", "train-1", "--home", "other", "-f", "json", "-q")
        assert ran.code == 0
        assert ran.json["counts"]["COMPLETE"] == 3

    def test_events_end_with_the_result(self, start: Start, tmp_path: Path) -> None:
        """Whoever reads the events learns how it stands."""
        (tmp_path / "hold").touch()
        process = start(*SEARCH, *LOCAL, "--trials", "3", "--json", "--grace", "2")
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or (events(lines[-1])[0]["event"], events(lines[-1])[0].get("trial")) != ("report", 1):
            lines.append(process.stdout.readline())

        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)

        assert process.returncode == 130
        assert events(out)[-1]["event"] == "result"
        assert events(out)[-1]["state"] == "interrupted"


def test_a_closed_pipe_ends_no_search(run: Run, start: Start) -> None:
    """Whoever read the events has gone; the trials go on to the end."""
    process = start(*SEARCH, *LOCAL, "--trials", "5", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()

    _, err = process.communicate(timeout=60)

    assert "error" not in err
    assert run("status", "train-1", "-f", "json").json["state"] == "finished"


def test_ray_says_nothing_of_its_own(start: Start) -> None:
    """With worker processes, too, standard output has events only, standard error our lines only."""
    process = start(
        *SEARCH, "--tracker", "none", "--trials", "2", "--parallel", "1", "--early-stopping", "none", "--json"
    )

    out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert events(out)[-1]["counts"]["COMPLETE"] == 2
    assert {line.split()[0] for line in err.splitlines()} == {
        "study",
        "target",
        "space",
        "sampler",
        "stopping",
        "policy",
        "budget",
        "machine",
        "seed",
        "results",
    }


def test_a_name_that_is_taken_says_how_the_study_differs(run: Run, finished: str) -> None:
    """Asked for again with another direction, seed and space, a study names each; the same again names nothing."""
    again = [*SEARCH, *LOCAL, "--sampler", "random", "--early-stopping", "none", "--name", finished, "-q"]

    same = run(*again, "--seed", "3")
    wider = ["x=0.0..2.0" if word == "x=0.0..1.0" else word for word in again]
    other = run(*wider, "--seed", "4", "--direction", "maximize")

    assert (same.code, len(same.errors)) == (3, 1)
    assert other.code == 3
    assert other.errors[1:] == [
        "it has direction 'minimize', not 'maximize'",
        "it has seed 3, not 4",
        "its space has for x 0.0..1, not 0.0..2",
    ]


def test_strict(run: Run, finished: str, tmp_path: Path) -> None:
    """A script that was edited is named by `resume`, refused by `resume --strict` with exit code 3."""
    script = tmp_path / "train.py"
    script.write_text(script.read_text() + "\n# edited\n")

    strict = run("resume", finished, "--trials", "+1", "--strict")
    free = run("resume", finished, "--trials", "+1")

    assert (strict.code, strict.out) == (3, "")
    assert strict.errors[0].startswith("train.py has changed since trial 3 (SHA-256 ")
    assert free.code == 0
    assert strict.errors[0] in free.err
