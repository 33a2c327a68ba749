"""Trials that are read, not run: recorded seconds and values a step, workers that cost nothing, a clock that jumps.

    clock = Clock()
    executor = SimulatedExecutor(parallel=4, clock=clock)
    executor.run(study, curve)          # hours by `clock`, seconds by any other
    incumbents(executor.points, study.config.preference)

Study, early stopping, sampler and ledger are those of a real search; `automl.simulate` puts them together. Everything
happens in one thread, in the order of simulated time, and what happens at the same time in the order in which it was
begun: so a simulation comes out the same each time, unless the time that decisions take is charged to its clock.

The contract of executors is about objectives that run: processes, signals, files, threads that hang. None of that is
here. What it says of values, reports, states and budgets is proved by tests of this module.
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from automl.attempt import Attempt, Ending, said
from automl.errors import TrialPruned
from automl.ledger.writer import Writer
from automl.preference import Preference
from automl.recovery import Files
from automl.stopping import Verdict
from automl.study import Study
from automl.trial import (
    AttemptState,
    BadValueError,
    Reason,
    Report,
    TrialRecord,
    TrialState,
    as_metrics,
    as_number,
    outcome,
)

Curve = Callable[[Mapping[str, Any], int], Iterable[tuple[float, Mapping[str, float]]]]
"""Called with the params of a trial and its seed; yields for each step the seconds that it takes alone, and metrics.

