"""`automl stop` and `rm` from a second terminal, and what the first one says: real processes, held by a named pipe."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from automl.home import Home
from tests.cli.conftest import LOCAL, Run

Start = Callable[..., "subprocess.Popen[str]"]

HELD = """
import pathlib

def objective(trial):
    trial.report(1, val_loss=trial.params["x"])
    if trial.number == 1:
        print("trial 1 is held", flush=True)
        pathlib.Path(__file__).with_name("gate").read_text()
    return {"val_loss": trial.params["x"]}
"""
SEARCH = ["search", "held.py:objective", "-p", "x=0.0..1.0", "--metric", "val_loss", *LOCAL, "--early-stopping", "none"]
SEARCH += ["--grace", "2"]


@pytest.fixture
def held(start: Start, tmp_path: Path) -> subprocess.Popen[str]:
    """A search of four trials whose trial 1 waits until something is written to the pipe `gate`."""
    (tmp_path / "held.py").write_text(HELD)
    os.mkfifo(tmp_path / "gate")
    process = start(*SEARCH, "--trials", "4", "--name", "s")
    read_until(process, "trial 1 is held")
    return process


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read standard error up to a line with `text`."""
    assert process.stderr is not None
    said = ""
    while text not in said:
        said = process.stderr.readline()
        assert said, f"the process ended without saying {text!r}"


def let_go(tmp_path: Path) -> None:
    """Let the trial that is held go on."""
    (tmp_path / "gate").write_text("")


class TestStop:
    """Asking a search to end."""

    def test_what_runs_goes_on_to_its_end(self, held: subprocess.Popen[str], start: Start, tmp_path: Path) -> None:
        """No other trial begins; both terminals say how to go on, and both end well."""
        stop = start("stop", "s")
        read_until(stop, "waiting for 1 trial and the driver to end")
        read_until(held, "asked to stop: ending 1 trial")

        let_go(tmp_path)
        held_out, held_err = held.communicate(timeout=60)
        out, _ = stop.communicate(timeout=60)

        assert (held.returncode, stop.returncode) == (0, 0)
        assert held_out.startswith("s: interrupted, 2 trials (2 COMPLETE)\n")
        assert held_err.splitlines()[-1] == ("stopped by `automl stop`: state saved; go on with: automl resume s")
        assert out == "s: interrupted, 2 trials (2 COMPLETE)\ngo on  automl resume s\n"

    def test_now_cuts_what_runs(self, held: subprocess.Popen[str], run: Run, tmp_path: Path) -> None:
        """As by Ctrl-C: the trial waits, though its objective never came back; `resume` finishes the study."""
        stopped = run("stop", "s", "--now", "-f", "json")
        out, err = held.communicate(timeout=60)

        assert (held.returncode, out) == (130, "")
        assert err.splitlines()[-1] == ("stopped by `automl stop --now`: state saved; go on with: automl resume s")
        assert (stopped.code, stopped.json["state"], stopped.json["resume"]) == (0, "interrupted", "automl resume s")
        assert {state: n for state, n in stopped.json["counts"].items() if n} == {"COMPLETE": 1, "WAITING": 1}

        (tmp_path / "gate").unlink()
        (tmp_path / "gate").touch()
        ran = run("resume", "s", "-f", "json", "-q")
        assert (ran.code, ran.json["state"], ran.json["counts"]["COMPLETE"]) == (0, "finished", 4)

    def test_to_ask_and_go(self, held: subprocess.Popen[str], run: Run, tmp_path: Path) -> None:
        """--no-wait returns at once; `status` says that the search was asked; a second, harsher word is heard."""
        asked = run("stop", "s", "--no-wait", "-f", "json")
        read_until(held, "asked to stop: ending 1 trial")

        assert (asked.code, asked.json["state"], asked.json["request"]) == (0, "running", "finish")
        assert f"running by process {held.pid} on" in run("status", "s").out
        assert "asked to stop (finish)" in run("status", "s").out

        run("stop", "s", "--now")
        held.communicate(timeout=60)
        assert held.returncode == 130
        status = run("status", "s", "-f", "json").json
        assert (status["state"], status["request"]) == ("interrupted", None)

    def test_who_no_longer_waits(self, held: subprocess.Popen[str], start: Start, tmp_path: Path) -> None:
        """Ctrl-C ends the waiting, not the request."""
        stop = start("stop", "s")
        read_until(stop, "waiting for 1 trial")

        stop.send_signal(signal.SIGINT)
        out, err = stop.communicate(timeout=60)

        assert (stop.returncode, out) == (130, "")
        assert err.splitlines()[-1] == "error: no longer waiting; s stops all the same"
        read_until(held, "asked to stop")
        let_go(tmp_path)
        held.communicate(timeout=60)
        assert held.returncode == 0

    def test_a_request_is_for_one_driver(self, held: subprocess.Popen[str], run: Run, tmp_path: Path) -> None:
        """What a driver that was killed did not hear, the next one does not obey."""
        held.send_signal(signal.SIGSTOP)
        run("stop", "s", "--no-wait")
        held.kill()
        held.communicate()
        (tmp_path / "gate").unlink()
        (tmp_path / "gate").touch()

        ran = run("resume", "s", "-f", "json", "-q")

        assert (ran.code, ran.json["state"]) == (0, "finished")

    def test_a_study_that_does_not_run(self, run: Run, finished: str) -> None:
        """There is nothing to do, which is said and is no error."""
        ran = run("stop", finished)

        assert ran.code == 0
        assert ran.err == f"{finished} is not running: it is finished\n"
        assert ran.out == f"{finished}: finished, 4 trials (4 COMPLETE)\n"

    def test_unknown_study(self, run: Run, finished: str) -> None:
        """The names that are there are told."""
        ran = run("stop", "train-9")

        assert ran.code == 2
        assert ran.errors[0].endswith("did you mean 'train-1'?")


