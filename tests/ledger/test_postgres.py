"""A server at the other end of a network: it goes away, comes back, refuses, and is shared."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from automl.errors import AutomlError, ConfigError, LeaseLostError, MissingDependencyError, StudyMismatchError
from automl.ledger import patience, schema
from automl.ledger.address import shown
from automl.ledger.database import LedgerError, connect
from automl.ledger.queries import Reader
from automl.ledger.studies import study_names
from automl.ledger.writer import Writer, create_study
from automl.trial import AttemptState, Report
from tests.postgres import PASSWORD, Cluster

CONFIG = {"metric": "loss", "direction": "minimize"}


@pytest.fixture
def url(postgres_url: str) -> str:
    """A ledger with one study, `s`."""
    create_study(postgres_url, "s", CONFIG)
    return postgres_url


@pytest.fixture
def writer(url: str) -> Writer:
    return Writer.open(connect(url, create=True), "s")


def add_trial(ledger: Writer, number: int) -> None:
    ledger.ask(number=number, params={}, seed=0)
    ledger.start(trial=number, attempt=1, start_step=0, resources={})
    ledger.report(trial=number, attempt=1, report=Report(step=1, values={"loss": 0.5}, time=1.0))


def numbers(url: str) -> list[int]:
    with Reader.open(url, "s") as reader:
        return [record.number for record in reader.records()]


def cut_connections(postgres: Cluster, url: str) -> None:
    postgres.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.rpartition('/')[2]}'"
    )


def at_once(*actions: Callable[[], object]) -> list[object]:
    """Do all actions in threads of their own, which start together; return results and errors of ours."""
    barrier, found = threading.Barrier(len(actions)), []

    def run(action: Callable[[], object]) -> None:
        barrier.wait()
        try:
            found.append(action())
        except AutomlError as error:
            found.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_restarts_cost_a_pause(
    writer: Writer, url: str, postgres: Cluster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server crashes between two commits and comes back while the second waits: nothing is lost or doubled."""
    monkeypatch.setattr(patience, "NOTICE", 0.0)
    for number in range(3):
        add_trial(writer, 2 * number)
        writer.commit()
        postgres.stop()
        add_trial(writer, 2 * number + 1)
        back = threading.Thread(target=postgres.start)
        back.start()

        writer.commit()

        back.join()
    assert numbers(url) == list(range(6))
    away, back_again = (record.message for record in caplog.records[:2])
    assert away.startswith(f"the ledger {shown(url)} has been away for 0 s (")
    assert away.endswith("; waiting up to 60 s")
    assert back_again.startswith("the ledger answers again after ")


@pytest.mark.parametrize("is_through", [True, False], ids=["after the commit", "before the commit"])
def test_a_commit_whose_answer_was_lost_is_written_once(
    writer: Writer, url: str, monkeypatch: pytest.MonkeyPatch, is_through: bool
) -> None:
    """Whether the connection broke before or after, the changes are there once."""
    dialect = writer.engine.dialect
    commit = dialect.do_commit

    def break_once(connection: Any) -> None:
        monkeypatch.setattr(dialect, "do_commit", commit)
        if is_through:
            commit(connection)
        connection.dbapi_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    add_trial(writer, 0)
    monkeypatch.setattr(dialect, "do_commit", break_once)

    seq = writer.commit(used=7.0)

    assert numbers(url) == [0]
    with Reader.open(url, "s") as reader:
        assert (seq, reader.study().seq, reader.highest_seq()) == (4, 4, 4)
    add_trial(writer, 1)
    writer.commit()
    assert numbers(url) == [0, 1]


