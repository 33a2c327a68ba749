"""The life of a study: ask, start, report, end, tell, resume. The only writer of state.

An executor drives it, from one thread or several:

    study = Study.open(home.ledger_url("digits-1"), "digits-1", folder=home.study("digits-1"))
    while attempt := study.next_attempt():
        verdict = study.report(attempt, reports)        # CONTINUE, STOP or PAUSE
        study.end(attempt, ending)
    study.close()

Every change goes to the ledger first; the sampler's memory and what listeners are shown follow. Whatever is in memory
here can be rebuilt from the ledger, and `open` does just that.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl import interrupts, stopping
from automl.agenda import Choice
from automl.attempt import Attempt, Ending
from automl.closing import settle
from automl.confirming import CONFIRMING, Confirmation, noted
from automl.enough import ENDED, WEIGHED, EndedBy
from automl.errors import SearchAbortedError
from automl.fingerprint import Fingerprint
from automl.halt import Halt
from automl.ledger.database import LedgerError, connect
from automl.ledger.queries import Reader
from automl.ledger.requests import Request
from automl.ledger.writer import Writer
from automl.listeners import Listener, Listeners
from automl.opening import TakenUp, take_up
from automl.recovery import Files, after, is_retried, write_ending
from automl.running import Running
from automl.samplers.past import Past
from automl.saving import Saving
from automl.shares import ONE_CPU, Shares
from automl.starting import Starting
from automl.stopping import Verdict
from automl.trial import Reason, Report, TrialRecord, TrialState

if TYPE_CHECKING:
    import optuna

POLL_SECONDS = 1.0  # between two looks for a request to stop


class Study:
    """One search, held by this driver. Thread-safe."""

    def __init__(
        self,
        *,
        ledger: Writer,
        found: TakenUp,
        folder: Path,
        files: Files | None = None,
        listeners: Sequence[Listener] = (),
        shares: Shares = ONE_CPU,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.config = config = found.config
        self.shares = shares
        """What each trial gets of the machine."""
        self.folder = folder
        self.is_done = False
        """Whether the last `next_attempt` found nothing to run and nothing running."""
        self.watch: Callable[[], Sequence[Mapping[str, Any]]] = tuple
        """Called about once a second; listeners get the events that it returns."""
        self._ledger = ledger
        self._agenda = found.agenda
        self._emit = Listeners(listeners, clock=clock).tell
        self._clock = clock
        self._halt = Halt.of(config, used=ledger.used_seconds, usage=found.usage, clock=clock)
        self._ended_by: EndedBy | None = None  # the search, where its best trials are being confirmed
        self._saving = Saving(ledger, folder, emit=self._emit, clock=clock)
        self._polled = clock()
        self._lock = threading.RLock()
        self._closed = False
        times = {"trial_timeout": config.trial_timeout, "stall_timeout": config.stall_timeout}
        self._running = Running(**times, usage=found.usage, clock=clock)
        self._files = files or Files(folder)
        self._starting = Starting(ledger, found.agenda, config, self._files, shares=shares)
        self._unstarted: Attempt | None = None  # recorded, not yet on disk: the disk is full

    @classmethod
    def open(
        cls,
        url: str,
        name: str,
        *,
        folder: Path,
        sampler: optuna.samplers.BaseSampler | None = None,
        early_stopping: stopping.Rule | None = None,
        changes: Mapping[str, Any] | None = None,
        fingerprint: Fingerprint | None = None,
        pasts: Sequence[Past] = (),
        shares: Shares = ONE_CPU,
        parallel: int | None = None,
        ledger: Writer | None = None,
        files: Files | None = None,
        works_ahead: bool = True,
        listeners: Sequence[Listener] = (),
        clock: Callable[[], float] = time.time,
    ) -> Study:
        """Take the lease of a study, end what a dead driver left, and rebuild sampler and stopping from history.

        Args:
            url: of the ledger.
            name: the study's name.
            folder: where its files are.
            sampler: as `opening.take_up` takes it; so are the next three.
            early_stopping: instead of the rule that the study names.
            changes: to its settings.
            fingerprint: what its trials run on now.
            pasts: what other studies found, to learn from.
            shares: what each trial gets of the machine.
            parallel: trials at once, if that is known.
            ledger: the lease, if it is taken already; given back when this fails.
            files: what its trials have on disk; default: what lies in `folder`.
            works_ahead: whether a slow sampler may think about a trial before it is wanted.
            listeners: called with each event.
            clock: seconds since the epoch.

        Raises:
            LeaseLostError: another driver holds the study.
            ConfigError: early stopping was given as an object once, and is not now.
        """
        with interrupts.shielded():
            ledger = ledger or Writer.open(connect(url, create=True, waits=True), name, clock=clock)
            try:
                with Reader.open(url, name) as reader:
                    found = take_up(
                        ledger,
                        reader,
                        folder,
                        changes=changes or {},
                        fingerprint=fingerprint,
                        sampler=sampler,
                        early_stopping=early_stopping,
                        pasts=pasts,
                        works_ahead=works_ahead,
                        parallel=parallel,
                    )
            except BaseException:
                ledger.abandon()  # this process lives on, and nobody could take the study from it
                raise
            more: Any = {"files": files, "listeners": listeners, "shares": shares, "clock": clock}
            study = cls(ledger=ledger, found=found, folder=folder, **more)
            for event in found.events:
                study._emit(**event)
            return study

    def next_attempt(self, *, wait: bool = False) -> Attempt | None:
        """Return what to run next, recorded as started: a trial that was cut, a promoted one, or a new one.

        None means nothing for now; then `is_done` says whether it means nothing ever.

        Args:
            wait: stay for a slow sampler instead of returning None, giving the study its ticks meanwhile.

        Raises:
            ResourceExhaustedError: the disk is full, and nothing runs whose end would be worth waiting for.
        """
        while True:
            with self._alone():
                if self._closed or self.should_stop:
                    return None
                if not self._saving.allows_more(is_idle=not self.running):
                    return None
                if self._unstarted is not None:
                    return self._begin(self._unstarted)
                more: Any = {"seq": self._ledger.position, "seconds": self._running.usage.seconds(now=self._clock())}
                with self._halt.noting():
                    choice = Choice() if self.request else self._agenda.next(is_idle=not self.running, **more)
                if choice.weighed is not None:
                    self._ledger.event(WEIGHED, **choice.weighed)
                self.is_done = choice.number is None and not choice.is_pending and not self.running
                if choice.number is not None:
                    self._unstarted, damaged = self._starting.start(choice.number, choice.proposal)
                    for event in damaged:
                        self._emit(**event)
                    return self._begin(self._unstarted)
            if not (wait and choice.is_pending):
                return None
            self._agenda.wait(POLL_SECONDS)  # not alone: neither Ctrl-C nor a request waits for the sampler
            self.tick()

    def report(self, attempt: Attempt, reports: Sequence[Report]) -> Verdict:
        """Take in what a running attempt reported, and say whether it goes on.

        Reports that cause a STOP or PAUSE are on disk before it is answered; others within half a second.
        """
        with self._alone():
            if not self._is_current(attempt):
                return Verdict.STOP
            verdicts = [self._take(attempt, report) for report in reports]
            verdicts.append(Verdict.STOP if self.should_stop else Verdict.CONTINUE)
            verdict = max(verdicts, key=lambda each: each.severity)
            if self._halt.spent:
                self._running.cut(attempt, Reason.BUDGET)
            if verdict is not Verdict.CONTINUE:
                self._saving.save()
            for report in reports:
                self._emit("report", trial=attempt.trial, step=report.step, values=dict(report.values))
            return verdict

    def end(self, attempt: Attempt, ending: Ending) -> None:
        """Take in how an attempt ended: told, retried or paused, in one transaction.

        One that ends because everything must is left to `close`, which knows what becomes of it.
        """
        with self._alone():
            is_pruned = ending.trial_state is TrialState.PRUNED
            if not self._is_current(attempt) or (is_pruned and self.should_stop and not self._running.why(attempt)):
                return
            if is_pruned and ending.reason is None:
                ending = replace(ending, reason=self._running.why(attempt) or Reason.EARLY_STOPPING)
            if ending.final is not None:
                self._take(attempt, ending.final)
            ending = self._saving.excused(attempt.trial, ending)
            waits = is_retried(ending, len(self._agenda.retried[attempt.trial]), self.config.retries)
            self._running.end(attempt)
            write_ending(self._ledger, attempt.trial, attempt.number, ending, self.config.metric, waits=waits)
            self._saving.save()
            self._remember(attempt, ending, waits=waits)

    def lose(self, attempt: Attempt, ending: Ending | None) -> None:
        """Take in that a worker is gone: with what it left on disk, or as `ending` if that is no result."""
        with self._alone():
            if not self._is_current(attempt):
                return
            reports, found = self._files.left_by(attempt)
            self.report(attempt, [report for report in reports if report.step > self._running.step(attempt)])
            if found := found or ending:
                self.end(attempt, found)

    def interrupt(self, *, by: str, seconds: float) -> None:
        """Take in that everything must end, as if asked by `automl stop --now`: workers have `seconds` to report."""
        with self._alone():
            if not self._closed and self._halt.heed(Request.NOW):
                self._tell_of_request(by=by, seconds=seconds)

    def begun(self, attempt: Attempt) -> None:
        """Take in that the worker of an attempt is there: what it took to find one is not the attempt's time."""
        with self._alone():
            self._running.restart(attempt)

    def overdue(self) -> list[tuple[Attempt, Ending]]:
        """Return whose time is up, to be asked with each `tick`; executors end the worker, then `lose` so."""
        with self._alone():
            return [] if self._closed else self._running.overdue()

    def tick(self) -> None:
        """Do what is due by the clock: write grouped reports, renew the lease, look for a request to stop.

        Call it several times a second.
        """
        with self._alone():
            if self._closed:
                return
            if self._clock() - self._polled >= POLL_SECONDS and not self.is_done:
                self._polled = self._clock()
                self._poll()
            self._saving.tick()

    @property
    def is_finishing(self) -> bool:
        """Whether closing now would finish the study: nothing is left to run, or time or compute is spent."""
        return self.failure is None and (self._is_through or self._halt.spent is not None)

    @property
    def ended_by(self) -> EndedBy:
        """Why the search has ended, once it has."""
        if self.failure is not None:
            return EndedBy.FAILED
        if not self.is_finishing:
            return EndedBy.STOP
        return self._ended_by or (self._agenda.ended_by if self._is_through else self._halt.spent) or EndedBy.STOP

    @property
    def _is_through(self) -> bool:
        """Whether nothing is left to run."""
        is_idle = not self.running and self._unstarted is None
        return is_idle and (not self._agenda.has_more or (self.is_done and self.request is None))

    @property
    def should_stop(self) -> bool:
        """Whether executors must end at once: time or compute is spent, the search has failed, or somebody asked."""
        return self._halt.at_once

    @property
    def failure(self) -> SearchAbortedError | None:
        """Why the search cannot go on, if so."""
        return self._halt.failure

    @property
    def request(self) -> Request | None:
        """How somebody asked the search to stop, if so."""
        return self._halt.request

    @property
    def records(self) -> Mapping[int, TrialRecord]:
        """The trials by number, as they stand."""
        return self._agenda.records

    @property
    def running(self) -> Mapping[int, Attempt]:
        """The attempts that run now, by trial."""
        return self._running.attempts

    def values_of(self, number: int) -> dict[str, Any]:
        """Return the params of a trial as an objective gets them: names stand for what they did when it was asked."""
        return self._agenda.values_of(number)

    def keep_result(self, result: Mapping[str, Any]) -> None:
        """Record the winner's test metrics, {"trial": n, "test": {...}}."""
        with self._alone():
            self._ledger.keep_result(trial=result["trial"], test=result["test"])

    def confirm(self) -> bool:
        """Turn from the search, if it is through, to running its best trials again; return whether any are to run.

        Neither the time nor the compute that the search had is theirs. Close the study afterwards.
        """
        with self._alone():
            if self._closed or self.request or not self.is_finishing:
                return False
            confirmation = Confirmation.of(self.config)
            self._catch_up()
            if not confirmation.left(self.records.values()):
                return False
            self._ended_by = self.ended_by
            told: Any = confirmation.told(self.records.values())
            self._ledger.event(CONFIRMING, **told)
            self._settle(is_finished=True, commit=self._ledger.end_search)
            self._running.clear()
            self._agenda, self._unstarted, self.is_done = self._agenda.confirming(self.config), None, False
            self._starting = Starting(self._ledger, self._agenda, self.config, self._files, shares=self.shares)
            self._halt = Halt(timeout=None, clock=self._clock)
            self._emit(CONFIRMING, **told)
            return True

    def close(self) -> bool:
        """Give the study back, and return whether it is finished.

        When it is done or its time is up, what runs, waits or is paused becomes PRUNED. Otherwise (an interrupt, a
        request, an error) what runs becomes WAITING and is the first to run on resume.
        """
        with self._alone():
            if self._closed:
                return self.is_done
            self._catch_up()
            is_finished, ended_by = self.is_finishing, self.ended_by
            self._closed = True
            self._ledger.event(ENDED, finished=is_finished, ended_by=ended_by)
            self._settle(is_finished=is_finished, commit=lambda: self._ledger.release(finished=is_finished))
            self._emit(ENDED, finished=is_finished, ended_by=ended_by)
            return is_finished

    def _catch_up(self) -> None:
        """Take in what workers did that had no time to tell it."""
        for attempt in list(self.running.values()):
            self.lose(attempt, None)

    def _settle(self, *, is_finished: bool, commit: Callable[[], object]) -> None:
        """Write what becomes of the trials that have not ended, and tell listeners."""
        self._agenda.close()
        cut = [*self.running.values(), *filter(None, [self._unstarted])]
        told = settle(self._ledger, self._agenda, self._files, cut=cut, is_finished=is_finished, commit=commit)
        for record in told:
            self._emit("trial-ended", **record.told())

    def _poll(self) -> None:
        """Look what else is new, and whether somebody has asked the search to stop."""
        for event in self.watch():
            self._emit(**event)
        with contextlib.suppress(LedgerError):  # nothing is lost by not knowing; the next write says what is wrong
            request = self._ledger.request()
            if request and self._halt.heed(request):
                self._tell_of_request()

    def _tell_of_request(self, **more: Any) -> None:
        self._emit("stop-requested", now=self.request is Request.NOW, running=sorted(self.running), **more)

    def _begin(self, attempt: Attempt) -> Attempt | None:
        """Hand out an attempt once it is on disk that it starts; None as long as that cannot be written."""
        if not self._saving.save():
            self._saving.allows_more(is_idle=not self.running)
            return None
        self._unstarted = None
        self._running.begin(attempt)
        number, record = attempt.trial, self.records[attempt.trial]
        started = self._clock() if record.started is None else record.started
        self._agenda.note(
            replace(record, state=TrialState.RUNNING, attempt=attempt.number, paused=False, started=started)
        )
        about = {"attempt": attempt.number, "params": dict(record.params), "step": attempt.start_step}
        self._emit("trial-started", trial=number, **about, **noted(record))
        return attempt

    def _take(self, attempt: Attempt, report: Report) -> Verdict:
        """Record one report, and return what early stopping says."""
        self._ledger.report(trial=attempt.trial, attempt=attempt.number, report=report)
        self._running.hear(attempt, step=report.step)
        try:
            verdict = self._agenda.hear(attempt.trial, report)
        except SearchAbortedError as error:  # no fault of the trial, which goes on when the search is resumed
            self._halt.failure = error
            return Verdict.CONTINUE
        if verdict is Verdict.STOP:
            self._running.cut(attempt, Reason.EARLY_STOPPING)
        return verdict

    def _remember(self, attempt: Attempt, ending: Ending, *, waits: bool) -> None:
        """Bring memory up to what the ledger has just been told, and tell the listeners."""
        number = attempt.trial
        record = after(self.records[number], ending, self.config.metric, waits=waits, now=self._clock())
        self._agenda.note(record)
        if record.state.is_finished:
            self._files.forget(number)
        if waits:
            self._emit("trial-retried", trial=number, reason=ending.reason, message=ending.message)
            return
        self._halt.count(record, self.records.values(), self._files.of(number) / "log")
        kind = "trial-paused" if record.paused else "trial-ended"
        self._emit(kind, **record.told())

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the study: no other thread, and no signal in between a change of the ledger and that of memory."""
        with interrupts.shielded(), self._lock:
            yield

    def _is_current(self, attempt: Attempt) -> bool:
        return not self._closed and self._running.has(attempt)
