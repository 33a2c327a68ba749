"""What a search writes is its owner's alone, and goes where it was meant to go.

    with files():                               # whatever the user's umask: files 0600, folders 0700
        Path("runs").mkdir()
    with open_lock(Path("study.lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

The umask belongs to the process and is inherited: workers and deliveries that are started in the block keep to it. What
exists already keeps its mode, so a home that is shared on purpose stays so.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

UMASK = 0o077


@contextlib.contextmanager
def files() -> Iterator[None]:
    """Let what this process makes during the block be read and written by its owner alone."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def open_lock(path: Path) -> IO[bytes]:
    """Open a lock file, made if need be, and never what a link in its place leads to.

    Raises:
        OSError: with ELOOP, it is a link.
    """
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "r+b")


def open_new(path: Path) -> IO[str]:
    """Open a temporary file for text, removing what lies there: a rest of an earlier process, or a planted link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")
