"""The ready spaces by the names that a command line knows them by.

ready("mlp") == mlp()       READY["mlp"].__doc__ says what it is, and where its ranges come from
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from search_spaces.architectures.cnn import cnn
from search_spaces.architectures.mlp import mlp
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.space import SearchSpace
from search_spaces.training.optimizers import optimizers
from search_spaces.training.regularization import regularization

READY: Mapping[str, Callable[..., SearchSpace]] = MappingProxyType(
    {function.__name__: function for function in (cnn, mlp, optimizers, regularization)}
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
