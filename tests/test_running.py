"""What is known of attempts that run, by itself."""

from __future__ import annotations

from automl.attempt import Attempt
from automl.running import Running
from automl.trial import Reason


def attempt(trial: int = 0, number: int = 1, start_step: int = 0) -> Attempt:
    return Attempt(
        trial=trial,
        number=number,
        params={},
        seed=0,
        metric="loss",
        max_epochs=None,
        folder="",
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
