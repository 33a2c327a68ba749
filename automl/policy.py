"""`--sampler auto` and `--early-stopping auto`: one choice of both, since neither is good without the other.

    policy = choose(config, parallel=4)
    policy.sampler, policy.early_stopping           # ("gp", "screen trials=25")
    policy.why                                      # "gp, a model of all 7 parameters; the first 25 of 50 trials ..."

A choice is made once, when a study first has a driver and its width is known, and kept in the ledger as an event: what
a rule remembers follows from replaying reports, so a resumed study must have the same one. What was chosen by name, or
given as an object, stays.

What is behind it was measured on learning curves of LCBench and on complete grids (`make bench-search`): a Gaussian
process finds more for the same compute than TPE, and early stopping pays while trials are still drawn at random. After
that, ranking trials against worse ones saves little, and costs much where early values mislead.

What a suggestion costs is not weighed against what a trial costs: 10 to 35 ms on one core, up to thousands of trials,
is what starting a trial costs before it has trained anything.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from automl.config import AUTO, OWN_SAMPLER, StudyConfig

if TYPE_CHECKING:
    from automl.ledger.queries import Reader

CHOSEN = "policy"
"""The event's kind."""
SCREENED = 30
"""Trials of a screen in a search that is long enough for it."""
SHARE = 2
"""One in so many trials is screened at most: the others are what the screen is for."""
FEWEST = 8
"""Trials of which it is worth while to give some more than others."""
SHORTEST = 4
"""Steps of the full budget below which nothing is won by an early end."""
MOST_AXES = 60
"""Parameters that a Gaussian process models together."""
_LEARNS_NOTHING = ("random", "grid", "qmc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a study does, and why, in one line."""

    sampler: str
    early_stopping: str
    why: str

    def of(self, config: StudyConfig) -> StudyConfig:
        """Return settings with what was chosen."""
        return config.changes(sampler=self.sampler, early_stopping=self.early_stopping)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON, for the ledger."""
        return asdict(self)


def read(reader: Reader) -> Policy | None:
    """Return what was chosen for a study, or None: nothing yet, or nothing had to be."""
    return next((Policy(**event.data) for event in reader.events(kind=CHOSEN)), None)


def settled(reader: Reader, config: StudyConfig) -> StudyConfig:
    """Return the settings of a study with what was chosen for it."""
    chosen = read(reader)
    return chosen.of(config) if chosen else config


def choose(config: StudyConfig, *, parallel: int | None = None) -> Policy | None:
    """Return what settings that leave it open become; None where they do not.

    Args:
        config: of the study.
        parallel: trials at once; None where that is not known yet.
    """
    if AUTO not in (config.sampler, config.early_stopping):
        return None
    sampler, rule, why = config.sampler, config.early_stopping, []
    if sampler == AUTO:
        sampler, because = _sampler(config)
        why.append(because)
    if rule == AUTO:
        rule, because = _early_stopping(config, sampler, parallel or 1)
        why.append(because)
    return Policy(sampler=sampler, early_stopping=rule, why="; ".join(why))


def _sampler(config: StudyConfig) -> tuple[str, str]:
    size, axes = config.space.size(), len(config.space.axes)
    if isinstance(size, int) and size <= config.n_trials:
        return "random", f"random, since all {size} points of the space will be tried"
    if axes > MOST_AXES:
        return "tpe", f"tpe, since {axes} parameters are too many for a model of all together"
    return "gp", f"gp, a model of {'all ' if axes > 1 else ''}{axes} parameter{'s' if axes > 1 else ''}"


def _early_stopping(config: StudyConfig, sampler: str, parallel: int) -> tuple[str, str]:
    n, steps = config.n_trials, config.max_epochs
    if steps is not None and steps < SHORTEST:
        return "none", f"no early stopping: a trial has {steps} step{'s' if steps > 1 else ''} at most"
    if n < FEWEST:
        return "none", f"no early stopping: {n} trials are too few to compare"
    if sampler in _LEARNS_NOTHING or sampler.startswith(OWN_SAMPLER):
        return "guarded", "guarded, since proposals do not get better"
    if sampler != "gp":
        return "none", f"no early stopping: {sampler} does better when it knows how trials end"
    screened = min(max(SCREENED, parallel), math.ceil(n / SHARE))
    return f"screen trials={screened}", f"the first {screened} of {n} trials are screened, later ones run to their end"
