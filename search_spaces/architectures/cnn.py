"""Convolutional networks: blocks of convolution and pooling, for images.

cnn()                               every parameter at its usual range
cnn(n_blocks="2..4", residual=True)
cnn(pool="none", stride=2)          strides instead of pooling
"""

from __future__ import annotations

from search_spaces.presets import ACTIVATIONS, Size, by_size
from search_spaces.space import DistributionLike, SearchSpace


def cnn(
    *,
    size: Size = "medium",
    n_blocks: DistributionLike = None,
    width: DistributionLike = None,
    kernel: DistributionLike = "3|5",
    stride: DistributionLike = "1|2",
    padding: DistributionLike = "same|valid",
    activation: DistributionLike = ACTIVATIONS,
    norm: DistributionLike = "none|batch",
    pool: DistributionLike = "max|avg|none",
    residual: DistributionLike = "true|false",
) -> SearchSpace:
    """Convolutional networks: blocks, width, kernel, stride, padding, activation, norm, pooling, skip connections.

    Args:
        size: small, medium or large: which ranges of depth and width are meant where none is given.
        n_blocks: blocks, as `cnn.n_blocks`. Three that halve the image each take one of 32 x 32 pixels to 4 x 4, one of
            8 x 8 to a single pixel.
        width: channels of the first block, doubled where the image is halved as in VGG (Simonyan and Zisserman, 2015)
            and ResNet (He et al., 2016), as `cnn.width`. Around the 16 of the ResNets for 32 x 32 images; large has the
            64 of VGG and of the ResNets for ImageNet.
        kernel: side of the square filters in pixels, as `cnn.kernel`. 3 or 5 as in MnasNet (Tan et al., 2019).
        stride: pixels from one place of the filter to the next, as `cnn.stride`. With 2 a convolution halves the image
            (Springenberg et al., "Striving for Simplicity", 2015, who need no pooling then).
        padding: "same" puts zeros around the image, which keeps its size; "valid" none, which takes kernel - 1 pixels
            off each side's length (the words of Keras and PyTorch), as `cnn.padding`.
        activation: after each convolution, as `cnn.activation`; the same functions as for `mlp`.
        norm: between each convolution and its activation, as `cnn.norm`. Batch: Ioffe and Szegedy, 2015.
        pool: how a block halves the resolution at its end, if it does, as `cnn.pool`.
        residual: whether a block adds its input to its output (He et al., "Deep Residual Learning", 2016), as
            `cnn.residual`.
    """
    return SearchSpace(
        {
            "cnn.n_blocks": by_size(n_blocks, size, small="1..2", medium="1..3", large="3..6"),
            "cnn.width": by_size(width, size, small="4..32 log", medium="8..64 log", large="32..128 log"),
            "cnn.kernel": kernel,
            "cnn.stride": stride,
            "cnn.padding": padding,
            "cnn.activation": activation,
            "cnn.norm": norm,
            "cnn.pool": pool,
            "cnn.residual": residual,
        }
    )
