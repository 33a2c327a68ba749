"""Databases that cannot hold a ledger, or do not answer: one line, in which no password stands.

storage(name of the case, what stands after --storage, what is said)
"""

# fmt: off
# A case is two or three lines here, so that what is typed and what is said of it stand side by side.

from __future__ import annotations

from tests.cli.bad_inputs.case import Case, Content

FILES: dict[str, Content] = {"notes.txt": "not a database", "folder.db/a": ""}
FORMS = "; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:////PATH/FILE.db"
ONLY = f"only SQLite, and PostgreSQL by psycopg 3, are supported{FORMS}"


def storage(name: str, url: str, says: str, *, code: int = 2) -> Case:
    search = ("search", "train.py:objective", "-p", "x=0..1", "--metric", "val_loss", "--executor", "local")
    return Case(f"storage: {name}", (*search, "--storage", url), (f"storage {says}",), files=FILES, code=code)


CASES = [
    storage("no URL", "runs", f"'runs': this is no URL{FORMS}"),
    storage("empty", "", f"'': this is no URL{FORMS}"),
    storage("another database", "mysql://h/d", f"'mysql://h/d': {ONLY}"),
    storage("what is no database", "redis://h/0", f"'redis://h/0': {ONLY}"),
    storage("another driver", "postgresql+psycopg2://ada:secret@h/d", f"'postgresql+psycopg2://***@h/d': {ONLY}"),
    storage("short form", "postgres://ada:secret@h/d", "'postgres://***@h/d': write postgresql://, not postgres://"),
    storage("port in words", "postgresql://ada:secret@h:port/d",
            "'postgresql://***@h:port/d': this cannot be read (is the port a number? ...)" + FORMS),
    storage("port beyond the last", "postgresql://h:99999/d",
            "'postgresql://h:99999/d': a port is a number from 1 to 65535, got 99999"),
    storage("in memory", "sqlite://",
            "'sqlite://': studies in memory would be lost with the process; write sqlite:////PATH/FILE.db"),
    storage("in memory by name", "sqlite:///:memory:",
            "'sqlite:///:memory:': studies in memory would be lost with the process; write sqlite:////PATH/FILE.db"),
    storage("folder that is missing", "sqlite:////nowhere/x.db",
            "'sqlite:////nowhere/x.db': there is no folder /nowhere; name a file in a folder that exists"),
    storage("folder", "sqlite:///folder.db",
            "'sqlite:///folder.db': {here}/folder.db is a folder; name a file in a folder that exists"),
    storage("text", "sqlite:///notes.txt",
            "'sqlite:///notes.txt': {here}/notes.txt is no SQLite database; name another file"),
    storage("nobody answers", "postgresql://ada:secret@127.0.0.1:9/d",
            "postgresql://ada@127.0.0.1:9/d does not answer: Connection refused", code=4),
    storage("no such host", "postgresql://ada:secret@nowhere.invalid/d",
            "postgresql://ada@nowhere.invalid/d does not answer: ...", code=4),
    storage("braces and percent in the password", "postgresql://ada:{}%40%2F%25@127.0.0.1:9/d",
            "postgresql://ada@127.0.0.1:9/d does not answer: Connection refused", code=4),
    storage("half a percent in the password", "postgresql://ada:%zz@127.0.0.1:9/d",
            "postgresql://ada@127.0.0.1:9/d does not answer: Connection refused", code=4),
]
