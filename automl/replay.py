"""Proposes once more what a study has proposed, from its ledger alone, and names the first that comes out otherwise.

    with home.read("digits-1") as reader:
        found = replay(reader)
    found.difference                    # None, or Difference(trial=57, seq=812, recorded={"lr": 0.1}, replayed=...)

A sampler is a function of history. The ledger has that history: each row the number of its writing (`seq`), each trial
the number up to which history was known when its proposal was begun. So a sampler that is built as a driver built it,
shown what that one was shown, in the same order, must propose the same. Where it does not, a row was changed by other
hands, a package is another one, or the sampler hangs on something that the ledger does not know.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl import policy
from automl.agenda import PROMOTED, PROPOSED, learner
from automl.config import OWN_SAMPLER, StudyConfig
from automl.errors import ConfigError
from automl.fingerprint import STARTED
from automl.ledger.queries import Reader
from automl.samplers import Params, Sampler, still
from automl.space_history import SpaceHistory
from automl.trial import AttemptState, TrialRecord, TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A proposal that does not come out as it is recorded."""

    trial: int
    seq: int
    """Up to which the ledger's history was known to it."""
    recorded: Mapping[str, Any]
    replayed: Mapping[str, Any] | None
    """None where the sampler has nothing left to propose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of it."""

    sampler: str
    proposals: int
    """That were made once more, up to the first difference."""
    unrecorded: int
    """Trials that cannot be proposed again: the history of their proposals was not recorded."""
    difference: Difference | None
    """The first one."""


def replay(reader: Reader) -> Replay:
    """Propose the trials of a study once more.

    Raises:
        ConfigError: its sampler is an object that only Python can hand over.
    """
    config = policy.settled(reader, StudyConfig.from_dict(reader.study().config))
    if config.sampler.startswith(OWN_SAMPLER):
        kind = config.sampler.removeprefix(OWN_SAMPLER)
        raise ConfigError(f"the sampler {kind} is a Python object, of which the ledger has only the name: no replay")
    past = _Past(reader, config)
    n = 0
    for n, (asked, proposed) in enumerate(past.proposals(), start=1):
        if _plain(asked.params) != _plain(proposed):
            found = Difference(trial=asked.trial, seq=asked.seen, recorded=asked.params, replayed=proposed)
            return Replay(sampler=config.sampler, proposals=n, unrecorded=past.unrecorded, difference=found)
    return Replay(sampler=config.sampler, proposals=n, unrecorded=past.unrecorded, difference=None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A proposal as it is recorded."""

    trial: int
    seen: int
    """Seq up to which history was known."""
    params: Mapping[str, Any]


@dataclass(slots=True)
class _Driver:
    """What a driver knew, and its sampler."""

    found: Mapping[int, TrialRecord]
    """How trials stood when it came."""
    heard: deque[tuple[int, TrialRecord]] = field(default_factory=deque)
    """What it has learnt since, and not yet shown to its sampler; each with its seq."""
    spaces: SpaceHistory | None = None
    sampler: Sampler | None = None
    """Made for its first proposal, which comes after whatever it has changed at its beginning."""


class _Past:
    """A study's history, gone through in the order of its writing."""

    def __init__(self, reader: Reader, config: StudyConfig) -> None:
        self._reader = reader
        self._config = config
        self._final = {record.number: record for record in reader.records()}
        self._known: dict[int, TrialRecord] = {}
        """How each trial stood at the moment that we have come to."""
        self._rows = sorted(_rows(reader), key=lambda row: row[0])
        recorded = {trial for _, kind, trial, data in self._rows if kind == PROPOSED and "seen" in data}
        searched = {number for number, record in self._final.items() if record.confirms is None}
        self.unrecorded = len(searched - recorded)

    def proposals(self) -> Iterator[tuple[_Asked, Params | None]]:
        """Yield each proposal whose history is recorded, and what is proposed now in its place."""
        driver = _Driver({})
        for seq, kind, trial, data in self._rows:
            if kind == STARTED:
                driver = _Driver({number: _idle(still(record)) for number, record in self._known.items()})
            elif kind == PROPOSED:
                if "seen" in data:
                    asked = _Asked(trial, data["seen"], self._final[trial].params)
                    yield asked, self._propose(driver, asked)
                self._known[trial] = self._new(trial)
            elif kind == "report":
                self._hear(self._of(trial), *data)
            else:
                record = self._known[trial] = self._after(kind, trial, data)
                driver.heard.append((seq, still(record)))

    def _propose(self, driver: _Driver, asked: _Asked) -> Params | None:
        """Let the sampler of a driver learn what it had learnt by then, and propose."""
        if driver.sampler is None or driver.spaces is None:
            driver.spaces = SpaceHistory.read(self._reader, up_to=asked.seen)
            found = [driver.found.get(number) or self._new(number) for number in range(asked.trial)]
            driver.sampler = learner(self._reader, self._config, spaces=driver.spaces, records=found, up_to=asked.seen)
        while driver.heard and driver.heard[0][0] <= asked.seen:
            shown = driver.spaces.shown(driver.heard.popleft()[1])
            if shown.params:
                driver.sampler.observe(shown)
        proposal = driver.sampler.propose(asked.trial)
        return None if proposal is None else proposal.params

    def _after(self, kind: str, trial: int, data: Mapping[str, Any]) -> TrialRecord:
        """Return how a trial stands after it was paused or promoted, or has ended."""
        if kind == "end":
            return self._final[trial]
        return replace(self._of(trial), state=TrialState.RUNNING, paused=kind == "pause", **data)

    def _hear(self, record: TrialRecord, step: int, name: str, value: float) -> None:
        """Take in one metric that counts."""
        preference = self._config.preference
        assert isinstance(record.reports, dict)
        assert isinstance(record.points, dict)
        if name == preference.metrics[0]:
            record.reports[step] = value
        if not preference.is_plain:
            record.points[step] = {**record.points.get(step, {}), name: value}

    def _of(self, trial: int) -> TrialRecord:
        return self._known.setdefault(trial, self._new(trial))

    def _new(self, trial: int) -> TrialRecord:
        final = self._final[trial]
        return TrialRecord(
            number=trial,
            state=TrialState.WAITING,
            params=final.params,
            seed=final.seed,
            reports={},
            points={},
            confirms=final.confirms,
        )


def _rows(reader: Reader) -> Iterator[tuple[int, str, int, Any]]:
    """Yield (seq, kind, trial, data) of all that bears on proposals."""
    for event in reader.events():
        if event.kind in (STARTED, PROPOSED):
            yield event.seq, event.kind, event.trial or 0, event.data
        elif event.kind == PROMOTED:
            yield event.seq, event.kind, event.trial or 0, {"attempt": event.data["attempt"]}
    names = reader.study().preference.names
    for point in reader.metrics():
        if point.name in names:
            yield point.seq, "report", point.trial, (point.step, point.name, point.value)
    for row in reader.attempts():
        if row.state is AttemptState.PAUSED:
            yield row.seq, "pause", row.trial, {"attempt": row.number, "checkpoint": row.checkpoint}
    for trial, seq in reader.ends().items():
        yield seq, "end", trial, None


def _idle(record: TrialRecord) -> TrialRecord:
    """Return how a trial stands once the driver that ran it is gone."""
    is_cut = record.state is TrialState.RUNNING and not record.paused
    return replace(record, state=TrialState.WAITING) if is_cut else record


def _plain(params: Params | None) -> Any:
    """Return params as they come out of a ledger."""
    return None if params is None else json.loads(json.dumps(dict(params)))
