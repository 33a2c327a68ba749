"""When a search has had enough: its target is reached, nothing better comes, or the next hour is not worth its compute.

    enough = Enough(Preference.of("val_acc", "maximize"), patience=20, target_value=0.99)
    enough.see(record)                                  # each trial that has ended, in the order of their ends
    enough.reason                                       # EndedBy.PATIENCE after 20 of them without a better one

A function of what it was shown, in that order, so a driver that is killed and resumed decides as one that lives; what
was expected of an hour, which no record of a trial says, the ledger remembers. What runs when the reason appears, or
was cut off while it ran, goes on to its end; nothing new begins, and nobody is promoted. Time and compute, which cut
what runs, are `automl.halt`.
"""

from __future__ import annotations

import enum
import math
import operator
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from automl.compute import Budget
from automl.preference import Preference, Vector, contribution
from automl.trial import TrialRecord, TrialState

if TYPE_CHECKING:
    from automl.ledger.queries import Reader

ENDED = "study-ended"
"""Kind of the event that a driver leaves as it goes: `finished`, `ended_by`."""
WEIGHED = "weighed"
"""Kind of the event of a search that ends by what is expected of an hour: `asked`, `n_trials`, `worth`."""
HOUR = 3600.0
LAST = 20
"""Trials by whose growth of the hypervolume it is judged."""
LEAST = 10
"""COMPLETE ones before these."""


class EndedBy(enum.StrEnum):
    """Why a search has ended."""

    TRIALS = "trials"
    """All that were to be asked for are done."""
    EXHAUSTED = "exhausted"
    """The space has no other point, or the sampler no other proposal."""
    TIMEOUT = "timeout"
    BUDGET = "budget"
    TARGET_VALUE = "target-value"
    PATIENCE = "patience"
    WORTH = "worth"
    STOP = "stop"
    """Somebody asked for it; the study is interrupted, not finished."""
    FAILED = "failed"
    """Its trials failed, or its sampler or early stopping did."""

    @property
    def option(self) -> str | None:
        """The option of `config.CHANGEABLE` that has to change, or the search would end so again; None if none has."""
        names = {EndedBy.TRIALS: "n_trials", EndedBy.EXHAUSTED: "space", EndedBy.STOP: None, EndedBy.FAILED: None}
        return names.get(self, self.value.replace("-", "_"))


class Enough:
    """Says whether a search has had enough.

    A COMPLETE trial is better than what there was if no earlier one is at least as good in every respect: of one metric
    a better value, of several a new point of the Pareto front.

    Args:
        preference: what the study wants.
        target_value: of the first metric, that a COMPLETE trial within all limits is to reach.
        patience: trials that may end in a row, in whatever state, without a better COMPLETE one. The count begins with
            the first COMPLETE trial: before it there is nothing to be better than.
        worth: of an hour of search, in units of the metric; of several metrics in those of their hypervolume.
        older: how many trials, the first ones, were asked in another space: what they have reached counts, but not
            against the space that is searched now.
    """

    def __init__(
        self,
        preference: Preference,
        *,
        target_value: float | None = None,
        patience: int | None = None,
        worth: float | None = None,
        older: int = 0,
    ) -> None:
        self.reason: EndedBy | None = None
        """Why nothing new is to begin; the first reason stands."""
        self.worth = worth
        self._preference = preference
        sign = -1 if preference.directions[0] == "maximize" else 1
        self._target = -math.inf if target_value is None else target_value * sign
        self._patience = math.inf if patience is None else patience
        self._older = older
        self._idle = 0  # trials that have ended since the last one that was better
        self._ended = 0
        self._front: list[Vector] = []
        self._growth = Growth() if worth is not None and len(preference.metrics) > 1 else None

    def see(self, record: TrialRecord) -> None:
        """Take in how a trial has ended."""
        is_complete = record.state is TrialState.COMPLETE
        vector = self._preference.vector(record.values) if is_complete else None
        self._ended += 1
        if self._growth is not None:
            self._growth.see(vector[1:] if vector is not None and vector[0] == 0 else None)
        if vector is not None and not any(_is_as_good(other, vector) for other in self._front):
            self._front = [other for other in self._front if not _is_as_good(vector, other)] + [vector]
            self._idle = 0
            if vector[0] == 0 and vector[1] <= self._target:
                self._end(EndedBy.TARGET_VALUE)
        elif self._front and record.number >= self._older:
            self._idle += 1
            if self._idle >= self._patience:
                self._end(EndedBy.PATIENCE)

    def weigh(self, gain: float | None, *, seconds: float) -> None:
        """Take in what the best proposal promises: the search ends where an hour of such trials is not worth it.

        Each further trial promises less than the one before, so this errs towards going on. Of several metrics no model
        is asked: a trial promises what each of the last ones has added to the hypervolume.

        Args:
            gain: by how much it is expected to better the best value, in units of the metric; None where no model says.
            seconds: in which trials have run so far, which says how many an hour has.
        """
        if self.worth is None or seconds <= 0:
            return
        gain = gain if self._growth is None else self._growth.each()
        if gain is not None and gain * self._ended / seconds * HOUR < self.worth:
            self._end(EndedBy.WORTH)

    def end_by_worth(self) -> None:
        """Take in that under an earlier driver it has ended so; the model of this one might see it otherwise."""
        self._end(EndedBy.WORTH)

    def _end(self, reason: EndedBy) -> None:
        self.reason = self.reason or reason


