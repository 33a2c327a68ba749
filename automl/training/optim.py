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
MOMENTUM = 0.9  # of momentum and nesterov
EPS = 1e-8  # of all but adagrad
RISE = 0.3  # share of training in which one-cycle rises
WARM_UP = 0.05  # and in which warm-up does
FIRST, LAST = 1 / 25, 1e-4 / 25  # where one-cycle begins (and warm-up too) and ends, as shares of its peak
DROPS = 2  # of step
FACTOR = 0.1  # what a drop multiplies the rate by
PATIENCE = 10  # epochs without a better one before reduce-on-plateau drops

Params = Mapping[str, Any]


def make_optimizer(model: nn.Module, params: Params) -> optim.Optimizer:
    """Return the optimizer that `params` ask for: one of `OPTIMIZERS`, adamw unless `optimizer` names another.

    What is absent from `params` is as PyTorch has it, but `lr` is 1e-3, and `momentum` of momentum and nesterov
    0.9. Each optimizer reads its own: sgd, momentum and nesterov `momentum`; adagrad `accumulator` and `eps`;
    rmsprop `rms_decay` and `eps`; adam and adamw `beta1`, `beta2` and `eps`. `weight_decay` (default 0) of adamw is
    decoupled from the gradient (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019); of the others it
    is an L2 penalty. Only weights of two or more dimensions decay: biases and the scales of norms do not.

    Raises:
        ValueError: another optimizer is asked for.
    """
    name = params.get("optimizer", "adamw")
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {name!r}")
    vectors = [weight for weight in model.parameters() if weight.dim() < 2]
    groups = [
        {"params": matrices(model), "weight_decay": float(params.get("weight_decay", 0.0))},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return OPTIMIZERS[name](groups, float(params.get("lr", LR)), params)


def matrices(model: nn.Module) -> list[nn.Parameter]:
    """Return the weights that penalties are for: those of two or more dimensions."""
    return [weight for weight in model.parameters() if weight.dim() >= 2]


def learning_rate(params: Params, done: float, *, drops: int = 0) -> float:
    """Return the learning rate of the batch before which the share `done`, 0 <= done < 1, of all batches is over.

    `schedule` is one of

    - constant, the default;
    - step: the rate drops to `lr_factor` (0.1) of itself `lr_drops` (2) times, evenly over training;
    - cosine: it falls from `lr` to the share `lr_floor` (0) of it (Loshchilov and Hutter, "SGDR", 2017, without
      restarts);
    - one-cycle: it rises to `lr` for the share `lr_rise` (0.3) of training and then falls to almost 0 (Smith and Topin,
      "Super-Convergence", 2018; share and ends as in PyTorch's OneCycleLR; the momentum stays as it is);
    - warm-up: it rises in a straight line for the share `lr_warm_up` (0.05) of training, then falls so to 0 (Devlin et
      al., "BERT", 2019);
    - reduce-on-plateau: it has dropped to `lr_factor` of itself `drops` times.

    Raises:
        ValueError: another schedule is asked for.
    """
    name = params.get("schedule", "constant")
    if name not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {name!r}")
    return float(params.get("lr", LR)) * SCHEDULES[name](params, done, drops)


def plateau_patience(params: Params) -> int | None:
    """Return after how many epochs without a better one the rate drops: `lr_patience` (10), None for other schedules.

    One more than that drop it, as in PyTorch's ReduceLROnPlateau.
    """
    return int(params.get("lr_patience", PATIENCE)) if params.get("schedule") == "reduce-on-plateau" else None


def set_learning_rate(optimizer: optim.Optimizer, lr: float) -> None:
    """Make `lr` the learning rate of every weight."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def _sgd(groups: Any, lr: float, params: Params) -> optim.Optimizer:
    return optim.SGD(groups, lr=lr, momentum=float(params.get("momentum", 0.0)), fused=True)


def _momentum(groups: Any, lr: float, params: Params) -> optim.Optimizer:
    return optim.SGD(groups, lr=lr, momentum=float(params.get("momentum", MOMENTUM)), fused=True)


def _nesterov(groups: Any, lr: float, params: Params) -> optim.Optimizer:
    momentum = float(params.get("momentum", MOMENTUM))
    return optim.SGD(groups, lr=lr, momentum=momentum, nesterov=momentum > 0, fused=True)  # PyTorch refuses it with 0


def _adagrad(groups: Any, lr: float, params: Params) -> optim.Optimizer:
    start, eps = float(params.get("accumulator", 0.0)), float(params.get("eps", 1e-10))
    return optim.Adagrad(groups, lr=lr, initial_accumulator_value=start, eps=eps, fused=True)


def _rmsprop(groups: Any, lr: float, params: Params) -> optim.Optimizer:
    return optim.RMSprop(groups, lr=lr, alpha=float(params.get("rms_decay", 0.99)), eps=float(params.get("eps", EPS)))


def _adam(groups: Any, lr: float, params: Params) -> optim.Optimizer:
    return optim.Adam(groups, lr=lr, betas=_betas(params), eps=float(params.get("eps", EPS)), fused=True)


def _adamw(groups: Any, lr: float, params: Params) -> optim.Optimizer:
    return optim.AdamW(groups, lr=lr, betas=_betas(params), eps=float(params.get("eps", EPS)), fused=True)


def _betas(params: Params) -> tuple[float, float]:
    return float(params.get("beta1", 0.9)), float(params.get("beta2", 0.999))


OPTIMIZERS: dict[str, Callable[[Any, float, Params], optim.Optimizer]] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
}


def _constant(params: Params, done: float, drops: int) -> float:
    return 1.0


def _step(params: Params, done: float, drops: int) -> float:
    return _dropped(params, int(done * (int(params.get("lr_drops", DROPS)) + 1)))


def _cosine(params: Params, done: float, drops: int) -> float:
    return _ease(1.0, float(params.get("lr_floor", 0.0)), done)


def _one_cycle(params: Params, done: float, drops: int) -> float:
    rise = float(params.get("lr_rise", RISE))
    if done < rise:
        return _ease(FIRST, 1.0, done / rise)
    return _ease(1.0, LAST, (done - rise) / (1 - rise))


def _warm_up(params: Params, done: float, drops: int) -> float:
    rise = float(params.get("lr_warm_up", WARM_UP))
    if done < rise:
        return FIRST + (1 - FIRST) * done / rise
    return (1 - done) / (1 - rise)


def _reduce_on_plateau(params: Params, done: float, drops: int) -> float:
    return _dropped(params, drops)


def _dropped(params: Params, times: int) -> float:
    factor: float = float(params.get("lr_factor", FACTOR)) ** times
    return factor


def _ease(start: float, end: float, share: float) -> float:
    """Go from `start` to `end` along half a period of a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Callable[[Params, float, int], float]] = {
    "constant": _constant,
    "step": _step,
    "cosine": _cosine,
    "one-cycle": _one_cycle,
    "warm-up": _warm_up,
    "reduce-on-plateau": _reduce_on_plateau,
}