def test_a_study_taken_meanwhile_is_not_written_to(writer: Writer, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that is repeated is fenced like any other."""
    dialect = writer.engine.dialect
    commit = dialect.do_commit

    def lose_the_study(connection: Any) -> None:
        monkeypatch.setattr(dialect, "do_commit", commit)
        connection.dbapi_connection.close()
        with connect(url, create=True).begin() as other:
            other.execute(sa.update(schema.studies).values(epoch=99))
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    add_trial(writer, 0)
    monkeypatch.setattr(dialect, "do_commit", lose_the_study)

    with pytest.raises(LeaseLostError):
        writer.commit()

    assert numbers(url) == []


def test_a_database_that_forgot_is_not_written_to(writer: Writer, url: str) -> None:
    """One that was restored, or confirms commits before they are on disk, does not get rows with a gap before them."""
    add_trial(writer, 0)
    writer.commit()
    with connect(url, create=True).begin() as other:
        other.execute(sa.update(schema.studies).values(seq=2))

    with pytest.raises(LedgerError, match="at seq 2, not 4: the database has lost commits"):
        writer.commit()


def test_patience_ends(writer: Writer, postgres: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stays away is an error in one line; the changes wait on."""
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    add_trial(writer, 0)
    postgres.stop()
    try:
        with pytest.raises(LedgerError, match=r"^the ledger postgresql://ada@.+ does not work: .+$"):
            writer.commit()
    finally:
        postgres.start()

    assert writer.commit() == 4


def test_a_session_that_was_terminated(writer: Writer, url: str, postgres: Cluster) -> None:
    """An administrator ends the connection: the next commit takes another."""
    cut_connections(postgres, url)
    add_trial(writer, 0)

    writer.commit()

    assert numbers(url) == [0]


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "53300", "57P01"])
def test_what_passes_is_tried_again(writer: Writer, url: str, postgres: Cluster, state: str) -> None:
    """A serialization failure, deadlock, lock, lack of connections or shutdown costs a pause each time it comes."""
    postgres.execute("CREATE SEQUENCE tries", url)
    postgres.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') <= 3 THEN "
        f"RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END IF; RETURN NEW; END $$",
        url,
    )
    postgres.execute("CREATE TRIGGER t BEFORE INSERT ON metrics FOR EACH ROW EXECUTE FUNCTION fail()", url)
    add_trial(writer, 0)

    assert writer.commit() == 4

    assert numbers(url) == [0]


def test_a_deadlock(writer: Writer, url: str) -> None:
    """Another session locks the same rows the other way round: the server ends one, and both get through in the end."""
    add_trial(writer, 0)
    writer.commit()
    writer.end(trial=0, attempt=1, state=AttemptState.LOST, waits=True)
    with psycopg.connect(url) as other:
        other.execute("UPDATE trials SET message = 'x'")
        thread = threading.Thread(target=writer.commit)
        thread.start()
        while not other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall():
            pass
        with contextlib.suppress(psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable):
            other.execute("UPDATE studies SET result = NULL")
        other.rollback()
    thread.join()

    with Reader.open(url, "s") as reader:
        assert (reader.study().seq, reader.records()[0].state) == (6, "WAITING")


