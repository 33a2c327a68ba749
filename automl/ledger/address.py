"""Where a ledger is: what may follow `--storage`, and how it is shown without its password.

    url = parse("postgresql://ada:secret@db.example/automl")
    shown(url)                              # "postgresql://ada@db.example/automl"

Whatever is printed, logged or written of a URL comes from `shown` or `masked`: the password stays in memory.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from automl.errors import ConfigError

FORMS = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:////PATH/FILE.db"
_DRIVERS = ("postgresql", "postgresql+psycopg", "sqlite", "sqlite+pysqlite")
_SECRETS = ("password", "sslpassword")  # libpq takes them in the query too


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file, whatever characters its path has."""
    return sa.URL.create("sqlite", database=str(path.resolve())).render_as_string(hide_password=False)


def parse(text: str) -> sa.URL:
    """Return the parts of a ledger's URL.

    Raises:
        ConfigError: it is malformed, or names a database that is not supported.
    """
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # whose texts may hold pieces of the password
        problem: str | None = _unreadable(text)
    else:
        problem = _sqlite_problem(url) if url.drivername.startswith("sqlite") else _server_problem(url)
    if problem:
        raise ConfigError(f"storage {masked(text)!r}: {problem}") from None
    return url


def storage(text: str) -> str:
    """Return the URL that a user gave for a database of several studies, with an absolute path if it is a file.

    Raises:
        ConfigError: it is malformed, or is a file that cannot hold studies.
    """
    url = parse(text)
    if url.get_backend_name() != "sqlite":
        return text
    path = Path(url.database or "").expanduser().absolute()
    if path.is_dir() or not path.parent.is_dir():
        found = f"{path} is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise ConfigError(f"storage {text!r}: {found}; name a file in a folder that exists")
    if path.is_file() and os.access(path, os.R_OK) and not _is_database(path):
        raise ConfigError(f"storage {text!r}: {path} is no SQLite database; name another file")
    return sqlite_url(path)


@contextlib.contextmanager
def peeked(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a SQLite file for a look that leaves it, its WAL and everybody's locks alone.

    SQLite opens it, though its first 100 bytes would do. Whoever closes a file himself drops all POSIX locks that his
    process has on it (sqlite.org/howtocorrupt.html, section 2.2); the next process that closes the ledger then takes
    itself for the last one, and deletes the WAL under a driver that writes to it.
    """
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
        yield file


def _is_database(path: Path) -> bool:
    """Say whether SQLite takes a file for one of its own; it does an empty one."""
    try:
        with peeked(path) as file:
            file.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode != sqlite3.SQLITE_NOTADB
    return True


def shown(url: sa.URL | str) -> str:
    """Return a ledger's URL without any password."""
    url = parse(url) if isinstance(url, str) else url
    return sa.URL.create(
        url.get_backend_name(),
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query={name: value for name, value in url.query.items() if name not in _SECRETS},
    ).render_as_string(hide_password=False)


def masked(text: str) -> str:
    """Return what was given as a URL, with whatever could be a password left out."""
    text = re.sub(r"//.*@", "//***@", text, flags=re.DOTALL)
    return re.sub(rf"\b({'|'.join(_SECRETS)})=[^&]*", r"\1=***", text)


def _unreadable(text: str) -> str:
    if "://" not in text:
        return f"this is no URL; write {FORMS}"
    return (
        f"this cannot be read (is the port a number? '@', '/' and ':' in a password are %40, %2F, %3A); write {FORMS}"
    )


def _sqlite_problem(url: sa.URL) -> str | None:
    if url.drivername not in _DRIVERS:
        return f"only Python's own driver is supported; write {FORMS}"
    if url.host:
        return "a path follows three slashes, an absolute one four; write sqlite:////PATH/FILE.db"
    if url.database in (None, "", ":memory:") or str(url.database).startswith("file:"):
        return "studies in memory would be lost with the process; write sqlite:////PATH/FILE.db"
    return None


def _server_problem(url: sa.URL) -> str | None:
    if url.drivername == "postgres":
        return "write postgresql://, not postgres://"
    if url.drivername not in _DRIVERS:
        return f"only SQLite, and PostgreSQL by psycopg 3, are supported; write {FORMS}"
    if "@" in (url.host or ""):
        return "an '@' in the user's name or password is written %40"
    if url.port is not None and not 0 < url.port < 2**16:
        return f"a port is a number from 1 to 65535, got {url.port}"
    return None
