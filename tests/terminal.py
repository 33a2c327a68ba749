"""A command as a user runs it, on a terminal of its own or on pipes, and whatever it leaves behind.

with Session(["search", "train.py:objective"], folder, is_terminal=True) as session:
    session.read_until("trial 0")
    session.send(signal.SIGINT)             # on a terminal: Ctrl-C, which all of its processes get
    ended = session.wait(20)
    session.left()                          # processes that live on, found by their environment
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import automl

MARK = "TESTS_SESSION"
ROOT = Path(automl.__file__).parents[1]


class Session:
    """One `automl` command in a session of its own. What it prints, on either stream, is in `text`."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        *,
        is_terminal: bool = False,
        env: Mapping[str, str] | None = None,
        before: str = "",
    ) -> None:
        self.text = ""
        self.mark = uuid.uuid4().hex
        # Whoever runs the tests with `&` in a script has Ctrl-C ignored, which is inherited.
        hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        main = f"{hear}\n{before}\nimport sys; from automl.cli import main; sys.exit(main())"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), MARK: self.mark, "TERM": "xterm", **(env or {})}
        if is_terminal:
            self._ours, theirs = pty.openpty()
            streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
            enter = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        else:
            self._ours, theirs = os.pipe()
            streams = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs}
            enter = ""
        self.is_terminal = is_terminal
        self.process = subprocess.Popen(
            [sys.executable, "-c", enter + main, *arguments],
            cwd=folder,
            env=environment,
            start_new_session=True,
            **streams,
        )
        self.began = self.ended = time.monotonic()
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for pid in [*self.left(), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.hang_up()

    def read(self, seconds: float) -> bool:
        """Read what is there or comes in this time; return False at the end."""
        if self._ours < 0:
            return False
        ready, _, _ = select.select([self._ours], [], [], seconds)
        if not ready:
            return True
        try:
            part = os.read(self._ours, 65536)
        except OSError:  # the other end of a terminal is closed
            part = b""
        self.text += part.decode(errors="replace")
        return bool(part)

    def read_until(self, text: str, seconds: float = 60) -> None:
        """Read until `text` was printed."""
        until = time.monotonic() + seconds
        while text not in self.text:
            assert self.read(1.0), f"ended without {text!r}: {self.text}"
            assert time.monotonic() < until, f"{text!r} never came: {self.text}"

    def send(self, number: int) -> None:
        """Send a signal: Ctrl-C as it is typed, the end of the terminal as it comes, others to the process."""
        if self.is_terminal and number == signal.SIGINT:
            os.write(self._ours, b"\x03")
        elif self.is_terminal and number == signal.SIGHUP:
            self.hang_up()
        else:
            self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close our end: who writes to a pipe gets EPIPE, on a terminal SIGHUP and EIO."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def wait(self, seconds: float) -> int:
        """Return the exit code, of the moment `ended`; what is printed is read to its end."""
        until = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < until:
            if not self.read(0.02):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(max(0.0, until - time.monotonic()))
        self.ended = time.monotonic()
        # The kernel hands on what is written to a terminal a little later: read to its end, unless others keep it open.
        last = time.monotonic() + 2
        while self.process.returncode is not None and time.monotonic() < last and self.read(0.2):
            pass
        return self.process.wait(0.01)

    def left(self, seconds: float = 0.0) -> list[int]:
        """Return the processes of this session that live, after `seconds` at most if there are any."""
        until = time.monotonic() + seconds
        while (pids := _carrying(f"{MARK}={self.mark}".encode(), but=self.process.pid)) and time.monotonic() < until:
            time.sleep(0.05)  # processes of others: their ends are no events here
        return pids

    @staticmethod
    def name(pid: int) -> str:
        """Return the command line of a process."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
        return "gone"


def _carrying(entry: bytes, *, but: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and int(name) != but and entry in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                found.append(int(name))
    return found
