"""What a dead driver leaves is ended: whatever carries its mark, nothing else."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from automl import guard
from tests.terminal import ROOT

# A driver that starts a child of each kind, says their process ids, and waits.
DRIVER = """
import os, signal, subprocess, sys, time
from automl import guard

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DAEMON = "import os, sys, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); " \\
    "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"

before = subprocess.Popen(SLEEP, start_new_session=True)
with guard.beside():
    guard.remove_later(sys.argv[1])
    child = subprocess.Popen(SLEEP, start_new_session=True)
    stubborn = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    stubborn.stdout.readline()
    stopped = subprocess.Popen(SLEEP)
    stopped.send_signal(signal.SIGSTOP)
    subprocess.run([sys.executable, "-c", DAEMON, sys.argv[1] + "/daemon"], check=True)
    fork = os.fork()
    if not fork:
        os.setsid()
        time.sleep(600)
    with guard.beside():
        inner = subprocess.Popen(SLEEP)
after = subprocess.Popen(SLEEP)
while not (os.path.exists(sys.argv[1] + "/daemon") and (daemon := open(sys.argv[1] + "/daemon").read())):
    time.sleep(0.01)
print(before.pid, after.pid, child.pid, stubborn.pid, stopped.pid, fork, inner.pid, daemon, flush=True)
time.sleep(600)
"""


@pytest.fixture
def family(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A driver, and the processes that it started: two without its mark, then those with it."""
    (tmp_path / "work").mkdir()
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path / "work")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert driver.stdout is not None
    pids = [int(word) for word in driver.stdout.readline().split()]
    yield driver, pids
    for pid in [driver.pid, *pids]:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    driver.stdout.close()
    driver.wait()


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and more of it than its corpse."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_end(pids: list[int], seconds: float) -> list[int]:
    """Return which of these processes still live after some time."""
    until = time.monotonic() + seconds
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        select.select([handle], [], [], max(0.0, until - time.monotonic()))
        os.close(handle)
    return [pid for pid in pids if is_alive(pid)]


def test_nothing_outlives_a_driver_that_is_killed(
    family: tuple[subprocess.Popen[str], list[int]], tmp_path: Path
) -> None:
    """Sessions of their own, daemons, stopped, stubborn and forked ones end within 10 seconds; the unmarked live."""
    driver, (before, after, *marked) = family

    driver.kill()
    driver.wait()
    left = wait_for_end(marked, 10)

    assert left == []
    assert is_alive(before)
    assert is_alive(after)
    until = time.monotonic() + 5
    while (tmp_path / "work").exists() and time.monotonic() < until:
        time.sleep(0.02)  # the guard's last act; nobody says when
    assert not (tmp_path / "work").exists()


def test_a_driver_that_lives_loses_nothing(family: tuple[subprocess.Popen[str], list[int]]) -> None:
    """Its guard waits, and is ended with it."""
    driver, pids = family
    running = {int(name): command(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    (watching,) = [pid for pid, words in running.items() if {b"automl.guard", str(driver.pid).encode()} <= {*words}]

    assert all(is_alive(pid) for pid in pids)
    driver.kill()
    driver.wait()

    assert wait_for_end([watching], 10) == []


def command(pid: int) -> list[bytes]:
    """Return the command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def test_a_search_within_a_search_carries_both_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it ends with either, and the outer one never with it; afterwards the variable is what it was."""
    monkeypatch.setenv(guard.VARIABLE, "outer")

    with guard.beside(), guard.beside():
        outer, own = os.environ[guard.VARIABLE].split(":")
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        found = guard.marked(own)
    child.communicate()

    assert outer == "outer"
    assert child.pid in found
    assert os.environ[guard.VARIABLE] == "outer"


def test_a_guard_does_not_outlive_its_driver_either() -> None:
    """Whatever it waits for, here a disk that removes a folder for ever, and whatever it inherited."""
    code = (
        "import os, signal, sys, time; from automl import guard; signal.signal(signal.SIGALRM, signal.SIG_IGN); "
        "guard.ALARM_SECONDS = 1; guard.end = lambda *mark, **pipe: print('waits', flush=True) or time.sleep(600); "
        "guard.main('mark', -1)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert (ran.stdout, ran.returncode) == ("waits\n", -signal.SIGALRM)
