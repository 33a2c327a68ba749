"""No process of a search outlives its driver: a small process beside it ends what is left when the driver is gone.

    with guard.beside():                # what starts in this block carries a mark, and ends with this process
        guard.remove_later(folder)      # so does this folder
        run()

    python -m automl.guard MARK PID     # how it is started

The mark is a variable in the environment, which children inherit and keep through `setsid`, double forks and new
process groups. A search within a search adds its own mark to that of the outer one, and so ends with either. A fork of
the driver that starts no program keeps the driver's own environment; it is known by the pipe to the guard, which only
the driver has.

There is one guard a process, started with its first search; it waits for the end of its driver and does nothing else.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

VARIABLE = "AUTOML_SEARCH"
POLITE_SECONDS = 2.0
"""That processes have to end by themselves, before they are killed."""
MOST_SECONDS = 6.0
"""After which the guard gives up on what cannot be killed."""
ALARM_SECONDS = 9
"""After which the guard itself is gone, whatever it waits for: a disk that removes a folder slowly, for one."""
SETTLE_SECONDS = 0.2  # between two looks that find nothing
POLL_SECONDS = 0.5  # where the end of a process is no event


@dataclass(slots=True)
class _Guard:
    """The guard of this process."""

    pid: int
    """Of the process that it guards; a fork of that needs its own."""
    mark: str
    pipe: int
    """To the guard. It reads when this process is gone."""
    blocks: int = 0
    before: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_guard: _Guard | None = None
_starting = threading.Lock()


@contextlib.contextmanager
def beside() -> Iterator[None]:
    """Mark what this process starts in the block, and have it ended when this process is gone."""
    guard = _ours()
    with guard.lock:
        if not guard.blocks:
            guard.before = os.environ.get(VARIABLE)
            os.environ[VARIABLE] = guard.mark if guard.before is None else f"{guard.before}:{guard.mark}"
        guard.blocks += 1
    try:
        yield
    finally:
        with guard.lock:
            guard.blocks -= 1
            if not guard.blocks and guard.before is None:
                os.environ.pop(VARIABLE, None)
            elif not guard.blocks and guard.before is not None:
                os.environ[VARIABLE] = guard.before


def mark() -> str | None:
    """Return the mark of what this process starts now, None outside of `beside`."""
    return os.environ.get(VARIABLE, "").rpartition(":")[2] or None


def remove_later(folder: str | Path) -> None:
    """Have a folder removed when this process is gone."""
    with contextlib.suppress(OSError):  # somebody has ended the guard, or thousands of folders were named
        os.write(_ours().pipe, os.fsencode(folder) + b"\0")


def kill() -> None:
    """Kill at once whatever carries the mark of this process."""
    if _guard is not None and _guard.pid == os.getpid():
        for pid in marked(_guard.mark):
            _send(pid, signal.SIGKILL, _guard.mark)


def marked(mark: str, *, pipe: str | None = None) -> list[int]:
    """Return the processes that carry `mark`, or hold `pipe`, other than this one."""
    others = [pid for pid in _processes() if pid != os.getpid()]
    return [pid for pid in others if _carries(pid, mark) or (pipe is not None and _holds(pid, pipe))]


def main(mark: str, driver: int) -> None:
    """Wait for the end of the process `driver`, and end whatever carries `mark`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # they are for the driver
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _wait_for(driver)
    signal.alarm(ALARM_SECONDS)
    end(mark, pipe=_pipe(0))
    os.set_blocking(0, False)
    folders = b""
    with contextlib.suppress(BlockingIOError):
        while part := os.read(0, 65536):
            folders += part
    for folder in folders.split(b"\0")[:-1]:
        shutil.rmtree(os.fsdecode(folder), ignore_errors=True)


def end(mark: str, *, pipe: str | None = None) -> None:
    """End the processes that carry `mark` or hold `pipe`: asked first, killed soon after, stopped ones too."""
    began = time.monotonic()
    scans = 0  # that found nothing, one after the other
    while (spent := time.monotonic() - began) < MOST_SECONDS and scans < 2:
        found = marked(mark, pipe=pipe)
        if not found:
            scans += 1  # one that dies of itself while we look may have left a child that is on no list yet
            time.sleep(SETTLE_SECONDS)
            continue
        scans = 0
        is_polite = spent < POLITE_SECONDS
        for pid in found:
            _send(pid, signal.SIGTERM if is_polite else signal.SIGKILL, mark, pipe=pipe)
            if is_polite:
                _send(pid, signal.SIGCONT, mark, pipe=pipe)  # one that is stopped hears nothing
        _wait_for_all(found, POLITE_SECONDS - spent if is_polite else POLL_SECONDS)


def _ours() -> _Guard:
    """Return the guard of this process, started if there is none."""
    global _guard  # a process has one
    with _starting:
        if _guard is None or _guard.pid != os.getpid():
            mark = os.urandom(16).hex()
            environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
            reading, writing = os.pipe()
            os.set_blocking(writing, False)
            process = subprocess.Popen(
                [sys.executable, "-m", "automl.guard", mark, str(os.getpid())],
                env=environment,
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # what ends a terminal's processes is not for it
            )
            process.returncode = 0  # nobody will wait for it: it ends after us
            os.close(reading)
            _guard = _Guard(os.getpid(), mark, writing)
        return _guard


def _send(pid: int, number: int, mark: str, *, pipe: str | None = None) -> None:
    """Send a signal to a process, if it is still the one that was found."""
    with contextlib.suppress(OSError):
        if not hasattr(os, "pidfd_open"):
            os.kill(pid, number)
            return
        handle = os.pidfd_open(pid)
        try:
            if _carries(pid, mark) or (pipe is not None and _holds(pid, pipe)):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def _wait_for(driver: int) -> None:
    """Return when the process `driver`, which started this one, is gone."""
    try:
        handle = os.pidfd_open(driver)
    except (AttributeError, OSError):
        handle = None
    while os.getppid() == driver:
        if handle is None:
            time.sleep(POLL_SECONDS)
        else:
            select.select([handle], [], [])
            return


def _wait_for_all(pids: Collection[int], seconds: float) -> None:
    """Return when all of these processes are gone, or after some time."""
    until = time.monotonic() + seconds
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        except (AttributeError, OSError):
            time.sleep(min(POLL_SECONDS, max(0.0, until - time.monotonic())))
            continue
        select.select([handle], [], [], max(0.0, until - time.monotonic()))
        os.close(handle)


def _processes() -> list[int]:
    if sys.platform == "linux":
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    import psutil

    return list(psutil.pids())


def _carries(pid: int, mark: str) -> bool:
    """Whether a process was started with the mark; one of another user, or one that has ended, was not."""
    if sys.platform == "linux":
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        marks = [line for line in environment.split(b"\0") if line.startswith(VARIABLE.encode() + b"=")]
        return any(mark.encode() in line.partition(b"=")[2].split(b":") for line in marks)
    import psutil

    try:
        return mark in psutil.Process(pid).environ().get(VARIABLE, "").split(":")
    except psutil.Error:
        return False


def _holds(pid: int, pipe: str) -> bool:
    """Whether a process has `pipe` open, as `/proc` names it."""
    folder = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(f"{folder}/{name}") == pipe for name in os.listdir(folder))
    except OSError:
        return False


def _pipe(descriptor: int) -> str | None:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/self/fd/{descriptor}")
    return None


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
