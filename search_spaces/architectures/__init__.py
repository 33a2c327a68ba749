"""Ready spaces of network architectures. Each prefixes its names with its own: `mlp.width`, `cnn.width`."""

from __future__ import annotations

from search_spaces.architectures.cnn import cnn
from search_spaces.architectures.mlp import mlp

__all__ = ["cnn", "mlp"]
