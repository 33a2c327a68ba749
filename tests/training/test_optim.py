"""Optimizers by name and learning rates by progress."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import nn, optim

from automl.training.optim import SCHEDULES, learning_rate, make_optimizer, plateau_patience, set_learning_rate
from search_spaces import schedules


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("sgd", optim.SGD),
        ("momentum", optim.SGD),
        ("nesterov", optim.SGD),
        ("adagrad", optim.Adagrad),
        ("rmsprop", optim.RMSprop),
        ("adam", optim.Adam),
        ("adamw", optim.AdamW),
    ],
)
def test_optimizer_by_name(name: str, made: type[optim.Optimizer]) -> None:
    """Each name gives PyTorch's optimizer of that name, with the learning rate asked for."""
    optimizer = make_optimizer(nn.Linear(2, 2), {"optimizer": name, "lr": 0.25})

    assert type(optimizer) is made
    assert {group["lr"] for group in optimizer.param_groups} == {0.25}


@pytest.mark.parametrize(("name", "usual"), [("sgd", 0.0), ("momentum", 0.9), ("nesterov", 0.9)])
def test_momentum(name: str, usual: float) -> None:
    """Momentum is a param of SGD, whatever it is called; plain SGD has none unless it is given."""
    given, not_given, none = (
        make_optimizer(nn.Linear(2, 2), {"optimizer": name} | more)
        for more in ({"momentum": 0.5}, {}, {"momentum": 0.0})
    )

    assert {group["momentum"] for group in given.param_groups} == {0.5}
    assert {group["momentum"] for group in not_given.param_groups} == {usual}
    assert {group["momentum"] for group in none.param_groups} == {0.0}
    assert {group["nesterov"] for group in given.param_groups} == {name == "nesterov"}


@pytest.mark.parametrize(
    ("params", "setting"),
    [
        ({"optimizer": "adagrad", "accumulator": 0.1}, {"initial_accumulator_value": 0.1}),
        ({"optimizer": "adagrad", "eps": 1e-4}, {"eps": 1e-4}),
        ({"optimizer": "rmsprop", "rms_decay": 0.9}, {"alpha": 0.9}),
        ({"optimizer": "rmsprop", "eps": 1e-4}, {"eps": 1e-4}),
        ({"optimizer": "adam", "beta1": 0.5}, {"betas": (0.5, 0.999)}),
        ({"optimizer": "adam", "eps": 1e-4}, {"eps": 1e-4}),
        ({"optimizer": "adamw", "beta2": 0.95}, {"betas": (0.9, 0.95)}),
        ({"optimizer": "adamw", "eps": 1e-4}, {"eps": 1e-4}),
    ],
    ids=str,
)
def test_own_params_reach_their_optimizer(params: dict[str, Any], setting: dict[str, Any]) -> None:
    """What an optimizer alone has is PyTorch's setting; everything else stays as PyTorch has it."""
    model = nn.Linear(2, 2)
    changed = make_optimizer(model, params).param_groups[0]
    usual = make_optimizer(model, {"optimizer": params["optimizer"]}).param_groups[0]
    theirs = type(make_optimizer(model, params))(model.parameters()).param_groups[0]

    same = set(usual) - {"params", "lr", "fused", "weight_decay"}
    assert {name: changed[name] for name in setting} == setting
    assert {name: usual[name] for name in same} == {name: theirs[name] for name in same}


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


def test_step_drops_evenly() -> None:
    """Two drops part training in thirds, each a tenth of the one before."""
    rates = [learning_rate({"lr": 0.2, "schedule": "step"}, done / 6) for done in range(6)]
    four = [learning_rate({"schedule": "step", "lr_drops": 4, "lr_factor": 0.5, "lr": 1}, k / 5) for k in range(5)]

    assert rates == pytest.approx([0.2, 0.2, 0.02, 0.02, 0.002, 0.002])
    assert four == pytest.approx([1, 0.5, 0.25, 0.125, 0.0625])


def test_warm_up_rises_and_falls_in_straight_lines() -> None:
    """The rate begins low, is at its peak when the warm-up is over, and goes to zero from there."""
    params = {"lr": 0.2, "schedule": "warm-up", "lr_warm_up": 0.2}

    rates = [learning_rate(params, done / 10) for done in range(11)]

    assert rates[0] == pytest.approx(0.2 / 25)
    assert rates[1] == pytest.approx((0.2 / 25 + 0.2) / 2)
    assert rates[2:] == pytest.approx([0.2 * (10 - done) / 8 for done in range(2, 11)])


def test_own_params_of_cosine_and_one_cycle() -> None:
    """Cosine may end above zero, one-cycle may rise for longer or not at all."""
    assert learning_rate({"lr": 0.2, "schedule": "cosine", "lr_floor": 0.1}, 1.0) == pytest.approx(0.02)
    assert learning_rate({"lr": 0.2, "schedule": "one-cycle", "lr_rise": 0.5}, 0.5) == pytest.approx(0.2)
    assert learning_rate({"lr": 0.2, "schedule": "one-cycle", "lr_rise": 0.0}, 0.0) == pytest.approx(0.2)


def test_plateau_drops_as_often_as_it_is_told() -> None:
    """How far training is does not matter, only how often it stalled."""
    params = {"lr": 0.2, "schedule": "reduce-on-plateau", "lr_factor": 0.5}

    assert [learning_rate(params, done, drops=0) for done in (0.0, 0.9)] == [0.2, 0.2]
    assert learning_rate(params, 0.5, drops=3) == pytest.approx(0.025)
    assert plateau_patience(params) == 10
    assert plateau_patience(params | {"lr_patience": 3}) == 3
    assert plateau_patience({"lr_patience": 3}) is None


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_are_within_zero_and_the_peak(schedule: str) -> None:
    """No schedule leaves the range from 0 to the rate it is given, wherever its own params lie."""
    rng = random.Random(0)
    points = [{}, *({**schedules(schedule=schedule).sample(rng)} for _ in range(20))]

    rates = [learning_rate({"lr": 0.2, "schedule": schedule} | p, done / 100) for p in points for done in range(100)]

    assert min(rates) > 0
    assert max(rates) <= 0.2 + 1e-12


def test_set_learning_rate_reaches_all_groups() -> None:
    """Decayed and other weights share one rate."""
    optimizer = make_optimizer(nn.Linear(2, 2), {"lr": 0.1})

    set_learning_rate(optimizer, 0.03)

    assert [group["lr"] for group in optimizer.param_groups] == [0.03, 0.03]


def test_unknown_names_are_told() -> None:
    """A name that is no optimizer or schedule is an error that lists those that are."""
    with pytest.raises(ValueError, match=r"optimizer must be one of sgd, momentum, .*, adamw, got 'lion'"):
        make_optimizer(nn.Linear(2, 2), {"optimizer": "lion"})
    with pytest.raises(ValueError, match=r"schedule must be one of constant, step, cosine, .* got 'steps'"):
        learning_rate({"schedule": "steps"}, 0.0)
