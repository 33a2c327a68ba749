"""A ledger that has lost its end is brought up to the files of its trials; what is of no trial is set aside."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from automl import durable
from automl.attempt import Attempt, run
from automl.interrupts import Interrupted
from automl.ledger.address import sqlite_url
from automl.trial import Report, Trial, TrialState, checkpoint_steps
from tests.test_study import Bench, complete, take


def objective(trial: Trial) -> float:
    """Leave a checkpoint and a report at each of three steps."""
    for step in range(trial.restored.step + 1 if trial.restored else 1, 4):
        with trial.checkpoint(step) as folder:
            (folder / "state").write_text(str(step))
        trial.report(step, loss=1 / step)
    return trial.params["x"]  # type: ignore[no-any-return]


def ignore(report: Report) -> None:
    """Be a driver that hears nothing."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "s").mkdir()
    return Bench(tmp_path / "s", sqlite_url(tmp_path / "s" / "ledger.db"))


def copied(bench: Bench) -> sqlite3.Connection:
    """Return a copy of the ledger as it is now."""
    copy = sqlite3.connect(":memory:")
    with sqlite3.connect(bench.folder / "ledger.db") as ledger:
        ledger.backup(copy)
    ledger.close()
    return copy


def put_back(bench: Bench, copy: sqlite3.Connection) -> None:
    """Let the ledger forget all that came after a copy."""
    for suffix in ("", "-wal", "-shm"):
        (bench.folder / f"ledger.db{suffix}").unlink(missing_ok=True)
    with sqlite3.connect(bench.folder / "ledger.db") as ledger:
        copy.backup(ledger)
    ledger.close()
    copy.close()


def test_trials_that_the_ledger_has_lost_are_entered_with_their_results(bench: Bench) -> None:
    """Known only by their files, they stand as they ended, under their numbers, and nothing runs again."""
    study = bench.open()
    first = take(study)
    copy = copied(bench)
    study.end(first, run(first, objective, send=ignore))
    second = take(study)
    run(second, objective, send=ignore)
    third = take(study)
    put_back(bench, copy)

    again = bench.open()

    states = {number: (record.state, record.value, record.attempt) for number, record in again.records.items()}
    assert states == {
        0: (TrialState.COMPLETE, first.params["x"], 1),
        1: (TrialState.COMPLETE, second.params["x"], 1),
    }
    assert again.records[1].params == second.params
    assert again.records[1].reports == {1: 1.0, 2: 0.5, 3: 1 / 3}
    assert bench.events[-1]["recovered"] == {"finished": 2, "entered": 1}
    assert take(again).trial == third.trial == 2


def test_an_attempt_that_the_ledger_has_lost_goes_on_from_its_checkpoint(bench: Bench) -> None:
    """It had begun and not ended: the trial is the same, its next attempt has the next number."""
    study = bench.open()
    copy = copied(bench)
    attempt = take(study)
    cut(attempt, after=2)
    put_back(bench, copy)

    again = take(bench.open())

    assert (again.trial, again.number, again.start_step, again.params) == (0, 2, 2, attempt.params)


def cut(attempt: Attempt, *, after: int) -> None:
    """Run an attempt until it is killed behind a step."""

    def killed(report: Report) -> None:
        if report.step == after:
            raise Interrupted

    with pytest.raises(KeyboardInterrupt):
        run(attempt, objective, send=killed)


def test_files_of_another_trial_are_set_aside(bench: Bench) -> None:
    """Where params differ, neither result nor checkpoints are taken for those of the ledger's trial."""
    study = bench.open()
    attempt = take(study)
    other = Attempt(**{**{name: getattr(attempt, name) for name in Attempt.__slots__}, "sampled": {"x": 0.5}})
    run(other, objective, send=ignore)

    again = bench.open()

    assert bench.events[-1]["recovered"] == {"cut": 1, "aside": 1}
    assert take(again).start_step == 0
    assert (bench.folder / "aside" / "0-1" / "attempt-1.json").is_file()


def test_what_lies_where_a_folder_has_to_be_is_set_aside(bench: Bench) -> None:
    """A file with the name of a trial keeps that from running no more than one with the name of another."""
    study = bench.open()
    take(study)
    folder = bench.folder / "trials" / "0"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a note")

    again = bench.open()

    assert run(take(again), objective, send=ignore).trial_state is TrialState.COMPLETE
    assert (bench.folder / "aside" / "0-1").read_text() == "a note"


def test_numbers_have_no_gaps(bench: Bench) -> None:
    """Of a lost trial whose files are damaged nothing can be entered: under its number another one is asked."""
    study = bench.open()
    copy = copied(bench)
    for _ in range(2):
        run(take(study), objective, send=ignore)
    put_back(bench, copy)
    for path in (bench.folder / "trials" / "0").glob("attempt-1.*"):
        path.write_bytes(b"damaged\n")

    again = bench.open()

    assert [(n, record.state) for n, record in again.records.items()] == [
        (0, TrialState.WAITING),
        (1, TrialState.COMPLETE),
    ]
    assert bench.events[-1]["recovered"] == {"finished": 1, "entered": 2, "aside": 1}


