"""A PostgreSQL server that is thrown away: for a session of tests, on loopback, with a database for each that asks.

    def test_it(postgres: Cluster) -> None:
        url = postgres.database()               # "postgresql://..." of a new, empty database
        postgres.restart()                      # as after a crash

Its password has every character that a URL makes trouble with, so that each test is one of those too.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

USER, PASSWORD = "ada", "p@:/{}%41 canary"
_UNSAFE = ("fsync=off", "full_page_writes=off")  # it outlives crashes of its own, and need not those of the machine


class Cluster:
    """A running server."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs
        # PostgreSQL refuses to run as root; as another user it needs a folder of its own.
        self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(folder, "nobody", "nogroup")
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        self._run("initdb", "-U", USER, "-A", "scram-sha-256", f"--pwfile={folder}/password", "-E", "UTF8", "--no-sync")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", f"port={self.port}", *_UNSAFE)
        (folder / "data" / "postgresql.auto.conf").write_text("\n".join(map(_quoted, settings)))
        self._databases = 0
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        self._run("pg_ctl", "start", "-w", "-l", str(self._folder / "log"))

    def stop(self) -> None:
        """Stop the server at once, as a crash would."""
        self._run("pg_ctl", "stop", "-m", "immediate")

    def restart(self) -> None:
        """Stop the server as a crash would, and start it again."""
        self.stop()
        self.start()

    def url(self, database: str = "postgres", *, user: str = USER, password: str | None = PASSWORD) -> str:
        """Return the URL of a database, whether there is one or not."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make a database, and return its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, url: str | None = None) -> list[tuple[object, ...]]:
        """Run a statement outside of any transaction, and return its rows."""
        import psycopg

        with psycopg.connect(url or self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        with (self._folder / "errors").open("wb") as errors:  # a pipe would be kept open by the server
            done = subprocess.run(
                [self._programs / program, "-D", self._folder / "data", *arguments],
                cwd=self._folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                check=False,
                **self._as,  # type: ignore[call-overload]
            )
        if done.returncode:
            raise RuntimeError(f"{program} {' '.join(arguments)}: {(self._folder / 'errors').read_text()}")


def _quoted(setting: str) -> str:
    name, _, value = setting.partition("=")
    return f"{name} = '{value}'"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest of those that a distribution keeps out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    in_path = shutil.which("initdb")
    return found[-1].parent if found else Path(in_path).resolve().parent if in_path else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Return a server, the same for the whole session. Without PostgreSQL its tests are skipped, but not in CI."""
    found = programs()
    if found is None:
        where = "PostgreSQL is not installed: no initdb in PATH or /usr/lib/postgresql/*/bin"
        if os.environ.get("CI"):
            pytest.fail(where)
        pytest.skip(where)
    folder = Path(tempfile.mkdtemp(prefix="automl-postgres-"))  # pytest's own are closed to other users
    folder.chmod(0o755)
    try:
        cluster = Cluster(folder, found)
        yield cluster
        cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """Return the URL of an empty database; connections that a test leaves open, as if killed, are closed."""
    from sqlalchemy import Pool, event

    opened: list[Any] = []

    def remember(connection: Any, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", remember)
    yield postgres.database()
    event.remove(Pool, "connect", remember)
    for connection in opened:
        connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty place for a ledger: the test runs on each kind of database."""
    from automl.ledger.address import sqlite_url

    if request.param == "sqlite":
        return sqlite_url(tmp_path / "a%20b ü" / "ledger.db")
    url: str = request.getfixturevalue("postgres_url")
    return url
