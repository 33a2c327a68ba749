"""Ready spaces of network architectures. Each prefixes its names with its own: `mlp.width`, `cnn.width`."""

from __future__ import annotations

from search_spaces.architectures.autoencoder import autoencoder
from search_spaces.architectures.cnn import cnn
from search_spaces.architectures.gan import gan
from search_spaces.architectures.mlp import mlp
from search_spaces.architectures.rnn import rnn
from search_spaces.architectures.transformer import transformer
from search_spaces.architectures.vae import vae

__all__ = ["autoencoder", "cnn", "gan", "mlp", "rnn", "transformer", "vae"]
