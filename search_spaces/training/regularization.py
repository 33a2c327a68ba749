"""What keeps a network from learning its training data by heart.

regularization()                    every parameter at its usual range
regularization(dropout="0.0..0.3", label_smoothing=0)
regularization().only("dropout", "weight_decay")
"""

from __future__ import annotations

from search_spaces.space import DistributionLike, SearchSpace


def regularization(
    *,
    dropout: DistributionLike = "0.0..0.5",
    weight_decay: DistributionLike = "1e-6..1e-2 log",
    l1: DistributionLike = "1e-7..1e-2 log",
    label_smoothing: DistributionLike = "0.0..0.2",
    stochastic_depth: DistributionLike = "0.0..0.5",
    clip_norm: DistributionLike = "0.1..10.0 log",
    patience: DistributionLike = "3..16",
) -> SearchSpace:
    """Regularization: dropout, L2 and L1, label smoothing, stochastic depth, gradient clipping, early stop.

    Args:
        dropout: share of units set to zero. 0.5 is what its inventors use for hidden layers (Srivastava et al.,
            "Dropout", 2014); Gorishniy et al. ("Revisiting Deep Learning Models for Tabular Data", 2021) search 0 to
            0.5.
        weight_decay: L2, as the optimizer understands it: decoupled for adamw, a penalty for others. Gorishniy et al.
            search 1e-6 to 1e-3 on a log scale; the upper end is the default of AdamW in PyTorch, 1e-2.
        l1: weight of the penalty on the sum of absolute weights, which makes many of them 0 (Tibshirani, 1996). The
            upper end is the default of Keras' regularizer, 1e-2.
        label_smoothing: share of each label spread over all classes. 0.1 in Szegedy et al. ("Rethinking the Inception
            Architecture", 2016) and Müller, Kornblith and Hinton ("When Does Label Smoothing Help?", 2019). Only
            classification has it.
        stochastic_depth: how often the last residual block is left out in training, earlier ones in proportion (Huang
            et al., "Deep Networks with Stochastic Depth", 2016: 0.5). 0.1 in DeiT (Touvron et al., 2021).
        clip_norm: largest norm of the gradient; a longer one is shortened to it (Pascanu, Mikolov and Bengio, "On the
            difficulty of training Recurrent Neural Networks", 2013). 0.25 in Merity, Keskar and Socher, 2018; 1 in
            GPT-3 (Brown et al., 2020); 5 in Sutskever, Vinyals and Le, 2014.
        patience: epochs without a better one after which training ends. 3 is the default of PyTorch Lightning,
            Gorishniy et al. have 16.
    """
    return SearchSpace(
        {
            "dropout": dropout,
            "weight_decay": weight_decay,
            "l1": l1,
            "label_smoothing": label_smoothing,
            "stochastic_depth": stochastic_depth,
            "clip_norm": clip_norm,
            "patience": patience,
        }
    )
