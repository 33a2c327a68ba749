"""What a study runs next: a trial that was cut, a promoted one, or a new one; and all that it has learnt to say so.

    agenda = Agenda.rebuilt(reader, config)
    choice = agenda.next(is_idle=True, seq=0)           # Choice(number=0, proposal=Proposal(params={"lr": 0.1}))
    agenda.note(record)                                 # how a trial stands: sampler and early stopping learn of it

It writes nothing. Records, queue, sampler and early stopping are memory of what is in the ledger, and `rebuilt` makes
them from that alone.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl import policy, samplers, stopping
from automl.attempt import Attempt
from automl.config import StudyConfig
from automl.known import Known
from automl.ledger.queries import Reader
from automl.recovery import reasons_to_retry
from automl.space_history import SpaceHistory
from automl.stopping import Judge, Verdict
from automl.trial import Reason, Report, TrialRecord, TrialState

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What comes next; without a number nothing does."""

    number: int | None = None
    proposal: samplers.Proposal | None = None
    """What a trial that is new is to try."""
    is_pending: bool = False
    """Whether the sampler is still at work."""


PROPOSED = "sampler"
"""Kind of the event of each proposal: `seen`, the seq up to which history was known, and `notes` of the sampler."""
PROMOTED = "promoted"
"""Kind of the event of each paused trial that goes on: `attempt`, as which it does."""


def learner(
    reader: Reader,
    config: StudyConfig,
    *,
    spaces: SpaceHistory,
    records: Iterable[TrialRecord],
    up_to: int | None = None,
    sampler: optuna.samplers.BaseSampler | None = None,
) -> samplers.Sampler:
    """Return the sampler of a study as its driver has it before its first proposal.

    Everything that a sampler can know comes from here or from `observe`, and is in the ledger, so that a resume and a
    replay have it too.

    Args:
        reader: of the study.
        config: its settings.
        spaces: that it has had by then.
        records: its trials, as they stood.
        up_to: the seq at which that was; None for the present.
        sampler: an Optuna sampler to use instead of the one that `config` names.
    """
    known = Known.read(reader, up_to=up_to)
    # What it noted down before the last change is about another space.
    proposed = reader.events(after=spaces.seq, kind=PROPOSED)
    return samplers.make(
        sampler or config.sampler,
        space=spaces.current,
        direction=config.direction,
        seed=config.seed,
        records=[spaces.shown(samplers.still(record)) for record in records],
        n_older=spaces.n_older,
        notes=[note for event in proposed if up_to is None or event.seq <= up_to for note in event.data["notes"]],
        tries=known.tries,
        pasts=known.pasts,
    )


