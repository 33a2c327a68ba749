"""A ledger's file that was emptied or cut is refused in one line, before SQLite can take it for a new one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from automl.errors import AutomlError, StudyNotFoundError
from automl.home import Home
from automl.ledger import address
from automl.ledger.address import sqlite_url
from automl.ledger.database import LedgerError, connect
from automl.ledger.queries import Reader
from automl.ledger.requests import Request
from automl.ledger.writer import Writer, create_study


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Return the ledger of a study whose folder has a trial."""
    path = tmp_path / "s" / "ledger.db"
    (tmp_path / "s" / "trials" / "0").mkdir(parents=True)
    create_study(sqlite_url(path), "s", {"metric": "loss", "direction": "minimize"})
    return path


@pytest.mark.parametrize("size", [0, 1, 99, 100, 4095, 4096, 8192, -1])
def test_a_cut_file_is_refused(ledger: Path, size: int) -> None:
    """By readers and drivers alike, in one line that says what to do, and nothing is made in its place."""
    os.truncate(ledger, size if size >= 0 else ledger.stat().st_size - 1)
    before = ledger.read_bytes()

    for create in (False, True):
        with pytest.raises(LedgerError, match=r"^the ledger .* is damaged .*: put back a copy[^\n]*$"):
            connect(sqlite_url(ledger), create=create)

    assert ledger.read_bytes() == before
    with pytest.raises(AutomlError, match="is damaged"):
        Home(ledger.parents[1]).read("s")


def test_an_emptied_file_keeps_its_wal(ledger: Path) -> None:
    """SQLite would delete the log of an empty file, and with it the whole study."""
    held = sqlite3.connect(ledger)
    held.execute("UPDATE studies SET seq = 7")
    held.commit()
    log = ledger.with_name("ledger.db-wal").read_bytes()
    (ledger.parent / "copy.db-wal").write_bytes(log)
    (ledger.parent / "copy.db").touch()
    held.close()

    with pytest.raises(LedgerError, match="it is empty"):
        connect(sqlite_url(ledger.parent / "copy.db"), create=True)

    assert (ledger.parent / "copy.db-wal").read_bytes() == log


def test_a_file_that_was_never_a_ledger_is_no_damage(tmp_path: Path) -> None:
    """Who made it died before the first table, and no trial was ever run."""
    (tmp_path / "ledger.db").touch()

    with pytest.raises(StudyNotFoundError):
        connect(sqlite_url(tmp_path / "ledger.db"))


def test_a_page_of_nonsense_is_refused_by_drivers(ledger: Path) -> None:
    """The size is right, the pages do not fit together: SQLite reads them all when a driver begins."""
    content = bytearray(ledger.read_bytes())
    content[4096 * 3 : 4096 * 4] = bytes(4096)
    ledger.write_bytes(content)

    with pytest.raises(LedgerError, match=r"^the ledger .* is damaged [^\n]*$"):
        Writer.open(connect(sqlite_url(ledger), create=True), "s")


def test_garbage_behind_the_end_is_no_damage(ledger: Path) -> None:
    """The header says where the database ends."""
    with ledger.open("ab") as end:
        end.write(b"garbage" * 1000)

    writer = Writer.open(connect(sqlite_url(ledger), create=True), "s")
    writer.release(finished=False)

    assert writer.epoch == 1


def test_a_request_that_is_none_is_not_heeded(ledger: Path) -> None:
    """Whatever stands in the column, a driver and a reader go on."""
    writer = Writer.open(connect(sqlite_url(ledger), create=True), "s")
    with writer.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE studies SET request = 'nonsense'")

    with Reader.open(sqlite_url(ledger), "s") as reader:
        assert reader.study().request is None
    assert writer.request() is None
    with writer.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE studies SET request = 'now'")
    assert writer.request() is Request.NOW
    writer.abandon()


def test_a_look_leaves_the_locks_of_a_driver(ledger: Path) -> None:
    """A process that reads a study while it holds it stays its holder: another that leaves takes no WAL away."""
    url = sqlite_url(ledger)
    look = ["-c", f"from automl.ledger.queries import Reader; Reader.open({url!r}, 's').close()"]
    writer = Writer.open(connect(url, create=True), "s")
    Reader.open(url, "s").close()
    address.storage(url)

    subprocess.run([sys.executable, *look], check=True)
    writer.ask(number=0, params={}, seed=1)
    writer.commit()

    assert ledger.with_name("ledger.db-wal").exists()
    writer.abandon()
    with Reader.open(url, "s") as reader:
        assert [record.number for record in reader.records()] == [0]
