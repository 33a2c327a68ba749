"""Engines for the ledger, set so that a commit is on disk and a reader never disturbs the writer.

    engine = connect("sqlite:////runs/digits-1/ledger.db", create=True)     # the driver
    engine = connect(url)                                                   # everyone else: read only

SQLite: WAL, `synchronous=FULL`, `BEGIN IMMEDIATE` (so that two writers queue instead of failing half way), a busy
timeout of a minute. SQLite before 3.51.3 may corrupt a WAL when several connections checkpoint at once
(sqlite.org/wal.html, "The WAL-Reset Bug"): readers here never do while another is connected.
PostgreSQL: psycopg 3, `pool_pre_ping`.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from automl.errors import AutomlError, ConfigError, MissingDependencyError, ResourceExhaustedError
from automl.ledger import schema

BUSY_SECONDS = 60


class LedgerError(AutomlError):
    """The database failed. What was committed stays; resume when it answers again."""


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file, whatever characters its path has."""
    return sa.URL.create("sqlite", database=str(path.resolve())).render_as_string(hide_password=False)


def connect(url: str, *, create: bool = False) -> sa.Engine:
    """Return an engine on the ledger at `url`: the writer's if `create`, else one that can only read.

    With `create` the tables are made or brought to this version; readers take those of a version before as they are.

    Raises:
        ConfigError: the URL is malformed or names an unsupported database.
        MissingDependencyError: the database's driver is not installed, or its tables are newer than this version.
        LedgerError: it does not answer.
    """
    with translated(url):
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = _sqlite(parsed, create)
        elif parsed.get_backend_name() == "postgresql":
            engine = sa.create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 5})
        else:
            raise ConfigError(f"storage {parsed}: only sqlite:/// and postgresql:// are supported")
        _check_version(engine, create)
    return engine


def _sqlite(url: sa.URL, create: bool) -> sa.Engine:
    if create and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the begin event below says BEGIN, not the driver
        connection.execute("PRAGMA foreign_keys=ON")
        if create:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        else:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA wal_autocheckpoint=0")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if create else "BEGIN")

    return engine


def _check_version(engine: sa.Engine, create: bool) -> None:
    version = _version(engine)
    if version == schema.HEAD:
        return
    if version is not None and version > schema.HEAD:
        raise MissingDependencyError(
            f"the ledger {engine.url} is at version {version}, above the {schema.HEAD} known here: upgrade automl"
        )
    if create:
        _upgrade(engine)
    elif version is None:
        raise LedgerError(f"the ledger {engine.url} has no tables: whoever made it ended before its study was there")


def _version(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(schema.VERSION_TABLE):
            return None
        version: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {schema.VERSION_TABLE}"))
        return version


def _upgrade(engine: sa.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # two drivers may meet an empty database
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7206537)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def database_time(connection: sa.Connection) -> datetime.datetime:
    """Return the database's clock, to the second, in UTC."""
    now = connection.scalar(sa.select(sa.func.now()))
    assert isinstance(now, datetime.datetime)
    return as_utc(now)


def as_utc(time: datetime.datetime) -> datetime.datetime:
    """Return `time` with its zone; SQLite forgets that it keeps UTC."""
    return time.replace(tzinfo=datetime.UTC) if time.tzinfo is None else time.astimezone(datetime.UTC)


@contextlib.contextmanager
def translated(what: object) -> Iterator[None]:
    """Turn SQLAlchemy's exceptions into ours, in one line and without a password."""
    try:
        yield
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigError(f"storage {what!r} is not a database URL ({error}); e.g. sqlite:////tmp/ledger.db") from error
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise MissingDependencyError(
            f"no driver for the database: {error}; pip install 'automl-search[postgres]'"
        ) from error
    except sa.exc.SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        if "disk is full" in cause or "No space left" in cause:
            raise ResourceExhaustedError(
                f"the ledger's disk is full ({cause}); free some space, then resume"
            ) from error
        raise LedgerError(f"the ledger does not work: {cause}") from error
