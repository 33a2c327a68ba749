"""Variational autoencoders: a code that is a distribution, so that new examples can be drawn.

vae()                               every parameter at its usual range
vae(beta=1, likelihood="bernoulli")
"""

from __future__ import annotations

from search_spaces.presets import ACTIVATIONS, Size, by_size
from search_spaces.space import DistributionLike, SearchSpace


def vae(
    *,
    size: Size = "medium",
    n_layers: DistributionLike = None,
    width: DistributionLike = None,
    latent: DistributionLike = None,
    activation: DistributionLike = ACTIVATIONS,
    norm: DistributionLike = "none|batch|layer",
    beta: DistributionLike = "0.1..10.0 log",
    kl_warm_up: DistributionLike = "0.0..0.5",
    likelihood: DistributionLike = "gaussian|bernoulli",
) -> SearchSpace:
    """Variational autoencoders: depth, width, latent dimensions, and what weighs the two parts of the loss.

    Kingma and Welling ("Auto-Encoding Variational Bayes", 2014) use one hidden layer of 200 or 500 units and 2 to 200
    latent dimensions.

    Args:
        size: small, medium or large: which ranges of depth, width and latent dimensions are meant where none is given.
        n_layers: hidden layers of the encoder, mirrored by the decoder, as `vae.n_layers`.
        width: units of each hidden layer, as `vae.width`.
        latent: dimensions of the latent space, as `vae.latent`.
        activation: after each hidden layer, as `vae.activation`; the same functions as for `mlp`.
        norm: between each hidden layer and its activation, as `vae.norm`; see `mlp`.
        beta: weight of the divergence from the prior, as `vae.beta`. 1 is the variational bound itself; Higgins et al.
            ("beta-VAE", 2017) go above it for factors that stand apart, values below favour sharp reconstructions.
        kl_warm_up: share of training in which that weight rises from 0, as `vae.kl_warm_up` (Bowman et al.,
            "Generating Sentences from a Continuous Space", 2016; Sonderby et al., "Ladder Variational Autoencoders",
            2016).
        likelihood: of an input given its code, as `vae.likelihood`. Bernoulli is for inputs within 0 and 1.
    """
    return SearchSpace(
        {
            "vae.n_layers": by_size(n_layers, size, small="1..2", medium="1..3", large="2..5"),
            "vae.width": by_size(width, size, small="32..256 log", medium="64..512 log", large="256..2048 log"),
            "vae.latent": by_size(latent, size, small="2..16 log", medium="2..64 log", large="16..256 log"),
            "vae.activation": activation,
            "vae.norm": norm,
            "vae.beta": beta,
            "vae.kl_warm_up": kl_warm_up,
            "vae.likelihood": likelihood,
        }
    )
