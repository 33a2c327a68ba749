"""What a checkpoint holds, and that loading it brings everything back."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim

from automl.training import checkpoint
from automl.training.optim import OPTIMIZERS, make_optimizer


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


def batch_step(model: nn.Module, optimizer: optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.randn(16, 4)).square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_continues_bitwise(tmp_path: Path, name: str) -> None:
    """After a load the next steps, random numbers and dropout included, are bit for bit those after the save."""
    params = {"optimizer": name, "lr": 0.01, "weight_decay": 0.1}
    model = network()
    optimizer = make_optimizer(model, params)
    batch_step(model, optimizer)
    kept = {"weight": torch.arange(3.0)}
    checkpoint.save(tmp_path, model=model, optimizer=optimizer, kept=kept, progress={"epoch": 1, "loss": 0.1})
    batch_step(model, optimizer)

    torch.manual_seed(999)
    again = network()
    optimizer_again = make_optimizer(again, params)
    progress, kept_again = checkpoint.load(tmp_path, model=again, optimizer=optimizer_again)
    batch_step(again, optimizer_again)

    assert progress == {"epoch": 1, "loss": 0.1}
    assert torch.equal(kept_again["weight"], kept["weight"])
    for expected, weight in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(expected, weight)


def test_sgd_without_momentum_has_no_state(tmp_path: Path) -> None:
    """An optimizer that keeps nothing between steps is saved and loaded too."""
    model = network()
    optimizer = make_optimizer(model, {"optimizer": "sgd", "momentum": 0.0})
    batch_step(model, optimizer)

    checkpoint.save(tmp_path, model=model, optimizer=optimizer, kept={}, progress={})

    assert checkpoint.load(tmp_path, model=model, optimizer=optimizer) == ({}, {})


def test_no_pickle(tmp_path: Path) -> None:
    """Neither saving nor loading pickles anything: two files, JSON and safetensors, and no call of an unpickler."""
    unpickled: list[Any] = []
    sys.addaudithook(lambda event, args: unpickled.append(args) if event == "pickle.find_class" else None)
    model = network()
    optimizer = make_optimizer(model, {})
    batch_step(model, optimizer)

    checkpoint.save(tmp_path, model=model, optimizer=optimizer, kept={}, progress={"epoch": 1})
    checkpoint.load(tmp_path, model=model, optimizer=optimizer)

    assert sorted(os.listdir(tmp_path)) == ["progress.json", "tensors.safetensors"]
    assert json.loads((tmp_path / "progress.json").read_text()) == {"epoch": 1}
    content = (tmp_path / "tensors.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert "model/0.weight" in header
    assert unpickled == []


def test_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    """Weights that do not fit are an error, not a silent fresh start."""
    model = network()
    checkpoint.save(tmp_path, model=model, optimizer=make_optimizer(model, {}), kept={}, progress={})
    other: nn.Module = nn.Linear(4, 3)

    with pytest.raises(RuntimeError, match="state_dict"):
        checkpoint.load(tmp_path, model=other, optimizer=make_optimizer(other, {}))


def test_progress_must_be_json(tmp_path: Path) -> None:
    """NaN, which JSON lacks, is refused when it is written rather than when it is read."""
    model = network()
    nan: dict[str, float | Tensor] = {"loss": float("nan")}

    with pytest.raises(ValueError, match="JSON compliant"):
        checkpoint.save(tmp_path, model=model, optimizer=make_optimizer(model, {}), kept={}, progress=nan)
