"""Train one network: the loop, its optimizers and learning rates, and the checkpoints it can be cut and continued at.

    values = train(trial, lambda: MLP(input_shape=(1, 8, 8), n_classes=10), train=split.train, val=split.val)

It knows trials, never studies.
"""

from __future__ import annotations

from automl.training.loop import Examples, evaluate, train

__all__ = ["Examples", "evaluate", "train"]
