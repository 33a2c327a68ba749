"""The ready spaces by the names that a command line knows them by.

ready("mlp") == mlp()       READY["mlp"].__doc__ says what it is, and where its ranges come from
group("mlp") == "architecture"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from search_spaces import architectures, training
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.space import SearchSpace

_GROUPS = {"architecture": architectures, "training": training}

READY: Mapping[str, Callable[..., SearchSpace]] = MappingProxyType(
    {name: getattr(package, name) for package in _GROUPS.values() for name in package.__all__}
)
"""Name -> function that makes the space; called without arguments it gives the usual ranges."""


def ready(name: str) -> SearchSpace:
    """Return the ready space `name` with its usual ranges.

    Raises:
        SearchSpaceError: there is none of that name.
    """
    if name not in READY:
        known = ", ".join(READY)
        raise SearchSpaceError(f"no ready space is called {name!r}; there are {known}{did_you_mean(name, READY)}")
    return READY[name]()


def group(name: str) -> str:
    """Return what kind of space the ready space `name` is: architecture or training."""
    return next(group for group, package in _GROUPS.items() if name in package.__all__)
