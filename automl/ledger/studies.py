"""Which studies a ledger has, and readers of many of them: a file has one, a server any number.

study_names("postgresql://db/automl")       # ["digits-1", "digits-2"]
with opener() as opened, opened(url, "digits-1") as reader:
    reader.study()
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import sqlalchemy as sa

from automl.errors import AutomlError, StudyNotFoundError
from automl.ledger import schema
from automl.ledger.address import parse
from automl.ledger.database import connect, translated
from automl.ledger.patience import repeated
from automl.ledger.queries import Reader

_S = schema.studies


def study_names(url: str, *, waits: bool = False) -> list[str]:
    """Return the names of all studies in the ledger at `url`, the oldest first; none where there is no ledger yet.

    With `waits` a server that seems to be starting is given some seconds.
    """
    try:
        engine = connect(url, waits=waits)
    except StudyNotFoundError:
        return []

    def read() -> list[str]:
        with engine.connect() as connection:
            return list(connection.scalars(sa.select(_S.c.name).order_by(_S.c.created, _S.c.id)))

    try:
        with translated(engine.url):
            return repeated(read, engine.url)
    finally:
        engine.dispose()


@contextlib.contextmanager
def opener() -> Iterator[Callable[[str, str], Reader]]:
    """Yield a function like `Reader.open` for many studies: it connects to each server once, or fails to once."""
    engines: dict[str, sa.Engine | AutomlError] = {}

    def opened(url: str, name: str) -> Reader:
        if parse(url).get_backend_name() == "sqlite":  # a file a study, and files are quick to open
            return Reader.open(url, name)
        if url not in engines:
            try:
                engines[url] = connect(url, waits=True)
            except AutomlError as error:
                engines[url] = error
        engine = engines[url]
        if isinstance(engine, AutomlError):
            raise engine
        return Reader(engine, name)

    try:
        yield opened
    finally:
        for engine in engines.values():
            if isinstance(engine, sa.Engine):
                engine.dispose()
