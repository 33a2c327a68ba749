"""What is left of a space where a library has no place for hints."""

from __future__ import annotations

from search_spaces import Categorical, Constant, Distribution, Float, Int, SearchSpace


def plain(space: SearchSpace) -> SearchSpace:
    """Return the space without defaults and priors, with names for named values, and without order of choices."""
    return space.override({name: _plain(distribution) for name, distribution in space.items()})


def single(space: SearchSpace) -> SearchSpace:
    """Return the plain space with constants for choices of one, where a library cannot tell them apart."""
    found = plain(space)
    return found.override(
        {name: Constant(d.choices[0]) for name, d in found.items() if isinstance(d, Categorical) and d.size() == 1}
    )


def _plain(distribution: Distribution) -> Distribution:
    match distribution:
        case Float(low, high, log=log, step=step):
            return Float(low, high, log=log, step=step)
        case Int(low, high, log=log, step=int_step):
            return Int(low, high, log=log, step=int_step)
        case Constant():
            return distribution
    return Categorical(distribution.grid(1))
