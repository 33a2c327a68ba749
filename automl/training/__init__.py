"""Train one network: the loop, its optimizers and learning rates, and the checkpoints it can be cut and continued at.

    values = train(trial, network, train=split.train, val=split.val, goal=split.goal, metric="val_acc")

It knows trials, never studies.
"""

from __future__ import annotations

from automl.training.loop import Examples, evaluate, train

__all__ = ["Examples", "evaluate", "train"]
