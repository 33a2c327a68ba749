"""What a study knows of the attempts that run now: how far each was heard of, why it must end, when it is overdue.

running = Running(trial_timeout=3600.0)
running.begin(attempt)
running.hear(attempt, step=3)
running.cut(attempt, Reason.EARLY_STOPPING)             # the first reason stands
running.why(attempt)                                    # Reason.EARLY_STOPPING
running.overdue()                                       # [(attempt, Ending(reason=Reason.TIMEOUT, ...))]

Deadlines have a clock of their own. It moves when `overdue` is asked, by no more than `MOST_AT_ONCE`: while the driver
itself was held up, by a database that was away or a laptop that slept, reports had no way in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from automl.attempt import Attempt, Ending, read_reports
from automl.compute import Usage
from automl.trial import AttemptState, Reason, Report, TrialState

MOST_AT_ONCE = 2.0  # seconds


@dataclass(slots=True)
class _Known:
    """What is known of one attempt; times are by the clock of deadlines."""

    step: int
    began: float
    heard: float
    cut: Reason | None = None


class Running:
    """The attempts that run. Not thread-safe.

    Args:
        trial_timeout: seconds that an attempt may take.
        stall_timeout: seconds that may pass from its start, or a report, to the next report.
        usage: is told what they use.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        trial_timeout: float | None = None,
        stall_timeout: float | None = None,
        usage: Usage | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._trial_timeout = trial_timeout
        self._stall_timeout = stall_timeout
        self.usage = usage or Usage()
        self._clock = clock
        self._looked = clock()
        self._now = 0.0
        self._attempts: dict[int, Attempt] = {}
        self._known: dict[int, _Known] = {}
        self.attempts: Mapping[int, Attempt] = MappingProxyType(self._attempts)
        """By trial; a view."""

    def begin(self, attempt: Attempt) -> None:
        """Take in that an attempt starts."""
        self._attempts[attempt.trial] = attempt
        self.usage.begin((attempt.trial, attempt.number), attempt.resources, now=self._clock())
        self._known[attempt.trial] = _Known(attempt.start_step, self._now, self._now)

    def restart(self, attempt: Attempt) -> None:
        """Count the time of an attempt, if it runs, from now on."""
        if self.has(attempt):
            known = self._known[attempt.trial]
            known.began = known.heard = self._now

    def has(self, attempt: Attempt) -> bool:
        """Whether this very attempt of its trial runs."""
        return self._attempts.get(attempt.trial) == attempt

    def hear(self, attempt: Attempt, *, step: int) -> None:
        """Take in that an attempt reported."""
        known = self._known[attempt.trial]
        known.step, known.heard = step, self._now

    def step(self, attempt: Attempt) -> int:
        """Return the last step that an attempt reported, or the one it started from."""
        return self._known[attempt.trial].step

    def cut(self, attempt: Attempt, reason: Reason) -> None:
        """Take in why an attempt is told to stop, unless it was told before."""
        known = self._known[attempt.trial]
        known.cut = known.cut or reason

    def why(self, attempt: Attempt) -> Reason | None:
        """Return why an attempt was told to stop, None if it was not."""
        return self._known[attempt.trial].cut

    def end(self, attempt: Attempt) -> None:
        """Forget an attempt."""
        self.usage.end((attempt.trial, attempt.number), now=self._clock())
        del self._attempts[attempt.trial], self._known[attempt.trial]

    def clear(self) -> None:
        """Forget all attempts: they have ended with the search."""
        for attempt in [*self._attempts.values()]:
            self.end(attempt)

    def overdue(self) -> list[tuple[Attempt, Ending]]:
        """Return the attempts whose time is up, each with what is to be said of it when its worker is ended."""
        now = self._clock()
        self._now += min(max(now - self._looked, 0.0), MOST_AT_ONCE)
        self._looked = now
        return [(attempt, ending) for attempt in self._attempts.values() if (ending := self._judged(attempt))]

    def _judged(self, attempt: Attempt) -> Ending | None:
        known, now = self._known[attempt.trial], self._clock()
        last = None
        if self._stall_timeout and self._now - known.heard >= self._stall_timeout:
            last = _last_report(attempt)
            if last is not None:  # it may report all the same, only that Ray cannot get through to the worker
                known.heard = max(known.heard, self._now - max(0.0, now - last.time))
        if self._trial_timeout and self._now - known.began >= self._trial_timeout:
            reason, text = Reason.TIMEOUT, f"ran for {self._trial_timeout:g} s (--trial-timeout)"
        elif self._stall_timeout and self._now - known.heard >= self._stall_timeout:
            reason, text = Reason.STALLED, f"reported nothing for {self._stall_timeout:g} s (--stall-timeout)"
        else:
            return None
        last = last or _last_report(attempt)
        seen = (
            f"the last report was step {last.step}, {max(0.0, now - last.time):.0f} s before"
            if last
            else "it had reported nothing"
        )
        message = f"{text}; {seen}; {advice(attempt)}"
        return Ending(state=AttemptState.LOST, trial_state=TrialState.FAIL, reason=reason, message=message)


def _last_report(attempt: Attempt) -> Report | None:
    reports = read_reports(Path(attempt.folder), attempt.number)
    return reports[-1] if reports else None


def advice(attempt: Attempt) -> str:
    """Return what to type to see what an attempt printed."""
    return f"see automl show {Path(attempt.folder).parent.parent.name} {attempt.trial} --log"
