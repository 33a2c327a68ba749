"""The networks that built-in tasks search over, made from the params of a trial.

    model = build_model({"arch": "cnn", "cnn.n_blocks": 3}, input_shape=(1, 8, 8), n_outputs=10)
    model(torch.zeros(32, 1, 8, 8)).shape    # (32, 10)

They know nothing of trials or studies.
"""

from __future__ import annotations

from automl.models.build import build_model
from automl.models.cnn import CNN
from automl.models.mlp import MLP

__all__ = ["CNN", "MLP", "build_model"]
