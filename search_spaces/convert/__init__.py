"""From and to the spaces of other libraries, each imported by the function that needs it.

    from search_spaces.convert import from_wandb, to_configspace, to_optuna, to_params, to_ray

    tune.Tuner(train, param_space=to_ray(space))
    to_params(space, config)            # what a library drew, as a point of the space it came from

| library     | to                            | from             | conditions    | relations            |
|-------------|-------------------------------|------------------|---------------|----------------------|
| Optuna      | distributions, by name        | the same         | in the source | in the source        |
| Ray Tune    | `param_space`                 | the same, nested | `sample_from` | no                   |
| ConfigSpace | ConfigurationSpace            | the same         | yes           | forbid, and `a <= b` |
| W&B         | `parameters` of a sweep       | the same, nested | no            | no                   |
| Katib       | `parameters` of an Experiment | the same         | no            | no                   |
| JSON Schema | of params                     |                  | yes           | forbid               |

What would have other points than ours is a ConversionError, which names every such parameter and the way out. Hints
about the same points (default, prior, order of choices) are left out where a library has no place for them: `left_out`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from search_spaces.convert.common import to_params
from search_spaces.convert.configspace import configspace_source, from_configspace, to_configspace
from search_spaces.convert.json_schema import to_json_schema
from search_spaces.convert.katib import from_katib, to_katib
from search_spaces.convert.optuna import from_optuna, optuna_source, to_optuna
from search_spaces.convert.ray import from_ray, ray_source, to_ray
from search_spaces.convert.wandb import from_wandb, to_wandb
from search_spaces.distributions import Ordinal
from search_spaces.errors import ConversionError
from search_spaces.files import yaml_text
from search_spaces.scalars import literal
from search_spaces.space import SearchSpace

__all__ = [
    "TEXTS",
    "ConversionError",
    "from_configspace",
    "from_katib",
    "from_optuna",
    "from_ray",
    "from_wandb",
    "left_out",
    "to_configspace",
    "to_json_schema",
    "to_katib",
    "to_optuna",
    "to_params",
    "to_ray",
    "to_wandb",
]

TEXTS: Mapping[str, Callable[[SearchSpace], str]] = MappingProxyType(
    {
        "optuna": optuna_source,
        "ray": ray_source,
        "configspace": configspace_source,
        "wandb": lambda space: yaml_text({"parameters": to_wandb(space)}),
        "katib": lambda space: yaml_text({"parameters": to_katib(space)}),
        "json-schema": lambda space: json.dumps(to_json_schema(space), indent=2) + "\n",
    }
)
"""Name -> function that writes a space for that library: Python source, YAML, JSON. It raises ConversionError."""

_KEPT = {"configspace": {"default", "prior", "order"}, "json-schema": {"default"}}
"""The hints that a text of `TEXTS` has; of ConfigSpace's the prior is in `meta`, where nothing but we looks at it."""


def left_out(space: SearchSpace, library: str) -> list[str]:
    """Return "lr: default 0.001, prior 0.01" for each parameter with hints that `library` has no place for."""
    lines = []
    for name, distribution in space.items():
        data = distribution.to_dict()
        hints: dict[str, str] = {key: f"{key} {literal(data[key])}" for key in ("default", "prior") if key in data}
        if isinstance(distribution, Ordinal):
            hints["order"] = "order of its choices"
        if lost := [text for key, text in hints.items() if key not in _KEPT.get(library, ())]:
            lines.append(f"{name}: {', '.join(lost)}")
    return lines
