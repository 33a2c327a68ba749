"""How weights are updated: optimizer with what it alone has, learning rate, batch size.

optimizers()                        every parameter at its usual range
optimizers(optimizer="adamw", lr="1e-4..1e-2 log")
optimizers(optimizer="nesterov|rmsprop", momentum=0.9)
"""

from __future__ import annotations

from search_spaces.presets import branch
from search_spaces.space import DistributionLike, SearchSpace


def optimizers(
    *,
    optimizer: DistributionLike = "sgd|momentum|nesterov|adagrad|rmsprop|adam|adamw",
    lr: DistributionLike = "1e-4..1e-1 log",
    batch_size: DistributionLike = "32|64|128",
    momentum: DistributionLike = "0.5..0.99",
    accumulator: DistributionLike = "0.0..0.1",
    rms_decay: DistributionLike = "0.9..0.999",
    beta1: DistributionLike = "0.5..0.95",
    beta2: DistributionLike = "0.9..0.999",
    eps: DistributionLike = "1e-10..1e-3 log",
) -> SearchSpace:
    """Optimizers: which one, learning rate, batch size, and what each optimizer alone has.

    Args:
        optimizer: some of sgd (without momentum); momentum (Polyak, 1964); nesterov (Sutskever et al., "On the
            importance of initialization and momentum", 2013); adagrad (Duchi, Hazan and Singer, 2011); rmsprop
            (Tieleman and Hinton, 2012); adam (Kingma and Ba, 2015); adamw (Loshchilov and Hutter, "Decoupled Weight
            Decay Regularization", 2019).
        lr: highest learning rate of the schedule. The range of LCBench (Zimmer, Lindauer and Hutter, "Auto-PyTorch
            Tabular", 2021).
        batch_size: samples a step. Small ones generalize better (Keskar et al., 2017; Masters and Luschi, 2018), large
            ones keep a machine busy.
        momentum: of momentum and nesterov. LCBench has 0.1 to 0.99; below 0.5 there is hardly a difference from none
            (Sutskever et al. use 0.9 to 0.999).
        accumulator: of adagrad: what its sums of squares begin with. 0 in PyTorch, 0.1 in Keras.
        rms_decay: of rmsprop: share of the mean of squares that stays at each step. Tieleman and Hinton: 0.9; 0.99 in
            PyTorch, where it is called alpha.
        beta1: of adam and adamw: share of the mean of gradients that stays. 0.9 in Kingma and Ba, 0.5 for GANs
            (Radford, Metz and Chintala, 2016).
        beta2: of adam and adamw: share of the mean of squares that stays. 0.999 in Kingma and Ba; 0.98 in Vaswani et
            al., 2017; 0.95 in GPT-3 (Brown et al., 2020).
        eps: of adagrad, rmsprop, adam and adamw: what keeps the denominator from 0. 1e-10 is PyTorch's default for
            adagrad, 1e-8 that of the others; larger ones make steps more like those of momentum (Choi et al., "On
            Empirical Comparisons of Optimizers for Deep Learning", 2019).
    """
    adam = {"beta1": beta1, "beta2": beta2, "eps": eps}
    own = {
        "momentum": {"momentum": momentum},
        "nesterov": {"momentum": momentum},
        "adagrad": {"accumulator": accumulator, "eps": eps},
        "rmsprop": {"rms_decay": rms_decay, "eps": eps},
        "adam": adam,
        "adamw": adam,
    }
    return branch("optimizer", optimizer, own) | {"lr": lr, "batch_size": batch_size}