It is read as far as the trial gets, at most to its full budget; a curve that ends before is a trial that is COMPLETE.
What it raises fails the trial, as an objective's errors do.
"""

_Result = TypeVar("_Result")


@dataclass(slots=True)
class Clock:
    """Time that stands still until somebody sets it. Begins at 0, where numbers are exact."""

    now: float = 0.0
    """Seconds."""

    def __call__(self) -> float:
        return self.now


class NoFiles(Files):
    """Trials without files: one that pauses goes on from where it was."""

    def __init__(self) -> None:
        super().__init__(Path())

    def start_step(self, ledger: Writer, record: TrialRecord) -> tuple[int, list[dict[str, Any]]]:
        return record.checkpoint or 0, []

    def left_by(self, attempt: Attempt) -> tuple[list[Report], Ending | None]:
        return [], None

    def forget(self, number: int) -> None:
        pass


class Point(NamedTuple):
    """What was known of a trial from some moment on."""

    time: float
    """Simulated seconds since the search began."""
    trial: int
    step: int | None
    """That was reported; None where the trial is COMPLETE with `values`."""
    values: Mapping[str, float]


class Incumbent(NamedTuple):
    """The trial that was the best from some moment on."""

    time: float
    """Simulated seconds since the search began."""
    trial: int
    step: int
    """The last one that it had reported."""
    value: float
    """Of the first objective."""
    is_final: bool
    """Whether the trial is COMPLETE with that value."""


def incumbents(points: Iterable[Point], preference: Preference) -> list[Incumbent]:
    """Return the best trial over time by the first objective, an entry for each change.

    That is the COMPLETE trial with the best value. Before there is one it is the best at the highest step that any has
    reached, since values at different steps do not compare. Of equals the first stays. Less broken constraints come
    before values, and values that are NaN or infinite do not count.
    """
    found: list[Incumbent] = []
    best = (False, 0, -math.inf, -math.inf)  # whether it is final, its step before that, and how good it is
    known: dict[int, dict[str, float]] = {}
    steps: dict[int, int] = {}
    for moment, trial, step, values in points:
        known[trial] = values = {**known.get(trial, {}), **values}
        steps[trial] = reached = steps.get(trial, 0) if step is None else step
        broken, loss = preference.violation(values), preference.losses(values)[0]
        rank = (step is None, step or 0, -broken, -loss)
        if rank > best and loss < math.inf:
            best = rank
            found.append(Incumbent(moment, trial, reached, values[preference.metrics[0]], step is None))
    return found


@dataclass(slots=True, eq=False)
class _Run:
    """A trial that is being read."""

    attempt: Attempt
    steps: Iterator[tuple[float, Mapping[str, float]]]
    step: int
    """How far it is."""
    last: dict[str, float] = field(default_factory=dict)
    """The last value of each metric."""


class SimulatedExecutor:
    """Reads the curves of trials on workers that are only counted.

    Args:
        parallel: workers.
        clock: of the study; set here to the time of each thing that happens.
        pause_seconds: that a worker is busy when its trial pauses.
        resume_seconds: that pass before a paused trial goes on.
        charges_decisions: whether the real time that the study takes, for proposals above all, passes on `clock` too.
            Decisions come one after the other, as in one driver; trials that run go on meanwhile.
        stopwatch: seconds of real time.
    """

    def __init__(
        self,
        *,
        parallel: int,
        clock: Clock,
        pause_seconds: float = 0.0,
        resume_seconds: float = 0.0,
        charges_decisions: bool = False,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.points: list[Point] = []
        """All that was reported, in order."""
        self.decision_seconds = 0.0
        """Real time that the study has taken to propose, to judge and to write down."""
        self._parallel = self._free = parallel
        self.clock = clock
        self._pause_seconds = pause_seconds
        self._resume_seconds = resume_seconds
        self._charges_decisions = charges_decisions
        self._stopwatch = stopwatch
        self._decided = 0.0  # when the last decision was through, by `clock`
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._paused: dict[int, _Run] = {}

    def run(self, study: Study, curve: Curve) -> None:
        """Read trials until the study has none left or should stop. The study stays open."""
        try:
            self._run(study, curve)
        finally:  # what was cut
            self._free = self._parallel
            self._due.clear()

    def _run(self, study: Study, curve: Curve) -> None:
        timeout = study.config.timeout
        latest = math.inf if timeout is None else self.clock.now + timeout
        while True:
            while self._free and (attempt := self._decide(study.next_attempt)):
                self._begin(study, attempt, curve)
            if not self._due:
                return
            due, _, act = heapq.heappop(self._due)
            self.clock.now = due
            if study.should_stop:
                self.clock.now = min(due, latest)
                return
            act()

    def _begin(self, study: Study, attempt: Attempt, curve: Curve) -> None:
        self._free -= 1
        run = self._paused.pop(attempt.trial, None) or _Run(attempt, _opened(curve, attempt), attempt.start_step)
        run.attempt = attempt
        self._go_on(study, run, after=self._resume_seconds if attempt.start_step else 0.0)

    def _go_on(self, study: Study, run: _Run, *, after: float = 0.0) -> None:
        """Read the next step, to be reported when its time has passed, which begins `after` some seconds."""
        try:
            read = _read(run)
        except Exception as error:
            self._end(study, run, _failed(error))
            return
        if read is None:
            self._end(study, run, _through(run))
            return
        taken, values = read
        run.step += 1
        self._at(max(self.clock.now, self._decided) + after + taken, lambda: self._report(study, run, values))

    def _report(self, study: Study, run: _Run, values: Mapping[str, float]) -> None:
        run.last.update(values)
        now = self.clock.now
        self.points.append(Point(now, run.attempt.trial, run.step, values))
        report = Report(step=run.step, values=values, time=now, checkpoint=run.step)
        verdict = self._decide(lambda: study.report(run.attempt, [report]))
        if verdict is Verdict.CONTINUE:
            self._go_on(study, run)
        elif verdict is Verdict.STOP:
            ending = Ending(state=AttemptState.RESULT, trial_state=TrialState.PRUNED, checkpoint=run.step)
            self._end(study, run, ending)
        else:
            self._paused[run.attempt.trial] = run
            ending = Ending(state=AttemptState.PAUSED, checkpoint=run.step)
            self._at(now + self._pause_seconds, lambda: self._end(study, run, ending))

    def _end(self, study: Study, run: _Run, ending: Ending) -> None:
        self._free += 1
        if ending.trial_state is TrialState.COMPLETE:
            self.points.append(Point(self.clock.now, run.attempt.trial, None, ending.values))
        self._decide(lambda: study.end(run.attempt, ending))

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._order), act))

    def _decide(self, call: Callable[[], _Result]) -> _Result:
        """Let the study decide something, and take the time."""
        began = self._stopwatch()
        result = call()
        taken = self._stopwatch() - began
        self.decision_seconds += taken
        self._decided = max(self._decided, self.clock.now) + taken * self._charges_decisions
        return result


def _opened(curve: Curve, attempt: Attempt) -> Iterator[tuple[float, Mapping[str, float]]]:
    """Yield the steps of a trial from where an attempt of it starts; the curve is called with the first."""
    yield from itertools.islice(curve(attempt.params, attempt.seed), attempt.start_step, None)


def _read(run: _Run) -> tuple[float, dict[str, float]] | None:
    """Return the seconds and the metrics of the next step, None if there is none."""
    read = None if run.step == run.attempt.max_epochs else next(run.steps, None)
    if read is None:
        return None
    seconds = as_number(read[0], "the seconds of a step")
    if not 0 <= seconds < math.inf:
        raise BadValueError(f"the seconds of a step must be a time from 0, got {seconds:g}")
    return seconds, as_metrics(read[1])


def _through(run: _Run) -> Ending:
    """Return how a trial ends that has no further step."""
    values, reason, message = outcome(None, metrics=run.attempt.metrics, last=run.last)
    state = TrialState.FAIL if reason else TrialState.COMPLETE
    return Ending(
        state=AttemptState.RESULT,
        trial_state=state,
        values=values,
        reason=reason,
        message=message or None,
        checkpoint=run.step,
    )


def _failed(error: Exception) -> Ending:
    """Return how a trial ends whose curve raised `error`."""
    if isinstance(error, TrialPruned):
        return Ending(state=AttemptState.RESULT, trial_state=TrialState.PRUNED)
    is_bad = isinstance(error, BadValueError)
    reason, message = (Reason.BAD_VALUE, str(error)) if is_bad else (Reason.RAISED, said(error))
    return Ending(state=AttemptState.RESULT, trial_state=TrialState.FAIL, reason=reason, message=message)
