"""Optimizers by name, and the learning rate as a pure function of how far training is.

A rate that is computed rather than carried along has no state to save, so a checkpoint need not know of it:

    optimizer = make_optimizer(model, params)
    for batch in range(total):
        set_learning_rate(optimizer, learning_rate(params, batch / total))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn, optim

LR = 1e-3
MOMENTUM = 0.9
WARM_UP = 0.3  # share of training in which one-cycle rises
FIRST, LAST = 1 / 25, 1e-4 / 25  # where one-cycle begins and ends, as shares of its peak

OPTIMIZERS = ("sgd", "adam", "adamw")


def make_optimizer(model: nn.Module, params: Mapping[str, Any]) -> optim.Optimizer:
    """Return the optimizer that `params` ask for.

    `optimizer` is sgd (with `momentum`, default 0.9), adam, or adamw (the default), whose `weight_decay` (default 0)
    is decoupled from the gradient (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019); in the other
    two it is an L2 penalty. Only weights of two or more dimensions decay: biases and the scales of norms do not.

    Raises:
        ValueError: another optimizer is asked for.
    """
    name = params.get("optimizer", "adamw")
    matrices = [weight for weight in model.parameters() if weight.dim() >= 2]
    vectors = [weight for weight in model.parameters() if weight.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": float(params.get("weight_decay", 0.0))},
        {"params": vectors, "weight_decay": 0.0},
    ]
    lr = float(params.get("lr", LR))
    if name == "sgd":
        return optim.SGD(groups, lr=lr, momentum=float(params.get("momentum", MOMENTUM)), fused=True)
    if name == "adam":
        return optim.Adam(groups, lr=lr, fused=True)
    if name == "adamw":
        return optim.AdamW(groups, lr=lr, fused=True)
    raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {name!r}")


def learning_rate(params: Mapping[str, Any], done: float) -> float:
    """Return the learning rate of the batch before which the share `done`, 0 <= done < 1, of all batches is over.

    `schedule` is constant (the default); cosine, which falls from `lr` to 0 (Loshchilov and Hutter, "SGDR", 2017,
    without restarts); or one-cycle, which rises to `lr` for 30 % of training and then falls to almost 0 (Smith and
    Topin, "Super-Convergence", 2018; shares and ends as in PyTorch's OneCycleLR; the momentum stays as it is).

    Raises:
        ValueError: another schedule is asked for.
    """
    name = params.get("schedule", "constant")
    if name not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {name!r}")
    return float(params.get("lr", LR)) * SCHEDULES[name](done)


def set_learning_rate(optimizer: optim.Optimizer, lr: float) -> None:
    """Make `lr` the learning rate of every weight."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def _constant(done: float) -> float:
    return 1.0


def _cosine(done: float) -> float:
    return _ease(1.0, 0.0, done)


def _one_cycle(done: float) -> float:
    if done < WARM_UP:
        return _ease(FIRST, 1.0, done / WARM_UP)
    return _ease(1.0, LAST, (done - WARM_UP) / (1 - WARM_UP))


def _ease(start: float, end: float, share: float) -> float:
    """Go from `start` to `end` along half a period of a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Callable[[float], float]] = {"constant": _constant, "cosine": _cosine, "one-cycle": _one_cycle}
