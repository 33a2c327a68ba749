"""The training loop on real digits: what it reports, keeps, reads of the params, and how it continues."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from automl.errors import TrialPaused
from automl.models import build_model
from automl.tasks import Split
from automl.training import Examples, evaluate, train
from automl.trial import Report, Trial

MakeTrial = Callable[..., Trial]
STEADY = itertools.repeat(0.0).__next__  # a clock that stands still


def network(params: Mapping[str, Any]) -> Callable[[], nn.Module]:
    return lambda: build_model({"mlp.width": 32, "mlp.n_layers": 1} | params, input_shape=(1, 8, 8), n_outputs=10)


def fit(trial: Trial, digits: Split, **options: Any) -> dict[str, float]:
    options = {"goal": digits.goal, "metric": "val_acc", "clock": STEADY} | options
    return train(trial, network(trial.params), train=digits.train, val=digits.val, **options)


def weights_of(trial: Trial) -> bytes:
    return (trial.folder / trial.artifacts["model.safetensors"]).read_bytes()


def test_reports_every_epoch(digits: Split, make_trial: MakeTrial, reports: list[Report]) -> None:
    """Each epoch is a step, with both validation metrics, the training loss and the learning rate."""
    fit(make_trial({"lr": 0.01}, max_epochs=3), digits)

    assert [report.step for report in reports] == [1, 2, 3]
    assert all(set(report.values) == {"val_acc", "val_loss", "train_loss", "lr"} for report in reports)
    assert reports[-1].values["train_loss"] < reports[0].values["train_loss"]
    assert reports[-1].values["val_acc"] > reports[0].values["val_acc"]


def test_reported_rates_follow_the_schedule(digits: Split, make_trial: MakeTrial, reports: list[Report]) -> None:
    """The rate steps with each batch and reaches the end of its schedule with the last one of the budget."""
    fit(make_trial({"lr": 0.01, "schedule": "cosine"}, max_epochs=2), digits)

    batches = math.ceil(len(digits.train.targets) / 64)
    expected = [0.005 * (1 + math.cos(math.pi * (epoch - 1 / batches) / 2)) for epoch in (1, 2)]
    assert [report.values["lr"] for report in reports] == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["val_acc", "val_loss"])
def test_keeps_the_best_epoch(digits: Split, make_trial: MakeTrial, reports: list[Report], metric: str) -> None:
    """The returned values are those of the best reported epoch, and the artifact holds the weights that gave them."""
    targets = digits.val.targets.clone()
    targets[::3] = (targets[::3] + 1) % 10  # wrong classes: the surer the network gets, the higher its loss
    digits = replace(digits, val=Examples(digits.val.inputs, targets))
    trial = make_trial({"lr": 0.01}, max_epochs=8)

    values = fit(trial, digits, metric=metric)

    by_acc = max(reports, key=lambda report: (report.values["val_acc"], -report.values["val_loss"]))
    by_loss = min(reports, key=lambda report: report.values["val_loss"])
    assert by_acc is not by_loss
    best = by_acc if metric == "val_acc" else by_loss
    assert values == {name: best.values[name] for name in ("val_acc", "val_loss")}
    model = network({})()
    model.load_state_dict(load_file(trial.folder / trial.artifacts["model.safetensors"]))
    assert evaluate(model, digits.val, goal=digits.goal, prefix="val") == values


@pytest.mark.parametrize(
    "option",
    [
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "momentum": 0.5},
        {"optimizer": "momentum"},
        {"optimizer": "nesterov"},
        {"optimizer": "adagrad"},
        {"optimizer": "adagrad", "accumulator": 0.1},
        {"optimizer": "rmsprop"},
        {"optimizer": "rmsprop", "rms_decay": 0.9},
        {"optimizer": "adam", "weight_decay": 0.1},
        {"optimizer": "adam", "beta1": 0.5},
        {"optimizer": "adamw", "beta2": 0.9},
        {"optimizer": "adamw", "eps": 1e-3},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"lr": 0.01},
        {"schedule": "cosine"},
        {"schedule": "one-cycle"},
        {"schedule": "step"},
        {"schedule": "warm-up"},
        {"schedule": "step", "lr_factor": 0.5},
        {"schedule": "step", "lr_drops": 4},
        {"schedule": "cosine", "lr_floor": 0.1},
        {"schedule": "one-cycle", "lr_rise": 0.5},
        {"schedule": "warm-up", "lr_warm_up": 0.2},
        {"l1": 1e-3},
        {"clip_norm": 0.1},
        {"batch_size": 32},
        {"label_smoothing": 0.1},
        {"dropout": 0.5},
    ],
    ids=str,
)
def test_every_option_changes_training(
    digits: Split, make_trial: MakeTrial, tmp_path: Path, option: dict[str, Any]
) -> None:
    """No param is ignored: each leads to other weights than the same training without it."""
    without = {name: option[name] for name in ("optimizer", "schedule") if name in option and len(option) > 1}
    plain, changed = make_trial(without, folder=tmp_path / "plain"), make_trial(option, folder=tmp_path / "changed")

    fit(plain, digits)
    fit(changed, digits)

    assert weights_of(plain) != weights_of(changed)


def test_label_smoothing_stays_out_of_validation(digits: Split, make_trial: MakeTrial) -> None:
    """Smoothing changes what is minimized, never how it is judged."""
    trial = make_trial({"label_smoothing": 0.5, "lr": 0.01}, max_epochs=2)

    values = fit(trial, digits)

    model = network({})()
    model.load_state_dict(load_file(trial.folder / trial.artifacts["model.safetensors"]))
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model(digits.val.inputs), digits.val.targets).item()
    assert values["val_loss"] == pytest.approx(loss, rel=1e-5)


def test_l1_makes_weights_vanish(digits: Split, make_trial: MakeTrial, tmp_path: Path) -> None:
    """The penalty pulls the weights towards zero, and is part of the training loss, never of the validation loss."""
    plain, sparse = (
        make_trial({"lr": 0.01} | more, max_epochs=3, folder=tmp_path / str(len(more))) for more in ({}, {"l1": 1e-2})
    )

    values = [fit(trial, digits) for trial in (plain, sparse)]

    matrices = [
        torch.cat([w.flatten() for w in load_file(t.folder / t.artifacts["model.safetensors"]).values() if w.dim() > 1])
        for t in (plain, sparse)
    ]
    assert matrices[1].abs().sum() < matrices[0].abs().sum() / 2
    assert values[1]["val_loss"] < math.log(10)


def test_clipping_bounds_a_step(digits: Split, make_trial: MakeTrial, tmp_path: Path) -> None:
    """Plain SGD moves the weights by no more than rate times norm, batch after batch."""
    trial = make_trial({"optimizer": "sgd", "lr": 0.5, "clip_norm": 1e-3, "batch_size": 1078})

    fit(trial, digits)

    torch.manual_seed(trial.seed)
    before = network({})().state_dict()
    after = load_file(trial.folder / trial.artifacts["model.safetensors"])
    moved = torch.cat([(after[name] - before[name]).flatten() for name in before])
    assert 0 < moved.norm() <= 0.5e-3 * 1.001


def test_rate_drops_on_a_plateau(digits: Split, make_trial: MakeTrial, reports: list[Report]) -> None:
    """After more epochs without a better one than it bears, the rate drops; and again after as many more."""
    wrong = replace(digits, val=Examples(digits.val.inputs, (digits.val.targets + 1) % 10))  # learning makes it worse
    params = {"lr": 0.01, "schedule": "reduce-on-plateau", "lr_patience": 1, "lr_factor": 0.5}

    fit(make_trial(params, max_epochs=6), wrong, metric="val_loss")

    assert [report.values["lr"] for report in reports] == pytest.approx([0.01] * 3 + [0.005] * 2 + [0.0025])


def test_seed_decides(digits: Split, make_trial: MakeTrial, tmp_path: Path) -> None:
    """A seed gives the same bits again, another gives others, and the process's own random numbers are untouched."""
    trials = [make_trial({"dropout": 0.2}, folder=tmp_path / str(n), seed=seed) for n, seed in enumerate((1, 1, 2))]
    torch.manual_seed(0)
    before = torch.get_rng_state()

    for trial in trials:
        fit(trial, digits)

    assert weights_of(trials[0]) == weights_of(trials[1]) != weights_of(trials[2])
    assert torch.equal(torch.get_rng_state(), before)


