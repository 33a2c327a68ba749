"""To the distributions of other libraries, each imported by the function that needs it.

to_optuna(Float(1e-5, 1e-1, log=True)) == optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def to_optuna(distribution: Distribution) -> BaseDistribution:
    """Return the Optuna distribution of the same values; a constant becomes a single choice.

    Raises:
        TypeError: it is a kind of distribution that Optuna has no counterpart for.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match distribution:
        case Float(low, high, log=log, step=step):
            return FloatDistribution(low, high, log=log, step=step)
        case Int(low, high, log=log, step=int_step):
            return IntDistribution(low, high, log=log, step=int_step)
        case Categorical(choices):
            return CategoricalDistribution(choices)
        case Constant(value):
            return CategoricalDistribution((value,))
    raise TypeError(f"Optuna has no counterpart for {type(distribution).__name__}")
