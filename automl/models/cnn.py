"""A convolutional network for images: blocks that halve the image and double the channels, then the outputs.

    model = CNN(input_shape=(3, 32, 32), n_outputs=10, n_blocks=3, width=32, residual=True)
    model(torch.zeros(16, 3, 32, 32)).shape    # (16, 10)

Any size of image and number of channels will do.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from automl.models.layers import ACTIVATIONS, named

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda channels: nn.Identity(),
    "batch": nn.BatchNorm2d,
}
POOLS: dict[str, Callable[[], nn.Module]] = {"max": lambda: nn.MaxPool2d(2), "avg": lambda: nn.AvgPool2d(2)}
GRID = 2  # side of what is left of an image in the end: quarters, not their mean, tell a 6 from a 9 after one block


class ConvBlock(nn.Module):
    """Convolution, norm and activation, plus a shortcut around them if `residual`, then pooling.

    The shortcut is a 1x1 convolution, since the number of channels may change: the projection of He et al., "Deep
    Residual Learning for Image Recognition", 2016.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        kernel: int,
        norm: Callable[[int], nn.Module],
        activation: Callable[[], nn.Module],
        pool: nn.Module,
        residual: bool,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, padding="same")
        self.norm = norm(n_out)
        self.activation = activation()
        self.shortcut = nn.Conv2d(n_in, n_out, kernel_size=1, bias=False) if residual else None
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, height, width) -> (batch, n_out, height, width), sides halved where it pools."""
        y = self.norm(self.conv(x))
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        pooled: Tensor = self.pool(self.activation(y))
        return pooled


class CNN(nn.Module):
    """Blocks, the means over the four quarters of the image, dropout, and a linear map to the outputs.

    A block pools while that leaves sides of 2 pixels, and the block after a pooling one has twice its channels (as in
    Simonyan and Zisserman, "Very Deep Convolutional Networks", 2015). Dropout comes after the last batch norm only: in
    front of one it shifts the variance that the norm has learnt (Li et al., "Understanding the Disharmony between
    Dropout and Batch Normalization by Variance Shift", 2019).
    """

    def __init__(
        self,
        *,
        input_shape: tuple[int, ...],
        n_outputs: int,
        n_blocks: int = 2,
        width: int = 32,
        kernel: int = 3,
        activation: str = "relu",
        pool: str = "max",
        norm: str = "batch",
        residual: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(input_shape) != 3:
            raise ValueError(f"a cnn needs images of (channels, height, width), got inputs of shape {input_shape}")
        make_pool = named(POOLS, pool, param="cnn.pool")
        n_in, n_out, side = input_shape[0], width, min(input_shape[1:])
        blocks = []
        for _ in range(n_blocks):
            halves = side >= 2 * GRID
            block = ConvBlock(
                n_in,
                n_out,
                kernel=kernel,
                norm=named(NORMS, norm, param="cnn.norm"),
                activation=named(ACTIVATIONS, activation, param="cnn.activation"),
                pool=make_pool() if halves else nn.Identity(),
                residual=residual,
            )
            blocks.append(block)
            n_in = n_out
            if halves:
                n_out, side = 2 * n_out, side // 2
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_in * GRID * GRID, n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, n_outputs)."""
        features = F.adaptive_avg_pool2d(self.blocks(x), GRID).flatten(start_dim=1)
        outputs: Tensor = self.head(self.dropout(features))
        return outputs
