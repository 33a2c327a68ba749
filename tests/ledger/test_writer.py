"""The writer: rows and sequence numbers, the fence, the lease."""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from automl import interrupts
from automl.errors import ConfigError, LeaseLostError, MissingDependencyError, StudyMismatchError, StudyNotFoundError
from automl.ledger import lease, patience, schema
from automl.ledger.address import sqlite_url
from automl.ledger.database import LedgerError, connect
from automl.ledger.queries import Reader
from automl.ledger.writer import Writer, create_study
from automl.trial import AttemptState, Reason, Report, TrialState

CONFIG = {"metric": "loss", "direction": "minimize"}


@pytest.fixture
def url(storage_url: str) -> str:
    """A ledger with one study, `s`, in each kind of database."""
    create_study(storage_url, "s", CONFIG)
    return storage_url


def report(step: int, **values: float) -> Report:
    return Report(step=step, values=values, time=1000.0 + step)


def write_trial(ledger: Writer, number: int, value: float = 0.5) -> None:
    ledger.ask(number=number, params={"x": 1}, seed=number)
    ledger.start(trial=number, attempt=1, start_step=0, resources={})
    ledger.report(trial=number, attempt=1, report=report(1, loss=value + 1))
    ledger.report(trial=number, attempt=1, report=report(2, loss=value, other=math.nan))
    ledger.end(trial=number, attempt=1, state=AttemptState.RESULT)
    ledger.tell(trial=number, state=TrialState.COMPLETE, value=value, values={"loss": value, "other": math.inf})


def test_what_is_written_is_read_back(url: str) -> None:
    """A trial's row, attempts, metrics and values survive the round trip, NaN and infinity included."""
    ledger = Writer.open(connect(url, create=True), "s")

    write_trial(ledger, 0)
    ledger.event("note", trial=0, text="hello")
    ledger.commit()

    with Reader.open(url, "s") as reader:
        (record,) = reader.records()
        assert (record.state, record.value, record.attempt, record.step) == (TrialState.COMPLETE, 0.5, 1, 2)
        assert record.params == {"x": 1}
        assert record.reports == {1: 1.5, 2: 0.5}
        assert record.values == {"loss": 0.5, "other": math.inf}
        assert [(m.name, m.step, m.value) for m in reader.metrics()][:2] == [("loss", 1, 1.5), ("loss", 2, 0.5)]
        assert math.isnan(reader.metrics()[2].value)
        assert [(e.kind, e.data) for e in reader.events()] == [("note", {"text": "hello"})]
        assert reader.counts()["COMPLETE"] == 1


def test_every_row_has_its_own_seq(url: str) -> None:
    """Sequence numbers of a transaction are distinct and end at the study's seq."""
    engine = connect(url, create=True)
    ledger = Writer.open(engine, "s")
    write_trial(ledger, 0)
    write_trial(ledger, 1)

    seq = ledger.commit()

    with engine.connect() as connection:
        seqs = [
            connection.scalars(sa.select(table.c.seq)).all()
            for table in (schema.trials, schema.attempts, schema.metrics)
        ]
    numbers = [number for table in seqs for number in table]
    assert len(numbers) == len(set(numbers))
    assert max(numbers) == seq


def test_pages_cover_everything_once(url: str) -> None:
    """Reading by pages of two reported values meets every value and every trial exactly once."""
    ledger = Writer.open(connect(url, create=True), "s")
    for number in range(3):
        write_trial(ledger, number)
        ledger.commit()

    with Reader.open(url, "s") as reader:
        cursor, metrics, trials = -1, [], []
        while cursor < reader.study().seq:
            up_to = reader.seq_of_page(cursor, 2)
            metrics += reader.metrics(after=cursor, up_to=up_to)
            trials += reader.changed(cursor, up_to)
            cursor = up_to

        assert [(m.trial, m.name, m.step) for m in metrics] == [(m.trial, m.name, m.step) for m in reader.metrics()]
        assert trials == [0, 1, 2]
        assert reader.waiting(cursor) == 0


def test_a_taken_over_writer_writes_nothing(url: str) -> None:
    """Once another driver holds the study, a commit raises and leaves no row."""
    engine = connect(url, create=True)
    first = Writer.open(engine, "s")
    with engine.begin() as connection:
        connection.execute(sa.update(schema.studies).values(epoch=first.epoch + 1))
    write_trial(first, 0)

    with pytest.raises(LeaseLostError, match="taken the study over"):
        first.commit()

    with Reader.open(url, "s") as reader:
        assert reader.records() == []


