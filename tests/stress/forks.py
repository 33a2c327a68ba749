"""The command line in processes of its own that need not load anything: they are forked from one that has.

    process = command(["resume", "s"], environment=os.environ, log=Path("log"))
    process.kill(); process.join(); process.exitcode            # -9

Such a process is a driver like any other: its own pid, session and environment, and `automl.cli.main` is what it runs.
It starts in 20 ms instead of 2 s, so that hundreds can be killed in minutes. Its delivery is a process of its own too,
and its child: forked before the driver does anything, it takes what `Popen` would have given to a new program.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar

DELIVERY = ["-m", "automl.courier"]


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.stress.loaded"])
    return context


def command(arguments: Sequence[str], *, environment: Mapping[str, str], log: Path) -> BaseProcess:
    """Start `automl ARGUMENTS` in a session of its own; what it prints goes to the end of `log`.

    The process ids of it and of its delivery go to the file `<log>.pids`.
    """
    process = _context().Process(target=_drive, args=(list(arguments), dict(environment), str(log)))
    process.start()
    return process


def _drive(arguments: list[str], environment: dict[str, str], log: str) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(out, descriptor)
    ours, its = socket.socketpair()
    delivery = os.fork()
    if delivery == 0:
        ours.close()
        _deliver(its)
    its.close()
    with open(f"{log}.pids", "a") as file:
        file.write(f"{os.getpid()}\n{delivery}\n")
    _Popen.waiting = (delivery, ours)
    subprocess.Popen = _Popen  # type: ignore[misc]
    from automl.cli import main

    sys.argv = ["automl", *arguments]
    sys.exit(main())


def _deliver(channel: socket.socket) -> None:
    """Wait to be told what to deliver, and do it; end if the driver does without a delivery."""
    told, descriptors, _, _ = socket.recv_fds(channel, 1 << 20, 2)
    if told:
        os.setsid()
        for source, target in zip([*descriptors, os.open(os.devnull, os.O_WRONLY)], (0, 2, 1), strict=True):
            os.dup2(source, target)
        given = json.loads(told)
        os.environ.clear()
        os.environ.update(given["environment"])
        os.umask(given["umask"])
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - multiprocessing took it away
        from automl.courier import main

        main(*given["arguments"])
    os._exit(0)


class _Popen(subprocess.Popen[Any]):
    """Starts programs as ever, but for a delivery: that one waits already."""

    waiting: ClassVar[tuple[int, socket.socket] | None] = None

    def __new__(cls, args: Any, **options: Any) -> Any:
        if _Popen.waiting is None or list(args)[1:3] != DELIVERY:
            return super().__new__(cls)
        (pid, channel), _Popen.waiting = _Popen.waiting, None
        return _Handed(pid, channel, list(args)[3:], options)


class _Handed:
    """A delivery that waited, as its driver sees it: what `Popen` would be to it."""

    def __init__(self, pid: int, channel: socket.socket, arguments: list[str], options: Mapping[str, Any]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        read, write = os.pipe()
        told = json.dumps({"arguments": arguments, "environment": options["env"], "umask": options["umask"]}).encode()
        socket.send_fds(channel, [told], [read, options["stderr"].fileno()])
        channel.close()
        os.close(read)
        self.stdin = os.fdopen(write, "wb", 0)

    def poll(self) -> int | None:
        """Return its exit code if it has ended."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if self.poll() is None:
            descriptor = os.pidfd_open(self.pid)
            ended, _, _ = select.select([descriptor], [], [], timeout)
            os.close(descriptor)
            if not ended:
                raise subprocess.TimeoutExpired(["delivery"], timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)
