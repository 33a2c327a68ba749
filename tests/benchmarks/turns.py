"""Two programs side by side, each frozen while the other runs: what slows the machine down slows both.

    freeze(search)
    freeze(alone)
    ran = take_turns([search, alone], seconds=3, turns=10)

Runs one after the other are half a minute apart, in which a shared machine changes by more than what is to be measured.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

Stretch = tuple[float, float]
"""From when until when, in seconds since the epoch."""


def take_turns(programs: Sequence[subprocess.Popen[str]], *, seconds: float, turns: int) -> list[list[Stretch]]:
    """Let each frozen program run alone for `seconds`, `turns` times; return when each ran. They end up frozen."""
    ran: list[list[Stretch]] = [[] for _ in programs]
    for _ in range(turns):
        for program, stretches in zip(programs, ran, strict=True):
            _send(program, signal.SIGCONT)
            began = time.time()
            time.sleep(seconds)
            stretches.append((began, time.time()))
            freeze(program)
    return ran


def freeze(program: subprocess.Popen[str]) -> None:
    """Stop a program, and all that it has started, where they are."""
    _send(program, signal.SIGSTOP)


@contextlib.contextmanager
def killed_at_last(programs: Sequence[subprocess.Popen[str]]) -> Iterator[None]:
    """End programs that would not end, with all that they started, after the block."""
    try:
        yield
    finally:
        for program in programs:
            _send(program, signal.SIGKILL)
            program.communicate()


def _send(program: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to a program and all that it has started, however deep."""
    reached: set[int] = set()
    while new := _family(program.pid) - reached:  # while it runs it may start more
        for pid in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        reached |= new


def _family(root: int) -> set[int]:
    children = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            children[int(parent)].append(int(folder.name))
    found, left = set(), [root]
    while left:
        pid = left.pop()
        found.add(pid)
        left += children[pid]
    return found
