"""Objectives that do to their process whatever an objective can do, by name; each with the reason that it must get.

    act("os-exit-3", trial)                 # does not return
    EXPECTED["os-exit-3"]                   # Reason.EXIT

`good` is one that must not notice that others ran before it in the same process.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from automl.trial import Reason, Trial

GOOD = "good"
STEPS = 3
LONG = 1_000_000  # seconds: for ever
PRINTED = 100_000_000  # bytes


class Unshowable(Exception):
    """One that cannot be printed."""

    def __str__(self) -> str:
        raise SystemExit(9)

    __repr__ = __str__


class Unpicklable(Exception):
    """One that no other process can have."""

    def __reduce__(self) -> Any:
        raise TypeError("stays here")


def good(trial: Trial) -> dict[str, float]:
    """Train for a few steps, and see whether the process is as a fresh one."""
    assert os.path.isdir(os.getcwd()), "the working folder is gone"
    assert "AUTOML_LEAK" not in os.environ
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    torch: Any = sys.modules.get("torch")
    assert torch is None or torch.get_default_dtype() is torch.float32
    for step in range(1, STEPS + 1):
        time.sleep(0.02)
        trial.report(step, loss=1 / step)
    print(f"this is trial {trial.number}")
    return {"loss": 1 / STEPS}


def raises(trial: Trial) -> Any:
    raise ValueError("\x1b]0;owned\x07 of the user")


def cuda_memory(trial: Trial) -> Any:
    class OutOfMemoryError(RuntimeError):
        """As torch names it."""

    raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def memory(trial: Trial) -> Any:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**32, hard))
    try:
        return {"loss": float(len(bytearray(2**40)))}
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, hard))


def recursion(trial: Trial) -> Any:
    return recursion(trial)


def hang(trial: Trial) -> Any:
    time.sleep(LONG)


def busy(trial: Trial) -> Any:
    for step in range(2, LONG):
        trial.report(step, loss=1.0)
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            pass


def holds_the_lock(trial: Trial) -> Any:
    """Keep Python's lock in C, so that no other thread of the process runs."""
    ctypes.PyDLL(None).sleep(LONG)


def stops(trial: Trial) -> Any:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(LONG)  # the main thread takes the signal; this one may run a little longer


def kills(trial: Trial) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def terminates(trial: Trial) -> Any:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LONG)


def aborts(trial: Trial) -> Any:
    os.abort()


def faults(trial: Trial) -> Any:
    ctypes.string_at(0)


def forks(trial: Trial) -> Any:
    """Leave a child, one with a session of its own, and a daemon that was forked twice."""
    subprocess.Popen(["sleep", str(LONG)])
    subprocess.Popen(["sleep", str(LONG)], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(LONG)
        os._exit(0)
    return {"loss": 1.0}


def forks_and_exits(trial: Trial) -> Any:
    subprocess.Popen(["sleep", str(LONG)], start_new_session=True)
    os._exit(0)


def prints(trial: Trial) -> Any:
    line = b"\xff\x00 not text \n" * 1000
    for _ in range(PRINTED // len(line)):
        sys.stdout.buffer.write(line) if hasattr(sys.stdout, "buffer") else os.write(1, line)
    return {"loss": 1.0}


def closes(trial: Trial) -> Any:
    sys.stdout.close()
    sys.stderr.close()
    os.close(1)
    return {"loss": 1.0}


def leaks(trial: Trial) -> Any:
    """Change all that another attempt in this process would find changed."""
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)
    os.environ["AUTOML_LEAK"] = "1"
    os.umask(0o777)
    resource.setrlimit(resource.RLIMIT_AS, (2**36, resource.getrlimit(resource.RLIMIT_AS)[1]))
    return {"loss": 1.0}


def leaves_thread(trial: Trial) -> Any:
    def work() -> None:
        while True:
            print("a thread of another trial", flush=True)

    threading.Thread(target=work, daemon=True).start()
    return {"loss": 1.0}


def returns(value: Any) -> Callable[[Trial], Any]:
    return lambda trial: value


def calls(function: Callable[..., Any], *arguments: Any) -> Callable[[Trial], Any]:
    return lambda trial: function(*arguments)


def raises_this(kind: type[BaseException]) -> Callable[[Trial], Any]:
    def objective(trial: Trial) -> Any:
        raise kind

    return objective


HOSTILE: dict[str, tuple[Callable[[Trial], Any], Reason | None]] = {
    "raise": (raises, Reason.RAISED),
    "nan": (returns({"loss": math.nan}), Reason.NAN),
    "inf": (returns({"loss": math.inf}), Reason.INFINITE),
    "minus-inf": (returns({"loss": -math.inf}), Reason.INFINITE),
    "wrong-name": (returns({"los": 1.0}), Reason.MISSING_METRIC),
    "text": (returns("0.5"), Reason.BAD_VALUE),
    "dict-of-text": (returns({"loss": "0.5"}), Reason.BAD_VALUE),
    "sys-exit": (calls(sys.exit, 0), Reason.EXIT),
    "keyboard-interrupt": (raises_this(KeyboardInterrupt), Reason.EXIT),
    "unshowable": (raises_this(Unshowable), Reason.RAISED),
    "unpicklable": (raises_this(Unpicklable), Reason.RAISED),
    "recursion": (recursion, Reason.RAISED),
    "memory": (memory, Reason.OOM),
    "cuda-memory": (cuda_memory, Reason.GPU_OOM),
    "hang": (hang, Reason.STALLED),
    "busy": (busy, Reason.TIMEOUT),
    "children": (forks, None),
    "leaks": (leaks, None),
    "os-exit-0": (calls(os._exit, 0), Reason.EXIT),
    "os-exit-3": (calls(os._exit, 3), Reason.EXIT),
    "abort": (aborts, Reason.SIGNAL),
    "segfault": (faults, Reason.SIGNAL),
    "sigterm": (terminates, Reason.SIGNAL),
    "sigkill": (kills, Reason.WORKER_LOST),
    "sigstop": (stops, Reason.STALLED),
    "holds-lock": (holds_the_lock, Reason.STALLED),
    "children-and-exit": (forks_and_exits, Reason.EXIT),
    "prints-100-mb": (prints, None),
    "closes-output": (closes, None),
    "thread": (leaves_thread, None),
}
"""Name -> what it does, and the reason that it must get; None where nothing of it is a failure."""


def act(name: str, trial: Trial) -> Any:
    """Do what `name` says. Each hostile one reports once before, and `none` never does."""
    if name == GOOD:
        return good(trial)
    trial.report(1, **({"los": 1.0} if name == "wrong-name" else {"loss": 1.0}))
    return HOSTILE[name][0](trial)
