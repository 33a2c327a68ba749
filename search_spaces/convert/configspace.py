"""ConfigSpace: spaces both ways, conditions included, and the source that makes one.

    to_configspace(space, seed=7).sample_configuration()
    from_configspace(ConfigurationSpace({"lr": (1e-5, 1e-1)}))

ConfigSpace has no ranges with steps, nor of one value: they become Ordinals and Constants, and `meta` of the
hyperparameter keeps our range, so that they come back as they were. It rounds floats to 13 decimals: ends that this
would change are an error. Its Configurations hold numbers of NumPy; `to_params(space, configuration)` gives plain ones.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING, Any

from search_spaces.conditions import Condition
from search_spaces.convert.calls import Call, Item, alternatives
from search_spaces.convert.common import each, listed, related
from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int
from search_spaces.errors import ConversionError, SearchSpaceError
from search_spaces.ranges import parse_range
from search_spaces.scalars import Scalar
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

_META = "range"
"""Where `meta` of a hyperparameter keeps a range of ours that ConfigSpace has no counterpart for."""


def to_configspace(space: SearchSpace, *, seed: int | None = None) -> ConfigurationSpace:
    """Return a ConfigurationSpace of the same points.

    Raises:
        ConversionError: naming every parameter that ConfigSpace cannot express.
    """
    import ConfigSpace

    hyperparameters, conditions = _parts(space)
    made = ConfigSpace.ConfigurationSpace(seed=seed)
    made.add(*(call.make(ConfigSpace) for call in hyperparameters))
    made.add(*(call.make(ConfigSpace, made) for call in conditions))
    return made


def from_configspace(theirs: ConfigurationSpace) -> SearchSpace:
    """Return the space of the same points.

    Raises:
        ConversionError: naming everything that we cannot express: normal and beta distributions, weights of choices.
    """
    import ConfigSpace

    distributions = each(dict(theirs), lambda name, hyperparameter: _distribution(name, hyperparameter, ConfigSpace))
    conditions = each(
        {condition.child.name: condition for condition in theirs.conditions},
        lambda _, condition: _condition(condition, ConfigSpace),
    )
    try:
        return SearchSpace(distributions, when=conditions)
    except SearchSpaceError as error:
        raise ConversionError(error.problems) from error


def configspace_source(space: SearchSpace) -> str:
    """Return Python source that makes the same ConfigurationSpace.

    Raises:
        ConversionError: naming every parameter that ConfigSpace cannot express.
    """
    lines = ["import ConfigSpace", "", "space = ConfigSpace.ConfigurationSpace()"]
    for calls in _parts(space):
        if calls:
            lines += ["space.add(", *(f"    {call.source('ConfigSpace')}," for call in calls), ")"]
    return "\n".join([*lines, ""])


def _parts(space: SearchSpace) -> tuple[list[Call], list[Call]]:
    hyperparameters = each(space, _hyperparameter, also=related(space, "what is written for ConfigSpace"))
    conditions = [_activation(name, condition) for name, condition in space.conditions.items()]
    return list(hyperparameters.values()), conditions


def _hyperparameter(name: str, distribution: Distribution) -> Call:
    meta = {_META: str(distribution)}
    match distribution:
        case Constant(value):
            return Call("Constant", name, value)
        case Float(low, high) | Int(low, high) if low == high:
            return Call("Constant", name, low, meta=meta)
        case Float(low, high, log=log, step=None):
            _check_rounding(low=low, high=high)
            return Call("UniformFloatHyperparameter", name, low, high, log=log or None)
        case Int(low, high, log=log, step=1):
            return Call("UniformIntegerHyperparameter", name, low, high, log=log or None)
        case Float() | Int():
            return Call("OrdinalHyperparameter", name, listed(distribution, "ConfigSpace"), meta=meta)
    return Call("CategoricalHyperparameter", name, _checked_choices(distribution.grid(1)))


def _check_rounding(**ends: float) -> None:
    for field, value in ends.items():
        scaled = value * 1e13
        rounded = round(scaled) / 1e13 if math.isfinite(scaled) else math.nan
        if rounded != value:
            raise ConversionError(f"{field} {value!r} would become {rounded!r}: ConfigSpace has 13 decimals; scale it")


def _checked_choices(values: list[Scalar]) -> list[Scalar]:
    kinds = {type(value) for value in values}
    if bool in kinds and kinds & {int, float} and str not in kinds and None not in values:
        raise ConversionError("ConfigSpace makes numbers of true and false beside numbers: write them as text")
    if kinds == {str} and any(str(value).endswith("\0") for value in values):
        raise ConversionError("ConfigSpace cuts null characters from the end of text: take them out")
    return values


def _activation(child: str, condition: Condition) -> Call:
    def test(parent: str, values: list[Scalar]) -> Call:
        name, value = ("EqualsCondition", values[0]) if len(values) == 1 else ("InCondition", values)
        return Call(name, Item(child), Item(parent), value)

    cases = [
        _joined("AndConjunction", [test(parent, values) for parent, values in case.items()])  # type: ignore[arg-type]
        for case in alternatives(condition)
    ]
    return _joined("OrConjunction", cases)


def _joined(name: str, calls: list[Call]) -> Call:
    return calls[0] if len(calls) == 1 else Call(name, *calls)


def _distribution(name: str, theirs: Any, library: Any) -> Distribution:
    if theirs.meta and isinstance(theirs.meta.get(_META), str):
        ours, _ = parse_range(theirs.meta[_META])
        if _hyperparameter(name, ours).make(library) == theirs:  # nobody changed it since
            return ours
    if isinstance(theirs, library.Constant):
        return Constant(theirs.value)
    if isinstance(theirs, library.UniformFloatHyperparameter):
        return Float(theirs.lower, theirs.upper, log=theirs.log)
    if isinstance(theirs, library.UniformIntegerHyperparameter):
        return Int(theirs.lower, theirs.upper, log=theirs.log)
    if isinstance(theirs, library.CategoricalHyperparameter):
        if theirs.weights is not None and len(set(theirs.weights)) > 1:
            raise ConversionError("weights of choices are not kept: take them out, or say prior= for one value")
        return Categorical(theirs.choices)
    raise ConversionError(f"there is no counterpart for a {type(theirs).__name__}; use a uniform one")


def _condition(theirs: Any, library: Any) -> Condition:
    if isinstance(theirs, library.AndConjunction):
        return functools.reduce(operator.and_, (_condition(part, library) for part in theirs.components))
    if isinstance(theirs, library.EqualsCondition):
        return Condition.of({theirs.parent.name: theirs.value})
    if isinstance(theirs, library.InCondition):
        return Condition.of({theirs.parent.name: theirs.values})
    raise ConversionError(f"there is no counterpart for the condition {theirs}")
