"""What is known of attempts that run, and when they are overdue, by itself."""

from __future__ import annotations

from pathlib import Path

from automl import durable
from automl.attempt import Attempt
from automl.running import MOST_AT_ONCE, Running
from automl.trial import AttemptState, Reason, TrialState


def attempt(trial: int = 0, number: int = 1, start_step: int = 0, folder: str = "") -> Attempt:
    return Attempt(
        trial=trial,
        number=number,
        params={},
        seed=0,
        metrics=("loss",),
        max_epochs=None,
        folder=folder,
        start_step=start_step,
        decision_steps=None,
    )


def test_the_first_reason_stands() -> None:
    """What ended a trial is what it was told first."""
    running = Running()
    running.begin(attempt())

    running.cut(attempt(), Reason.EARLY_STOPPING)
    running.cut(attempt(), Reason.BUDGET)

    assert running.why(attempt()) is Reason.EARLY_STOPPING


def test_only_the_current_attempt_of_a_trial_runs() -> None:
    """An attempt starts at the step of its checkpoint, and is forgotten with its end."""
    running = Running()
    running.begin(attempt(number=2, start_step=3))

    assert not running.has(attempt(number=1))
    assert running.step(attempt(number=2)) == 3

    running.end(attempt(number=2, start_step=3))

    assert not running.attempts


class Clock:
    """Time that passes when a test says so, with a look at the deadlines each second."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def run(self, running: Running, seconds: int) -> list[Reason | None]:
        """Let seconds pass; return why attempts are overdue after them."""
        found: list[Reason | None] = []
        for _ in range(seconds):
            self.now += 1.0
            found = [ending.reason for _, ending in running.overdue()]
        return found


def test_an_attempt_has_its_time_from_its_start_or_its_worker() -> None:
    """Reports do not make it longer; what it took to find a worker does."""
    clock = Clock()
    running = Running(trial_timeout=5.0, clock=clock)
    running.begin(attempt())
    clock.run(running, 3)
    running.restart(attempt())

    assert clock.run(running, 3) == []
    running.hear(attempt(), step=2)
    assert clock.run(running, 2) == [Reason.TIMEOUT]


def test_an_attempt_that_reports_is_not_stalled() -> None:
    """Each report gives it the whole time again; without one it is up."""
    clock = Clock()
    running = Running(stall_timeout=5.0, clock=clock)
    running.begin(attempt())
    clock.run(running, 4)

    running.hear(attempt(), step=1)

    assert clock.run(running, 4) == []
    clock.run(running, 1)
    ((_, ending),) = running.overdue()
    assert (ending.state, ending.trial_state, ending.reason) == (AttemptState.LOST, TrialState.FAIL, Reason.STALLED)


def test_time_in_which_the_driver_was_held_up_does_not_count() -> None:
    """Reports had no way in while it waited for a database, or the machine slept; nor does a clock that is set back."""
    clock = Clock()
    running = Running(stall_timeout=MOST_AT_ONCE + 1.0, clock=clock)
    running.begin(attempt())

    clock.now += 3600.0

    assert running.overdue() == []
    clock.now -= 7200.0
    assert running.overdue() == []
    assert clock.run(running, 2) == [Reason.STALLED]


def test_what_the_worker_wrote_counts_as_heard(tmp_path: Path) -> None:
    """A report that is only on the worker's disk gives it time from when it was made; the message says which it was."""
    clock = Clock()
    running = Running(stall_timeout=5.0, clock=clock)
    stuck = attempt(folder=str(tmp_path / "s" / "trials" / "0"))
    running.begin(stuck)
    seal = durable.seal({"step": 7, "values": {"loss": 1.0}, "time": 1003.0, "checkpoint": None})
    Path(stuck.folder).mkdir(parents=True)
    (Path(stuck.folder) / "attempt-1.jsonl").write_text(f"{seal}\n")

    assert clock.run(running, 7) == []
    assert clock.run(running, 1) == [Reason.STALLED]
    ((_, ending),) = running.overdue()
    assert "the last report was step 7, 5 s before" in (ending.message or "")
    assert "automl show s 0 --log" in (ending.message or "")
