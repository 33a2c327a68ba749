"""Ready spaces of how a network is trained. Their names have no prefix, for they mean the same for every network."""

from __future__ import annotations

from search_spaces.training.optimizers import optimizers
from search_spaces.training.regularization import regularization

__all__ = ["optimizers", "regularization"]
