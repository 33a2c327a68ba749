"""What PostgreSQL needs beyond SQL: connections that notice a dead peer, and errors told apart, in one line.

    engine = make_engine(url, writes=True)
    is_away(error)                          # the server restarts, fails over, or the connection was lost

A database at the other end of a network does all of that; `patience` is what waits for it.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from automl.errors import AutomlError, ConfigError, MissingDependencyError
from automl.ledger.address import shown

# libpq's: seconds to connect; a peer that is gone is noticed within half a minute, in the middle of a statement too.
_CONNECT: dict[str, int | str] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_CONNECT |= {"tcp_user_timeout": 25_000, "application_name": "automl"}

# A driver that is stopped in the middle of a transaction would keep the study's row from its successor for ever. Who
# waits for a lock tries again by itself, and can say so meanwhile.
_WRITER = "SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '60s'"

# See "PostgreSQL Error Codes" in its manual.
_LOST = re.compile(r"08...|57P0[1-3]|25P03")  # no connection, the server goes or comes, idle in a transaction
_BUSY = re.compile(r"40001|40P01|55P03")  # serialization failure, deadlock, a lock
_TOO_MANY, _DISK_FULL = "53300", "53100"
_STARTS = re.compile(r"Connection refused|starting up|shutting down|recovery|too many (clients|connections)|reset")
_ANSWERED = re.compile(r"FATAL|password|authentication|certificate|SSL", re.IGNORECASE)
_NO_RIGHT = "42501"


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
    said = reason(error)
    if state == _NO_RIGHT:
        user = url.username or "the user"
        grant = f"let its owner GRANT CREATE ON SCHEMA public TO {user}" if "schema" in said else "ask its owner"
        return ConfigError(f"storage {shown(url)}: {user} may not make the ledger's tables ({said}); {grant}")
    if state is not None or not isinstance(error, sa.exc.OperationalError):
        return None
    if "readonly database" in said:
        return ConfigError(
            f"the ledger {url.database} cannot be opened: SQLite must write beside it, even to read, and you may not; "
            "ask its owner for the right to, or copy the study's folder, and give --home"
        )
    if not _ANSWERED.search(str(error.orig)):
        return MissingDependencyError(f"storage {shown(url)} does not answer: {said}")
    has_no_password = "no password supplied" in said or "password authentication" in said
    hint = "; a password is taken from the URL, $AUTOML_STORAGE, $PGPASSWORD or ~/.pgpass" if has_no_password else ""
    return ConfigError(f"storage {shown(url)} refuses: {said}{hint}")


def is_away(error: sa.exc.DBAPIError) -> bool:
    """Say whether the server is away, maybe for a moment. Without a state the error is one of the connection."""
    if error.orig is None or not hasattr(error.orig, "sqlstate"):
        return False  # of another database
    state = error.orig.sqlstate
    if error.connection_invalidated or state is None:
        return isinstance(error, sa.exc.OperationalError)
    return bool(_LOST.fullmatch(state)) or state == _TOO_MANY


def is_locked(error: sa.exc.DBAPIError) -> bool:
    """Say whether another session was in the way."""
    return bool(_BUSY.fullmatch(getattr(error.orig, "sqlstate", None) or ""))


def is_full(error: sa.exc.DBAPIError) -> bool:
    """Say whether the server has no space left."""
    return getattr(error.orig, "sqlstate", None) == _DISK_FULL


def may_come(error: sa.exc.DBAPIError) -> bool:
    """Say whether a server that could not be connected to may be one that starts: a name or password stays wrong."""
    if not hasattr(error.orig, "sqlstate"):
        return False
    return bool(_STARTS.search(str(error.orig)))


def reason(error: sa.exc.DBAPIError) -> str:
    """Return the server's or the library's own words, the first line of them."""
    text = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return " ".join(re.sub(r".* failed: |FATAL: |fe_sendauth: ", "", text[0]).split())
