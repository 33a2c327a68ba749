"""Early stopping: decides from reported values which trials go on, as pure functions of history.

    judge = stopping.make("asha eta=4 first=1", max_epochs=27)
    judge.on_report(trial=0, step=1, value=0.7, can_pause=True)     # Verdict.PAUSE
    judge.promote(paused={0, 4, 5})                                 # whom to continue, or None

A rule is named by a line of text: its name, then parameters that differ from their defaults. `RULES` is the one place
that knows names, parameters and what is allowed. From Python a rule may also be an object: one that follows
`EarlyStopping`, or any Optuna pruner.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automl.errors import ConfigError, unknown
from automl.preference import Preference
from automl.stopping.asha import Asha
from automl.stopping.base import EarlyStopping, NoStopping, Verdict
from automl.stopping.curve import Curve
from automl.stopping.guarded import Guarded
from automl.stopping.hyperband import Hyperband
from automl.stopping.judge import Judge
from automl.stopping.patience import Patience
from automl.stopping.percentile import Percentile
from automl.stopping.screen import Screen
from automl.stopping.wilcoxon import Wilcoxon
from search_spaces.scalars import shown

if TYPE_CHECKING:
    import optuna

    Rule = str | EarlyStopping | optuna.pruners.BasePruner
    """What early stopping can be given as."""

__all__ = [
    "OWN",
    "RULES",
    "Asha",
    "Curve",
    "EarlyStopping",
    "Guarded",
    "Hyperband",
    "Judge",
    "NoStopping",
    "Patience",
    "Percentile",
    "Screen",
    "Verdict",
    "Wilcoxon",
    "explain",
    "make",
    "named",
    "problems",
    "rule",
]

OWN = "own:"
"""Begins what a study calls an object of the user's own, before the name of its class: `own:MedianPruner`."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a parameter may be: a whole number, or any, from `low` to `high`."""

    low: float
    high: float = math.inf
    whole: bool = True

    def read(self, text: str) -> float:
        """Return the number that was typed.

        Raises:
            ValueError: it is none, or not allowed.
        """
        try:
            value: float = int(text) if self.whole else float(text)
        except ValueError:
            value = math.nan
        if not (self.low <= value <= self.high and math.isfinite(value)):
            kind = "a whole number" if self.whole else "a number"
            bounds = f">= {self.low:g}" if self.high == math.inf else f"from {self.low:g} to {self.high:g}"
            raise ValueError(f"must be {kind} {bounds}, got {shown(text)}")
        return value


@dataclass(frozen=True, slots=True)
class Switch:
    """What a parameter may be: yes or no."""

    def read(self, text: str) -> bool:
        """Return what was typed.

        Raises:
            ValueError: it is neither.
        """
        if text not in ("yes", "no"):
            raise ValueError(f"must be yes or no, got {shown(text)}")
        return text == "yes"


@dataclass(frozen=True, slots=True)
class Named:
    """A rule that has a name."""

    make: Callable[..., EarlyStopping]
    """Called with the parameters that were given, and with `max_epochs` where the rule needs the full budget."""
    parameters: Mapping[str, Parameter | Switch] = field(default_factory=dict)
    is_bounded: bool = False
    """Whether the rule needs the full budget."""
    ranks: bool = False
    """Whether the rule only asks which trial is better, so that several objectives are as good as one."""


_RUNGS = {"eta": Parameter(2), "first": Parameter(1)}
_GUARDS = {"startup": Parameter(1), "warmup": Parameter(0)}

RULES: Mapping[str, Named] = {
    "asha": Named(Asha, {**_RUNGS, "pause": Switch()}, is_bounded=True, ranks=True),
    "guarded": Named(Guarded, {**_RUNGS, "doubt": Parameter(0, whole=False)}, is_bounded=True, ranks=True),
    "hyperband": Named(Hyperband, _RUNGS, is_bounded=True, ranks=True),
    "screen": Named(Screen, {"trials": Parameter(1), **_RUNGS}, is_bounded=True, ranks=True),
    "median": Named(lambda **given: Percentile(keep=50, **given), _GUARDS),
    "percentile": Named(Percentile, {"keep": Parameter(1, 99, whole=False), **_GUARDS}),
    "patience": Named(Patience, {"steps": Parameter(1), "min_delta": Parameter(0, whole=False)}),
    "curve": Named(Curve, {"chance": Parameter(0, 0.5, whole=False), "startup": Parameter(1)}, is_bounded=True),
    "wilcoxon": Named(Wilcoxon, {"p": Parameter(0, 0.5, whole=False), "startup": Parameter(2)}),
    "none": Named(NoStopping, ranks=True),
}

RANKING = tuple(name for name, each in RULES.items() if each.ranks)
"""The rules that can do with several objectives."""


