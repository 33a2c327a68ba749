"""Convolutional networks: blocks of convolution and pooling, for images.

cnn()                               every parameter at its usual range
cnn(n_blocks="2..4", residual=True)
"""

from __future__ import annotations

from search_spaces.space import DistributionLike, SearchSpace


def cnn(
    *,
    n_blocks: DistributionLike = "1..3",
    width: DistributionLike = "8..64 log",
    kernel: DistributionLike = "3|5",
    activation: DistributionLike = "relu|gelu|silu|tanh",
    norm: DistributionLike = "none|batch",
    pool: DistributionLike = "max|avg",
    residual: DistributionLike = "true|false",
) -> SearchSpace:
    """Convolutional networks: blocks, width, kernel, activation, normalization, pooling, skip connections.

    Args:
        n_blocks: blocks, each of which halves the resolution at its end, as `cnn.n_blocks`: three take an image of
            32 x 32 pixels to 4 x 4, one of 8 x 8 to a single pixel.
        width: channels of the first block, doubled in each later one as in VGG (Simonyan and Zisserman, 2015) and
            ResNet (He et al., 2016), as `cnn.width`. Around the 16 of the ResNets for 32 x 32 images.
        kernel: side of the square filters in pixels, as `cnn.kernel`. 3 or 5 as in MnasNet (Tan et al., 2019).
        activation: after each convolution, as `cnn.activation`; the same functions as for `mlp`.
        norm: between each convolution and its activation, as `cnn.norm`. Batch: Ioffe and Szegedy, 2015.
        pool: how a block halves the resolution, as `cnn.pool`.
        residual: whether a block adds its input to its output (He et al., "Deep Residual Learning", 2016), as
            `cnn.residual`.
    """
    return SearchSpace(
        {
            "cnn.n_blocks": n_blocks,
            "cnn.width": width,
            "cnn.kernel": kernel,
            "cnn.activation": activation,
            "cnn.norm": norm,
            "cnn.pool": pool,
            "cnn.residual": residual,
        }
    )