def test_a_failed_commit_keeps_its_rows(url: str) -> None:
    """What could not be written waits, and goes out with the next commit."""
    engine = connect(url, create=True)
    ledger = Writer.open(engine, "s")
    write_trial(ledger, 0)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE metrics RENAME TO hidden")
    with pytest.raises(LedgerError, match=r"no such table|does not exist"):
        ledger.commit()
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO metrics")

    ledger.commit()

    with Reader.open(url, "s") as reader:
        assert len(reader.records()) == 1


def test_a_living_driver_keeps_others_out(url: str) -> None:
    """A second driver is refused and told who holds the study."""
    Writer.open(connect(url, create=True), "s")

    with pytest.raises(LeaseLostError, match=f"process {os.getpid()} on"):
        Writer.open(connect(url, create=True), "s")


def test_a_dead_drivers_lease_is_free_at_once(url: str) -> None:
    """A driver that died without a word is followed without waiting."""
    code = f"from automl.ledger.database import connect; from automl.ledger import writer; import os;\
        writer.create_study({url!r}, 'dead', {{}});\
        writer.Writer.open(connect({url!r}, create=True), 'dead'); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], check=False)

    ledger = Writer.open(connect(url, create=True), "dead")

    assert ledger.epoch == 2


def test_a_study_is_held_from_its_first_moment(url: str) -> None:
    """Who has made it takes it, once; nobody else may until that process is dead, and then anybody."""
    code = f"from automl.ledger.database import connect; from automl.ledger.writer import Writer; import sys;\
        Writer.open(connect({url!r}, create=True), sys.argv[1])"
    made = f"from automl.ledger.writer import create_study; create_study({url!r}, 'dead', {{}})"

    refused = subprocess.run([sys.executable, "-c", code, "s"], capture_output=True, text=True)
    subprocess.run([sys.executable, "-c", made], check=True)
    ledger = Writer.open(connect(url, create=True), "s")

    assert f"process {os.getpid()} on" in refused.stderr
    assert ledger.epoch == 1
    with pytest.raises(LeaseLostError):
        Writer.open(connect(url, create=True), "s")
    assert Writer.open(connect(url, create=True), "dead").epoch == 1


def test_who_left_what_a_dead_driver_ran_holds_nothing(url: str) -> None:
    """The study is free at once, for other hosts too, and still says that a driver died; who takes it up ends that."""
    Writer.open(connect(url, create=True), "s")
    engine = connect(url, create=True)
    with engine.begin() as connection:
        owner = connection.scalar(sa.select(schema.studies.c.owner))
        connection.execute(sa.update(schema.studies).values(owner=owner | {"boot": "before"}))
    Writer.open(engine, "s").abandon()
    with engine.begin() as connection:
        left = connection.scalar(sa.select(schema.studies.c.owner))
    with Reader.open(url, "s") as reader:
        study = reader.study()

    last = Writer.open(engine, "s")
    last.event("note")
    last.commit()
    last.abandon()

    assert (study.owner, study.state, study.has_died) == (None, "interrupted", True)
    assert not lease.is_held(left | {"host": "elsewhere"}, 0.0)
    assert (last.epoch, last.fenced) == (3, None)
    assert last.lived[0] == owner["since"]
    with Reader.open(url, "s") as reader:
        assert not reader.study().has_died
    assert Writer.open(engine, "s").lived == (math.inf, -math.inf)


@pytest.mark.parametrize(("idle", "is_held"), [(1.0, True), (lease.EXPIRES_SECONDS + 1, False)])
def test_another_hosts_lease_expires(idle: float, is_held: bool) -> None:
    """A driver on another host counts as dead once it has not renewed for long enough."""
    owner = lease.this_process(since=0.0) | {"host": "elsewhere"}

    assert lease.is_held(owner, idle) is is_held


def test_a_reused_pid_holds_nothing() -> None:
    """A process with the owner's pid that began at another time is another process."""
    owner = lease.this_process(since=0.0)

    assert lease.is_held(owner, 0.0)
    assert not lease.is_held(owner | {"started": owner["started"] - 100}, 0.0)


def test_release_gives_the_study_back(url: str) -> None:
    """After a release the study is finished and free."""
    ledger = Writer.open(connect(url, create=True), "s")

    ledger.release(finished=True)

    with Reader.open(url, "s") as reader:
        assert reader.study().state == "finished"
    assert Writer.open(connect(url, create=True), "s").epoch == 2


