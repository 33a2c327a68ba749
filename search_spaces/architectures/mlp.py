"""Multilayer perceptrons: a stack of equally wide layers, for tables and other flat inputs.

mlp()                               every parameter at its usual range
mlp(width="64..1024 log", norm="batch")
"""

from __future__ import annotations

from search_spaces.space import DistributionLike, SearchSpace


def mlp(
    *,
    n_layers: DistributionLike = "1..4",
    width: DistributionLike = "32..512 log",
    activation: DistributionLike = "relu|gelu|silu|tanh",
    norm: DistributionLike = "none|batch|layer",
) -> SearchSpace:
    """Multilayer perceptrons: depth, width, activation and normalization.

    Depth and width lie around the LCBench space of Auto-PyTorch Tabular (Zimmer, Lindauer and Hutter, "Auto-PyTorch
    Tabular", 2021: 1 to 5 layers, 64 to 1024 units on a log scale), one step smaller for data that fits a laptop.

    Args:
        n_layers: hidden layers, as `mlp.n_layers`.
        width: units of each hidden layer, as `mlp.width`.
        activation: after each hidden layer, as `mlp.activation`. GELU: Hendrycks and Gimpel, 2016. SiLU: Elfwing,
            Uchibe and Doya, 2018; Ramachandran, Zoph and Le, "Searching for Activation Functions", 2017.
        norm: between each hidden layer and its activation, as `mlp.norm`. Batch: Ioffe and Szegedy, 2015. Layer: Ba,
            Kiros and Hinton, 2016.
    """
    return SearchSpace({"mlp.n_layers": n_layers, "mlp.width": width, "mlp.activation": activation, "mlp.norm": norm})
