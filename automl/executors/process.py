"""What an attempt does to the process that it runs in: noted if it ends it, undone if it does not.

    with noted(attempt):                                # in a worker: os._exit, abort, a fault leave a word
        with kept(attempt, objective) as found:         # its children end, what would leak to the next one is reset
            ending = run(attempt, objective, ...)
    found.is_spoilt                                     # something cannot be reset: take a fresh process
    take_note(attempt)                                  # in the driver, of a worker that is gone
    end(pid)                                            # a process that must go, and all below it

On Linux a process can ask to be given the children of its children when those in between end, so that none gets away;
elsewhere a daemon that was forked twice does. Of a worker that is killed, those that were forked and left its group
without starting a program of their own live on until the search ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import IO, Any

from automl.attempt import Attempt, Objective
from automl.trial import Reason

MARK = "AUTOML_ATTEMPT"
"""Variable that the programs have which an objective starts: folder of the trial and number of the attempt."""
END_SECONDS = 5.0  # that killed processes get to be gone
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_MANY = 20  # times that new children are looked for
_HARMLESS = ("SIGCHLD", "SIGURG", "SIGWINCH", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU")
_FAULTS = {
    "Segmentation fault": signal.SIGSEGV,
    "Aborted": signal.SIGABRT,
    "Bus error": signal.SIGBUS,
    "Floating-point exception": signal.SIGFPE,
    "Floating point exception": signal.SIGFPE,
    "Illegal instruction": signal.SIGILL,
}
_LIMITS = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE")
_WAITING = ("threading.py", "queue.py", "selectors.py", "thread.py", "connection.py")
Undo = Callable[[], object]


def end(pid: int) -> None:
    """Kill a process of this host and all below it, whatever state they are in, and wait until they are gone."""
    import psutil

    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        root.suspend()  # else it may have another child while we look
        _kill([*root.children(recursive=True), root])


def end_marked(attempt: Attempt, pid: int) -> None:
    """Kill what is left on this host of an attempt whose worker, `pid`, is gone: its group, and marked programs."""
    import psutil

    def is_left(process: psutil.Process) -> bool:
        try:
            return os.getpgid(process.pid) == pid or process.environ().get(MARK) == _mark(attempt)
        except (psutil.Error, OSError):
            return False

    _kill([process for process in psutil.process_iter() if is_left(process)])


def take_note(attempt: Attempt) -> tuple[Reason, str, str] | None:
    """Return why the worker of an attempt ended by its own doing: reason, message, and the trace that it left."""
    path = _note(attempt)
    try:
        text = path.read_text(errors="replace")
        path.unlink()
    except OSError:
        return None
    for line in reversed(text.splitlines()):
        word, _, value = line.partition(" ")
        if word == "exit":
            return Reason.EXIT, f"the objective called os._exit({value})", ""
        if word == "signal":
            return Reason.SIGNAL, f"the objective sent its own process {value}", ""
        fault = line.removeprefix("Fatal Python error: ")
        if fault in _FAULTS:
            return Reason.SIGNAL, f"the process died of {_FAULTS[fault].name} ({fault.lower()})", text
    return None


@contextlib.contextmanager
def noted(attempt: Attempt) -> Iterator[None]:
    """Leave a note if the block ends this very process: by `os._exit`, by a fault, or by a signal to itself.

    SIGKILL leaves none: it looks as if it came from outside, and is how one tries what happens then.
    """
    _listen()
    with _note(attempt).open("wb", buffering=0) as file:
        faulthandler.enable(file=file, all_threads=False)
        _Notes.process, _Notes.file = os.getpid(), file
        try:
            yield
        finally:
            _Notes.file = None
            faulthandler.enable(file=2, all_threads=False)
    _note(attempt).unlink(missing_ok=True)


class _Notes:
    """Where the attempt leaves its note that runs in this process."""

    process = 0
    file: IO[bytes] | None = None

    @classmethod
    def leave(cls, line: str) -> None:
        if cls.file is not None and os.getpid() == cls.process:  # multiprocessing ends forked children so
            cls.file.write(f"{line}\n".encode())
            end_children()


@cache
def _listen() -> None:
    """Have the functions that end a process leave a note first; for good, since a module may have them by name."""

    def before_exit(code: int) -> None:
        _Notes.leave(f"exit {code}")

    def before_kill(pid: int, number: int) -> None:
        if pid == os.getpid() and _is_ending(number):
            _Notes.leave(f"signal {signal.Signals(number).name}")

    def before_raise(number: int) -> None:
        before_kill(os.getpid(), number)

    for module, name, before in (
        (os, "_exit", before_exit),
        (os, "kill", before_kill),
        (signal, "raise_signal", before_raise),
    ):
        setattr(module, name, _after(before, getattr(module, name)))


@dataclass(slots=True)
class Kept:
    """How a process is after an attempt."""

    is_spoilt: bool = False
    """Whether it is not as it was before."""


@contextlib.contextmanager
def kept(attempt: Attempt, objective: Objective) -> Iterator[Kept]:
    """Leave this process as it was, without the children that the block has: but for what importing the objective does.

    Back go: working folder, environment, umask, limits, signal handlers, recursion limit, torch's default dtype and
    generator. Generators that a fresh process seeds at random are seeded so again.
    """
    load = getattr(objective, "load", None)
    if load is not None:
        with contextlib.suppress(BaseException):  # comes up again when it is called, where it is a failure of the trial
            load()
    found = Kept()
    before, threads = children(), set(threading.enumerate())
    undo = [each() for each in (_folder, _environment, _umask, _limits, _handlers, _recursion, _torch)]
    os.environ[MARK] = _mark(attempt)
    _adopt(True)
    try:
        yield found
    finally:
        end_children(spared=before)
        _adopt(False)
        for each in [*undo, _seed]:
            try:
                each()
            except Exception:  # a folder that was deleted, a limit that only root may raise again
                found.is_spoilt = True
        left = [thread for thread in threading.enumerate() if thread not in threads]
        found.is_spoilt |= any(map(_is_busy, left))


def children() -> frozenset[int]:
    """Return the process ids of this process's children."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # takes nothing away; most often there is none
    except ChildProcessError:
        return frozenset()
    try:
        found = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
        if found:
            return frozenset(int(pid) for text in found for pid in text.split())
    except OSError:
        pass
    import psutil

    return frozenset(child.pid for child in psutil.Process().children())


