"""How weights are updated: optimizer, learning rate and its schedule, batch size.

optimizers()                        every parameter at its usual range
optimizers(optimizer="adamw", lr="1e-4..1e-2 log")
"""

from __future__ import annotations

from search_spaces.space import DistributionLike, SearchSpace


def optimizers(
    *,
    optimizer: DistributionLike = "sgd|adam|adamw",
    lr: DistributionLike = "1e-4..1e-1 log",
    momentum: DistributionLike = "0.5..0.99",
    schedule: DistributionLike = "constant|cosine|one-cycle",
    batch_size: DistributionLike = "32|64|128",
) -> SearchSpace:
    """Optimizers: which one, learning rate, momentum of SGD, schedule, batch size.

    Args:
        optimizer: some of sgd, adam (Kingma and Ba, 2015) and adamw (Loshchilov and Hutter, "Decoupled Weight Decay
            Regularization", 2019).
        lr: highest learning rate of the schedule. The range of LCBench (Zimmer, Lindauer and Hutter, "Auto-PyTorch
            Tabular", 2021).
        momentum: of SGD; exists only when `optimizer` is sgd. LCBench has 0.1 to 0.99; below 0.5 there is hardly a
            difference from none (Sutskever et al., "On the importance of initialization and momentum", 2013, use
            0.9 to 0.999).
        schedule: of the learning rate over all epochs. Cosine: Loshchilov and Hutter, "SGDR", 2017, without restarts.
            One-cycle: Smith and Topin, "Super-Convergence", 2018.
        batch_size: samples a step. Small ones generalize better (Keskar et al., 2017; Masters and Luschi, 2018), large
            ones keep a machine busy.
    """
    space = SearchSpace(
        {"optimizer": "sgd|adam|adamw", "lr": lr, "momentum": momentum, "schedule": schedule, "batch_size": batch_size},
        when={"momentum": {"optimizer": "sgd"}},
    )
    return space.override(optimizer=optimizer)
