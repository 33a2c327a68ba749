"""Weights & Biases: the `parameters` of a sweep, both ways.

    to_wandb(SearchSpace({"lr": "1e-5..1e-1 log"}))
    # {"lr": {"distribution": "log_uniform_values", "min": 1e-05, "max": 0.1}}
    from_wandb({"optimizer": {"parameters": {"name": {"values": ["adam", "sgd"]}}}})      # optimizer.name: adam|sgd

As docs.wandb.ai says of sweep configurations. A sweep has no conditions and no relations. Steps are multiples of `q`: a
range whose low is none becomes a list of values. Ordinals become values without order, choices with names are known by
their names; default and prior are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from search_spaces.convert.common import conditional, each, flat, is_multiple, listed, made_space
from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int
from search_spaces.errors import ConversionError, did_you_mean
from search_spaces.rules import point
from search_spaces.scalars import shown
from search_spaces.space import SearchSpace

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SHAPES = ("normal", "q_normal", "log_normal", "q_log_normal", "beta", "q_beta")
_KEYS = {
    "constant": {"value"},
    "categorical": {"values"},
    "int_uniform": {"min", "max"},
    "uniform": {"min", "max"},
    "q_uniform": {"min", "max", "q"},
    "log_uniform": {"min", "max"},
    "log_uniform_values": {"min", "max"},
    "inv_log_uniform": {"min", "max"},
    "inv_log_uniform_values": {"min", "max"},
    "q_log_uniform": {"min", "max", "q"},
    "q_log_uniform_values": {"min", "max", "q"},
}
"""What stands beside `distribution`, of the distributions that are ranges or choices."""


def to_wandb(space: SearchSpace) -> dict[str, dict[str, Any]]:
    """Return the mapping that stands under `parameters` in a sweep configuration.

    Raises:
        ConversionError: naming every parameter that a sweep cannot express.
    """
    return each(space, _parameter, also=conditional(space, "a W&B sweep"))


def from_wandb(parameters: Mapping[str, Any]) -> SearchSpace:
    """Return the space of what stands under `parameters` in a sweep configuration; nested ones get dotted names.

    Raises:
        ConversionError: naming every parameter that we cannot express: normal and beta distributions, log scales with
            steps, probabilities, values that are no scalars.
    """

    def inside(parameter: Any) -> Mapping[str, Any] | None:
        return parameter["parameters"] if isinstance(parameter, Mapping) and set(parameter) == {"parameters"} else None

    return made_space(flat(parameters, inside), lambda _, parameter: _distribution(parameter))


def _parameter(name: str, distribution: Distribution) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        raise ConversionError("a name in a W&B sweep begins with a letter or _: rename it, or space.prefixed('p.')")
    match distribution:
        case Constant(value):
            return {"value": value}
        case Float(low, high) | Int(low, high) if low == high:  # min must be below max there
            return {"value": low}
        case Float(low, high, log=True):
            return {"distribution": "log_uniform_values", "min": low, "max": high}
        case Float(low, high, step=None):
            return {"distribution": "uniform", "min": low, "max": high}
        case Int(low, high, log=True):
            return {"distribution": "q_log_uniform_values", "min": low, "max": high, "q": 1}
        case Int(low, high, step=1):
            return {"distribution": "int_uniform", "min": low, "max": high}
        case Float(low, high, step=step) | Int(low, high, step=step) if is_multiple(distribution):
            return {"distribution": "q_uniform", "min": low, "max": high, "q": step}
        case Float() | Int():
            return {"values": listed(distribution, "a W&B sweep")}
    return {"values": distribution.grid(1)}


def _distribution(parameter: Any) -> Distribution:
    if not isinstance(parameter, Mapping):
        raise ConversionError(f"must be a mapping such as {{'min': 0.0, 'max': 1.0}}, got {shown(parameter)}")
    kind = parameter.get("distribution") or _default_kind(parameter)
    if kind in _SHAPES:
        raise ConversionError(f"{kind} is no range; use uniform or log_uniform_values with min and max")
    if kind not in _KEYS:
        raise ConversionError(f"unknown distribution {shown(kind)}{did_you_mean(kind, _KEYS)}")
    given, known = set(parameter) - {"distribution"}, _KEYS[kind]
    if "probabilities" in given:
        raise ConversionError("probabilities are not kept: take them out, or say prior= for the value you believe in")
    if missing := known - given - {"q"}:
        raise ConversionError(f"{kind} needs {', '.join(sorted(missing))}, which is missing")
    if extra := given - known:
        raise ConversionError(f"{kind} has no {', '.join(sorted(map(str, extra)))}; it has {', '.join(sorted(known))}")
    if kind == "constant":
        return Constant(parameter["value"])
    if kind == "categorical":
        return Categorical(parameter["values"])
    return _range(kind, parameter["min"], parameter["max"], parameter.get("q", 1))


def _default_kind(parameter: Mapping[str, Any]) -> str:
    for key, kind in (("value", "constant"), ("values", "categorical")):
        if key in parameter:
            return kind
    if "min" not in parameter and "max" not in parameter:
        raise ConversionError("needs value, values, min and max, or distribution")
    return "int_uniform" if all(isinstance(parameter.get(key), int) for key in ("min", "max")) else "uniform"


def _range(kind: str, low: Any, high: Any, q: Any) -> Float | Int:
    Float(low, high)  # refuses what is no number
    base = kind.removeprefix("q_")
    if base in ("log_uniform", "inv_log_uniform"):  # ends are exponents
        low, high = (math.exp(low), math.exp(high)) if base == "log_uniform" else (math.exp(-high), math.exp(-low))
    is_log = base.removeprefix("inv_").startswith("log")  # of 1/x, the log is as uniform as of x
    if kind == "int_uniform":
        return Int(low, high)
    if not kind.startswith("q_"):
        return Float(low, high, log=is_log)
    if is_log and q != 1:
        raise ConversionError(f"log and q {q!r} exclude each other: keep one of them")
    Float(0, abs(q), step=q)  # refuses what is no step
    low, high = (point(0.0, q, round(end / q)) for end in (low, high))
    if isinstance(q, int) or is_log:
        return Int(int(low), int(high), log=is_log, step=1 if is_log else q)
    return Float(low, high, step=q)
