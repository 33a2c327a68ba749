"""One trial at a time, in this very process and thread: breakpoints, prints and tracebacks work as in a script.

Verdicts are given while the objective waits in `report`. An objective that never reports cannot be stopped early, only
interrupted, and one that kills its process kills the search; `automl resume` goes on from there. It sees the whole
environment, secrets too: what is held back from workers (`automl.executors.environment`) is this process's own.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from automl import attempt as attempts
from automl import interrupts
from automl.attempt import Attempt, Objective
from automl.errors import AutomlError, LeaseLostError, TrialPaused, TrialPruned
from automl.executors import Capacity
from automl.ledger.requests import Request
from automl.stopping import Verdict
from automl.study import Study
from automl.trial import Report

TICK_SECONDS = 0.2


class LocalExecutor:
    """Runs trials one after the other in the calling thread."""

    def check(self, objective: Objective) -> None:
        pass

    def expect(self) -> Capacity:
        return Capacity(parallel=1, cpus=1, gpus=0, devices="this process")

    def prepare(self) -> Capacity:
        return self.expect()

    def run(self, study: Study, objective: Objective) -> None:
        with _ticking(study):
            try:
                while attempt := study.next_attempt(wait=True):
                    study.end(attempt, attempts.run(attempt, objective, send=_Sender(study, attempt)))
            except interrupts.Interrupted:
                if study.request is not Request.NOW:  # then it is our own doing, see below
                    raise

    def close(self) -> None:
        pass


@contextlib.contextmanager
def _ticking(study: Study) -> Iterator[None]:
    """Give the study its ticks while an objective keeps this thread busy; interrupt that when somebody asks for it."""
    over = threading.Event()
    runner = threading.current_thread()

    def tick() -> None:
        while not over.wait(TICK_SECONDS):
            try:
                study.tick()
                is_over = study.request is Request.NOW
            except LeaseLostError:  # comes up again in the other thread, when it writes or closes the study
                is_over = True
            except AutomlError:
                continue  # a database that is busy for a moment; what waits goes out with a later tick
            if is_over and runner is threading.main_thread() and runner.ident is not None:
                signal.pthread_kill(runner.ident, signal.SIGINT)  # as Ctrl-C would: it may wait for anything
                return

    thread = threading.Thread(target=tick, name="ticks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Sender:
    """Passes a report to the study and its verdict back."""

    def __init__(self, study: Study, attempt: Attempt) -> None:
        self._study = study
        self._attempt = attempt

    def __call__(self, report: Report) -> None:
        verdict = self._study.report(self._attempt, [report])
        if verdict is Verdict.STOP:
            raise TrialPruned
        if verdict is Verdict.PAUSE:
            raise TrialPaused
