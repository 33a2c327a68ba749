"""A second try, and a third, while a ledger is locked or its server away: one way for every database.

    repeated(lambda: write(engine), url)        # another program's lock, or a restart, costs a pause, not the search

Only what has no effect the second time may be given to it: of a commit whose answer was lost nobody knows whether it
is through. Who waits longer than `NOTICE` is told so, and told when it is over. A signal shortens the wait to `HURRY`:
nobody sits before a terminal that does not heed Ctrl-C.
"""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from automl import interrupts
from automl.ledger import postgres
from automl.ledger.address import shown

T = TypeVar("T")
Said = Callable[[str, bool], None]
"""Called with a line for the user, and whether it says that the trouble is over."""

PATIENCE = 60.0  # seconds
OPENING = 10.0  # the same for a study that is to be opened: a server restarts in less, and a wrong port stays wrong
NOTICE = 5.0
HURRY = 3.0
LONGEST_PAUSE = 1.0
BUSY_SECONDS = 1.0
"""What SQLite waits by itself, in one call that nobody hears of and no signal ends."""

# See "Result Codes" in SQLite's manual; the low byte of an extended code is the plain one.
_SQLITE_BUSY = (5, 6, 15)  # BUSY, LOCKED, PROTOCOL: the lock of a write-ahead log was lost in a race
_SQLITE_MOVED = 1032
_SQLITE_FULL = (13, 778, 1034, 1290, 1546, 4874)  # FULL; IOERR of write, fsync (two), truncate, shared memory

logger = logging.getLogger(__name__)


def log(text: str, is_over: bool) -> None:
    """Say it to whoever reads the log; without one that is standard error."""
    logger.warning(text)


def is_passing(error: sa.exc.DBAPIError) -> bool:
    """Say whether the same may work in a moment."""
    return is_locked(error) or postgres.is_away(error)


def repeated(
    action: Callable[[], T],
    url: sa.URL,
    *,
    patience: float | None = None,
    passing: Callable[[sa.exc.DBAPIError], bool] = is_passing,
    said: Said = log,
) -> T:
    """Do `action`, again and again while the ledger at `url` is locked or away.

    Args:
        action: has no effect the second time.
        url: of the ledger.
        patience: seconds to go on for; default `PATIENCE`.
        passing: which errors may be none in a moment.
        said: told of a wait that is long, and of its end.

    Raises:
        sqlalchemy.exc.DBAPIError: it does not work, or not within that time.
    """
    wait = _Wait(url, PATIENCE if patience is None else patience, said)
    for tries in itertools.count():
        try:
            found = action()
        except sa.exc.DBAPIError as error:
            if not passing(error) or not wait.goes_on(error, tries):
                raise
        else:
            wait.end()
            return found
    raise AssertionError("tries end")


class _Wait:
    """One wait for a ledger."""

    def __init__(self, url: sa.URL, patience: float, said: Said) -> None:
        self._url = url
        self._patience = patience
        self._said = said
        self._began = time.monotonic()
        self._is_told = False

    def goes_on(self, error: sa.exc.DBAPIError, tries: int) -> bool:
        """Stay for a moment after a try that failed; return False when it is time to give up."""
        now = time.monotonic()
        heard = interrupts.heard()
        end = self._began + self._patience
        if heard is not None:
            end = min(end, heard + HURRY)  # for all waits together: after it each thing is tried once
        if now >= end:
            return False
        if now - self._began >= NOTICE and not self._is_told:
            self._is_told = True
            what = "locked" if is_locked(error) else "away"
            why = " by another program" if is_locked(error) else f" ({postgres.reason(error)})"
            self._said(
                f"the ledger {shown(self._url)} has been {what} for {now - self._began:.0f} s{why}; "
                f"waiting up to {self._patience:.0f} s",
                False,
            )
        pause = min(0.05 * 2 ** min(tries, 10), LONGEST_PAUSE) * random.uniform(0.5, 1)
        time.sleep(min(pause, end - now))  # another process's lock, or another host, sends no event
        return True

    def end(self) -> None:
        """Take in that it worked."""
        if self._is_told:
            self._said(f"the ledger answers again after {time.monotonic() - self._began:.0f} s", True)


def is_locked(error: sa.exc.DBAPIError) -> bool:
    """Say whether somebody else has what is needed."""
    return _sqlite_code(error) & 0xFF in _SQLITE_BUSY or postgres.is_locked(error)


def is_coming(error: sa.exc.DBAPIError) -> bool:
    """Say whether a ledger that could not be opened may be opened in a moment."""
    return is_locked(error) or postgres.may_come(error)


def is_moved(error: sa.exc.DBAPIError) -> bool:
    """Say whether SQLite noticed that its file is no longer where it was opened."""
    return _sqlite_code(error) == _SQLITE_MOVED


def is_full(error: sa.exc.DBAPIError) -> bool:
    """Say whether there is no space to write to."""
    return _sqlite_code(error) in _SQLITE_FULL or postgres.is_full(error)


def _sqlite_code(error: sa.exc.DBAPIError) -> int:
    return int(getattr(error.orig, "sqlite_errorcode", 0) or 0)
