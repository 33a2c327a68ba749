"""What a trial prints, in one file of bounded size: `trials/<n>/log`.

    with written_to(folder / "log"):
        os.system("make noise")                     # what this process and its children print goes there
    last_failure(folder / "log")                    # ("Traceback (most recent call last):", ...)

The file itself stands behind descriptors 1 and 2: printing costs what writing a file costs, and what was printed
before a crash is there. A thread looks every quarter of a second whether the file has grown beyond `MOST`, and then
takes out its middle.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from automl.redaction import redacted

MOST = 10 * 2**20
"""Bytes. Half of it is for the beginning, and what is left after a cut has room for as much again at the end."""
_BEGIN, _END = MOST // 2, MOST // 4
LOOK_SECONDS = 0.25
LONGEST_FAILURE = 60  # lines that are shown of one
_DROPPED = b"\n... %d bytes dropped ...\n"
_WAS_DROPPED = re.compile(rb"\n\.\.\. (\d+) bytes dropped \.\.\.\n")
_FAILURE = "# the objective failed:"


@contextlib.contextmanager
def written_to(path: Path) -> Iterator[None]:
    """Send all that this process prints, its children included, to the end of the file `path` meanwhile.

    Afterwards they are `intact`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(path, over), name="trial-log", daemon=True)
    try:
        with intact():
            log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for descriptor in (1, 2):
                os.dup2(log, descriptor)
            os.close(log)
            watch.start()
            yield
    finally:
        over.set()
        if watch.is_alive():
            watch.join()
        limit(path)


@contextlib.contextmanager
def intact() -> Iterator[None]:
    """Have standard output and error after the block as they were before, even if it has closed them."""
    streams = sys.stdout, sys.stderr
    _flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        yield
    finally:
        _flush()
        for descriptor, original in zip((1, 2), kept, strict=True):
            os.dup2(original, descriptor)
            os.close(original)
        sys.stdout, sys.stderr = (_open_again(stream, 1 + number) for number, stream in enumerate(streams))


def limit(path: Path) -> None:
    """Take the middle out of a log that is larger than `MOST`, and say there how many bytes those were."""
    with contextlib.suppress(OSError), path.open("rb+", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= MOST:
            return
        earlier = _WAS_DROPPED.match(os.pread(file.fileno(), 64, _BEGIN))
        end = os.pread(file.fileno(), _END, size - _END)
        dropped = os.fstat(file.fileno()).st_size - _BEGIN - len(end)
        os.ftruncate(file.fileno(), _BEGIN)
        if earlier:
            dropped += int(earlier[1]) - len(earlier[0])
        file.seek(0, os.SEEK_END)
        file.write(_DROPPED % dropped + end)


def keep_failure(path: Path, text: str | None = None) -> None:
    """Add what is known of a failure to a log: `text`, or the traceback of the exception that is handled now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # An exception of the user's may fail when it is printed; nor is a full disk a second failure.
    with contextlib.suppress(Exception), path.open("a", encoding="utf-8", errors="replace") as file:
        print(_FAILURE, file=file)
        if text is None:
            file.write(redacted(traceback.format_exc()))
        else:
            print(text.rstrip(), file=file)


def last_failure(path: Path) -> tuple[str, ...]:
    """Return the lines of the last failure in a log, as they are; those of the user's code are not escaped."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _END))
            _, found, text = file.read().decode(errors="replace").rpartition(f"{_FAILURE}\n")
    except OSError:
        return ()
    return tuple(text.splitlines()[-LONGEST_FAILURE:]) if found else ()


def _watch(path: Path, over: threading.Event) -> None:
    while not over.wait(LOOK_SECONDS):
        limit(path)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed, or not even a stream
            stream.flush()


def _open_again(stream: TextIO, descriptor: int) -> TextIO:
    """Return `stream`, or another for its descriptor if it was closed."""
    if not getattr(stream, "closed", False):
        return stream
    return open(descriptor, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)
