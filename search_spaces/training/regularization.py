"""What keeps a network from learning its training data by heart.

regularization()                    every parameter at its usual range
regularization(dropout="0.0..0.3", label_smoothing=0)
"""

from __future__ import annotations

from search_spaces.space import DistributionLike, SearchSpace


def regularization(
    *,
    dropout: DistributionLike = "0.0..0.5",
    weight_decay: DistributionLike = "1e-6..1e-2 log",
    label_smoothing: DistributionLike = "0.0..0.2",
) -> SearchSpace:
    """Regularization: dropout, weight decay, label smoothing.

    Args:
        dropout: share of units set to zero. 0.5 is what its inventors use for hidden layers (Srivastava et al.,
            "Dropout", 2014); Gorishniy et al. ("Revisiting Deep Learning Models for Tabular Data", 2021) search 0 to
            0.5.
        weight_decay: as the optimizer understands it: decoupled for adamw, an L2 penalty for others. Gorishniy et al.
            search 1e-6 to 1e-3 on a log scale; the upper end is the default of AdamW in PyTorch, 1e-2.
        label_smoothing: share of each label spread over all classes. 0.1 in Szegedy et al. ("Rethinking the Inception
            Architecture", 2016) and Müller, Kornblith and Hinton ("When Does Label Smoothing Help?", 2019). Only
            classification has it.
    """
    return SearchSpace({"dropout": dropout, "weight_decay": weight_decay, "label_smoothing": label_smoothing})
