"""Autoencoders: networks that squeeze their input through a narrow code and restore it.

autoencoder()                       every parameter at its usual range
autoencoder(kind="denoising", code="2..8")
"""

from __future__ import annotations

from search_spaces.presets import ACTIVATIONS, Size, branch, by_size
from search_spaces.space import DistributionLike, SearchSpace


def autoencoder(
    *,
    size: Size = "medium",
    kind: DistributionLike = "plain|denoising|sparse",
    n_layers: DistributionLike = None,
    width: DistributionLike = None,
    code: DistributionLike = None,
    activation: DistributionLike = ACTIVATIONS,
    norm: DistributionLike = "none|batch|layer",
    tied: DistributionLike = "true|false",
    corruption: DistributionLike = "0.05..0.5",
    sparsity: DistributionLike = "1e-6..1e-2 log",
) -> SearchSpace:
    """Autoencoders: depth, width, length of the code, and what keeps them from copying.

    Of each size the code is at most as long as the first layer is wide; layers between them may shrink evenly on a log
    scale. Hinton and Salakhutdinov ("Reducing the Dimensionality of Data with Neural Networks", 2006) go from 784
    pixels through layers of 1000, 500 and 250 units to a code of 30, and back.

    Args:
        size: small, medium or large: which ranges of depth, width and code are meant where none is given.
        kind: as `autoencoder.kind`: plain; denoising, which restores what was spoilt (Vincent et al., "Stacked
            Denoising Autoencoders", 2010); or sparse, which pays for active units (Ng, "Sparse autoencoder", 2011).
        n_layers: hidden layers of the encoder, mirrored by the decoder, as `autoencoder.n_layers`.
        width: units of the first hidden layer, as `autoencoder.width`.
        code: units of the code, as `autoencoder.code`.
        activation: after each hidden layer, as `autoencoder.activation`; the same functions as for `mlp`.
        norm: between each hidden layer and its activation, as `autoencoder.norm`; see `mlp`.
        tied: whether the decoder's weights are the encoder's, transposed (Vincent et al., 2010), as
            `autoencoder.tied`.
        corruption: of the denoising kind: share of the inputs set to zero, as `autoencoder.corruption`. Vincent et al.
            find 0.1, 0.25 or 0.4 best, depending on the data.
        sparsity: of the sparse kind: weight of the L1 penalty on the code, as `autoencoder.sparsity`; L1 as in
            Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 14.2.1.
    """
    own = {
        "denoising": {"autoencoder.corruption": corruption},
        "sparse": {"autoencoder.sparsity": sparsity},
    }
    return branch("autoencoder.kind", kind, own) | {
        "autoencoder.n_layers": by_size(n_layers, size, small="1..2", medium="1..3", large="2..5"),
        "autoencoder.width": by_size(width, size, small="32..128 log", medium="64..512 log", large="256..2048 log"),
        "autoencoder.code": by_size(code, size, small="2..16 log", medium="2..64 log", large="16..256 log"),
        "autoencoder.activation": activation,
        "autoencoder.norm": norm,
        "autoencoder.tied": tied,
    }
