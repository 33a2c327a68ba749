"""Search spaces to import: typed, conditional, composable. Only the standard library is loaded.

from search_spaces import Float, SearchSpace, choose, cnn, mlp, optimizers

space = choose("arch", mlp=mlp(), cnn=cnn()) | optimizers() | SearchSpace({"alpha": Float(0, 1)})
params = space.sample(random.Random(7))
"""

from __future__ import annotations

from search_spaces.architectures import autoencoder, cnn, gan, mlp, rnn, transformer, vae
from search_spaces.catalog import READY, ready
from search_spaces.conditions import Condition
from search_spaces.diff import Change, adopt, carry
from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int, Ordinal
from search_spaces.errors import SearchSpaceError
from search_spaces.files import dump_space, dumps, load_space
from search_spaces.ranges import format_range, parse_range
from search_spaces.space import SearchSpace, choose
from search_spaces.training import augmentation, losses, optimizers, regularization, schedules, transfer

__all__ = [
    "READY",
    "Categorical",
    "Change",
    "Condition",
    "Constant",
    "Distribution",
    "Float",
    "Int",
    "Ordinal",
    "SearchSpace",
    "SearchSpaceError",
    "adopt",
    "augmentation",
    "autoencoder",
    "carry",
    "choose",
    "cnn",
    "dump_space",
    "dumps",
    "format_range",
    "gan",
    "load_space",
    "losses",
    "mlp",
    "optimizers",
    "parse_range",
    "ready",
    "regularization",
    "rnn",
    "schedules",
    "transfer",
    "transformer",
    "vae",
]
