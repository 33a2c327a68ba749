"""Crash points: no change of a trial or attempt happens outside of two of them, and none of them is a dead letter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from automl import crash, driver, mirrors
from automl.crash import Point
from automl.delivery import Delivery
from automl.errors import TrialPruned
from automl.home import Home
from automl.interrupts import Interrupted
from automl.ledger import schema
from automl.ledger.database import connect
from automl.trial import Trial

Trace = defaultdict[int, list[Any]]
"""By thread: another one may pass its points between a commit and what comes after it."""
CHANGES = ("INSERT INTO trials", "UPDATE trials", "INSERT INTO attempts", "UPDATE attempts", "INSERT INTO metrics")


def objective(trial: Trial) -> dict[str, float]:
    """Trials that end in every way: COMPLETE, cut and resumed, paused and promoted, PRUNED, FAIL and retried."""
    if trial.number == 1:
        raise MemoryError("retried, and failed for good")
    if trial.number == 2:
        raise TrialPruned
    first = trial.restored.step + 1 if trial.restored else 1
    for step in range(first, 10):
        if trial.number == 3 and not (trial.folder / "cut").exists():
            trial.folder.mkdir(parents=True, exist_ok=True)
            (trial.folder / "cut").touch()
            raise Interrupted
        with trial.checkpoint(step) as folder:
            (folder / "step").write_text(str(step))
        trial.report(step, loss=1 / step - trial.number)
    (trial.folder / "note").write_text("kept")
    trial.artifact(trial.folder / "note")
    return {"loss": -trial.number}


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trace]:
    """Return what happens in each thread: points as they are passed, statements that change trials, and commits."""
    threads: Trace = defaultdict(list)

    def see(connection: Any, cursor: Any, statement: str, *rest: object) -> None:
        if _is_ledger(connection) and statement.startswith(CHANGES):
            threads[threading.get_ident()].append(" ".join(statement.split()[:3]))

    def commit(connection: sa.Connection) -> None:
        seen = threads[threading.get_ident()]
        if _is_ledger(connection) and any(str(each).startswith(CHANGES) for each in _since_commit(seen)):
            seen.append("commit")

    sa.event.listen(sa.Engine, "before_cursor_execute", see)
    sa.event.listen(sa.Engine, "commit", commit)
    monkeypatch.setattr(crash, "here", lambda point: threads[threading.get_ident()].append(point))
    yield threads
    sa.event.remove(sa.Engine, "before_cursor_execute", see)
    sa.event.remove(sa.Engine, "commit", commit)


def _is_ledger(connection: sa.Connection) -> bool:
    """Say whether this is no connection of MLflow's, which has tables of the same names."""
    return str(connection.engine.url.database).endswith("ledger.db")


def _since_commit(seen: list[Any]) -> list[Any]:
    """Return what came after the last commit."""
    reverse = seen[::-1]
    return reverse[: reverse.index("commit")] if "commit" in reverse else reverse


def test_every_change_lies_between_two_points(trace: Trace, tmp_path: Path, mlflow_template: Path) -> None:
    """Transactions with changes have a point of the driver before, within and after; together all points are passed."""
    home = Home(tmp_path / "home")
    options: dict[str, Any] = {"executor": "local", "listeners": (), "home": home.path, "metric": "loss"}
    options["early_stopping"] = "asha"
    space = {"x": "0.0..1.0"}
    (home.path).mkdir()
    (home.path / "mlflow.db").write_bytes(mlflow_template.read_bytes())

    with pytest.raises(KeyboardInterrupt):
        driver.search(objective, space, name="s", n_trials=9, max_epochs=9, tracker="none", **options)
    with connect(home.ledger_url("s"), create=True).begin() as connection:  # as a driver that was killed leaves it
        connection.execute(sa.update(schema.studies).values(owner=None))
    driver.resume("s", objective, home=home.path, listeners=())
    driver.search("digits", name="d", n_trials=1, max_epochs=1, seed=1, home=home.path, executor="local", listeners=())
    for name in ("s", "d"):
        with home.read(name) as reader:
            study = reader.study()
        delivery = Delivery(mirrors.MlflowMirror(home=home, study=study))
        delivery.catch_up()
        delivery.close()

    transactions = [each for seen in trace.values() for each in _transactions(seen)]
    assert len(transactions) > 25
    for before, within, after in transactions:
        assert before.startswith("driver-before-"), f"{before} comes before {within}"
        assert any(str(each).startswith("driver-within-") for each in within), within
        assert after.startswith("driver-after-"), f"{after} comes after {within}"
    assert {each for seen in trace.values() for each in seen if isinstance(each, Point)} == {*Point}


def _transactions(trace: list[Any]) -> list[tuple[str, list[str], str]]:
    """Return of each transaction the point before its first change, what it holds, and what comes after it."""
    found = []
    is_change = [not isinstance(each, Point) and each != "commit" for each in trace]
    position = 0
    while any(is_change[position:]):
        first = is_change.index(True, position)
        last = trace.index("commit", first)
        found.append((str(trace[first - 1]), [str(each) for each in trace[first:last]], str(trace[last + 1])))
        position = last + 1
    return found


@pytest.mark.parametrize(("variable", "code"), [("driver-after-ask:2", -signal.SIGKILL), ("", 0)])
def test_the_variable_kills_at_its_hit(variable: str, code: int) -> None:
    """The process dies at the n-th pass of its point, at no other; without the variable at none."""
    script = "from automl.crash import Point, here\nfor p in (*Point, *Point): print(p, flush=True); here(p)"

    ended = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, crash.VARIABLE: variable}, capture_output=True, text=True
    )

    lines = ended.stdout.split()
    assert ended.returncode == code
    assert len(lines) == 2 * len(Point) if code == 0 else lines.count("driver-after-ask") == 2


def test_a_variable_that_makes_no_sense() -> None:
    """A misspelt point is told at the first place that is passed, with the right ones."""
    with pytest.raises(SystemExit, match=r"POINT:HIT with a point of driver-before-create.*got 'driver:1'"):
        crash._armed("driver:1")