class Growth:
    """What a trial has added to the hypervolume of the Pareto front, of the last ones on average.

    It is measured from the worst result in each objective. Until that moves, each new point of the front has its volume
    computed once: beside 2,000 others of two objectives that takes a few milliseconds.
    """

    def __init__(self) -> None:
        self._front: list[Vector] = []
        self._last: deque[tuple[Vector, list[Vector]] | None] = deque(maxlen=LAST)  # new on the front, and that before
        self._counts: deque[int] = deque([0], maxlen=LAST + 1)  # results, before and after each of them
        self._corner: Vector = ()
        self._volumes: dict[Vector, float] = {}

    def see(self, losses: Vector | None) -> None:
        """Take in what a trial has reached; None where it has no result, or one that breaks a limit."""
        self._counts.append(self._counts[-1] + (losses is not None))
        self._last.append(None)
        if losses is None:
            return
        if not any(_is_below(other, losses) for other in self._front):
            self._last[-1] = losses, self._front
            self._front = [other for other in self._front if not _is_below(losses, other)] + [losses]
        corner = tuple(map(max, self._corner or losses, losses))
        if corner != self._corner:
            self._corner, self._volumes = corner, {}

    def each(self) -> float | None:
        """Return what each has added; None while there are few to compare, or all are alike in an objective."""
        if self._counts[0] < LEAST or not all(map(operator.lt, map(min, *self._front, self._corner), self._corner)):
            return None
        return sum(self._added(*new) for new in self._last if new is not None) / LAST

    def _added(self, point: Vector, others: list[Vector]) -> float:
        if point not in self._volumes:
            self._volumes[point] = contribution(point, others, self._corner)
        return self._volumes[point]


def _is_below(one: Vector, other: Vector) -> bool:
    """Say whether one result is at least as good as another in each loss."""
    return all(map(operator.le, one, other))


def _is_as_good(one: Vector, other: Vector) -> bool:
    """Say whether one result is at least as good as another in every respect: violation first, then each loss."""
    return one[0] < other[0] or (one[0] == other[0] and _is_below(one[1:], other[1:]))


def ended_by(reader: Reader) -> EndedBy | None:
    """Return why the search of a study has ended; None while it runs, and where its driver died."""
    from automl.fingerprint import STARTED  # loads SQLAlchemy, which the command line is quicker without

    events = [*reader.events(kind=STARTED), *reader.events(kind=ENDED)]
    last = max(events, key=lambda event: event.seq, default=None)
    why = last.data.get("ended_by") if last is not None and last.kind == ENDED else None
    return None if why is None else EndedBy(why)


def said(why: EndedBy, config: Mapping[str, Any], *, asked: int) -> str:
    """Return in words why a search has ended that has asked for some trials, from the settings in its study's row."""
    n, given = config["n_trials"], config.get(why.option or "")
    given = f"{given:g}" if isinstance(given, float) else given
    text = {
        EndedBy.TRIALS: "its trial is done" if n == 1 else f"all {n} trials are done",
        EndedBy.EXHAUSTED: "nothing is left to try in this space",
        EndedBy.TIMEOUT: f"its time of {given} s is up",
        EndedBy.BUDGET: f"its compute of {given} is spent",
        EndedBy.TARGET_VALUE: f"the target value {given} is reached",
        EndedBy.PATIENCE: f"no better trial in the last {given}",
        EndedBy.WORTH: f"an hour more promises less than {given}",
        EndedBy.STOP: "it was stopped",
        EndedBy.FAILED: "its trials fail",
    }[why]
    return text if asked >= n else f"{text}; {asked} of {n} trials were tried"


def further(why: EndedBy | None, config: Mapping[str, Any]) -> list[str]:
    """Return what to type after `automl resume STUDY` for a finished search to go on; [] where more of it is no use."""
    given = config.get(why.option or "") if why else None
    if why is EndedBy.TIMEOUT and given:
        return ["--timeout", f"{2 * given:g}s"]
    if why is EndedBy.BUDGET and given:
        budget = Budget.parse(given)
        return ["--budget", str(replace(budget, seconds=2 * budget.seconds))]
    if why is EndedBy.PATIENCE and given:
        return ["--patience", str(2 * given)]
    if why is EndedBy.WORTH and given:
        return ["--worth", f"{given / 2:g}"]
    return [] if why in (EndedBy.EXHAUSTED, EndedBy.TARGET_VALUE) else ["--trials", "+20"]
