"""How a network that has learnt something else is taught something new.

transfer()                          every parameter at its usual range
transfer(frozen_depth=0)            nothing is frozen
"""

from __future__ import annotations

from search_spaces.space import DistributionLike, SearchSpace


def transfer(
    *,
    frozen_depth: DistributionLike = "0.0..1.0",
    layer_lr_decay: DistributionLike = "0.35..1.0",
) -> SearchSpace:
    """Transfer learning: how much is frozen, and how much slower lower layers learn.

    Args:
        frozen_depth: share of the pretrained layers, counted from the input, that keep their weights; at 1 only the new
            head learns. Yosinski et al. ("How transferable are features in deep neural networks?", 2014) freeze any
            number of layers from none to all.
        layer_lr_decay: factor on the learning rate from each layer to the one below it; 1 is one rate for all. 0.8 or
            0.9 in ELECTRA (Clark et al., 2020); ULMFiT (Howard and Ruder, 2018) divides by 2.6, about 0.38.
    """
    return SearchSpace({"frozen_depth": frozen_depth, "layer_lr_decay": layer_lr_decay})
