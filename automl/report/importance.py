"""How much of the difference between trials each param explains: fANOVA, on values that compare.

    found = shares(records, "val_acc", space)
    found.groups[0].shares["lr"]            # 0.62: what lr alone does to val_acc, as a part of its variance

Two things need care. Values compare only after equal training: where early stopping has left few trials COMPLETE, the
metric at the last step that most trials reached stands for them. And a param that only some trials have (the width of a
CNN) can be judged among those trials only, so it gets a group of its own.

The method is the functional ANOVA on a random forest of Hutter, Hoos and Leyton-Brown, "An Efficient Approach for
Assessing Hyperparameter Importance" (ICML 2014), in Optuna's implementation. Params on a log scale are handed to it as
their logarithm, since it weighs every part of a range alike.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

MIN_TRIALS = 4
MAX_TRIALS = 300
"""Trials that the forest is shown, spread evenly; its time grows with their square (300: about a second)."""
LOG_RATIO = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Params that exist in the same trials."""

    shares: Mapping[str, float]
    """Param -> its part of the variance, 0 to 1; the most important first."""
    trials: int
    condition: str | None
    """When these params exist; None for always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What `shares` found."""

    groups: Sequence[Group]
    """That of the params which always exist first, then from many trials to few."""
    target: str
    """What is explained: "val_acc", "log10(val_loss) after step 2"."""


def shares(records: Sequence[TrialRecord], metric: str, space: SearchSpace) -> Shares | None:
    """Return the importance of every param that can be judged; None when there is none, as with too few trials."""
    from automl.samplers.optuna_study import distributions, history

    values, step = comparable(records)
    shown = [record for record in records if record.number in values]
    shown = [shown[len(shown) * i // MAX_TRIALS] for i in range(MAX_TRIALS)] if len(shown) > MAX_TRIALS else shown
    use_log = is_log(values.values())
    trials = [
        _as_complete(trial, space, math.log10(values[trial.number]) if use_log else values[trial.number])
        for trial in history(shown, distributions(space))
    ]
    having: dict[frozenset[int], list[str]] = {}
    for name in space:
        found = [trial for trial in trials if name in trial.params]
        if len({trial.params[name] for trial in found}) > 1:
            having.setdefault(frozenset(trial.number for trial in found), []).append(name)
    groups = []
    for numbers, names in having.items():
        parts = _fanova([trial for trial in trials if trial.number in numbers])
        ranked = sorted((name for name in names if name in parts), key=lambda name: -parts[name])
        if ranked:
            condition = None if len(numbers) == len(trials) else str(space.conditions.get(ranked[0], "")) or None
            group = Group(shares={name: parts[name] for name in ranked}, trials=len(numbers), condition=condition)
            groups.append(group)
    groups.sort(key=lambda group: (group.condition is not None, -group.trials))
    target = f"log10({metric})" if use_log else metric
    return Shares(groups=groups, target=target + ("" if step is None else f" after step {step}")) if groups else None


def comparable(records: Iterable[TrialRecord]) -> tuple[dict[int, float], int | None]:
    """Return values of trials after equal training, by number, and the step they were measured at.

    The final values of COMPLETE trials (step None) if at least half of the trials that have a value are COMPLETE; else
    the values at the last step that half of them reached.
    """
    tried = [record for record in records if record.state is not TrialState.FAIL]
    final = {r.number: r.value for r in tried if r.value is not None and math.isfinite(r.value)}
    at: dict[int, dict[int, float]] = {}
    for record in tried:
        for step, value in record.reports.items():
            if math.isfinite(value):
                at.setdefault(step, {})[record.number] = value
    needed = len(final.keys() | {number for found in at.values() for number in found}) / 2
    reached = [step for step, found in at.items() if len(found) >= needed]
    return (final, None) if len(final) >= needed or not reached else (at[max(reached)], max(reached))


def is_log(values: Collection[float]) -> bool:
    """Say whether values, all above 0, span so much that only their logarithm can be looked at."""
    return len(values) > 0 and min(values) > 0 and max(values) / LOG_RATIO > min(values)


def _as_complete(trial: FrozenTrial, space: SearchSpace, value: float) -> FrozenTrial:
    """Return the trial as COMPLETE with `value`, its params on the scale on which they were searched."""
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna.trial import create_trial

    params: dict[str, Any] = {}
    distributions: dict[str, Any] = {}
    for name, distribution in trial.distributions.items():
        chosen = trial.params[name]
        if not space[name].contains(chosen):
            continue
        if isinstance(distribution, (FloatDistribution, IntDistribution)) and distribution.log:
            chosen = math.log10(chosen)
            distribution = FloatDistribution(math.log10(distribution.low), math.log10(distribution.high))
        params[name], distributions[name] = chosen, distribution
    made = create_trial(params=params, distributions=distributions, value=value)
    made.number = trial.number
    return made


def _fanova(trials: Sequence[FrozenTrial]) -> dict[str, float]:
    """Return the share of each param that all `trials` have; none when they are too few or all alike."""
    import warnings

    import optuna
    from optuna.importance import FanovaImportanceEvaluator

    if len(trials) < MIN_TRIALS or len({trial.value for trial in trials}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    study.add_trials(trials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, about overflow
        try:
            found = FanovaImportanceEvaluator(seed=0).evaluate(study)
        except Exception:  # values that no forest can split: a figure less, never delivery's end
            return {}
    return {name: float(part) for name, part in found.items() if math.isfinite(part)}