class Agenda:
    """The trials of a study, and which of them comes next. Not thread-safe."""

    def __init__(
        self,
        *,
        n_trials: int,
        records: Sequence[TrialRecord],
        spaces: SpaceHistory,
        sampler: samplers.Sampler,
        judge: Judge,
        retried: Mapping[int, Sequence[Reason]],
        works_ahead: bool = True,
    ) -> None:
        self.records = {record.number: record for record in records}
        self.spaces = spaces
        self.waiting = deque(r.number for r in records if r.state is TrialState.WAITING)
        self.paused = {r.number for r in records if r.paused}
        self.retried = defaultdict(list, {number: list(reasons) for number, reasons in retried.items()})
        """Trial -> why it ran once more, because of the machine each time."""
        self.judge = judge
        self.is_exhausted = False
        """Whether the sampler has nothing left to propose."""
        self._n_trials = n_trials
        self._proposals = samplers.Proposals(sampler, ahead=works_ahead)

    @classmethod
    def rebuilt(
        cls,
        reader: Reader,
        config: StudyConfig,
        *,
        sampler: optuna.samplers.BaseSampler | None = None,
        early_stopping: stopping.Rule | None = None,
        works_ahead: bool = True,
    ) -> Agenda:
        """Return what the ledger knows, with the sampler and the early stopping of `config` unless others are given.

        With `works_ahead` a slow sampler thinks about a trial in a thread, before it is wanted.

        Raises:
            ConfigError: early stopping was given as an object once, and is not now.
        """
        config = policy.settled(reader, config)
        rule = early_stopping or config.early_stopping
        judge = stopping.make(rule, maximize=config.direction == "maximize", max_epochs=config.max_epochs)
        judge.replay(reader.history())
        records, spaces = reader.records(), SpaceHistory.read(reader)
        made = learner(reader, config, spaces=spaces, records=records, sampler=sampler)
        return cls(
            n_trials=config.n_trials,
            records=records,
            spaces=spaces,
            sampler=made,
            judge=judge,
            retried=reasons_to_retry(reader),
            works_ahead=works_ahead,
        )

    def next(self, *, is_idle: bool, seq: int) -> Choice:
        """Return what to run next.

        Args:
            is_idle: whether nothing runs now, so that nothing will come of waiting.
            seq: of the ledger, up to which everything was noted.
        """
        if self.waiting:
            return Choice(number=self.waiting.popleft())
        promoted = self.judge.promote(self.paused)
        if promoted is not None:
            return Choice(number=promoted)
        asked = len(self.records)
        if asked < self._n_trials and not self.is_exhausted:
            is_ready, proposal = self._proposals.take(asked, another=asked + 1 < self._n_trials, seq=seq)
            if proposal is not None:
                return Choice(number=asked, proposal=proposal)
            if not is_ready:
                return Choice(is_pending=True)
            self.is_exhausted = True
        if self.paused and is_idle and not self._has_complete():
            return Choice(number=self.judge.promote(self.paused, last_call=True))
        return Choice()

    def wait(self, seconds: float) -> None:
        """Stay until the sampler is through with what is pending, or for `seconds`."""
        self._proposals.wait(seconds)

    def values_of(self, number: int) -> dict[str, Any]:
        """Return the params of a trial as an objective gets them: names stand for what they did when it was asked."""
        return self.spaces.of(number).values_of(self.records[number].params)

    def attempt(
        self, number: int, config: StudyConfig, folder: Path, *, start_step: int, resources: Mapping[str, float]
    ) -> Attempt:
        """Return what a worker needs to run a trial once more, from the checkpoint of a step in its `folder`."""
        record = self.records[number]
        return Attempt(
            trial=number,
            number=record.attempt + 1,
            params=self.values_of(number),
            sampled=dict(record.params),
            seed=record.seed,
            metric=config.metric,
            max_epochs=config.max_epochs,
            folder=str(folder),
            start_step=start_step,
            last_values={config.metric: record.reports[start_step]} if start_step in record.reports else {},
            decision_steps=self.judge.decision_steps,
            resources=resources,
        )

    def add(self, number: int, params: Mapping[str, Any], *, seed: int) -> None:
        """Take in a trial that is new."""
        state = TrialState.WAITING
        self.records[number] = TrialRecord(number=number, state=state, params=params, seed=seed, reports={})

    def hear(self, number: int, report: Report, metric: str) -> Verdict:
        """Take in a report of a trial that runs, and return what early stopping says.

        Raises:
            SearchAbortedError: early stopping failed.
        """
        record = self.records[number]
        self.records[number] = replace(record, reached=max(record.reached, report.step))
        if metric not in report.values:
            return Verdict.CONTINUE
        value = report.values[metric]
        assert isinstance(record.reports, dict)
        record.reports[report.step] = value
        return self.judge.on_report(number, report.step, value, can_pause=report.checkpoint == report.step)

    def note(self, record: TrialRecord) -> None:
        """Take in how a trial stands now: it runs, waits to run once more, is paused, or is finished."""
        number, was_paused = record.number, record.number in self.paused
        self.records[number] = record
        self.paused.discard(number)
        if record.state is TrialState.WAITING:
            if record.reason is not None and record.reason.is_retried:
                self.retried[number].append(record.reason)
            self.waiting.append(number)
            return
        if record.paused:
            self.paused.add(number)
        if record.state.is_finished:
            self.judge.on_end(number, record.value)
        shown = self.spaces.shown(record)
        if shown.params and (record.paused or was_paused or record.state.is_finished):
            self._proposals.observe(shown)

    @property
    def has_more(self) -> bool:
        """Whether there is anything left to run after what runs now."""
        is_asked = self.is_exhausted or len(self.records) >= self._n_trials
        return bool(self.waiting or self.paused or not is_asked)

    def close(self) -> None:
        """Let the sampler's thread go."""
        self._proposals.close()

    def _has_complete(self) -> bool:
        return any(record.state is TrialState.COMPLETE for record in self.records.values())