def test_names_are_taken_once(url: str) -> None:
    """A second study of the same name is refused with the way to go on."""
    with pytest.raises(StudyMismatchError, match="automl resume s"):
        create_study(url, "s", CONFIG)


def test_unknown_study(url: str) -> None:
    """A study that is not there is named."""
    with pytest.raises(StudyNotFoundError, match="no study 'other'"):
        Reader.open(url, "other")


def test_readers_cannot_write(url: str) -> None:
    """A reader's connection refuses to change anything."""
    with connect(url).connect() as connection, pytest.raises(sa.exc.DBAPIError, match=r"readonly|read-only"):
        connection.exec_driver_sql("DELETE FROM studies")


def test_a_newer_ledger_is_refused(url: str) -> None:
    """A database of a later version is not touched."""
    with connect(url, create=True).begin() as connection:
        connection.exec_driver_sql(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")

    with pytest.raises(MissingDependencyError, match="upgrade automl"):
        connect(url, create=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_ledger_in_a_folder_of_another_user(tmp_path: Path) -> None:
    """SQLite cannot open it even to read, which is said with the way out."""
    folder = tmp_path / "s"
    url = sqlite_url(folder / "ledger.db")
    create_study(url, "s", CONFIG)
    (folder / "ledger.db").chmod(0o444)
    folder.chmod(0o555)

    with pytest.raises(ConfigError, match=r"SQLite must write beside it, even to read, .* copy the study's folder"):
        connect(url)

    folder.chmod(0o755)


@pytest.mark.parametrize("url", ["foo", "mysql://host/x"])
def test_other_urls_are_refused(url: str) -> None:
    """What is no URL or another database is said to be so."""
    with pytest.raises(ConfigError, match=r"sqlite:///"):
        connect(url, create=True)


def test_no_ledger_is_made_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and shared memory only seem to work there; what is there already is still read."""
    mounts = [
        SimpleNamespace(mountpoint=mount, fstype=kind) for mount, kind in (("/", "ext4"), (str(tmp_path), "nfs4"))
    ]
    url = sqlite_url(tmp_path / "home" / "ledger.db")
    monkeypatch.setattr("psutil.disk_partitions", lambda all: mounts)

    with pytest.raises(ConfigError, match=r"network file system \(nfs4\).* --storage postgresql://"):
        create_study(url, "s", CONFIG)

    assert list(tmp_path.iterdir()) == []
    mounts.pop()
    create_study(url, "s", CONFIG)


def test_migrations_make_the_tables_of_the_schema(storage_url: str) -> None:
    """The revisions and `schema.metadata` describe the same tables."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with connect(storage_url, create=True).connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})

        assert compare_metadata(context, schema.metadata) == []


def test_ranking_prefers_complete_trials_then_depth(url: str) -> None:
    """COMPLETE trials come first; of the others the one that came furthest, whatever its value."""
    ledger = Writer.open(connect(url, create=True), "s")
    write_trial(ledger, 0, value=0.9)
    for number, reports in ((1, [report(1, loss=0.0)]), (2, [report(1, loss=5.0), report(2, loss=4.0)])):
        ledger.ask(number=number, params={}, seed=0)
        ledger.start(trial=number, attempt=1, start_step=0, resources={})
        for item in reports:
            ledger.report(trial=number, attempt=1, report=item)
        ledger.end(trial=number, attempt=1, state=AttemptState.RESULT)
        ledger.tell(trial=number, state=TrialState.PRUNED, reason=Reason.EARLY_STOPPING)
    ledger.commit()

    with Reader.open(url, "s") as reader:
        assert reader.ranking() == [(0, 2, 0.9), (2, 2, 4.0), (1, 1, 0.0)]


def test_a_lock_of_another_program_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits is told so once, and told when it is over; what was to be written is there once."""
    monkeypatch.setattr(patience, "NOTICE", 0.5)
    monkeypatch.setattr(patience, "BUSY_SECONDS", 0.1)
    url = sqlite_url(tmp_path / "ledger.db")
    create_study(url, "s", CONFIG)
    ledger = Writer.open(connect(url, create=True), "s")
    told: list[tuple[str, bool]] = []
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)

    def let_go(text: str, is_over: bool) -> None:
        told.append((text, is_over))
        if not is_over:
            other.execute("ROLLBACK")

    ledger.said = let_go
    other.execute("BEGIN IMMEDIATE")
    ledger.ask(number=0, params={}, seed=0)

    assert ledger.commit() == 1

    (locked, is_over), (after, is_over_then) = told
    said = r"the ledger sqlite:///.*ledger\.db has been locked for \d s by another program; waiting up to 60 s"
    assert re.fullmatch(said, locked)
    assert re.fullmatch(r"the ledger answers again after \d s", after)
    assert (is_over, is_over_then) == (False, True)
    other.close()


def test_ctrl_c_ends_a_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who has pressed it sits there for a minute: the wait ends soon, and the signal is what is raised."""
    monkeypatch.setattr(patience, "NOTICE", 0.0)
    monkeypatch.setattr(patience, "HURRY", 0.2)
    monkeypatch.setattr(patience, "BUSY_SECONDS", 0.1)
    url = sqlite_url(tmp_path / "ledger.db")
    create_study(url, "s", CONFIG)
    ledger = Writer.open(connect(url, create=True), "s")
    ledger.said = lambda text, is_over: signal.raise_signal(signal.SIGINT)
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()

        with pytest.raises(interrupts.Interrupted), interrupts.raised(), interrupts.shielded():
            ledger.commit()

    assert time.monotonic() - began < 5
    assert interrupts.heard() is None


@pytest.mark.parametrize("how", ["another", "older", "moved"])
def test_another_file_in_its_place_is_not_written_to(tmp_path: Path, how: str) -> None:
    """Neither one that was put there, nor an older copy of its content, nor the old one in its new place."""
    path = tmp_path / "ledger.db"
    create_study(sqlite_url(path), "s", CONFIG)
    ledger = Writer.open(connect(sqlite_url(path), create=True), "s")
    if how == "older":
        older = path.read_bytes()  # as it was checkpointed at the opening
        write_trial(ledger, 0, value=1.0)
        ledger.engine.dispose()  # as a driver whose connection was recycled: the write-ahead log is merged
        path.write_bytes(older)
    elif how == "another":
        create_study(sqlite_url(tmp_path / "new.db"), "s", CONFIG)
        (tmp_path / "new.db").replace(path)
    else:
        path.rename(tmp_path / "moved.db")
    before = {each.name: each.read_bytes() for each in tmp_path.glob("*.db")}
    ledger.event("something")

    with pytest.raises(LedgerError if how == "older" else LeaseLostError, match=r"older copy|replaced|is gone"):
        ledger.commit()

    assert {each.name: each.read_bytes() for each in tmp_path.glob("*.db")} == before


def test_a_forked_process_does_not_write(tmp_path: Path) -> None:
    """SQLite's locks do not pass to a child: it is refused, and the parent goes on."""
    url = sqlite_url(tmp_path / "ledger.db")
    create_study(url, "s", CONFIG)
    ledger = Writer.open(connect(url, create=True), "s")
    ledger.event("something")
    child = os.fork()
    if not child:
        try:
            ledger.commit()
        except LedgerError as error:
            os._exit(7 if "a process forked from it cannot write" in str(error) else 8)
        os._exit(9)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert ledger.commit() == 1


def test_a_takeover_fences_a_driver_that_lives(url: str) -> None:
    """The second has the study and knows whom it took it from; the first writes nothing more, and notices at a look."""
    first = Writer.open(connect(url, create=True), "s")
    second = Writer.open(connect(url, create=True), "s", takeover=True)

    assert (first.fenced, second.epoch) == (None, 2)
    assert second.fenced is not None
    assert second.fenced["pid"] == os.getpid()
    for write in (first.request, first.commit, lambda: first.release(finished=True)):
        with pytest.raises(LeaseLostError, match="another driver has taken the study over"):
            write()
    second.release(finished=False)
    with Reader.open(url, "s") as reader:
        assert reader.study().state == "interrupted"


def test_a_ledger_that_was_deleted(tmp_path: Path) -> None:
    """Nothing is written to a file that nobody can open again, though SQLite would."""
    url = sqlite_url(tmp_path / "ledger.db")
    create_study(url, "s", CONFIG)
    ledger = Writer.open(connect(url, create=True), "s")
    (tmp_path / "ledger.db").unlink()

    for write in (ledger.request, ledger.commit, lambda: ledger.release(finished=False)):
        with pytest.raises(LeaseLostError, match=r"ledger\.db is gone: the study was deleted while it ran"):
            write()