def test_a_damaged_result_is_said(bench: Bench) -> None:
    """The trial goes on from its checkpoint, and nobody has to wonder why."""
    attempt = take(bench.open())
    run(attempt, objective, send=ignore)
    path = Path(attempt.folder) / "attempt-1.json"
    path.write_bytes(path.read_bytes().replace(b"COMPLETE", b"COMPLETF"))

    again = bench.open()

    assert bench.events[-1]["recovered"] == {"cut": 1, "damaged": 1}
    assert take(again).start_step == 3


def test_a_result_of_a_version_before_is_used(bench: Bench) -> None:
    """Files without a seal, and without whose they are, count for the attempt that runs."""
    attempt = take(bench.open())
    run(attempt, objective, send=ignore)
    for path in Path(attempt.folder).glob("attempt-1.json*"):
        rows = [durable.unseal(line) for line in path.read_bytes().splitlines()]
        rows = [row for row in rows if row and row.keys() != {"origin"}]
        path.write_text(
            "".join(json.dumps({k: v for k, v in row.items() if k != "origin"}) + "\n" for row in rows if row)
        )

    again = bench.open()

    assert again.records[0].value == attempt.params["x"]
    assert again.records[0].reports == {1: 1.0, 2: 0.5, 3: 1 / 3}


def test_a_delivery_ahead_of_its_ledger_begins_again(bench: Bench) -> None:
    """What it has sent up to its cursor is not what the ledger will have under these numbers."""
    study = bench.open()
    study.end(take(study), complete(0.5))
    ahead, behind = bench.folder / "delivery-mlflow.json", bench.folder / "delivery-jsonl.json"
    durable.write_json(ahead, {"cursor": 1000})
    durable.write_json(behind, {"cursor": 1})

    bench.open()

    assert (ahead.exists(), behind.exists()) == (False, True)


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "manifest", "gone", "file"])
def test_a_damaged_checkpoint_is_said_and_the_one_before_is_used(bench: Bench, damage: str) -> None:
    """One event, one line in the trial's log, and the trial goes on from the step before."""
    attempt = take(bench.open())
    cut(attempt, after=3)
    spoil(Path(attempt.folder) / "checkpoints" / "3", damage)

    again = take(bench.open())

    about = {"trial": 0, "step": 3, "path": "trials/0/checkpoints/3", "fallback": 2}
    (event,) = [event for event in bench.events if event["event"] == "checkpoint-damaged"]
    with bench.read() as reader:
        assert [row.data | {"trial": row.trial} for row in reader.events(kind="checkpoint-damaged")] == [about]
    assert event.items() >= about.items()
    assert (again.start_step, dict(again.last_values)) == (2, {"loss": 0.5})
    assert (
        "step 3 is damaged or gone; the trial goes on from that of step 2" in (Path(again.folder) / "log").read_text()
    )


def spoil(path: Path, damage: str) -> None:
    """Damage a checkpoint in one of several ways."""
    if damage == "flipped":
        (path / "state").write_text("4")
    elif damage == "cut":
        (path / "state").write_text("")
    elif damage == "empty":
        for each in path.iterdir():
            each.unlink()
    elif damage == "manifest":
        (path / durable.MANIFEST).write_bytes((path / durable.MANIFEST).read_bytes()[:-1])
    else:
        durable.remove(path)
        if damage == "file":
            path.write_text("a file")


def test_without_any_whole_checkpoint_a_trial_begins_again(bench: Bench) -> None:
    """Both are damaged: the event says that of each, and that nothing was left."""
    attempt = take(bench.open())
    cut(attempt, after=3)
    for step in checkpoint_steps(Path(attempt.folder), 3):
        spoil(Path(attempt.folder) / "checkpoints" / str(step), "flipped")

    again = take(bench.open())

    damaged = [(event["step"], event["fallback"]) for event in bench.events if event["event"] == "checkpoint-damaged"]
    assert damaged == [(3, 0), (2, 0)]
    assert (again.start_step, dict(again.last_values)) == (0, {})


def test_a_fence_that_the_ledger_has_lost_keeps_nobody_from_running(bench: Bench) -> None:
    """An attempt that was given up leaves a mark that ends its worker: no later attempt may get its number."""
    study = bench.open()
    cut(take(study), after=1)
    study = bench.open()
    copy = copied(bench)
    take(study)
    bench.open()
    put_back(bench, copy)

    again = take(bench.open())

    assert (again.number, again.start_step) == (3, 1)
