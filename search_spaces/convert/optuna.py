"""Optuna: distributions both ways, and an objective's own `suggest` calls as source.

    to_optuna(Float(1e-5, 1e-1, log=True)) == optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True)
    study.ask(to_optuna(space))
    from_optuna(trial.distributions)

Optuna's distributions know no conditions; its define-by-run trials do: `space.suggest(trial)` in an objective, or the
source that `optuna_source` writes, which prunes trials that break a relation. Ordinals become choices without order,
choices with names are known by their names, and default and prior are left out. A single choice of Optuna's is a
Constant of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, overload

from search_spaces.convert.calls import Call, python_condition, python_relation, said
from search_spaces.convert.common import conditional, each, made_space
from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int
from search_spaces.errors import ConversionError
from search_spaces.scalars import shown
from search_spaces.space import SearchSpace

_IN_THE_OBJECTIVE = "call space.suggest(trial) in the objective, and prune where not space.is_feasible(params)"

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


@overload
def to_optuna(ours: Distribution) -> BaseDistribution: ...
@overload
def to_optuna(ours: SearchSpace) -> dict[str, BaseDistribution]: ...
def to_optuna(ours: Distribution | SearchSpace) -> BaseDistribution | dict[str, BaseDistribution]:
    """Return the Optuna distribution of the same values, or of a space all of them by name.

    Raises:
        ConversionError: the space has conditions: use `space.suggest(trial)`.
        TypeError: it is neither distribution nor space.
    """
    if isinstance(ours, SearchSpace):
        problems = conditional(ours, "ask() of Optuna", instead=_IN_THE_OBJECTIVE)
        return each(ours, lambda _, distribution: to_optuna(distribution), also=problems)
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match ours:
        case Float(low, high, log=log, step=step):
            return FloatDistribution(low, high, log=log, step=step)
        case Int(low, high, log=log, step=int_step):
            return IntDistribution(low, high, log=log, step=int_step)
        case Constant(value):
            return CategoricalDistribution((value,))
        case Distribution():
            return CategoricalDistribution(ours.grid(1))
    raise TypeError(f"Optuna has no counterpart for {type(ours).__name__}")


@overload
def from_optuna(theirs: BaseDistribution) -> Distribution: ...
@overload
def from_optuna(theirs: Mapping[str, BaseDistribution]) -> SearchSpace: ...
def from_optuna(theirs: BaseDistribution | Mapping[str, BaseDistribution]) -> Distribution | SearchSpace:
    """Return the distribution of the same values, or a space of all that a mapping such as `trial.distributions` names.

    Raises:
        ConversionError: choices that are no scalars, or what else we cannot hold.
    """
    if isinstance(theirs, Mapping):
        return made_space(theirs.items(), lambda _, distribution: from_optuna(distribution))
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match theirs:
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return Float(low, high, log=log, step=step)
        case IntDistribution(low=low, high=high, log=log, step=int_step):
            return Int(low, high, log=log, step=int_step)
        case CategoricalDistribution(choices=choices):
            return Categorical(choices) if len(choices) > 1 else Constant(*choices)
    raise ConversionError(f"there is no counterpart for {shown(theirs)}; give a distribution of Optuna")


def optuna_source(space: SearchSpace) -> str:
    """Return Python source of a function that asks a trial for every parameter that exists, and returns the params."""
    lines = ["def suggest(trial):", '    """Return the params of an Optuna trial."""', "    params = {}"]
    lines = ["import optuna", "", "", *lines] if space.require or space.forbid else lines
    exists = {name: f"{name!r} in params" for name in space.conditions}
    for name, distribution in space.items():
        indent = "    "
        if name in space.conditions:
            lines.append(f"    if {python_condition(space.conditions[name], 'params', exists)}:")
            indent *= 2
        lines.append(f"{indent}params[{name!r}] = {_suggestion(name, distribution)}")
    for key, relation, is_broken in _relations(space, exists):
        lines += [f"    if {is_broken}:", f"        raise optuna.TrialPruned({f'{key} {relation}'!r})"]
    return "\n".join([*lines, "    return params", ""])


def _relations(space: SearchSpace, exists: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield keyword and text of each relation, and a Python expression that is true where it is broken."""
    for relation in space.require:
        there = [exists[name] for name in relation.names if name in exists]
        yield "require", str(relation), " and ".join([*there, f"not ({python_relation(relation, 'params')})"])
    for condition in space.forbid:
        yield "forbid", str(condition), python_condition(condition, "params", exists)


def _suggestion(name: str, distribution: Distribution) -> str:
    match distribution:
        case Constant(value):
            return repr(value)
        case Float(low, high, log=log, step=step):
            return Call("suggest_float", name, low, high, **said(log=log, step=step)).source("trial")
        case Int(low, high, log=log, step=int_step):
            step = int_step if int_step != 1 else None
            return Call("suggest_int", name, low, high, **said(log=log, step=step)).source("trial")
    return Call("suggest_categorical", name, distribution.grid(1)).source("trial")
