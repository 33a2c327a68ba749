"""Runs one trial once more, from what was recorded of it, and puts what it reports beside what it reported then.

    found = repro(Home.find(), "digits-1", 7)
    found.is_same                       # whether every value came out again
    found.steps[0]                      # Step(step=1, metric="val_loss", recorded=0.41, again=0.41)
    found.changes                       # what was another thing then: code, data, Python, packages

Params, seed and full budget are those of the trial. It runs in this process, without a ledger or a tracker, in a folder
that goes afterwards: the study is only read. A trial that did not end by itself, as early stopping or a deadline ended
it, is run as far as it got; one that was paused, or cut and resumed, is run in one go.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from automl import attempt as attempts
from automl import planning, trial_log
from automl.attempt import Attempt, Ending, Objective
from automl.config import StudyConfig
from automl.errors import ConfigError, TrialPruned
from automl.executors import process
from automl.fingerprint import Difference, Fingerprint
from automl.home import Home
from automl.ledger.queries import Reader
from automl.space_history import SpaceHistory
from automl.trial import Reason, Report, TrialRecord, TrialState

ROUNDING = 1e-6
"""Relative difference of two values that are still the same: sums that another number of threads adds up otherwise."""
_ITS_OWN = (Reason.RAISED, Reason.NAN, Reason.INFINITE, Reason.MISSING_METRIC, Reason.BAD_VALUE, Reason.EXIT)
TINY = 1e-12
"""The same as a difference, near zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A metric at a step, then and now."""

    step: int
    metric: str
    recorded: float | None
    """None where it was not reported then."""
    again: float | None
    """None where it was not reported now."""

    @property
    def is_same(self) -> bool:
        """Whether the value has come out again, but for rounding."""
        return same(self.recorded, self.again)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A trial, run once more."""

    record: TrialRecord
    """What was recorded of it."""
    ending: Ending
    """How it has ended now."""
    steps: Sequence[Step]
    """Of every metric, in order of steps."""
    changes: Sequence[Difference]
    """What it ran on then, where that is another thing now."""
    seconds: float

    @property
    def is_same(self) -> bool:
        """Whether it has ended as it did then, with the same values at the same steps."""
        then, now = self.record, self.ending
        is_end_same = now.reason is then.reason if _ends_itself(then) else now.trial_state is TrialState.PRUNED
        is_result_same = then.values.keys() == now.values.keys() and all(
            same(value, now.values[name]) for name, value in then.values.items()
        )
        return is_end_same and is_result_same and all(step.is_same for step in self.steps)


def same(recorded: float | None, again: float | None) -> bool:
    """Return whether a value has come out again, but for rounding; what was not reported has not."""
    if recorded is None or again is None:
        return False
    is_nan = math.isnan(recorded) and math.isnan(again)
    return is_nan or math.isclose(recorded, again, rel_tol=ROUNDING, abs_tol=TINY)


def repro(home: Home, name: str, number: int) -> Reproduction:
    """Run a trial of a study once more.

    Raises:
        ConfigError: there is no such trial, or its objective can only be had in Python.
        StudyMismatchError: its data have changed.
    """
    with home.read(name) as reader:
        config = StudyConfig.from_dict(reader.study().config)
        count = reader.size()
        if not 0 <= number < count:
            raise ConfigError(f"study {name!r} has no trial {number}; it has {count}, counted from 0")
        (record,) = reader.records([number])
        recorded = {(point.step, point.name): point.value for point in reader.metrics(number)}
        attempt = _attempt(reader, config, record)
        then = Fingerprint.of_trial(reader, number)
    objective = planning.load(config)
    changes = Fingerprint.of(config, objective).differences(then)
    last = None if _ends_itself(record) else max((step for step, _ in recorded), default=0)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="automl-") as folder:
        again, ending = _run(
            replace(attempt, folder=folder), objective, until=last, is_local=config.executor == "local"
        )
    steps = [
        Step(step=step, metric=metric, recorded=recorded.get((step, metric)), again=again.get((step, metric)))
        for step, metric in sorted(recorded.keys() | again.keys())
    ]
    seconds = time.monotonic() - began
    return Reproduction(record=record, ending=ending, steps=steps, changes=changes, seconds=seconds)


def _ends_itself(record: TrialRecord) -> bool:
    """Whether it was the objective that ended a trial."""
    is_failed = record.state is TrialState.FAIL and record.reason in _ITS_OWN
    return is_failed or record.state is TrialState.COMPLETE


def _run(
    attempt: Attempt, objective: Objective, *, until: int | None, is_local: bool
) -> tuple[dict[tuple[int, str], float], Ending]:
    """Return what an attempt reports until a step, None for its end, and how it ends."""
    again: dict[tuple[int, str], float] = {}

    def take(report: Report) -> None:
        again.update({(report.step, metric): value for metric, value in report.values.items()})

    def send(report: Report) -> None:
        take(report)
        if until is not None and report.step >= until:
            raise TrialPruned

    # What it prints is no result.
    with contextlib.redirect_stdout(sys.stderr), trial_log.intact(), process.kept(attempt, objective):
        if not is_local and "OMP_NUM_THREADS" not in os.environ:  # as Ray gives its workers
            os.environ["OMP_NUM_THREADS"] = str(max(1, int(attempt.resources.get("cpus", 1))))
        ending = attempts.run(attempt, objective, send=send)
    if ending.final is not None:
        take(ending.final)
    return again, ending


def _attempt(reader: Reader, config: StudyConfig, record: TrialRecord) -> Attempt:
    """Return what a worker needs to run a trial from its beginning; its folder is to be chosen."""
    rows = reader.attempts(record.number)
    return Attempt(
        trial=record.number,
        number=1,
        params=SpaceHistory.read(reader).of(record.origin).values_of(record.params),
        sampled=record.params,
        seed=record.seed,
        metrics=config.preference.names,
        max_epochs=config.max_epochs,
        folder="",
        start_step=0,
        decision_steps=frozenset(),
        resources=rows[-1].resources if rows else {},
    )