def end_children(*, spared: frozenset[int] = frozenset()) -> None:
    """Kill the children of this process, and theirs, but for those `spared` and the helpers of multiprocessing."""
    for _ in range(_MANY):  # with each that ends, those below it become ours
        found = {pid for pid in children() - spared - _helpers() if not _is_of_automl(pid)}
        if not found:
            return
        for pid in found:
            end(pid)
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)


def _is_of_automl(pid: int) -> bool:
    """Whether a process was started by the driver meanwhile, such as a delivery; it may be in this very process."""
    import psutil

    try:
        return any(word.startswith("automl.") for word in psutil.Process(pid).cmdline()[1:5])
    except psutil.Error:
        return False


def _helpers() -> set[int | None]:
    """Return the processes that multiprocessing starts once, and misses when they are gone."""
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    server = sys.modules.get("multiprocessing.forkserver")
    return {
        getattr(getattr(tracker, "_resource_tracker", None), "_pid", None),
        getattr(getattr(server, "_forkserver", None), "_forkserver_pid", None),
    }


def _kill(processes: list[Any]) -> None:
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    deadline = time.monotonic() + END_SECONDS
    while any(map(_is_alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.005)  # not children of ours, so that nothing tells when they are gone


def _is_alive(process: Any) -> bool:
    import psutil

    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _after(before: Callable[..., None], function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        before(*arguments, **named)
        return function(*arguments, **named)

    return called


def _is_ending(number: int) -> bool:
    """Whether a signal ends this process, and is not one that might as well have come from outside."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return False
    is_caught = signal.getsignal(number) in (signal.SIG_IGN, signal.default_int_handler)
    return name != "SIGKILL" and name not in _HARMLESS and not is_caught


def _is_busy(thread: threading.Thread) -> bool:
    """Whether a thread does something; one that waits for a lock or a queue, as those of libraries do, is harmless."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return False
    return Path(frame.f_code.co_filename).name not in _WAITING or frame.f_code.co_name == "is_set"


def _adopt(is_on: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, int(is_on), 0, 0, 0)


def _mark(attempt: Attempt) -> str:
    return f"{attempt.folder}:{attempt.number}"


def _note(attempt: Attempt) -> Path:
    return Path(attempt.folder) / f"attempt-{attempt.number}.note"


def _folder() -> Undo:
    path = os.getcwd()
    return lambda: os.chdir(path)


def _environment() -> Undo:
    before = dict(os.environ)

    def undo() -> None:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})

    return undo


def _umask() -> Undo:
    mask = os.umask(0o077)
    os.umask(mask)
    return lambda: os.umask(mask)


def _limits() -> Undo:
    before = {each: resource.getrlimit(each) for name in _LIMITS if (each := getattr(resource, name, None)) is not None}

    def undo() -> None:
        for each, values in before.items():
            if resource.getrlimit(each) != values:
                resource.setrlimit(each, values)

    return undo


def _handlers() -> Undo:
    if threading.current_thread() is not threading.main_thread():
        return lambda: None  # then the objective cannot change them either
    before = {each: signal.getsignal(each) for each in signal.valid_signals()}

    def undo() -> None:
        for each, handler in before.items():
            if handler is not None and signal.getsignal(each) is not handler:
                signal.signal(each, handler)

    return undo


def _recursion() -> Undo:
    limit = sys.getrecursionlimit()
    return lambda: sys.setrecursionlimit(limit)


def _torch() -> Undo:
    """As a fresh process has them, if torch is only loaded by the attempt."""
    torch: Any = sys.modules.get("torch")
    dtype = None if torch is None else torch.get_default_dtype()
    state = None if torch is None else torch.get_rng_state()

    def undo() -> None:
        loaded: Any = sys.modules.get("torch")
        if loaded is not None:
            loaded.set_default_dtype(dtype or loaded.float32)
            loaded.set_rng_state(loaded.Generator().get_state() if state is None else state)

    return undo


def _seed() -> None:
    random.seed()
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
