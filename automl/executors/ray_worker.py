"""The worker's side of the Ray executor: one thin Trainable that runs attempts, one after the other, in a thread.

The objective's thread and Tune's calls meet in a `Channel`: `report` puts in, `step` takes out all that has come
since, `decide` brings a verdict, which `report` raises. A report at a decision step waits until the driver has seen it
and not said otherwise; any other returns at once, so training never waits for the driver, and goes to it with others.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

from ray import tune

from automl import attempt as attempts
from automl import private, trial_log
from automl.attempt import Attempt, Ending, Objective
from automl.errors import TrialPaused, TrialPruned
from automl.executors import process, ray_private
from automl.executors.environment import Environment
from automl.stopping.base import Verdict
from automl.trial import Report, TrialState

HEARTBEAT = 1.0  # seconds after which `step` returns even when there is nothing to tell
GROUPED = 0.5  # seconds from one `step` to the next while nobody waits: each costs every process some milliseconds


class Channel:
    """What passes between an objective and the driver during one attempt."""

    def __init__(self, decision_steps: frozenset[int] | None) -> None:
        self._changed = threading.Condition()
        self._decision_steps = decision_steps
        self._reports: list[Report] = []
        self._last_step = 0
        self._ending: Ending | None = None
        self._verdict = Verdict.CONTINUE
        self._taken = 0
        self._taken_at = 0.0
        self._put = 0
        self._released = 0  # reports up to this one were judged
        self._is_awaited = False  # the objective waits for a judgement
        self.is_spoilt = False
        """Whether the process cannot run another attempt; known when the ending is."""

    def report(self, report: Report) -> None:
        """Hand over a report; raise the verdict if there is one."""
        with self._changed:
            self._reports.append(report)
            self._put += 1
            mine = self._put
            self._is_awaited = self._is_judged(report.step)
            self._changed.notify_all()
            if self._is_awaited:
                self._changed.wait_for(lambda: self._released >= mine or self._verdict is not Verdict.CONTINUE)
                self._is_awaited = False
            self._last_step = report.step
            if self._verdict is Verdict.STOP:
                raise TrialPruned
            if self._verdict is Verdict.PAUSE:
                raise TrialPaused

    def take(self) -> tuple[list[Report], Ending | None]:
        """Return what has come since the last call, waiting for something at most a heartbeat.

        What nobody waits for is taken at most every half second, the first report at once.

        By asking again the driver says that what it took before may go on.
        """
        with self._changed:
            self._released = self._taken
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._reports or self._ending, timeout=HEARTBEAT)
            early = self._taken_at + GROUPED - time.monotonic()
            self._changed.wait_for(lambda: self._is_awaited or self._ending, timeout=max(0.0, early))
            reports, self._reports = self._reports, []
            if reports:
                self._taken_at = time.monotonic()
            self._taken += len(reports)
            return reports, self._ending

    def decide(self, verdict: Verdict) -> None:
        """Let the objective end at its next report, or at the one it waits in."""
        with self._changed:
            self._verdict = verdict
            self._changed.notify_all()

    def finish(self, ending: Ending, *, is_spoilt: bool) -> None:
        """Hand over the end."""
        with self._changed:
            self._ending = ending
            self.is_spoilt = is_spoilt
            self._changed.notify_all()

    def _is_judged(self, step: int) -> bool:
        if self._decision_steps is None:
            return True
        return any(self._last_step < decision <= step for decision in self._decision_steps)


class Worker(tune.Trainable):
    """Runs one attempt per Tune trial.

    The process is reused unless the last attempt failed or left it in a state that cannot be reset, or `isolate`.
    """

    _objective: Objective
    _isolate: bool
    _channel: Channel
    _thread: threading.Thread
    _has_begun: bool
    _is_over: bool

    def setup(
        self,
        config: dict[str, Any],
        objective: Objective | None = None,
        isolate: bool = False,
        environment: Environment | None = None,
    ) -> None:
        assert objective is not None
        assert environment is not None
        environment.apply()
        os.umask(private.UMASK)
        ray_private.hear_signals()
        self._objective = objective
        self._isolate = isolate
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        if self._is_over:
            raise RuntimeError("this process has served its time")  # Tune replaces it by a fresh one
        if not self._thread.is_alive() and not self._has_begun:
            self._has_begun = True
            self._thread.start()
        reports, ending = self._channel.take()
        is_failed = ending is not None and ending.trial_state is TrialState.FAIL
        self._is_over = ending is not None and (is_failed or self._isolate or self._channel.is_spoilt)
        # In a list, so that Tune does not take them apart.
        return {"reports": reports, "ending": [ending], "done": ending is not None and not self._is_over}

    def decide(self, verdict: str) -> None:
        """Called by the driver before the next `step`."""
        self._channel.decide(Verdict(verdict))

    def log_result(self, result: dict[str, Any]) -> None:
        result.pop("config", None)  # the params would go back with every result

    def _begin(self, config: dict[str, Any]) -> None:
        attempt: Attempt = config["attempt"]
        self._is_over = self._has_begun = False
        self._channel = Channel(attempt.decision_steps)
        self._thread = threading.Thread(
            target=_run, args=(attempt, self._objective, self._channel), name=f"trial-{attempt.trial}", daemon=True
        )


def _run(attempt: Attempt, objective: Objective, channel: Channel) -> None:
    """Run the attempt; whatever happens, the driver hears of an end."""
    is_spoilt = True
    try:
        with trial_log.written_to(Path(attempt.folder) / "log"), process.noted(attempt):
            _announce(attempt)
            with process.kept(attempt, objective) as found:
                ending = attempts.run(attempt, objective, send=channel.report)
        is_spoilt = found.is_spoilt
    except BaseException as error:  # the disk is full, the folder is gone
        ending = attempts.unrun(attempt, error)
    channel.finish(ending, is_spoilt=is_spoilt)


def _announce(attempt: Attempt) -> None:
    """Begin the attempt's part of the log."""
    line = f"# attempt {attempt.number}, {time.strftime('%Y-%m-%d %H:%M:%S %z')}, params {dict(attempt.params)}\n"
    os.write(1, line.encode())
