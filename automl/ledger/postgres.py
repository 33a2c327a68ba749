"""What PostgreSQL needs beyond SQL: connections that notice a dead peer, errors in one line, and a second try.

    engine = make_engine(url, writes=True)
    repeated(lambda: write(engine))         # a restart of the server costs a pause, not the search

A database at the other end of a network restarts, fails over, and loses connections: what is written is repeated until
it is through or `PATIENCE` is over. So only what has no effect the second time may be given to `repeated`.
"""

from __future__ import annotations

import itertools
import logging
import random
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from automl.errors import AutomlError, ConfigError, MissingDependencyError
from automl.ledger.address import shown

T = TypeVar("T")

PATIENCE = 60.0  # seconds, as long as a writer waits for a locked SQLite file
LONGEST_PAUSE = 2.0

# libpq's: seconds to connect; a peer that is gone is noticed within half a minute, in the middle of a statement too.
_CONNECT: dict[str, int | str] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_CONNECT |= {"tcp_user_timeout": 25_000, "application_name": "automl"}

# A driver that is stopped in the middle of a transaction would keep the study's row from its successor for ever.
_WRITER = "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'"

# See "PostgreSQL Error Codes" in its manual.
_LOST = re.compile(r"08...|57P0[1-3]|25P03")  # no connection, the server goes or comes, idle in a transaction
_BUSY = re.compile(r"40001|40P01|55P03|53300")  # serialization failure, deadlock, a lock, too many connections
_ANSWERED = re.compile(r"FATAL|password|authentication|certificate|SSL", re.IGNORECASE)
_NO_RIGHT = "42501"

logger = logging.getLogger(__name__)


def make_engine(url: sa.URL, *, writes: bool) -> sa.Engine:
    """Return an engine; one that does not write sees one moment a transaction, and cannot.

    Raises:
        MissingDependencyError: psycopg is not installed.
    """
    try:
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={name: value for name, value in _CONNECT.items() if name not in url.query},
            isolation_level="READ COMMITTED" if writes else "REPEATABLE READ",
            pool_pre_ping=True,
            pool_recycle=1800,
        )
    except ImportError as error:
        raise MissingDependencyError(
            f"PostgreSQL needs psycopg 3 ({error}): pip install 'automl-search[postgres]'"
        ) from error

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        if writes:
            connection.autocommit = True
            connection.execute(_WRITER)
            connection.autocommit = False
        connection.read_only = not writes

    @sa.event.listens_for(engine, "handle_error")
    def notice(context: sa.ExceptionContext) -> None:
        if _LOST.fullmatch(getattr(context.original_exception, "sqlstate", None) or ""):
            context.is_disconnect = True  # which psycopg knows only after one more try

    return engine


def refusal(error: sa.exc.DBAPIError, url: sa.URL) -> AutomlError | None:
    """Return what to tell a user whose ledger could not be opened; None where there is nothing special to say."""
    state = getattr(error.orig, "sqlstate", None)
    reason = _reason(error)
    if state == _NO_RIGHT:
        user = url.username or "the user"
        grant = f"let its owner GRANT CREATE ON SCHEMA public TO {user}" if "schema" in reason else "ask its owner"
        return ConfigError(f"storage {shown(url)}: {user} may not make the ledger's tables ({reason}); {grant}")
    if state is not None or not isinstance(error, sa.exc.OperationalError):
        return None
    if "readonly database" in reason:
        return ConfigError(
            f"the ledger {url.database} cannot be opened: SQLite must write beside it, even to read, and you may not; "
            "ask its owner for the right to, or copy the study's folder, and give --home"
        )
    if not _ANSWERED.search(str(error.orig)):
        return MissingDependencyError(f"storage {shown(url)} does not answer: {reason}")
    has_no_password = "no password supplied" in reason or "password authentication" in reason
    hint = "; a password is taken from the URL, $AUTOML_STORAGE, $PGPASSWORD or ~/.pgpass" if has_no_password else ""
    return ConfigError(f"storage {shown(url)} refuses: {reason}{hint}")


def repeated(action: Callable[[], T]) -> T:
    """Do `action`, again and again while the server is away for a moment. SQLite waits by itself.

    Raises:
        sqlalchemy.exc.DBAPIError: it does not work, or not within `PATIENCE`.
    """
    deadline = time.monotonic() + PATIENCE
    for tries in itertools.count():
        try:
            found = action()
        except sa.exc.DBAPIError as error:
            if not _is_transient(error) or time.monotonic() > deadline:
                raise
            if not tries:
                logger.warning("the ledger's database is away (%s); trying for %.0f s", _reason(error), PATIENCE)
            time.sleep(min(0.05 * 2**tries, LONGEST_PAUSE) * random.uniform(0.5, 1))  # another host sends no event
            continue
        if tries:
            logger.warning("the ledger's database is back")
        return found
    raise AssertionError("tries end")


def _is_transient(error: sa.exc.DBAPIError) -> bool:
    """Say whether the same may work in a moment. An operational error without a state is one of the connection."""
    if error.orig is None or not hasattr(error.orig, "sqlstate"):
        return False  # of another database
    state = error.orig.sqlstate
    if error.connection_invalidated or state is None:
        return isinstance(error, sa.exc.OperationalError)
    return bool(_LOST.fullmatch(state) or _BUSY.fullmatch(state))


def _reason(error: sa.exc.DBAPIError) -> str:
    """Return the server's or the library's own words, the first line of them."""
    text = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return " ".join(re.sub(r".* failed: |FATAL: |fe_sendauth: ", "", text[0]).split())
