"""Engines for the ledger, set so that a commit is on disk and a reader never disturbs the writer.

    engine = connect("sqlite:////runs/digits-1/ledger.db", create=True)     # the driver
    engine = connect(url)                                                   # everyone else: read only

SQLite: WAL, `synchronous=FULL`, `BEGIN IMMEDIATE` (so that two writers queue instead of failing half way), a busy
timeout of a second, after which `patience` goes on. SQLite before 3.51.3 may corrupt a WAL when several connections
checkpoint at once (sqlite.org/wal.html, "The WAL-Reset Bug"): readers here never do while another is connected.
PostgreSQL: see `postgres`.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from automl.errors import (
    ConfigError,
    LeaseLostError,
    MissingDependencyError,
    ResourceExhaustedError,
    StudyNotFoundError,
)
from automl.ledger import address, integrity, patience, postgres, schema
from automl.ledger.integrity import LedgerError as LedgerError

_NETWORK = ("nfs", "cifs", "smb", "afs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "fuse.sshfs")


def connect(url: str, *, create: bool = False, waits: bool = False, lasts: bool = True) -> sa.Engine:
    """Return an engine on the ledger at `url`: the writer's if `create`, else one that can only read.

    With `create` the tables are made or brought to this version; readers take those of a version before as they are.
    With `waits` the ledger is known to have been there: a server that seems to be starting is given some seconds, and a
    file is not made. Unless it `lasts`, a commit to a file is not waited for until it is on disk.

    Raises:
        ConfigError: the URL is malformed, names an unsupported database, or one that lets nobody in.
        StudyNotFoundError: there is no ledger, and none was to be made.
        MissingDependencyError: the database's driver is not installed, its host does not answer, or its tables are
            newer than this version.
        LedgerError: it does not work, or is damaged.
    """
    parsed = address.parse(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    engine = (
        _sqlite(parsed, create, is_made=waits, lasts=lasts)
        if is_sqlite
        else postgres.make_engine(parsed, writes=create)
    )
    is_late = waits and not is_sqlite
    try:
        with translated(parsed, opening=True):
            patience.repeated(
                lambda: _check_version(engine, create),
                parsed,
                patience=None if is_sqlite else patience.OPENING,
                passing=patience.is_coming if is_late else patience.is_locked,
            )
    except BaseException:
        engine.dispose()
        raise
    return engine


def _sqlite(url: sa.URL, create: bool, *, is_made: bool, lasts: bool) -> sa.Engine:
    path = Path(url.database or "")
    if path.is_file():
        integrity.check_file(path)
    elif is_made or not create:  # SQLite would make an empty one
        raise StudyNotFoundError(f"there is no ledger {path}")
    else:
        _refuse_network(path)
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": patience.BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the begin event below says BEGIN, not the driver
        connection.execute("PRAGMA foreign_keys=ON")
        if create:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={'FULL' if lasts else 'OFF'}")
        else:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA wal_autocheckpoint=0")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if create else "BEGIN")

    return engine


def _refuse_network(path: Path) -> None:
    """Refuse a new SQLite file where locks and shared memory do not work, or only seem to (sqlite.org/wal.html)."""
    import psutil

    mounts = [part for part in psutil.disk_partitions(all=True) if path.is_relative_to(part.mountpoint)]
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else ""
    if kind.startswith(_NETWORK):
        raise ConfigError(
            f"{path} would be on a network file system ({kind}), where SQLite loses data: give --home on a local disk, "
            "or --storage postgresql://..."
        )


def _check_version(engine: sa.Engine, create: bool) -> None:
    where = address.shown(engine.url)
    version = _version(engine)
    if version == schema.HEAD:
        return
    if version is not None and version > schema.HEAD:
        raise MissingDependencyError(
            f"the ledger {where} is at version {version}, above the {schema.HEAD} known here: upgrade automl"
        )
    if create:
        _upgrade(engine)
    elif version is None:
        raise StudyNotFoundError(f"the ledger {where} has no tables: no study was ever made there")


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
        tables = set(sa.inspect(connection).get_table_names())
        if schema.VERSION_TABLE not in tables and (foreign := sorted(tables & schema.metadata.tables.keys())):
            raise ConfigError(
                f"storage {address.shown(engine.url)} has tables of another program ({', '.join(foreign)}): "
                "give the ledger a database of its own"
            )
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
def translated(url: sa.URL, *, opening: bool = False) -> Iterator[None]:
    """Turn SQLAlchemy's exceptions into ours, in one line and without a password.

    Args:
        url: of the ledger.
        opening: whether it is being opened; what is wrong then may be the user's to mend.
    """
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        answer = error if isinstance(error, sa.exc.DBAPIError) else None
        cause = (str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__])[0]
        if answer and patience.is_full(answer):
            where = url.database if url.get_backend_name() == "sqlite" else None
            raise ResourceExhaustedError.of_disk(f"the ledger {address.shown(url)}", cause, folder=where) from error
        if answer and patience.is_moved(answer):
            raise LeaseLostError(f"{url.database} is gone: the study was deleted while it ran") from error
        if answer and integrity.is_damage(answer):
            raise integrity.damaged(address.shown(url), cause) from error
        if opening and answer and (said := postgres.refusal(answer, url)):
            raise said from error
        raise LedgerError(f"the ledger {address.shown(url)} does not work: {cause}") from error