class PauseAt:
    """Takes reports, and pauses the trial at one step."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.reports: list[Report] = []

    def __call__(self, report: Report) -> None:
        self.reports.append(report)
        if report.step == self.step:
            raise TrialPaused


@pytest.mark.parametrize(
    "params",
    [
        {"mlp.norm": "batch", "dropout": 0.3, "schedule": "one-cycle", "weight_decay": 0.01, "lr": 0.05},
        {"optimizer": "sgd", "lr": 0.1, "schedule": "cosine", "dropout": 0.1, "label_smoothing": 0.1},
        {"arch": "cnn", "cnn.width": 8, "optimizer": "adam", "lr": 0.02, "patience": 2},
        {"optimizer": "rmsprop", "lr": 0.1, "schedule": "reduce-on-plateau", "lr_patience": 0, "clip_norm": 1.0},
    ],
    ids=lambda params: params.get("optimizer", "adamw"),
)
def test_cut_and_continued_is_bitwise_the_same(
    digits: Split, make_trial: MakeTrial, tmp_path: Path, reports: list[Report], params: dict[str, Any]
) -> None:
    """A trial paused after two of five epochs ends with the reports, values and weights of one that ran through."""
    whole = make_trial(params, folder=tmp_path / "whole", max_epochs=5)
    expected = fit(whole, digits)
    pause = PauseAt(2)
    options = {"folder": tmp_path / "cut", "max_epochs": 5, "decision_steps": frozenset({2})}
    with pytest.raises(TrialPaused):
        fit(make_trial(params, **options, send=pause), digits)
    later: list[Report] = []
    torch.manual_seed(999)  # what the process did in between must not matter

    continued = make_trial(params, **options, restore_step=2, send=later.append)
    values = fit(continued, digits)

    assert continued.restored is not None
    assert values == expected
    assert weights_of(continued) == weights_of(whole)
    assert [(each.step, each.values) for each in (*pause.reports, *later)] == [
        (each.step, each.values) for each in reports
    ]


def test_checkpoint_at_decisions_only(digits: Split, make_trial: MakeTrial, reports: list[Report]) -> None:
    """While time stands still, a checkpoint is written only before the report that early stopping decides."""
    fit(make_trial(max_epochs=3, decision_steps=frozenset({2})), digits)

    assert [report.checkpoint for report in reports] == [None, 2, 2]


def test_checkpoint_when_the_last_is_old(digits: Split, make_trial: MakeTrial, reports: list[Report]) -> None:
    """With an epoch of three quarters of a second by the clock, a checkpoint every second epoch."""
    seconds: Iterator[float] = itertools.count(0.0, 0.25)
    trial = make_trial(max_epochs=5)

    fit(trial, digits, checkpoint_seconds=1.0, clock=seconds.__next__)

    assert [report.checkpoint for report in reports] == [None, 2, 2, 4, 4]


def test_restored_at_the_end_trains_no_more(digits: Split, make_trial: MakeTrial, reports: list[Report]) -> None:
    """An attempt that was lost between its last report and its result gives that result without another epoch."""
    options = {"max_epochs": 2, "decision_steps": frozenset({2})}
    expected = fit(make_trial(**options), digits)
    reports.clear()

    again = make_trial(**options, restore_step=2)

    assert fit(again, digits) == expected
    assert reports == []
    assert "model.safetensors" in again.artifacts


@pytest.mark.parametrize("way", ["param", "option"])
def test_patience_ends_the_trial(digits: Split, make_trial: MakeTrial, reports: list[Report], way: str) -> None:
    """After so many epochs that are no better the trial returns, long before its budget; the param wins."""
    params = {"lr": 0.0} | ({"patience": 2} if way == "param" else {})  # without a rate, no epoch beats the first

    values = fit(make_trial(params, max_epochs=50), digits, patience=7 if way == "param" else 2)

    assert len(reports) == 3
    assert values["val_acc"] == reports[0].values["val_acc"]


def test_divergence_returns_nan_at_once(digits: Split, make_trial: MakeTrial, reports: list[Report]) -> None:
    """A loss that is no number ends the trial with metrics that are none, so that it fails as nan."""
    trial = make_trial({"optimizer": "sgd", "lr": 1e20}, max_epochs=50)

    values = fit(trial, digits)

    assert set(values) == {"val_acc", "val_loss"}
    assert all(math.isnan(value) for value in values.values())
    assert len(reports) < 3
    assert trial.artifacts == {}


def test_a_last_batch_of_one_is_left_out(digits: Split, make_trial: MakeTrial, reports: list[Report]) -> None:
    """65 examples in batches of 64 train a network with batch norm, which cannot see a single example."""
    few = Examples(digits.train.inputs[:65], digits.train.targets[:65])

    fit(make_trial({"mlp.norm": "batch"}), replace(digits, train=few))

    assert len(reports) == 1


def test_evaluation_neither_drops_nor_learns(digits: Split) -> None:
    """Dropout is off and batch norm uses what it learnt in training, so that evaluating twice gives one value."""
    torch.manual_seed(0)
    model = network({"mlp.norm": "batch", "dropout": 0.5})()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    values = [evaluate(model, digits.val, goal=digits.goal, prefix="test") for _ in range(2)]

    assert values[0] == values[1]
    assert set(values[0]) == {"test_acc", "test_loss"}
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_evaluation_in_parts_is_the_whole(digits: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounding memory changes no value, the last and smaller part included."""
    torch.manual_seed(0)
    model = network({})()
    whole = evaluate(model, digits.val, goal=digits.goal, prefix="val")

    monkeypatch.setattr("automl.training.loop.EVALUATION_BATCH", 7)

    assert evaluate(model, digits.val, goal=digits.goal, prefix="val") == pytest.approx(whole)


def test_unknown_metric_is_told(digits: Split, make_trial: MakeTrial) -> None:
    """What cannot be kept by is an error that says what can."""
    with pytest.raises(ValueError, match="metric must be one of val_acc, val_loss, got 'f1'"):
        fit(make_trial(), digits, metric="f1")


@pytest.mark.parametrize("arch", ["mlp", "cnn"])
def test_learns_digits(digits: Split, make_trial: MakeTrial, arch: str) -> None:
    """With the default network and a usual rate, over 95 % of the validation part is read right in five epochs."""
    trial = make_trial({"arch": arch, "lr": 5e-3, "schedule": "one-cycle"}, max_epochs=5)

    values = train(
        trial,
        lambda: digits.network({"arch": arch}),
        train=digits.train,
        val=digits.val,
        goal=digits.goal,
        metric="val_acc",
    )

    assert values["val_acc"] > 0.95
