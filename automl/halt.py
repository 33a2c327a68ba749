"""What may end a search before its trials are through: time or compute is spent, its trials fail, or somebody asks.

halt = Halt(timeout=3600.0, used=120.0, clock=time.time)
halt.at_once                        # True when an hour is over
halt.heed(Request.FINISH)           # `automl stop`: what runs goes on to its end, nothing else begins
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

from automl import interrupts, trial_log
from automl.compute import Budget, Usage
from automl.config import StudyConfig
from automl.enough import EndedBy
from automl.errors import SearchAbortedError
from automl.ledger.requests import Request
from automl.trial import Reason, TrialRecord, TrialState

FAILURES_IN_A_ROW = 3
REPORTING = 0.65
"""Of the time that a signal leaves: until a worker that has not reported is ended."""
SAVING = 0.75
"""The same: until that must have worked, and the state is saved."""
DELIVERING = 0.85
"""The same: until delivery must be through. The rest is for processes to end."""


def left(part: float, *, grace: float) -> float:
    """Return how many seconds are left of a part of `grace`, as `interrupts.left` does."""
    return interrupts.left(part * interrupts.limit(grace))


class Halt:
    """Says whether a search must end, and how fast.

    Args:
        timeout: seconds that drivers may hold the study in all; None for ever.
        max_failures: failed trials with which the search ends. Those of earlier drivers do not count: who resumes has
            mended something.
        used: seconds that drivers before this one have held it.
        budget: compute that its trials may use.
        usage: what they have used.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        timeout: float | None,
        max_failures: int | None = None,
        used: float = 0.0,
        budget: Budget | None = None,
        usage: Usage | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.failure: SearchAbortedError | None = None
        """Why the search cannot go on."""
        self.request: Request | None = None
        """What somebody asked of it."""
        self._clock = clock
        self._deadline = clock() + timeout - used if timeout else None
        self._budget = budget
        self._usage = usage or Usage()
        self._max_failures = max_failures
        self._failed = 0
        self._failures: list[Reason] = []  # since the last success

    @classmethod
    def of(cls, config: StudyConfig, *, used: float, usage: Usage, clock: Callable[[], float]) -> Self:
        """Return what the settings of a study ask for."""
        return cls(
            timeout=config.timeout,
            max_failures=config.max_failures,
            used=used,
            budget=Budget.parse(config.budget) if config.budget else None,
            usage=usage,
            clock=clock,
        )

    @property
    def spent(self) -> EndedBy | None:
        """What of its budget is spent, if any is: then even what runs must end."""
        now = self._clock()
        if self._deadline is not None and now >= self._deadline:
            return EndedBy.TIMEOUT
        if self._budget is not None and self._usage.compute(self._budget.kind, now=now) >= self._budget.seconds:
            return EndedBy.BUDGET
        return None

    @property
    def at_once(self) -> bool:
        """Whether even what runs must end."""
        return self.failure is not None or self.request is Request.NOW or self.spent is not None

    def heed(self, request: Request) -> bool:
        """Take in a request; return whether it is news. Who was asked to stop now does not go back to finishing."""
        if self.request in (Request.NOW, request):
            return False
        self.request = request
        return True

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Keep why the search cannot go on when the block, in which sampler and early stopping are asked, says so."""
        try:
            yield
        except SearchAbortedError as error:
            self.failure = error
            raise

    def count(self, ended: TrialRecord, records: Iterable[TrialRecord], log: Path) -> None:
        """Take in how a trial ended: a search fails with too many failures, or when all are alike before a success.

        Args:
            ended: the trial.
            records: all trials.
            log: what the trial printed, if there is such a file.
        """
        if ended.state is not TrialState.FAIL:
            self._failures = []
            return
        assert ended.reason is not None
        self._failed += 1
        self._failures.append(ended.reason)
        if text := self._verdict(ended.reason, records):
            see = f". See {log}" if log.is_file() else ""
            message = f"{text} {ended.reason}: {ended.message}{see}"
            self.failure = SearchAbortedError(message, traceback=trial_log.last_failure(log))

    def _verdict(self, reason: Reason, records: Iterable[TrialRecord]) -> str:
        """Say what is too much, up to the reason of the last failure; nothing if it is not."""
        if self._max_failures is not None and self._failed >= self._max_failures:
            return f"as many trials have failed as --max-failures allows ({self._failed}), the last with reason"
        if self._failures[-FAILURES_IN_A_ROW:] != [reason] * FAILURES_IN_A_ROW:
            return ""
        if any(r.state in (TrialState.COMPLETE, TrialState.PRUNED) or r.paused for r in records):
            return ""
        failed = len(self._failures)
        last = f", the last {FAILURES_IN_A_ROW}" if failed > FAILURES_IN_A_ROW else ""
        return f"the first {failed} trials failed{last} with reason"
