"""What a study runs next: a trial that was cut, a promoted one, or a new one; and all that it has learnt to say so.

    agenda = Agenda.rebuilt(reader, config)
    choice = agenda.next(is_idle=True, seq=0)           # Choice(number=0, proposal=Proposal(params={"lr": 0.1}))
    agenda.note(record)                                 # how a trial stands: sampler and early stopping learn of it

It writes nothing. Records, queue, sampler and early stopping are memory of what is in the ledger, and `rebuilt` makes
them from that alone.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl import policy, samplers, stopping
from automl.attempt import Attempt
from automl.config import StudyConfig
from automl.confirming import Again, Confirmation
from automl.enough import WEIGHED, EndedBy, Enough
from automl.known import TRIES, WARM_START, Known
from automl.ledger.queries import Reader
from automl.preference import Preference
from automl.recovery import reasons_to_retry
from automl.samplers.base import key
from automl.space_history import CHANGED, SpaceHistory
from automl.stopping import Judge, Verdict
from automl.trial import AttemptState, Reason, Report, TrialRecord, TrialState

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
    weighed: Mapping[str, Any] | None = None
    """What the ledger is to remember of a search that has just ended by what is expected of it."""


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
        preference=config.preference,
        seed=config.seed,
        records=[spaces.shown(samplers.still(record)) for record in records],
        n_older=spaces.n_older,
        notes=[note for event in proposed if up_to is None or event.seq <= up_to for note in event.data["notes"]],
        tries=known.tries,
        pasts=known.pasts,
        is_gauged=config.worth is not None and len(config.metrics) == 1,
    )


class Agenda:
    """The trials of a study, and which of them comes next. Not thread-safe.

    Args:
        n_trials: to ask for, those that were asked included.
        records: all trials of the study.
        passed_over: the numbers of those among them that are none of this agenda's: it neither runs nor counts them.
        spaces: the search spaces of the study.
        sampler: what it asks for more.
        judge: what stops and pauses trials.
        retried: trial -> why it ran once more, because of the machine each time.
        enough: what ends it before all trials were asked.
        tries: points that somebody wants to be tried, whatever is expected of them.
    """

    def __init__(
        self,
        *,
        n_trials: int,
        records: Sequence[TrialRecord],
        spaces: SpaceHistory,
        sampler: samplers.Sampler,
        judge: Judge,
        retried: Mapping[int, Sequence[Reason]],
        enough: Enough,
        passed_over: Collection[int] = (),
        tries: Iterable[samplers.Params] = (),
        preference: Preference,
        works_ahead: bool = True,
    ) -> None:
        self.records = {record.number: record for record in records}
        self.spaces = spaces
        mine = [record for record in records if record.number not in passed_over]
        self.waiting = deque(r.number for r in mine if r.state is TrialState.WAITING)
        self.paused = {r.number for r in mine if r.paused}
        self.retried = defaultdict(list, {number: list(reasons) for number, reasons in retried.items()})
        """Trial -> why it ran once more, because of the machine each time."""
        self.judge = judge
        self.is_exhausted = False
        """Whether the sampler has nothing left to propose."""
        self._enough = enough
        self._tries = set(map(key, tries))
        self._n_trials = n_trials
        self._n_passed_over = len(records) - len(mine)
        self._preference = preference
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
        judge = stopping.make(rule, preference=config.preference, max_epochs=config.max_epochs)
        records, spaces = reader.records(), SpaceHistory.read(reader)
        confirming = {record.number for record in records if record.confirms is not None}
        history = [each for each in reader.history() if each[0] not in confirming]
        judge.replay(history)
        enough = Enough(
            config.preference,
            target_value=config.target_value,
            patience=config.patience,
            worth=config.worth,
            older=spaces.n_older,
        )
        made = learner(reader, config, spaces=spaces, records=records, sampler=sampler)
        agenda = cls(
            n_trials=config.n_trials,
            records=records,
            spaces=spaces,
            sampler=made,
            judge=judge,
            retried=reasons_to_retry(reader),
            preference=config.preference,
            works_ahead=works_ahead,
            enough=enough,
            passed_over=confirming,
            tries=Known.read(reader).tries,
        )
        agenda._recall(reader)  # first, as it was: a search that has ended otherwise is weighed no more
        given_up = _given_up(reader, records)
        for trial, step, _ in history:
            if step is None and trial not in given_up:
                enough.see(records[trial])
        return agenda

    def confirming(self, config: StudyConfig) -> Agenda:
        """Return what runs once the search is through: the best trials again, with other seeds, to their ends."""
        records = list(self.records.values())
        again = [self.records[number] for number in Confirmation.of(config).outstanding(records)]
        searched = [record.number for record in records if record.confirms is None]
        return Agenda(
            enough=Enough(config.preference),
            preference=config.preference,
            n_trials=len(records) - len(searched) + len(again),
            records=records,
            passed_over=searched,
            spaces=self.spaces,
            sampler=Again(again),
            judge=stopping.make("none"),
            retried=self.retried,
            works_ahead=False,
        )

    def next(self, *, is_idle: bool, seq: int, seconds: float = 0.0) -> Choice:
        """Return what to run next.

        Args:
            is_idle: whether nothing runs now, so that nothing will come of waiting.
            seq: of the ledger, up to which everything was noted.
            seconds: for which trials have run so far.
        """
        if self.waiting:
            return Choice(number=self.waiting.popleft())
        if self._enough.reason is not None:
            return Choice()
        promoted = self.judge.promote(self.paused)
        if promoted is not None:
            return Choice(number=promoted)
        if self._n_asked < self._n_trials and not self.is_exhausted:
            number, another = len(self.records), self._n_asked + 1 < self._n_trials
            is_ready, proposal = self._proposals.take(number, another=another, seq=seq)
            if proposal is not None:
                if key(proposal.params) not in self._tries:
                    self._enough.weigh(proposal.gain, seconds=seconds)
                if self._enough.reason is None:
                    return Choice(number=number, proposal=proposal)
                return Choice(weighed=self._weighed)
            if not is_ready:
                return Choice(is_pending=True)
            self.is_exhausted = True
        if self.paused and is_idle and not self._has_complete():
            return Choice(number=self.judge.promote(self.paused, last_call=True))
        return Choice()

    @property
    def _weighed(self) -> Mapping[str, Any]:
        return {"asked": self._n_asked, "n_trials": self._n_trials, "worth": self._enough.worth}

    def _recall(self, reader: Reader) -> None:
        """End a search that has ended by what was expected of it, if nobody has asked for more, or said more, since."""
        last = next(reversed(reader.events(kind=WEIGHED)), None)
        if last is None or last.data != self._weighed:
            return
        if not {CHANGED, TRIES, WARM_START} & {event.kind for event in reader.events(after=last.seq)}:
            self._enough.end_by_worth()

    @property
    def _n_asked(self) -> int:
        return len(self.records) - self._n_passed_over

    def wait(self, seconds: float) -> None:
        """Stay until the sampler is through with what is pending, or for `seconds`."""
        self._proposals.wait(seconds)

    def values_of(self, number: int) -> dict[str, Any]:
        """Return the params of a trial as an objective gets them: names stand for what they did when it was asked."""
        record = self.records[number]
        return self.spaces.of(record.origin).values_of(record.params)

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
            metrics=self._preference.names,
            max_epochs=config.max_epochs,
            folder=str(folder),
            start_step=start_step,
            last_values=self._last_values(record, start_step),
            decision_steps=self.judge.decision_steps,
            resources=resources,
        )

    def _last_values(self, record: TrialRecord, step: int) -> dict[str, float]:
        """Return what is known of a trial at the step of its checkpoint."""
        if self._preference.is_plain:
            return {self._preference.metrics[0]: record.reports[step]} if step in record.reports else {}
        return record.known(step)

    def add(self, number: int, params: Mapping[str, Any], *, seed: int, confirms: int | None = None) -> None:
        """Take in a trial that is new."""
        about: dict[str, Any] = {"number": number, "params": params, "seed": seed, "confirms": confirms}
        self.records[number] = TrialRecord(state=TrialState.WAITING, reports={}, points={}, **about)

    def hear(self, number: int, report: Report) -> Verdict:
        """Take in a report of a trial that runs, and return what early stopping says.

        Raises:
            SearchAbortedError: early stopping failed.
        """
        record = self.records[number]
        self.records[number] = replace(record, reached=max(record.reached, report.step))
        assert isinstance(record.reports, dict)
        assert isinstance(record.points, dict)
        values = {name: report.values[name] for name in self._preference.names if name in report.values}
        if not values:
            return Verdict.CONTINUE
        first, step = self._preference.metrics[0], report.step
        if first in values:
            record.reports[step] = values[first]
        if not self._preference.is_plain:
            record.points[step] = {**record.points.get(step, {}), **values}
        told = values[first] if self._preference.is_plain else values
        return self.judge.on_report(number, step, told, can_pause=report.checkpoint == step)

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
            is_valued = record.value is not None and not self._preference.is_plain
            self.judge.on_end(number, record.values if is_valued else record.value)
            self._enough.see(record)
        shown = self.spaces.shown(record)
        if shown.params and (record.paused or was_paused or record.state.is_finished):
            self._proposals.observe(shown)

    @property
    def has_more(self) -> bool:
        """Whether there is anything left to run after what runs now."""
        is_asked = self.is_exhausted or self._n_asked >= self._n_trials
        return bool(self.waiting) or (self._enough.reason is None and bool(self.paused or not is_asked))

    @property
    def ended_by(self) -> EndedBy:
        """Why nothing is left to run, once that is so."""
        return self._enough.reason or (EndedBy.EXHAUSTED if self.is_exhausted else EndedBy.TRIALS)

    def close(self) -> None:
        """Let the sampler's thread go."""
        self._proposals.close()

    def _has_complete(self) -> bool:
        return any(record.state is TrialState.COMPLETE for record in self.records.values())


def _given_up(reader: Reader, records: Sequence[TrialRecord]) -> set[int]:
    """Return the trials that were cut or left paused when the search ended: they say nothing of its patience."""
    last = {row.trial: row.state for row in reader.attempts()}
    pruned = (record for record in records if record.state is TrialState.PRUNED)
    return {r.number for r in pruned if r.reason is Reason.BUDGET or last.get(r.number) is AttemptState.PAUSED}