def rule(text: str, *, max_epochs: int | None) -> EarlyStopping:
    """Return a fresh rule by its text, such as `percentile keep=25`.

    Raises:
        ConfigError: with every problem of the text.
    """
    name, given = _parse(text)
    budget = {"max_epochs": max_epochs} if RULES[name].is_bounded else {}
    return RULES[name].make(**given, **budget)


def make(
    given: Rule, *, maximize: bool = False, max_epochs: int | None = None, preference: Preference | None = None
) -> Judge:
    """Return a fresh judge by a rule's text, or for a rule or an Optuna pruner that was given as an object.

    Args:
        given: the rule.
        maximize: whether more of the study's metric is better, where no `preference` says so.
        max_epochs: the full budget of a trial in steps, None where it is unknown.
        preference: which of two results is better.

    Raises:
        ConfigError: the text is wrong, or stands for an object that only Python can give; or the object is no rule.
    """
    text = named(given)
    vectors = None if preference is None or preference.is_plain else preference
    ranks = vectors is not None and text.partition(" ")[0] in RANKING
    if preference is not None:
        maximize = preference.directions[0] == "maximize"
    if not isinstance(given, str):
        made = _adapted(given, maximize)
    elif text.startswith(OWN):
        raise ConfigError(
            f"the early stopping {text.removeprefix(OWN)} is an object that only Python can hand over: "
            "automl.search(..., early_stopping=...), automl.resume(name, early_stopping=...)"
        )
    else:
        made = rule(text, max_epochs=max_epochs)
    about: dict[str, Any] = {"maximize": maximize, "max_epochs": max_epochs}
    return Judge(made, name=text.removeprefix(OWN), preference=vectors, ranks=ranks, **about)


def named(given: Rule) -> str:
    """Return how the settings of a study call what it was given as early stopping.

    Raises:
        ConfigError: it is nothing that can stop trials early.
    """
    if isinstance(given, str):
        return given
    if isinstance(given, type) or not (isinstance(given, EarlyStopping) or hasattr(given, "prune")):
        raise ConfigError(
            f"early_stopping must be one of {', '.join(RULES)}, an Optuna pruner such as "
            "optuna.pruners.HyperbandPruner(), or an object that does what automl.stopping.EarlyStopping says; "
            f"got {shown(given)}"
        )
    return f"{OWN}{type(given).__name__}"


def problems(text: object, *, objectives: int = 1) -> list[str]:
    """Return what is wrong with a text that the settings of a study of so many objectives have for early stopping."""
    is_own = isinstance(text, str) and text.startswith(OWN)
    try:
        name = str(text).removeprefix(OWN) if is_own else _parse(str(text))[0]
    except ConfigError as error:
        return list(error.problems)
    if objectives > 1 and name not in RANKING:
        return [
            f"--early-stopping {name} judges a trial by one number, and there are {objectives} objectives: "
            f"use one that ranks trials ({', '.join(RANKING)})"
        ]
    return []


def explain(text: str, *, max_epochs: int | None) -> str:
    """Return what a rule does, in a few words."""
    if text.startswith(OWN):
        return text.replace(OWN, "your ")
    return str(rule(text, max_epochs=max_epochs))


def _adapted(given: EarlyStopping | optuna.pruners.BasePruner, maximize: bool) -> EarlyStopping:
    """Return a copy of an object as a rule: what it learns in this study it does not take to another."""
    try:
        copied = copy.deepcopy(given)
    except Exception as error:
        kind = type(given).__name__
        raise ConfigError(
            f"the early stopping {kind} cannot be copied ({error}); keep locks, files and the like out"
        ) from error
    if isinstance(copied, EarlyStopping):
        return copied
    from automl.stopping.optuna_pruner import OptunaPruner

    return OptunaPruner(copied, maximize=maximize)


def _parse(text: str) -> tuple[str, dict[str, float]]:
    """Return the name and the parameters in `asha eta=4 first=1`."""
    name, *words = text.split() or [""]
    if name not in RULES:
        raise ConfigError(unknown("--early-stopping", name, list(RULES)))
    allowed = RULES[name].parameters
    found: dict[str, float] = {}
    wrong = []
    for word in words:
        key, _, value = word.partition("=")
        if not allowed:
            wrong.append(f"--early-stopping {name} has no parameters, got {shown(word)}")
        elif key not in allowed:
            wrong.append(unknown(f"--early-stopping {name}: parameter", key, list(allowed)))
        elif key in found:
            wrong.append(f"--early-stopping {name}: {key} is given twice")
        else:
            try:
                found[key] = allowed[key].read(value)
            except ValueError as error:
                wrong.append(f"--early-stopping {name}: {key} {error}")
    if wrong:
        raise ConfigError(wrong)
    return name, found
