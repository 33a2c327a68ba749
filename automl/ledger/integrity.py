"""Whether a SQLite ledger is what it was when it was last written: refused before anything can make it worse.

    check_file(Path("ledger.db"))           # before SQLite opens it: emptied, cut, or no database at all
    check_pages(connection)                 # by SQLite, page by page: once in the life of a driver
    Presence(engine.url).check()            # before each write: still that file, in the process that opened it

SQLite deletes the WAL of a file that is empty, and copies what it has of the WAL into a damaged file when it closes it,
so the first look is our own (sqlite.org/fileformat.html, "The Database Header"). A WAL that was cut is no damage: what
counts is up to its last whole transaction. The second look takes 15 ms for 5,000 trials of 20 reports.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from automl.errors import AutomlError, LeaseLostError
from automl.ledger import address

_PAGE = 4096  # bytes; SQLite's default
_WAL_HEADER = 32
_DAMAGED = (11, 26)  # CORRUPT, NOTADB


class LedgerError(AutomlError):
    """The database failed. What was committed stays; resume when it answers again."""


class LedgerDamagedError(LedgerError):
    """The ledger's file is not what was written. Put back a copy; what is newer is taken from the trials' files."""


def damaged(where: str, why: str) -> LedgerDamagedError:
    """Return what to raise at whoever opens a damaged ledger."""
    return LedgerDamagedError(
        f"the ledger {where} is damaged ({why}): put back a copy of the file, without the -wal and -shm beside it, and "
        "resume; results that are newer than the copy are taken from the trials' folders"
    )


def check_file(path: Path) -> None:
    """Refuse a file that has been emptied or cut.

    Raises:
        LedgerDamagedError: it was.
    """
    try:
        size = path.stat().st_size
    except OSError:
        return  # SQLite says it better
    wal = path.with_name(f"{path.name}-wal")
    has_wal = wal.is_file() and wal.stat().st_size > _WAL_HEADER
    if size == 0:
        if has_wal or any(path.parent.glob("trials/*")):
            raise damaged(str(path), "it is empty")
        return  # whoever made it died before it was a ledger
    if size < _PAGE:
        raise damaged(str(path), f"it has {size} bytes")
    try:
        whole = _size_when_whole(path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            return  # SQLite will say it again
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise damaged(str(path), "it is no SQLite database") from error
        whole = size + 1
    if size < whole and not has_wal:  # else the WAL may have what is missing here
        raise damaged(str(path), f"it has only {size:,} bytes")


def _size_when_whole(path: Path) -> int:
    """Return the number of bytes that the header of a SQLite file promises."""
    with address.peeked(path) as file:
        count, size = (int(file.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
    return count * size


def is_damage(error: sa.exc.DBAPIError) -> bool:
    """Say whether SQLite found its file to be damaged, or none of its own."""
    return int(getattr(error.orig, "sqlite_errorcode", 0) or 0) & 0xFF in _DAMAGED


def check_pages(connection: sa.Connection) -> None:
    """Let SQLite read all of its file, and refuse one that does not fit together; PostgreSQL looks after its own.

    Raises:
        LedgerDamagedError: it does not.
    """
    if connection.dialect.name != "sqlite":
        return
    found = [line for line in connection.scalars(sa.text("PRAGMA quick_check(3)")) if line != "ok"]
    if found:
        raise damaged(address.shown(connection.engine.url), " ".join("; ".join(found).split()))


class Presence:
    """The file that a ledger was opened in: SQLite would go on in one that was moved, deleted or replaced since.

    Nor may a process go on that was forked from the one that opened it: SQLite's locks do not pass to it, and the file
    would break.
    """

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self._file = _identity(url)
        self._process = os.getpid()

    def check(self) -> None:
        """Refuse to go on where it is not there, or not ours.

        Raises:
            LedgerError: this is a forked process.
            LeaseLostError: the file is gone, or another one.
        """
        if os.getpid() != self._process:
            raise LedgerError(f"the ledger belongs to process {self._process}; a process forked from it cannot write")
        if self._file is None:
            return
        there = _identity(self._url)
        if there is None:
            raise LeaseLostError(
                f"{self._url.database} is gone: the study was deleted while it ran; the search ends here"
            )
        if there != self._file:
            raise LeaseLostError(
                f"{self._url.database} was replaced by another file while the study ran; nothing is written to it, the "
                "search ends"
            )


def _identity(url: sa.URL) -> tuple[int, int] | None:
    """Return what makes a SQLite file this very one, whatever it is called; None where there is none."""
    if url.get_backend_name() != "sqlite":
        return None
    try:
        found = os.stat(url.database or "")
    except OSError:
        return None
    return found.st_dev, found.st_ino
