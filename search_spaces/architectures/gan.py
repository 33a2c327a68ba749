"""Generative adversarial networks: a generator that learns to deceive a discriminator.

gan()                               every parameter at its usual range
gan(loss="wasserstein-gp", critic_steps=5)
"""

from __future__ import annotations

from search_spaces.presets import Size, branch, by_size
from search_spaces.space import DistributionLike, SearchSpace


def gan(
    *,
    size: Size = "medium",
    loss: DistributionLike = "non-saturating|least-squares|hinge|wasserstein|wasserstein-gp",
    n_blocks: DistributionLike = None,
    width: DistributionLike = None,
    latent: DistributionLike = None,
    activation: DistributionLike = "relu|leaky_relu",
    norm: DistributionLike = "none|batch",
    spectral_norm: DistributionLike = "true|false",
    critic_steps: DistributionLike = "1..5",
    critic_lr_factor: DistributionLike = "1.0..4.0 log",
    gradient_penalty: DistributionLike = "1.0..10.0 log",
    weight_clip: DistributionLike = "0.001..0.1 log",
) -> SearchSpace:
    """Generative adversarial networks: loss, sizes of both networks, and what keeps them in balance.

    DCGAN (Radford, Metz and Chintala, 2016) has four blocks that double the image, 100 latent dimensions, batch
    normalization, ReLU in the generator and leaky ReLU in the discriminator. Its Adam has beta1 = 0.5: join
    `optimizers(optimizer="adam", beta1="0.0..0.9")`.

    Args:
        size: small, medium or large: which ranges of blocks, width and latent dimensions are meant where none is given.
        loss: as `gan.loss`. Non-saturating: Goodfellow et al., 2014. Least squares: Mao et al., 2017. Hinge: Lim and
            Ye, "Geometric GAN", 2017; Miyato et al., 2018. Wasserstein: Arjovsky, Chintala and Bottou, 2017; with
            gradient penalty: Gulrajani et al., 2017.
        n_blocks: blocks of each network, each of which doubles or halves the image, as `gan.n_blocks`.
        width: channels of the layer nearest to the image, doubled towards the code, as `gan.width`. 64 in DCGAN's
            discriminator.
        latent: dimensions of the noise, as `gan.latent`. 100 in DCGAN, 128 in Miyato et al., 2018.
        activation: of the generator, as `gan.activation`.
        norm: of the generator, as `gan.norm`.
        spectral_norm: whether the discriminator's weights are divided by their largest singular value (Miyato et al.,
            "Spectral Normalization for Generative Adversarial Networks", 2018), as `gan.spectral_norm`.
        critic_steps: updates of the discriminator for each of the generator, as `gan.critic_steps`. 1 in Goodfellow
            et al., 5 in Arjovsky et al.
        critic_lr_factor: the discriminator's learning rate as a multiple of the generator's, as `gan.critic_lr_factor`.
            Two rates: Heusel et al., 2017; Zhang et al. ("Self-Attention Generative Adversarial Networks", 2019) use
            4e-4 and 1e-4.
        gradient_penalty: of wasserstein-gp: weight of the penalty, as `gan.gradient_penalty`. 10 in Gulrajani et al.
        weight_clip: of wasserstein: bound of the discriminator's weights, as `gan.weight_clip`. 0.01 in Arjovsky et al.
    """
    own = {
        "wasserstein": {"gan.weight_clip": weight_clip},
        "wasserstein-gp": {"gan.gradient_penalty": gradient_penalty},
    }
    return branch("gan.loss", loss, own) | {
        "gan.n_blocks": by_size(n_blocks, size, small="1..3", medium="2..4", large="4..6"),
        "gan.width": by_size(width, size, small="8..32 log", medium="16..64 log", large="64..128 log"),
        "gan.latent": by_size(latent, size, small="8..64 log", medium="32..128 log", large="64..512 log"),
        "gan.activation": activation,
        "gan.norm": norm,
        "gan.spectral_norm": spectral_norm,
        "gan.critic_steps": critic_steps,
        "gan.critic_lr_factor": critic_lr_factor,
    }
