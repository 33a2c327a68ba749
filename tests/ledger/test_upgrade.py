"""Ledgers of versions before: they are read as they are, and brought up to date when a search goes on in them.

`tests/data/ledger-<revision>-*.db` were written by the automl that made tables of that revision: `automl search
parabola:objective -p x=0.0..1.0 -p kind="a|b" --metric loss --trials 8 --max-epochs 9 --executor local --tracker none`,
once to its end and once until its driver was killed in the middle of trial 4, on a machine called laptop. In both
trial 3 failed and others were paused, pruned or promoted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from automl.cli import main
from automl.ledger import schema

DATA = Path(__file__).parents[1] / "data"
LEDGERS = sorted(DATA.glob("ledger-*.db"))
STUDY = "parabola-1"
TABLES = ("trials", "attempts", "metrics", "events")

OBJECTIVE = """
def objective(trial):
    for step in range(1, 10):
        loss = (trial.params["x"] - 0.3) ** 2 + 1 / step
        trial.report(step, loss=loss)
    return {"loss": loss}
"""


@pytest.fixture(autouse=True)
def _objective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the studies find their objective."""
    (tmp_path / "parabola.py").write_text(OBJECTIVE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "parabola", raising=False)


@pytest.fixture(params=LEDGERS, ids=lambda path: path.stem)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a ledger of a version before, in a home where commands find it."""
    path = tmp_path / "automl_runs" / STUDY / "ledger.db"
    path.parent.mkdir(parents=True)
    shutil.copyfile(request.param, path)
    return path


def rows(path: Path, table: str) -> dict[Any, dict[str, Any]]:
    """Return the rows of a table by the number that each got when it was last changed."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {row["seq"]: dict(row) for row in connection.execute(f"SELECT * FROM {table}")}


def revision(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return str(connection.execute(f"SELECT version_num FROM {schema.VERSION_TABLE}").fetchone()[0])


def test_each_revision_has_its_ledgers() -> None:
    """Whoever adds a revision keeps two ledgers of the one before."""
    revisions = {path.stem.split("-")[1] for path in LEDGERS}

    assert revisions == {f"{number:04}" for number in range(1, int(schema.HEAD))}


@pytest.mark.parametrize(
    "words",
    [["ls"], ["status", STUDY], ["top", STUDY], ["show", STUDY], ["show", STUDY, "2"], ["doctor", STUDY]],
    ids=" ".join,
)
def test_looking_changes_nothing(ledger: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command that only reads answers from the ledger as it is, to the byte."""
    before = hashlib.sha256(ledger.read_bytes()).hexdigest()

    main([*words, "-f", "json"])

    assert capsys.readouterr().err == ""
    assert hashlib.sha256(ledger.read_bytes()).hexdigest() == before


def test_what_is_seen(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """States, values and counts are those that were written."""
    (study,) = rows(ledger, "studies").values()
    is_cut = study["owner"] is not None

    main(["status", STUDY, "-f", "json"])

    status = json.loads(capsys.readouterr().out)
    counts = {"RUNNING": 4, "FAIL": 1} if is_cut else {"COMPLETE": 1, "PRUNED": 6, "FAIL": 1}
    assert status["state"] == ("interrupted" if is_cut else "finished")
    assert {state: n for state, n in status["counts"].items() if n} == counts
    assert (status["best"]["number"], status["best"]["step"]) == (2, 6 if is_cut else 9)


def test_resume_upgrades_in_place(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The search goes on; what had ended, and every value and event, stands as it was written."""
    old = revision(ledger)
    before = {table: rows(ledger, table) for table in TABLES}
    assert len(before["metrics"]) > 10

    code = main(["resume", STUDY, "--trials", "10", "-q", "-f", "json"])

    after = {table: rows(ledger, table) for table in TABLES}
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert code == 0
    assert old < revision(ledger) == schema.HEAD
    assert (sum(counts.values()), counts["RUNNING"], counts["WAITING"]) == (10, 0, 0)
    ended = {seq for seq, row in before["trials"].items() if row["ended"]}
    left = {seq for seq, row in before["attempts"].items() if row["ended"]}
    for table, kept in (("trials", ended), ("attempts", left), ("metrics", None), ("events", None)):
        wanted = {seq: row for seq, row in before[table].items() if kept is None or seq in kept}
        assert {seq: after[table].get(seq) for seq in wanted} == wanted
