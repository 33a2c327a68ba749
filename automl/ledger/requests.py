"""What anybody may ask of the driver that runs a study: to stop. It is all that others than the driver ever write.

    send(url, "digits-1", Request.FINISH)       # `automl stop digits-1`; False when nobody runs it

The driver looks about each second, and whoever takes the study next finds nothing of it.
"""

from __future__ import annotations

import enum

import sqlalchemy as sa

from automl.ledger import schema
from automl.ledger.database import connect, translated
from automl.ledger.patience import repeated

_S = schema.studies


class Request(enum.StrEnum):
    """How a search is to stop."""

    FINISH = "finish"
    """What runs goes on to its end, and nothing else begins."""
    NOW = "now"
    """What runs is cut, as by Ctrl-C, and is the first to run on resume."""

    @classmethod
    def read(cls, text: str | None) -> Request | None:
        """Return what a study's row asks for; whatever is no request asks for nothing."""
        return next((each for each in cls if each == text), None)


def send(url: str, name: str, request: Request) -> bool:
    """Leave a request for the driver of a study; return whether the study has one, alive or not.

    Raises:
        LedgerError: the ledger cannot be written.
    """
    engine = connect(url, waits=True)
    try:
        with translated(engine.url):
            return repeated(lambda: _write(engine, name, request), engine.url)
    finally:
        engine.dispose()


def _write(engine: sa.Engine, name: str, request: Request) -> bool:
    """Write once over a reader's connection, which makes no tables and leaves SQLite's checkpoints to the driver."""
    where = _S.c.name == name, _S.c.owner.is_not(None)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only=OFF")
        else:
            connection = connection.execution_options(isolation_level="READ COMMITTED", postgresql_readonly=False)
        found = connection.execute(sa.update(_S).where(*where).values(request=request)).rowcount
        connection.commit()
        return found > 0
