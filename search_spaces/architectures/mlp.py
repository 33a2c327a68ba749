"""Multilayer perceptrons: a stack of equally wide layers, for tables and other flat inputs.

mlp()                               every parameter at its usual range
mlp(width="64..1024 log", norm="batch")
mlp(size="large")                   deeper and wider
"""

from __future__ import annotations

from search_spaces.presets import ACTIVATIONS, Size, by_size
from search_spaces.space import DistributionLike, SearchSpace


def mlp(
    *,
    size: Size = "medium",
    n_layers: DistributionLike = None,
    width: DistributionLike = None,
    activation: DistributionLike = ACTIVATIONS,
    norm: DistributionLike = "none|batch|layer",
) -> SearchSpace:
    """Multilayer perceptrons: depth, width, activation and normalization.

    Depth and width lie around the LCBench space of Auto-PyTorch Tabular (Zimmer, Lindauer and Hutter, "Auto-PyTorch
    Tabular", 2021: 1 to 5 layers, 64 to 1024 units on a log scale), medium a step smaller for data that fits a laptop.

    Args:
        size: small, medium or large: which ranges of depth and width are meant where none is given.
        n_layers: hidden layers, as `mlp.n_layers`.
        width: units of each hidden layer, as `mlp.width`.
        activation: after each hidden layer, as `mlp.activation`. ReLU: Nair and Hinton, 2010. Leaky ReLU: Maas, Hannun
            and Ng, 2013. ELU: Clevert, Unterthiner and Hochreiter, 2016. SELU: Klambauer et al., "Self-Normalizing
            Neural Networks", 2017. GELU: Hendrycks and Gimpel, 2016. SiLU: Elfwing, Uchibe and Doya, 2018;
            Ramachandran, Zoph and Le, "Searching for Activation Functions", 2017.
        norm: between each hidden layer and its activation, as `mlp.norm`. Batch: Ioffe and Szegedy, 2015. Layer: Ba,
            Kiros and Hinton, 2016.
    """
    return SearchSpace(
        {
            "mlp.n_layers": by_size(n_layers, size, small="1..2", medium="1..4", large="2..8"),
            "mlp.width": by_size(width, size, small="16..128 log", medium="32..512 log", large="128..2048 log"),
            "mlp.activation": activation,
            "mlp.norm": norm,
        }
    )
