"""Following a study from another process: what is seen in the ledger is what the driver's own listeners hear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from automl.attempt import Ending
from automl.ledger.queries import Reader
from automl.ledger.requests import Request, send
from automl.report.follow import Follower
from automl.study import POLL_SECONDS, Study
from automl.trial import AttemptState, Reason, TrialState
from tests.test_study import Bench, complete, pause, report, take

SAME = (
    "event",
    "trial",
    "attempt",
    "params",
    "step",
    "state",
    "value",
    "values",
    "reason",
    "message",
    "now",
    "running",
)
LOST = Ending(state=AttemptState.LOST, trial_state=TrialState.FAIL, reason=Reason.WORKER_LOST, message="gone")


@pytest.fixture
def bench(tmp_path: Path, storage_url: str) -> Bench:
    return Bench(tmp_path / "s", storage_url)


@pytest.fixture
def reader(bench: Bench) -> Iterator[Reader]:
    with bench.read() as reader:
        yield reader


def told(events: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the events without what only one side can know, such as the message of an attempt that was retried."""
    kept = [{key: event[key] for key in SAME if key in event} for event in events]
    return [event | {"message": None} if event["event"] == "trial-retried" else event for event in kept]


def act(bench: Bench, study: Study) -> Iterator[None]:
    """Let all happen that can happen to trials, and pause after each step, with everything on disk."""
    steps = [
        lambda: study.report(take(study), [report(1, 0.5)]),
        lambda: study.end(study.running[0], complete(0.25)),
        lambda: pause(study, 0.4),
        lambda: study.end(take(study), LOST),
        lambda: study.report(take(study), [report(1, 0.9), report(2, 0.8)]),
        lambda: study.end(study.running[2], Ending(state=AttemptState.RESULT, trial_state=TrialState.PRUNED)),
        lambda: study.report(take(study), [report(1, 0.7)]),
        lambda: send(bench.url, "s", Request.FINISH),
        lambda: study.end(study.running[3], LOST),
    ]
    for step in steps:
        bench.clock.now += POLL_SECONDS
        step()
        bench.clock.now += POLL_SECONDS
        study.tick()
        yield


def test_the_ledger_tells_what_listeners_hear(bench: Bench, reader: Reader) -> None:
    """Each step of a search is the same event on both sides, in the same order."""
    follower = Follower()
    study = bench.open(early_stopping="asha")
    follower.look(reader.refresh())
    bench.events.clear()

    for _ in act(bench, study):
        heard, bench.events[:] = told(bench.events), []
        assert told(follower.look(reader.refresh())) == heard

    study.close()
    assert [event["event"] for event in follower.look(reader.refresh())][-1] == "study-ended"
    assert follower.is_over


def test_a_late_look_misses_no_trial(bench: Bench, reader: Reader) -> None:
    """What came and went between two looks is told in its order; the first look tells what runs."""
    follower = Follower()
    study = bench.open()
    first = take(study)
    study.report(first, [report(1, 0.5)])
    bench.clock.now += 1
    study.tick()
    begun = follower.look(reader.refresh())

    study.end(first, complete(0.1))
    bench.clock.now += 1
    study.end(take(study), complete(0.2))
    news = follower.look(reader.refresh())

    assert [event["event"] for event in begun] == ["study-started", "trial-started", "report"]
    assert [(event["event"], event["trial"]) for event in news] == [
        ("trial-ended", 0),
        ("trial-started", 1),
        ("trial-ended", 1),
    ]


def test_a_look_at_nothing_new_is_empty(bench: Bench, reader: Reader) -> None:
    """Silence means that nothing has happened."""
    follower = Follower()
    study = bench.open()
    take(study)
    follower.look(reader.refresh())

    assert follower.look(reader.refresh()) == []


def test_a_driver_that_dies_and_the_next_one(bench: Bench, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its death is told once; the trial that it left is cut, and runs again."""
    follower = Follower()
    attempt = take(bench.open())
    follower.look(reader.refresh())

    monkeypatch.setattr("automl.ledger.lease.is_held", lambda owner, idle: False)
    died = [follower.look(reader.refresh()) for _ in range(2)]
    monkeypatch.undo()
    study = bench.open()
    again = take(study)
    news = follower.look(reader.refresh())

    assert [[event["event"] for event in look] for look in died] == [["driver-lost"], []]
    assert not follower.is_over
    assert [event["event"] for event in news] == ["study-started", "trial-cut", "trial-started"]
    assert (again.trial, again.number) == (attempt.trial, 2)


def test_who_comes_while_the_best_are_confirmed_hears_what_is_left(tmp_path: Path, storage_url: str) -> None:
    """As who was there from the beginning: runs that have ended by then are counted, trials of the search are not."""
    bench = Bench(tmp_path / "s", storage_url, n_trials=2, confirm=1, confirm_seeds=3)
    study = bench.open()
    for loss in (0.5, 0.4):
        study.end(take(study), complete(loss))
    with bench.read() as reader:
        early = Follower()
        early.look(reader)
        assert study.confirm()
        study.end(take(study), complete(0.6))
        running = take(study)

        heard = early.look(reader.refresh())
        late = Follower().look(reader)

    told = {"event": "confirming", "trials": [1], "seeds": 3}
    assert {name: heard[0][name] for name in (*told, "left")} == told | {"left": 3}
    assert [event.get("confirms") for event in heard[1:]] == [1, 1, 1]
    assert {name: late[1][name] for name in (*told, "left")} == told | {"left": 2}
    assert (late[0]["ended"], late[2]["trial"], late[2]["confirms"]) == (2, running.trial, 1)
