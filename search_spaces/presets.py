"""What ready spaces are made with: ranges by the size of a network, and params that only some choices have.

by_size(None, "small", small="1..2", medium="1..4", large="2..8") == "1..2"
branch("loss", "mse|huber", {"huber": {"delta": "0.1..10 log"}})     # delta: 0.1..10 log when loss=huber
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.scalars import shown
from search_spaces.space import DistributionLike, SearchSpace, choose

Size = Literal["small", "medium", "large"]
"""Of a network: one that a laptop trains in minutes, a usual one, one that wants a GPU."""

ACTIVATIONS = "relu|leaky_relu|elu|selu|gelu|silu|tanh|sigmoid"
"""What may come after a layer; `mlp` names the sources."""


def by_size(
    given: DistributionLike, size: Size, *, small: DistributionLike, medium: DistributionLike, large: DistributionLike
) -> DistributionLike:
    """Return the range that was given, or where that is None the one of `size`.

    Raises:
        SearchSpaceError: there is no such size.
    """
    ranges = {"small": small, "medium": medium, "large": large}
    if size not in ranges:
        known = get_args(Size)
        raise SearchSpaceError(f"size must be one of {', '.join(known)}, got {shown(size)}{did_you_mean(size, known)}")
    return ranges[size] if given is None else given


def branch(name: str, choices: DistributionLike, own: Mapping[str, Mapping[str, DistributionLike]], /) -> SearchSpace:
    """Return the space of the parameter `name` and of what only some of its choices have.

    Of choices that are not there nothing is left, and a choice that `own` does not know has nothing of its own: both
    may be the user's.

    Args:
        name: of the parameter that decides.
        choices: its distribution.
        own: choice -> its parameters. What several choices have in common is the same for all of them.
    """
    decides = SearchSpace({name: choices})
    alternatives: dict[Any, SearchSpace] = {
        value: SearchSpace(own.get(str(value), {})) for value in decides[name].grid(1)
    }
    return choose(name, alternatives) | decides
