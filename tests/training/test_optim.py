"""Optimizers by name and learning rates by progress."""

from __future__ import annotations

import pytest
import torch
from torch import nn, optim

from automl.training.optim import SCHEDULES, learning_rate, make_optimizer, set_learning_rate


@pytest.mark.parametrize(("name", "made"), [("sgd", optim.SGD), ("adam", optim.Adam), ("adamw", optim.AdamW)])
def test_optimizer_by_name(name: str, made: type[optim.Optimizer]) -> None:
    """Each name gives PyTorch's optimizer of that name, with the learning rate asked for."""
    optimizer = make_optimizer(nn.Linear(2, 2), {"optimizer": name, "lr": 0.25})

    assert type(optimizer) is made
    assert {group["lr"] for group in optimizer.param_groups} == {0.25}


def test_momentum_reaches_sgd() -> None:
    """Momentum is a param of SGD."""
    optimizer = make_optimizer(nn.Linear(2, 2), {"optimizer": "sgd", "momentum": 0.5})

    assert {group["momentum"] for group in optimizer.param_groups} == {0.5}


def test_only_matrices_decay() -> None:
    """Weight decay shrinks a matrix whose gradient is zero, and leaves biases and norms alone."""
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = make_optimizer(model, {"optimizer": "adamw", "lr": 0.1, "weight_decay": 0.5})
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)

    optimizer.step()

    torch.testing.assert_close(model[0].weight.detach(), before["0.weight"] * 0.95)
    for name in ("0.bias", "1.weight", "1.bias"):
        torch.testing.assert_close(model.state_dict()[name], before[name])


def test_weight_decay_is_a_penalty_for_sgd() -> None:
    """SGD adds the decayed weights to the gradient."""
    model = nn.Linear(3, 3, bias=False)
    before = model.weight.detach().clone()
    optimizer = make_optimizer(model, {"optimizer": "sgd", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.5})
    model.weight.grad = torch.ones_like(model.weight)

    optimizer.step()

    torch.testing.assert_close(model.weight.detach(), before - 0.1 * (1 + 0.5 * before))


def test_constant_stays() -> None:
    """The constant schedule is the learning rate itself, from the first batch to the last."""
    assert {learning_rate({"lr": 0.2, "schedule": "constant"}, done / 10) for done in range(10)} == {0.2}


def test_cosine_falls_to_zero() -> None:
    """The cosine schedule begins at the rate, is at half of it halfway, and ends at zero."""
    params = {"lr": 0.2, "schedule": "cosine"}

    assert learning_rate(params, 0.0) == pytest.approx(0.2)
    assert learning_rate(params, 0.5) == pytest.approx(0.1)
    assert learning_rate(params, 1.0) == pytest.approx(0.0)


def test_one_cycle_is_pytorchs() -> None:
    """Batch for batch, one-cycle gives the rates of PyTorch's OneCycleLR, up to where each puts its last batch."""
    total, peak = 1000, 0.2
    optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=peak, momentum=0.9)
    theirs = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=total)

    for batch in range(total):
        mine = learning_rate({"lr": peak, "schedule": "one-cycle"}, batch / total)

        assert mine == pytest.approx(optimizer.param_groups[0]["lr"], abs=peak / 100)
        optimizer.step()
        if batch < total - 1:
            theirs.step()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_are_within_zero_and_the_peak(schedule: str) -> None:
    """No schedule leaves the range from 0 to the rate it is given."""
    rates = [learning_rate({"lr": 0.2, "schedule": schedule}, done / 100) for done in range(100)]

    assert min(rates) > 0
    assert max(rates) <= 0.2


def test_set_learning_rate_reaches_all_groups() -> None:
    """Decayed and other weights share one rate."""
    optimizer = make_optimizer(nn.Linear(2, 2), {"lr": 0.1})

    set_learning_rate(optimizer, 0.03)

    assert [group["lr"] for group in optimizer.param_groups] == [0.03, 0.03]


def test_unknown_names_are_told() -> None:
    """A name that is no optimizer or schedule is an error that lists those that are."""
    with pytest.raises(ValueError, match="optimizer must be one of sgd, adam, adamw, got 'lion'"):
        make_optimizer(nn.Linear(2, 2), {"optimizer": "lion"})
    with pytest.raises(ValueError, match="schedule must be one of constant, cosine, one-cycle, got 'step'"):
        learning_rate({"schedule": "step"}, 0.0)
