"""Ready spaces of how a network is trained. Their names have no prefix, for they mean the same for every network."""

from __future__ import annotations

from search_spaces.training.augmentation import augmentation
from search_spaces.training.losses import losses
from search_spaces.training.optimizers import optimizers
from search_spaces.training.regularization import regularization
from search_spaces.training.schedules import schedules
from search_spaces.training.transfer import transfer

__all__ = ["augmentation", "losses", "optimizers", "regularization", "schedules", "transfer"]
