"""Transformers: attention over sequences, as encoder, decoder, or both.

transformer()                       encoder and decoder, every parameter at its usual range
transformer(kind="encoder", size="small")
transformer(kind="encoder|decoder") which of them is a parameter, too
"""

from __future__ import annotations

from search_spaces.presets import Size, branch, by_size
from search_spaces.space import DistributionLike, SearchSpace


def transformer(
    *,
    size: Size = "medium",
    kind: DistributionLike = "encoder-decoder",
    n_encoder_layers: DistributionLike = None,
    n_decoder_layers: DistributionLike = None,
    n_heads: DistributionLike = None,
    head_width: DistributionLike = "16|32|64",
    feedforward: DistributionLike = "2|4",
    activation: DistributionLike = "relu|gelu|silu",
    norm: DistributionLike = "pre|post",
    attention_dropout: DistributionLike = "0.0..0.3",
) -> SearchSpace:
    """Transformers: layers, heads, width a head, feed-forward layers, and where the norm stands.

    The width of the model is `n_heads * head_width`, so that heads divide it at every point. Vaswani et al. ("Attention
    Is All You Need", 2017) have 6 + 6 layers of 8 heads of 64, four times as wide feed-forward layers, ReLU and the
    norm after each part; BERT (Devlin et al., 2019) 12 or 24 layers of 12 or 16 heads of 64 with GELU.

    Args:
        size: small, medium or large: which ranges of layers and heads are meant where none is given.
        kind: as `transformer.kind`: encoder (to understand a sequence), decoder (to continue one), or encoder-decoder
            (to turn one into another).
        n_encoder_layers: as `transformer.n_encoder_layers`; exists where `kind` has an encoder.
        n_decoder_layers: as `transformer.n_decoder_layers`; exists where `kind` has a decoder.
        n_heads: attention heads of each layer, as `transformer.n_heads`.
        head_width: units of each head, as `transformer.head_width`.
        feedforward: width of the hidden feed-forward layer as a multiple of the model's, as
            `transformer.feedforward`. 4 in both papers; Gorishniy et al. ("Revisiting Deep Learning Models for Tabular
            Data", 2021) search 2/3 to 8/3.
        activation: of the feed-forward layers, as `transformer.activation`; GELU, SiLU: see `mlp`.
        norm: before or after each part, as `transformer.norm`. Before trains without warm-up (Xiong et al., "On Layer
            Normalization in the Transformer Architecture", 2020).
        attention_dropout: share of attention weights set to zero, as `transformer.attention_dropout`. 0.1 in BERT.
            `dropout` is that of all other parts.
    """
    encoder = {
        "transformer.n_encoder_layers": by_size(n_encoder_layers, size, small="1..3", medium="2..6", large="6..24")
    }
    decoder = {
        "transformer.n_decoder_layers": by_size(n_decoder_layers, size, small="1..3", medium="2..6", large="6..24")
    }
    kinds = {"encoder": encoder, "decoder": decoder, "encoder-decoder": encoder | decoder}
    return branch("transformer.kind", kind, kinds) | {
        "transformer.n_heads": by_size(n_heads, size, small="1|2|4", medium="2|4|8", large="8|12|16"),
        "transformer.head_width": head_width,
        "transformer.feedforward": feedforward,
        "transformer.activation": activation,
        "transformer.norm": norm,
        "transformer.attention_dropout": attention_dropout,
    }
