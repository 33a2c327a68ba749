"""The multilayer perceptron: inputs flattened, hidden layers of equal width, then the outputs.

    model = MLP(input_shape=(1, 8, 8), n_outputs=10, n_layers=3, width=256, norm="batch")
    model(torch.zeros(32, 1, 8, 8)).shape    # (32, 10)

Inputs of any shape will do, and rows of a table, whose categories are embedded first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from automl.models.embedding import CategoryEmbedding
from automl.models.layers import ACTIVATIONS, named

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda width: nn.Identity(),
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
}


class MLP(nn.Module):
    """Hidden layers of linear map, norm, activation and dropout, in this order, then a linear map to the outputs.

    Args:
        input_shape: of one example.
        n_outputs: logits, or one for a number.
        cardinalities: of rows whose last columns are indices of categories, how many each has.
        n_layers: hidden layers.
        width: of each.
        activation: a name of `layers.ACTIVATIONS`.
        norm: a name of `NORMS`.
        dropout: share of units set to zero.
    """

    def __init__(
        self,
        *,
        input_shape: tuple[int, ...],
        n_outputs: int,
        cardinalities: Sequence[int] = (),
        n_layers: int = 2,
        width: int = 128,
        activation: str = "relu",
        norm: str = "none",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        make_activation = named(ACTIVATIONS, activation, param="mlp.activation")
        make_norm = named(NORMS, norm, param="mlp.norm")
        embedding = CategoryEmbedding(*input_shape, cardinalities=cardinalities) if cardinalities else None
        self.inputs = embedding or nn.Flatten()
        features = [embedding.width if embedding else math.prod(input_shape), *[width] * n_layers]
        self.hidden = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(n_in, n_out), make_norm(n_out), make_activation(), nn.Dropout(dropout))
                for n_in, n_out in itertools.pairwise(features)
            )
        )
        self.head = nn.Linear(features[-1], n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, *input_shape) -> (batch, n_outputs)."""
        outputs: Tensor = self.head(self.hidden(self.inputs(x)))
        return outputs
