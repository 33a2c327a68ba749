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
POOLS: dict[str, Callable[[int], nn.Module]] = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d, "none": nn.Identity}
PADDINGS = {"same": True, "valid": False}  # whether there are zeros around the image
GRID = 2  # side of what is left of an image in the end: quarters, not their mean, tell a 6 from a 9 after one block


class ConvBlock(nn.Module):
    """Convolution, norm and activation, plus a shortcut around them if `residual`, then pooling.

    The shortcut is a 1x1 convolution, since the number of channels may change: the projection of He et al., "Deep
    Residual Learning for Image Recognition", 2016. Where the convolution loses the edge of an image, so does it.

    Args:
        n_in: channels.
        n_out: channels.
        kernel: side of the filters.
        stride: of the convolution.
        edge: pixels by which it shortens the sides, kernel - 1; 0 pads with zeros.
        norm: makes the norm for so many channels.
        activation: makes the activation.
        pool: the last layer.
        residual: whether there is a shortcut.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        kernel: int,
        stride: int,
        edge: int,
        norm: Callable[[int], nn.Module],
        activation: Callable[[], nn.Module],
        pool: nn.Module,
        residual: bool,
    ) -> None:
        super().__init__()
        padding = 0 if edge else "same" if stride == 1 else kernel // 2  # PyTorch has no "same" with a stride
        self.conv = nn.Conv2d(n_in, n_out, kernel, stride=stride, padding=padding)
        self.norm = norm(n_out)
        self.activation = activation()
        self.shortcut = nn.Conv2d(n_in, n_out, kernel_size=1, stride=stride, bias=False) if residual else None
        self.margin = edge // 2
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, height, width) -> (batch, n_out, height, width), sides shorter by stride, edge and pooling."""
        y = self.norm(self.conv(x))
        if self.shortcut is not None:
            short = self.shortcut(x[..., self.margin :, self.margin :])
            height, width = (min(sides) for sides in zip(y.shape[2:], short.shape[2:], strict=True))
            y = y[..., :height, :width] + short[..., :height, :width]
        pooled: Tensor = self.pool(self.activation(y))
        return pooled


class CNN(nn.Module):
    """Blocks, the means over the four quarters of the image, dropout, and a linear map to the outputs.

    A block loses the edge, strides and pools each only while that leaves sides of 2 pixels, and the block after one
    that halves the image has twice its channels (as in Simonyan and Zisserman, "Very Deep Convolutional Networks",
    2015). Dropout comes after the last batch norm only: in front of one it shifts the variance that the norm has learnt
    (Li et al., "Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift", 2019).

    Args:
        input_shape: (channels, height, width) of one image.
        n_outputs: logits, or one for a number.
        n_blocks: convolutions.
        width: channels of the first.
        kernel: side of its filters.
        stride: 2 halves the image.
        padding: a name of `PADDINGS`.
        activation: a name of `layers.ACTIVATIONS`.
        pool: a name of `POOLS`.
        norm: a name of `NORMS`.
        residual: whether blocks have a shortcut.
        dropout: share of the last features set to zero.
    """

    def __init__(
        self,
        *,
        input_shape: tuple[int, ...],
        n_outputs: int,
        n_blocks: int = 2,
        width: int = 32,
        kernel: int = 3,
        stride: int = 1,
        padding: str = "same",
        activation: str = "relu",
        pool: str = "max",
        norm: str = "batch",
        residual: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(input_shape) != 3:
            raise ValueError(f"a cnn needs images of (channels, height, width), got inputs of shape {input_shape}")
        make_pool, pads = named(POOLS, pool, param="cnn.pool"), named(PADDINGS, padding, param="cnn.padding")
        n_in, n_out, side = input_shape[0], width, min(input_shape[1:])
        blocks = []
        for _ in range(n_blocks):
            edge = 0 if pads or side - (kernel - 1) < GRID else kernel - 1
            step = stride if side - edge >= stride * GRID else 1
            pools = pool != "none" and (side - edge) // step >= 2 * GRID
            block = ConvBlock(
                n_in,
                n_out,
                kernel=kernel,
                stride=step,
                edge=edge,
                norm=named(NORMS, norm, param="cnn.norm"),
                activation=named(ACTIVATIONS, activation, param="cnn.activation"),
                pool=make_pool(2) if pools else nn.Identity(),
                residual=residual,
            )
            blocks.append(block)
            shrinks = step * (2 if pools else 1)
            n_in, n_out, side = n_out, n_out * min(shrinks, 2), (side - edge) // shrinks
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_in * GRID * GRID, n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, n_outputs)."""
        features = F.adaptive_avg_pool2d(self.blocks(x), GRID).flatten(start_dim=1)
        outputs: Tensor = self.head(self.dropout(features))
        return outputs
