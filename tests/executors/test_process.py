"""What an attempt does to its process: undone, ended or noted, each tried with real processes."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from automl.attempt import Attempt
from automl.executors import process
from automl.trial import Reason, Trial


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(
        trial=0,
        number=1,
        params={},
        seed=0,
        metrics=("loss",),
        max_epochs=None,
        folder=str(tmp_path),
        start_step=0,
        decision_steps=None,
    )


def objective(trial: Trial) -> float:
    return 1.0


def leave_folder(tmp_path: Path) -> None:
    os.chdir(tmp_path)


def leave_variables(tmp_path: Path) -> None:
    os.environ["AUTOML_A_TEST"] = "1"
    os.environ.pop("PATH")


def leave_mask(tmp_path: Path) -> None:
    os.umask(0o777)


def leave_limit(tmp_path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (100_000, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def leave_handler(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def leave_dtype(tmp_path: Path) -> None:
    import torch

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)


def seen() -> list[Any]:
    """Return what an objective may find changed by the one before."""
    import torch

    mask = os.umask(0)
    os.umask(mask)
    limit = resource.getrlimit(resource.RLIMIT_CPU)
    handler = signal.getsignal(signal.SIGINT)
    return [os.getcwd(), dict(os.environ), mask, limit, handler, torch.get_default_dtype(), torch.initial_seed()]


@pytest.mark.parametrize(
    "leave",
    [leave_folder, leave_variables, leave_mask, leave_limit, leave_handler, leave_dtype],
    ids=lambda f: f.__name__,
)
def test_the_next_attempt_finds_the_process_as_it_was(
    attempt: Attempt, tmp_path: Path, leave: Callable[[Path], None]
) -> None:
    """Whatever an objective changes of the process goes back, and the process can be used again."""
    before = seen()

    with process.kept(attempt, objective) as found:
        leave(tmp_path)

    assert seen() == before
    assert not found.is_spoilt


def test_unseeded_objectives_do_not_repeat_each_other(attempt: Attempt) -> None:
    """A seed that one has set is not the next one's."""
    drawn = []
    for _ in range(2):
        with process.kept(attempt, objective):
            pass
        drawn.append(random.random())
        random.seed(3)

    assert drawn[0] != drawn[1]


def test_a_folder_that_is_gone_spoils_the_process(
    attempt: Attempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be reset is said."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)

    with process.kept(attempt, objective) as found:
        os.chdir(tmp_path)
        gone.rmdir()

    assert found.is_spoilt


@pytest.mark.parametrize("is_busy", [True, False])
def test_a_thread_that_goes_on_spoils_the_process(attempt: Attempt, is_busy: bool) -> None:
    """One that only waits for work, as libraries keep them, does not."""
    stop, runs = threading.Event(), threading.Event()

    def work() -> None:
        runs.set()
        while is_busy and not stop.is_set():
            sum(range(1000))
        stop.wait()

    thread = threading.Thread(target=work)
    with process.kept(attempt, objective) as found:
        thread.start()
        runs.wait()
    stop.set()
    thread.join()

    assert found.is_spoilt is is_busy


def test_children_end_with_the_attempt(attempt: Attempt, tmp_path: Path) -> None:
    """A child, one with a session of its own, and a daemon forked twice; who was there before stays."""
    older = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    daemon = f"""
import os, time
from pathlib import Path
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        Path({str(tmp_path / "half")!r}).write_text(str(os.getpid()))
        os.rename({str(tmp_path / "half")!r}, {str(tmp_path / "pid")!r})
        time.sleep(1000)
    while not os.path.exists({str(tmp_path / "pid")!r}):
        pass
else:
    os.wait()
"""

    with process.kept(attempt, objective):
        child = subprocess.Popen(["sleep", "1000"])
        own = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        subprocess.run([sys.executable, "-c", daemon], check=True)

    told = int((tmp_path / "pid").read_text())
    assert not any(psutil.pid_exists(pid) for pid in (child.pid, own.pid, told))
    assert older.poll() is None
    older.communicate(b"\n")
    child.wait()
    own.wait()


def test_a_stopped_process_ends_with_all_below_it() -> None:
    """Neither SIGSTOP nor a handler saves it."""
    script = "import os, signal, subprocess\nprint(subprocess.Popen(['sleep', '1000']).pid, flush=True)\n"
    script += "os.kill(os.getpid(), signal.SIGSTOP)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())

        process.end(parent.pid)

        assert parent.wait(10) == -signal.SIGKILL
    assert not process._is_alive(psutil.Process(child)) if psutil.pid_exists(child) else True


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        ("os._exit(0)", Reason.EXIT, "os._exit(0)"),
        ("os._exit(3)", Reason.EXIT, "os._exit(3)"),
        ("os.abort()", Reason.SIGNAL, "SIGABRT"),
        ("ctypes.string_at(0)", Reason.SIGNAL, "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGTERM)", Reason.SIGNAL, "SIGTERM"),
        ("signal.raise_signal(signal.SIGUSR1)", Reason.SIGNAL, "SIGUSR1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", None, ""),
        ("os.fork() or os._exit(5); os.wait(); os.kill(os.getpid(), signal.SIGKILL)", None, ""),
        ("sys.exit(7)", None, ""),
    ],
)
def test_a_process_says_how_it_ended_itself(attempt: Attempt, code: str, reason: Reason | None, words: str) -> None:
    """Only what the process did to itself, and only the process itself: a forked child and SIGKILL leave no note."""
    script = f"""
import ctypes, os, signal, sys
from automl.attempt import Attempt
from automl.executors import process
with process.noted({attempt!r}):
    {code}
"""
    subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, check=False)

    note = process.take_note(attempt)

    assert (note and note[0]) == reason
    assert words in (note[1] if note else "")
    assert process.take_note(attempt) is None
