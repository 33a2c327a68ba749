"""One trial at a time, in this very process and thread: breakpoints, prints and tracebacks work as in a script.

Verdicts are given while the objective waits in `report`. An objective that never reports cannot be stopped early, only
interrupted, and one that kills its process kills the search; `automl resume` goes on from there. It sees the whole
environment, secrets too: what is held back from workers (`automl.executors.environment`) is this process's own. A
deadline interrupts the main thread between two steps of Python: a loop in C that never comes back to it cannot be
interrupted. In another thread a deadline waits for the next report. Use the Ray executor for objectives that do such
things.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Self

from automl import attempt as attempts
from automl import halt, interrupts, trial_log
from automl.attempt import Attempt, Ending, Objective
from automl.errors import AutomlError, LeaseLostError, TrialPaused, TrialPruned
from automl.executors import Capacity, process
from automl.ledger.requests import Request
from automl.stopping import Verdict
from automl.study import Study
from automl.trial import Report, Trial

TICK_SECONDS = 0.2
_LATE = signal.SIGUSR2  # tells the main thread that a deadline has passed


class LocalExecutor:
    """Runs trials one after the other in the calling thread."""

    def check(self, objective: Objective) -> None:
        pass

    def expect(self) -> Capacity:
        return Capacity(parallel=1, cpus=1, gpus=0, devices="this process")

    def prepare(self) -> Capacity:
        return self.expect()

    def run(self, study: Study, objective: Objective) -> None:
        with _Watch(study) as watch:
            while attempt := study.next_attempt(wait=True):
                self._run(study, attempt, objective, watch)

    def _run(self, study: Study, attempt: Attempt, objective: Objective, watch: _Watch) -> None:
        def watched(trial: Trial) -> float | Mapping[str, float] | None:
            with watch.interrupting(attempt):
                return objective(trial)

        def send(report: Report) -> None:
            with watch.interrupting(None):
                verdict = study.report(attempt, [report])
            watch.judge(attempt)
            if verdict is Verdict.STOP:
                raise TrialPruned
            if verdict is Verdict.PAUSE:
                raise TrialPaused

        try:
            with interrupts.patient(), trial_log.intact(), process.kept(attempt, objective):
                ending = attempts.run(attempt, watched, send=send)
        except _Overdue as late:
            study.lose(attempt, late.ending)
        else:
            study.end(attempt, ending)

    def close(self) -> None:
        pass


class _Overdue(interrupts.Interrupted):
    """The time of an attempt is up."""

    def __init__(self, ending: Ending) -> None:
        super().__init__()
        self.ending = ending


class _Watch:
    """Gives the study its ticks while an objective keeps this thread busy, and interrupts that when it must end."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._over = threading.Event()
        self._runner = threading.current_thread()
        self._can_interrupt = self._runner is threading.main_thread()
        self._late: dict[tuple[int, int], Ending] = {}  # by trial and attempt
        self._inside: Attempt | None = None
        self._thread = threading.Thread(target=self._tick, name="ticks", daemon=True)

    def __enter__(self) -> Self:
        if self._can_interrupt:
            self._handler = signal.signal(_LATE, self._raise)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        if self._can_interrupt:
            signal.signal(_LATE, self._handler)

    @contextlib.contextmanager
    def interrupting(self, attempt: Attempt | None) -> Iterator[None]:
        """Let a deadline of `attempt` interrupt the block; with None, nothing does."""
        before, self._inside = self._inside, attempt
        try:
            yield
        finally:
            self._inside = before

    def judge(self, attempt: Attempt) -> None:
        """Raise `_Overdue` if the time of an attempt is up."""
        ending = self._late.get((attempt.trial, attempt.number))
        if ending is not None:
            raise _Overdue(ending)

    def _tick(self) -> None:
        while not self._over.wait(TICK_SECONDS):
            try:
                self._study.tick()
                overdue = self._study.overdue()
                is_over = self._can_interrupt and self._is_impatient()
            except LeaseLostError:  # comes up again in the other thread, when it writes or closes the study
                overdue, is_over = [], self._can_interrupt
            except AutomlError:
                continue  # a database that is busy for a moment; what waits goes out with a later tick
            if is_over:
                interrupts.push()  # the other thread may wait for anything
                return
            self._late = {(attempt.trial, attempt.number): ending for attempt, ending in overdue}
            if self._late and self._can_interrupt:
                assert self._runner.ident is not None
                signal.pthread_kill(self._runner.ident, _LATE)  # again with the next tick, if it was no good moment

    def _is_impatient(self) -> bool:
        """Say whether everything must end, and there was time enough to come to a report."""
        if self._study.request is Request.NOW:
            interrupts.note(signal.SIGINT, by="`automl stop --now`")
        by, seconds = interrupts.why(), halt.left(halt.REPORTING, grace=self._study.config.grace)
        if by is not None:
            self._study.interrupt(by=by, seconds=seconds)
        return by is not None and not seconds

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if self._inside is not None:
            self.judge(self._inside)
