"""The search spaces that a study has had, and which of its trials a sampler of the present one can learn from.

    spaces = SpaceHistory.read(reader)
    spaces.of(3)                                        # the space that trial 3 was asked in
    spaces.shown(record)                                # the trial as a point of the present space

    change = SpaceChange.look(reader, new_space)        # None when that is the space the study has
    change.lost                                         # {7: {"lr": "0.5 is outside 0.0001..0.1 log"}}

The study's row holds the present space; each change of it is an event in the ledger, with the space before it and the
number of trials until then. Trials keep their params as they were asked, so a later space that has their values again
makes them points again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from automl.errors import ConfigError
from automl.ledger.queries import Reader
from automl.trial import TrialRecord, TrialState
from search_spaces import Change, SearchSpace, adopt

CHANGED = "space-changed"
"""The kind of the events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceHistory:
    """The spaces of a study, by the trials that were asked in them."""

    current: SearchSpace
    older: tuple[tuple[int, SearchSpace], ...] = ()
    """(n, space), the oldest first: of the trials below n, those that no earlier space has were asked in it."""
    seq: int = -1
    """Of the last change."""

    @classmethod
    def read(cls, reader: Reader, *, up_to: int | None = None) -> SpaceHistory:
        """Return what the ledger knows, or knew at the seq `up_to`."""
        changes = reader.events(kind=CHANGED)
        events = [event for event in changes if up_to is None or event.seq <= up_to]
        later = [event.data["before"] for event in changes[len(events) :]]
        return cls(
            current=SearchSpace.from_dict((later or [reader.study().config["space"]])[0]),
            older=tuple((event.data["trials"], SearchSpace.from_dict(event.data["before"])) for event in events),
            seq=max((event.seq for event in events), default=-1),
        )

    @property
    def n_older(self) -> int:
        """The number of trials that were asked before the last change; 0 if there was none."""
        return max((n for n, _ in self.older), default=0)

    def of(self, number: int) -> SearchSpace:
        """Return the space that a trial was asked in."""
        return next((space for n, space in self.older if number < n), self.current)

    def shown(self, record: TrialRecord) -> TrialRecord:
        """Return a trial as a sampler of the present space is shown it.

        One that is no point of that space is a trial that failed, of which nothing but the number is known. So is one
        that confirms another: a second value of the same params would count twice, and only the best ones have it.
        """
        if record.confirms is None:
            if record.number >= self.n_older:
                return record
            params, problems = adopt(record.params, old=self.of(record.number), new=self.current)
            if not problems:
                return replace(record, params=params)
        return TrialRecord(number=record.number, state=TrialState.FAIL, params={}, ended=record.ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceChange:
    """What another space would be to a study."""

    before: SearchSpace
    after: SearchSpace
    changes: tuple[Change, ...]
    trials: int
    """How many there are."""
    told: int
    """How many of them a sampler can learn from, if they are points: all but those that failed."""
    lost: Mapping[int, Mapping[str, str]]
    """Trial -> parameter or relation -> why, of those that are no points of the space `after`."""

    @classmethod
    def look(cls, reader: Reader, space: SearchSpace) -> SpaceChange | None:
        """Return what `space` would be to the study, None when it is the one that it has.

        Raises:
            ConfigError: a parameter became another kind, and no trial has a value of that.
            SearchSpaceError: `space` asks about parameters that it lacks.
        """
        past = SpaceHistory.read(reader)
        if space == past.current:
            return None
        space.active({})  # raises if it is no whole space
        searched = (record for record in reader.records() if record.confirms is None)
        records = [record for record in searched if record.state is not TrialState.FAIL]
        changes = tuple(past.current.diff(space))
        if unkept := list(_unkept(changes, past.current, space, records)):
            raise ConfigError(unkept)
        lost: dict[int, Mapping[str, str]] = {}
        for record in records:
            _, problems = adopt(record.params, old=past.of(record.number), new=space)
            if problems:
                lost[record.number] = problems
        return cls(
            before=past.current,
            after=space,
            changes=changes,
            trials=reader.size(),
            told=len(records),
            lost=lost,
        )

    @property
    def lost_by(self) -> dict[str, int]:
        """Parameter or relation -> how many trials it alone, or it among others, makes no points."""
        names = [name for problems in self.lost.values() for name in problems]
        return {name: names.count(name) for name in dict.fromkeys(names)}

    @property
    def summary(self) -> str:
        """What becomes of the trials, in a sentence."""
        if not self.told:
            return "no trial has told the sampler anything yet"
        kept = self.told - len(self.lost)
        if not self.lost:
            return (
                f"all {kept} trials go on informing the sampler"
                if kept > 1
                else "the trial goes on informing the sampler"
            )
        return (
            f"{kept} of {self.told} trials go on informing the sampler; {len(self.lost)} cannot, "
            "and stay in the ledger and in `automl top`"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {
            "changes": [change.to_dict() for change in self.changes],
            "trials": self.trials,
            "told": self.told,
            "lost": sorted(self.lost),
        }


def _unkept(
    changes: Sequence[Change], before: SearchSpace, after: SearchSpace, records: Sequence[TrialRecord]
) -> Iterator[str]:
    """Yield one line for each parameter that became another kind, none of whose values is a value of it now."""
    for change in changes:
        name = change.name
        having = [record for record in records if name in record.params]
        if "kind" in change.kinds and having and not any(after[name].contains(r.params[name]) for r in having):
            yield (
                f"{name}: is {_kind(before, name)} and would be {_kind(after, name)}, which has the value of none of "
                f"the {len(having)} trials that have {name}: give it another name, such as {_free(name, before, after)}"
            )


def _kind(space: SearchSpace, name: str) -> str:
    article = "an" if space[name].type[0] in "aeiou" else "a"
    return f"{article} {type(space[name]).__name__} ({space[name]})"


def _free(name: str, *spaces: SearchSpace) -> str:
    n = 2
    while any(f"{name}_{n}" in space for space in spaces):
        n += 1
    return f"{name}_{n}"
