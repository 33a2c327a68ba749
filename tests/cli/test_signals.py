"""A search on a real terminal: Ctrl-C once and twice, a terminal that is closed, and one that was finished already."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from automl.home import Home
from automl.trial import TrialState
from tests.terminal import Session

OBJECTIVE = """
import atexit, hashlib, threading, time

def objective(trial):
    for step in range(1, 4):
        time.sleep(0.02)
        with trial.checkpoint(step) as folder:
            (folder / "step").write_text(str(step))
        trial.report(step, loss=trial.params["x"])
        print("trial", trial.number, "speaks", flush=True)

def slow(trial):
    time.sleep(0.5)
    for step in range(1, 100):
        trial.report(step, loss=trial.params["x"])
        print("reported", step, flush=True)
        time.sleep(0.3)

def stuck(trial):
    trial.report(1, loss=trial.params["x"])
    print("is stuck", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # no signal gets in between

def lingering(trial):
    threading.Thread(target=time.sleep, args=(1000,)).start()
    atexit.register(time.sleep, 1000)
    return trial.params["x"]
"""


def command(name: str, *more: str, metric: str = "loss", grace: str = "6") -> list[str]:
    """Return the command line of a search of 8 trials."""
    settings = ["--executor", "local", "--tracker", "none", "--early-stopping", "none", "--sampler", "random"]
    about = ["-p", "x=0.0..1.0", "--metric", metric, "--trials", "8", "--name", "s", "--grace", grace]
    return ["search", f"train.py:{name}", *about, *settings, *more]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the objectives."""
    (tmp_path / "train.py").write_text(OBJECTIVE)
    return tmp_path


def counts(folder: Path) -> dict[TrialState, int]:
    """Return how many trials are in each state that any is in."""
    with Home(folder / "automl_runs").read("s") as reader:
        assert reader.study().owner is None
        return {state: n for state, n in reader.counts().items() if n}


def test_ctrl_c_waits_for_the_next_report(folder: Path) -> None:
    """What was trained until then is in the ledger, the trial waits, the way on is told, and nothing lives on."""
    with Session(command("slow"), folder, is_terminal=True) as session:
        session.read_until("reported 1")
        session.send(signal.SIGINT)
        code = session.wait(10)

        assert code == 130
        assert "SIGINT: cutting 1 trial at the next report" in session.text
        assert session.text.splitlines()[-1] == "interrupted: state saved; go on with: automl resume s"
        assert "Traceback" not in session.text
        assert session.left(10) == []
    assert counts(folder) == {TrialState.WAITING: 1}
    with Home(folder / "automl_runs").read("s") as reader:
        assert [point.step for point in reader.metrics(0)] == [1, 2]


@pytest.mark.parametrize(("second", "most"), [(True, 3.0), (False, 6.5)])
def test_nothing_keeps_a_process_from_ending(folder: Path, second: bool, most: float) -> None:
    """An objective that hears no signal is ended with its process: after `--grace`, or at once by a second one."""
    with Session(command("stuck", grace="3" if second is False else "60"), folder, is_terminal=True) as session:
        session.read_until("is stuck")
        began = time.monotonic()
        session.send(signal.SIGINT)
        if second:
            session.read_until("^C")
            time.sleep(0.1)  # of two signals at once the kernel delivers one
            session.send(signal.SIGINT)
        code = session.wait(20)

        assert (code, session.ended - began < most) == (130, True)
        assert session.text.splitlines()[-1] == "interrupted: state saved; go on with: automl resume s"
        assert session.left(10) == []
    assert counts(folder) == {TrialState.WAITING: 1}


def test_events_end_with_the_result_of_a_process_that_is_ended(folder: Path) -> None:
    """An objective that hears no signal keeps no program from learning how the search stands."""
    with Session(command("stuck", "--json", grace="2"), folder) as session:
        session.read_until("is stuck")
        session.send(signal.SIGINT)

        assert session.wait(20) == 130
    said, told = session.text.splitlines()[-2:]
    assert said == "interrupted: state saved; go on with: automl resume s"
    assert [json.loads(told)[key] for key in ("event", "state")] == ["result", "interrupted"]


def test_who_asked_is_named_by_a_process_that_is_ended(folder: Path) -> None:
    """The same words as where the objective comes back."""
    with Session(command("stuck", grace="2"), folder) as session:
        session.read_until("is stuck")
        with Session(["stop", "s", "--now"], folder) as stop:
            assert session.wait(20) == 130
            assert stop.wait(20) == 0
    assert session.text.splitlines()[-1] == "stopped by `automl stop --now`: state saved; go on with: automl resume s"


def test_a_result_that_takes_for_ever_keeps_the_way_on_from_nobody(folder: Path) -> None:
    """The main thread has begun to say what there is, and is stuck: another one says the rest, once."""
    slow = "import threading; from automl.cli import result; result.text = lambda *a, **b: threading.Event().wait()"
    with Session(command("slow", "--json", grace="2"), folder, before=slow) as session:
        session.read_until("reported 1")
        session.send(signal.SIGINT)

        assert session.wait(20) == 130
        assert session.left(10) == []
    assert session.text.count("interrupted: state saved; go on with: automl resume s") == 1
    assert counts(folder) == {TrialState.WAITING: 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_while_the_result_is_printed(folder: Path, number: signal.Signals) -> None:
    """All is saved and nobody handles signals any more: the exit code still says what has ended the process."""
    slow = (
        "import threading; from automl.cli import result; "
        "result.show = lambda *a, **b: print('shows', flush=True) or threading.Event().wait()"
    )
    with Session(command("objective"), folder, before=slow) as session:
        session.read_until("shows")
        session.send(number)

        assert session.wait(20) == 143
        assert session.left(10) == []
    assert counts(folder) == {TrialState.COMPLETE: 8}


def test_what_an_objective_leaves_keeps_no_process_from_ending(folder: Path) -> None:
    """A thread that never ends and an exit hook that hangs do not keep a finished search in the terminal."""
    with Session(
        command("lingering", "--direction", "minimize", metric="value"),
        folder,
        before="import automl.cli; automl.cli.LAST_SECONDS = 0.3",
    ) as session:
        code = session.wait(20)

        assert code == 0
        assert "s: finished, 8 trials (8 COMPLETE)" in session.text
        assert session.left(10) == []
    assert counts(folder) == {TrialState.COMPLETE: 8}


def test_a_terminal_that_is_closed(folder: Path) -> None:
    """It ends a search as a signal does."""
    with Session(command("slow"), folder, is_terminal=True) as session:
        session.read_until("reported 1")
        session.send(signal.SIGHUP)

        assert session.wait(10) == 143
    assert counts(folder) == {TrialState.WAITING: 1}


def test_a_terminal_that_nobody_needs(folder: Path) -> None:
    """With `nohup` the search goes on without it; only its result could not be printed."""
    ignore = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with Session(command("objective"), folder, is_terminal=True, before=ignore) as session:
        session.read_until("trial 1 speaks")
        session.send(signal.SIGHUP)

        assert session.wait(60) == 141
    assert counts(folder) == {TrialState.COMPLETE: 8}
