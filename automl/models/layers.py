"""The parts that networks share, under the names that search spaces use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from torch import nn

T = TypeVar("T")

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def named(choices: Mapping[str, T], name: str, *, param: str) -> T:
    """Return the choice called `name`.

    Raises:
        ValueError: there is none; says what the values of `param` are.
    """
    if name not in choices:
        raise ValueError(f"{param} must be one of {', '.join(choices)}, got {name!r}")
    return choices[name]
