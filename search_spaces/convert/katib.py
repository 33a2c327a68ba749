"""Katib: the `parameters` of an Experiment, both ways.

    to_katib(SearchSpace({"lr": "1e-5..1e-1 log"}))
    # [{"name": "lr", "parameterType": "double",
    #   "feasibleSpace": {"min": "1e-05", "max": "0.1", "distribution": "logUniform"}}]

As in Katib's v1beta1 Experiment (kubeflow.org), where all values are text: choices of numbers are `discrete`, others
`categorical`, and a trial gets texts, of which `to_params` makes values. A text that spells a number, true, false or
null is therefore one, and text that looks like one cannot be said. Conditions and relations cannot be said either. A
single choice of Katib's is a Constant of ours. Ordinals become choices without order, choices with names are known by
their names; default and prior are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from search_spaces.convert.common import conditional, each, made_space
from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int
from search_spaces.errors import ConversionError
from search_spaces.scalars import Scalar, bare, literal, number, shown
from search_spaces.space import SearchSpace

_RANGES = {"double": {"min", "max", "step", "distribution"}, "int": {"min", "max", "step", "distribution"}}
_LISTS = {"categorical": {"list"}, "discrete": {"list"}}
_KEYS = _RANGES | _LISTS


def to_katib(space: SearchSpace) -> list[dict[str, Any]]:
    """Return the list that stands under `spec.parameters` of an Experiment.

    Raises:
        ConversionError: naming every parameter that Katib cannot express.
    """
    specs = each(space, lambda _, distribution: _spec(distribution), also=conditional(space, "Katib"))
    return [{"name": name, **spec} for name, spec in specs.items()]


def from_katib(parameters: Iterable[Mapping[str, Any]]) -> SearchSpace:
    """Return the space of what stands under `spec.parameters` of an Experiment.

    Raises:
        ConversionError: naming every parameter that we cannot express: normal distributions, log scales with steps.
    """
    pairs = []
    for index, parameter in enumerate(parameters, start=1):
        if not isinstance(parameter, Mapping) or not isinstance(parameter.get("name"), str):
            raise ConversionError(f"parameter {index} must be a mapping with a name, got {shown(parameter)}")
        pairs.append((parameter["name"], parameter))
    return made_space(pairs, lambda _, parameter: _distribution(parameter))


def _spec(distribution: Distribution) -> dict[str, Any]:
    match distribution:
        case Float(low, high, log=log, step=step):
            return _range("double", low, high, log, step)
        case Int(low, high, log=log, step=int_step):
            return _range("int", low, high, log, None if int_step == 1 else int_step)
    values = distribution.grid(1)
    is_discrete = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return {
        "parameterType": "discrete" if is_discrete else "categorical",
        "feasibleSpace": {"list": [_text(value) for value in values]},
    }


def _range(kind: str, low: float, high: float, log: bool, step: float | None) -> dict[str, Any]:
    space = {"min": repr(low), "max": repr(high)}
    if step is not None:
        space["step"] = repr(step)
    if log:
        space["distribution"] = "logUniform"
    return {"parameterType": kind, "feasibleSpace": space}


def _text(value: Scalar) -> str:
    if not isinstance(value, str):
        return literal(value)
    if bare(value) != value:
        raise ConversionError(f"the text {value!r} means {literal(bare(value))} to a reader: write another word")
    return value


def _distribution(parameter: Mapping[str, Any]) -> Distribution:
    kind, space = parameter.get("parameterType"), parameter.get("feasibleSpace")
    if kind not in _KEYS:
        raise ConversionError(f"parameterType must be one of {', '.join(_KEYS)}, got {shown(kind)}")
    if not isinstance(space, Mapping):
        raise ConversionError(f"feasibleSpace must be a mapping, got {shown(space)}")
    if extra := set(space) - _KEYS[kind]:
        raise ConversionError(f"feasibleSpace of {kind} has no {', '.join(sorted(extra))}")
    if kind in _LISTS:
        values = [bare(str(value)) for value in space.get("list") or []]
        return Constant(*values) if len(values) == 1 else Categorical(values)
    law = space.get("distribution") or "uniform"
    if law not in ("uniform", "logUniform"):
        raise ConversionError(f"distribution {law} is no range; use uniform or logUniform with min and max")
    missing = [key for key in ("min", "max") if key not in space]
    if missing:
        raise ConversionError(f"feasibleSpace needs {' and '.join(missing)}, which is missing")
    low, high, step = (_number(space, key) for key in ("min", "max", "step"))
    if kind == "int":
        return Int(low, high, log=law == "logUniform", step=1 if step is None else step)
    return Float(low, high, log=law == "logUniform", step=step)


def _number(space: Mapping[str, Any], key: str) -> Any:
    """Return what a field says as a number; Kubernetes has text, people sometimes write numbers."""
    value = space.get(key)
    spelled = number(value) if isinstance(value, str) else value
    if spelled is None and value not in (None, ""):
        raise ConversionError(f"{key} must be a number, got {shown(value)}")
    return spelled