def lose_an_answer(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the connection break between the next commit and its answer."""
    commit = engine.dialect.do_commit

    def break_once(connection: Any) -> None:
        monkeypatch.setattr(engine.dialect, "do_commit", commit)
        commit(connection)
        connection.dbapi_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(engine.dialect, "do_commit", break_once)


def test_a_lease_whose_answer_was_lost_is_ours(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver does not refuse itself, nor is it a second one."""
    engine = connect(url, create=True)
    lose_an_answer(engine, monkeypatch)

    writer = Writer.open(engine, "s")

    assert (writer.epoch, writer.commit()) == (1, 0)


def test_a_lease_whose_answer_was_lost_knows_who_died(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long the driver before has lived is told once more."""
    Writer.open(connect(url, create=True), "s", clock=lambda: 1000.0)
    engine = connect(url, create=True)
    with engine.begin() as connection:
        owner = connection.scalar(sa.select(schema.studies.c.owner))
        connection.execute(sa.update(schema.studies).values(owner=owner | {"boot": "before"}))
    lose_an_answer(engine, monkeypatch)

    writer = Writer.open(engine, "s", clock=lambda: 1050.0)

    assert (writer.epoch, writer.lived) == (2, (1000.0, pytest.approx(1050.0, abs=10)))


def test_errors_that_are_no_outage_are_not_repeated(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    """A row that is there twice is a bug, not a restart."""
    add_trial(writer, 0)
    add_trial(writer, 0)

    with pytest.raises(LedgerError, match="duplicate key"):
        writer.commit()

    assert caplog.records == []


def test_a_reader_gets_over_a_broken_connection(url: str, postgres: Cluster) -> None:
    """The moment that was seen goes on over a new connection if it is there still; else the next moment has to do."""
    with Reader.open(url, "s") as reader:
        reader.study()
        postgres.restart()

        assert reader.study().name == "s"

        cut_connections(postgres, url)
        writer = Writer.open(connect(url, create=True), "s")
        writer.event("something")
        writer.commit()
        with pytest.raises(LedgerError, match="the study went on while its ledger could not be read"):
            reader.study()
        assert reader.refresh().study().name == "s"


def test_steps_of_any_size(writer: Writer, url: str) -> None:
    """A step may be a frame or a token, of which there are more than 2^31."""
    step = 2**63 - 1
    writer.ask(number=0, params={}, seed=2**31)
    writer.start(trial=0, attempt=1, start_step=step - 1, resources={})
    writer.report(trial=0, attempt=1, report=Report(step=step, values={"loss": 1.0}, time=1.0))
    writer.end(trial=0, attempt=1, state=AttemptState.PAUSED, checkpoint=step)

    writer.commit()

    with Reader.open(url, "s") as reader:
        assert (reader.attempts()[0].checkpoint, reader.metrics()[0].step) == (step, step)


def test_one_of_many_drivers_gets_a_study(url: str) -> None:
    """The others are told who has it."""
    engines = [connect(url, create=True) for _ in range(8)]

    found = at_once(*(lambda engine=engine: Writer.open(engine, "s") for engine in engines))

    assert sorted(type(each) is Writer for each in found) == [False] * 7 + [True]
    assert all(isinstance(each, (Writer, LeaseLostError)) for each in found)


def test_one_of_many_gets_a_name_in_an_empty_database(postgres_url: str) -> None:
    """The tables are made once, and so is the study."""
    found = at_once(*[lambda: create_study(postgres_url, "s", CONFIG)] * 6)

    assert sorted(each is None for each in found) == [False] * 5 + [True]
    assert all(isinstance(each, StudyMismatchError) for each in found if each is not None)
    assert study_names(postgres_url) == ["s"]


def test_a_stopped_driver_keeps_no_lock(writer: Writer) -> None:
    """A session of a driver is ended when it stays in a transaction, and waits for no lock for ever."""
    with writer.engine.connect() as connection:
        found = [
            connection.scalar(sa.text(f"SHOW {name}"))
            for name in ("lock_timeout", "idle_in_transaction_session_timeout", "application_name")
        ]

    assert found == ["2s", "1min", "automl"]


class TestRefusals:
    """What cannot be opened is one line: where, and why; without a password, within seconds."""

    def refused(self, url: str) -> AutomlError:
        with pytest.raises(AutomlError) as caught:
            connect(url, create=True)
        assert len(caught.value.problems) == 1
        assert "\n" not in caught.value.problems[0]
        assert PASSWORD not in str(caught.value)
        return caught.value

    def test_a_wrong_password(self, postgres: Cluster) -> None:
        error = self.refused(postgres.url("x", password="wrong"))

        assert isinstance(error, ConfigError)
        assert f"postgresql://ada@127.0.0.1:{postgres.port}/x" in str(error)
        assert 'password authentication failed for user "ada"' in str(error)
        assert "AUTOML_STORAGE" in str(error)

    def test_no_password(self, postgres: Cluster) -> None:
        error = self.refused(postgres.url("x", password=None))

        assert isinstance(error, ConfigError)
        assert "no password supplied; a password is taken from" in str(error)

    def test_no_database(self, postgres: Cluster) -> None:
        error = self.refused(postgres.url("none"))

        assert isinstance(error, ConfigError)
        assert 'database "none" does not exist' in str(error)

    def test_no_server(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        error = self.refused(f"postgresql://ada@127.0.0.1:{port}/x")

        assert isinstance(error, MissingDependencyError)
        assert f"storage postgresql://ada@127.0.0.1:{port}/x does not answer: Connection refused" in str(error)

    def test_no_host(self) -> None:
        error = self.refused("postgresql://ada@nowhere.invalid/x")

        assert isinstance(error, MissingDependencyError)
        assert "'nowhere.invalid'" in str(error)

    def test_no_right_to_make_tables(self, postgres: Cluster, postgres_url: str) -> None:
        postgres.execute("DROP ROLE IF EXISTS eve")
        postgres.execute("CREATE ROLE eve LOGIN PASSWORD 'x'")

        error = self.refused(postgres.url(postgres_url.rpartition("/")[2], user="eve", password="x"))

        assert isinstance(error, ConfigError)
        assert "permission denied for schema public" in str(error)
        assert "GRANT CREATE ON SCHEMA public TO eve" in str(error)

    def test_tables_of_another_program(self, postgres: Cluster, postgres_url: str) -> None:
        postgres.execute("CREATE TABLE metrics (run_uuid text)", postgres_url)

        error = self.refused(postgres_url)

        assert isinstance(error, ConfigError)
        assert "has tables of another program (metrics)" in str(error)

    def test_without_psycopg(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "psycopg", None)

        error = self.refused("postgresql://ada@127.0.0.1/x")

        assert isinstance(error, MissingDependencyError)
        assert str(error).endswith("pip install 'automl-search[postgres]'")


def test_logs_have_no_password(postgres: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    """What SQLAlchemy logs of its pool names no password either."""
    with caplog.at_level(logging.DEBUG, "sqlalchemy"):
        connect(postgres.database(), create=True).dispose()

    assert caplog.records
    assert PASSWORD not in caplog.text