class TestSecondDriver:
    """One driver a study."""

    def test_is_refused(self, held: subprocess.Popen[str], start: Start, tmp_path: Path) -> None:
        """Exit 6, and one line with who holds the study since when; the first one goes on undisturbed."""
        second = start("resume", "s")
        out, err = second.communicate(timeout=60)

        assert (second.returncode, out) == (6, "")
        (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
        assert line.startswith(f"error: study 's' is being run by process {held.pid} on {os.uname().nodename} since 20")
        let_go(tmp_path)
        assert "4 COMPLETE" in held.communicate(timeout=60)[0]
        assert held.returncode == 0


class TestRm:
    """Deleting studies."""

    def test_yes(self, run: Run, finished: str, tmp_path: Path) -> None:
        """The folder goes, and with it all that `ls` knew; the other study stays."""
        run(*SEARCH[:1], "train.py:objective", *SEARCH[2:], "--trials", "1", "-q", "--name", "other")
        size = sum(file.stat().st_size for file in (tmp_path / "automl_runs" / finished).rglob("*") if file.is_file())

        ran = run("rm", finished, "--yes", "-f", "json")

        assert (ran.code, ran.err) == (0, "")
        assert ran.json == [{"name": finished, "state": "finished", "trials": 4, "bytes": size}]
        assert [path.name for path in (tmp_path / "automl_runs").iterdir()] == ["other"]
        assert run("status", finished).code == 2
        assert run("status", "other").code == 0

    def test_nobody_to_ask(self, start: Start, finished: str) -> None:
        """Without --yes and without a terminal it says what would go, and nothing does."""
        process = start("rm", finished)
        out, err = process.communicate(timeout=60)

        assert (process.returncode, out) == (2, "")
        first, second = err.splitlines()
        assert first.startswith(f"remove  {finished}: finished, 4 trials, ")
        assert "give --yes" in second
        assert Home.find().studies() == [finished]

    @pytest.mark.parametrize(("answer", "is_gone"), [("y\n", True), ("\n", False), ("no\n", False)], ids=repr)
    def test_the_question(
        self, run: Run, finished: str, monkeypatch: pytest.MonkeyPatch, answer: str, is_gone: bool
    ) -> None:
        """On a terminal the user is asked, and no answer is no."""
        terminal, end = pty.openpty()
        os.write(terminal, answer.encode())
        with os.fdopen(end) as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            ran = run("rm", finished)
        os.close(terminal)

        assert ran.code == 0
        assert ran.err.startswith(f"remove  {finished}: finished, 4 trials, ")
        assert "Delete it for good? [y/N]" in ran.err
        assert Home.find().studies() == ([] if is_gone else [finished])
        assert ran.out.startswith(f"removed  {finished}: ") is is_gone

    def test_a_running_study_is_refused(self, held: subprocess.Popen[str], run: Run, tmp_path: Path) -> None:
        """Exit 6, with who runs it and what ends that; another study named beside it stays too."""
        run(*SEARCH[:1], "train.py:objective", *SEARCH[2:], "--trials", "1", "-q", "--name", "other")

        ran = run("rm", "other", "s", "--yes")

        assert ran.code == 6
        assert ran.errors[0].startswith(f"study 's' is being run by process {held.pid} on ")
        assert ran.errors[0].endswith("`automl stop s` ends it, or if it hangs `automl resume s --takeover`")
        assert sorted(Home.find().studies()) == ["other", "s"]
        let_go(tmp_path)
        assert held.communicate(timeout=60) is not None
        assert held.returncode == 0

    @pytest.mark.parametrize("name", ["../kept", "/kept", ".", "..", "", "kept/..", "train-1/trials"], ids=repr)
    def test_names_that_lead_elsewhere(self, run: Run, finished: str, tmp_path: Path, name: str) -> None:
        """A name is a name, never a path."""
        (tmp_path / "kept").mkdir()
        shutil.copyfile(Home.find().study(finished) / "ledger.db", tmp_path / "kept" / "ledger.db")

        ran = run("rm", name, "--yes")

        assert ran.code == 2
        assert "study name" in ran.errors[0]
        assert (tmp_path / "kept" / "ledger.db").exists()
        assert Home.find().studies() == [finished]

    def test_links(self, run: Run, finished: str, tmp_path: Path) -> None:
        """A study that is a link is refused; a link inside of a study goes, what it leads to stays."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "data").touch()
        (Home.find().study(finished) / "link").symlink_to(elsewhere)
        (Home.find().path / "linked").symlink_to(Home.find().study(finished))

        refused = run("rm", "linked", "--yes")
        removed = run("rm", finished, "--yes")

        assert refused.code == 2
        assert "linked is a link to" in refused.errors[0]
        assert removed.code == 0
        assert (elsewhere / "data").exists()

    def test_a_damaged_study(self, run: Run, tmp_path: Path) -> None:
        """What cannot be read can be removed."""
        folder = tmp_path / "automl_runs" / "broken"
        folder.mkdir(parents=True)
        (folder / "ledger.db").write_text("This is no database, and long enough to look at. " * 9)

        ran = run("rm", "broken", "--yes")

        assert ran.code == 0
        assert ran.out == "removed  broken: damaged, 441 bytes\n"
        assert not folder.exists()

    def test_a_folder_that_was_renamed(self, run: Run, finished: str) -> None:
        """What is in it is whole: nobody is advised to delete it, nor does it go."""
        folder = Home.find().study(finished)
        folder.rename(folder.with_name("better"))

        said = [run("rm", "better", "--yes"), run("status", "better"), run("doctor", "better")]
        taken = run("search", "digits", *LOCAL, "--trials", "1", "--name", "better")

        assert taken.code == 3
        assert [ran.code for ran in said] == [2, 2, 1]
        assert all(f"that of '{finished}': rename it back" in ran.err + ran.out for ran in said)
        assert (folder.with_name("better") / "ledger.db").exists()

    def test_nobody_to_be_asked(self, run: Run, finished: str) -> None:
        """What would go is shown, why it does not is an error."""
        ran = run("rm", finished)

        assert ran.code == 2
        assert ran.errors == ["nothing was removed: nobody is here to be asked; give --yes"]
        assert ran.err.startswith(f"remove  {finished}: finished, 4 trials, ")
        assert Home.find().studies() == [finished]

    def test_a_removal_that_was_cut_is_done_again(
        self, run: Run, finished: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Until the ledger is gone the study is listed, and nobody holds it."""
        folder = Home.find().study(finished)
        (folder / "trials").mkdir(exist_ok=True)
        monkeypatch.setattr("automl.removal.shutil.rmtree", interrupted)

        assert run("rm", finished, "--yes").code == 130
        status = run("status", finished, "-f", "json").json
        monkeypatch.undo()
        monkeypatch.chdir(folder.parents[1])

        assert (status["state"], status["counts"]["COMPLETE"]) == ("finished", 4)
        assert run("rm", finished, "--yes").code == 0
        assert not folder.exists()

    def test_the_copy_in_mlflow_stays(self, run: Run, finished: str) -> None:
        """It is said where that is and how to find it there."""
        with sqlite3.connect(Home.find().study(finished) / "ledger.db") as connection:
            (config,) = connection.execute("SELECT config FROM studies").fetchone()
            connection.execute(
                "UPDATE studies SET config = ?", [json.dumps(json.loads(config) | {"tracker": "mlflow"})]
            )
        connection.close()

        ran = run("rm", finished, "--yes")

        assert ran.code == 0
        assert f"filter by tags.`automl.study` = '{finished}'" in ran.err


def test_a_folder_that_is_deleted_ends_its_search(held: subprocess.Popen[str]) -> None:
    """The search does not run on for nothing: it ends though its trial never would, says why, makes no ledger."""
    shutil.rmtree(Home.find().study("s"))

    out, err = held.communicate(timeout=30)

    assert (held.returncode, out) == (6, "")
    ledger = Home.find().path / "s" / "ledger.db"
    assert err.splitlines()[-1] == (
        f"error: {ledger} is gone: the study was deleted while it ran; the search ends here"
    )
    assert Home.find().studies() == []


def interrupted(*arguments: object) -> None:
    raise KeyboardInterrupt
