"""A search needs one function of yours: it takes a trial, trains what `trial.params` says, and tells how good that is.

automl search examples/train.py:objective --space examples/space.yaml --trials 20 --metric val_loss --direction minimize
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from automl import Trial

EPOCHS = 20  # of a search without --max-epochs

Part = tuple[Tensor, Tensor]
"""Features, shape (rows, 30), and labels, shape (rows,)."""


def objective(trial: Trial) -> dict[str, float]:
    """Train one network and return its loss and accuracy on rows that it was not trained on."""
    torch.manual_seed(trial.seed)
    train, val = load_parts()
    model, optimizer = build(trial.params)
    done = load(trial.restored.folder, model, optimizer) if trial.restored else 0  # it was paused or killed: go on
    for epoch in range(done + 1, (trial.max_epochs or EPOCHS) + 1):
        train_epoch(model, optimizer, train, batch_size=trial.params["batch_size"])
        with trial.checkpoint(epoch) as folder:
            save(folder, epoch, model, optimizer)
        trial.report(epoch, **evaluate(model, val))  # may end the trial here: early stopping
    with tempfile.TemporaryDirectory() as made:
        save_file(model.state_dict(), f"{made}/model.safetensors")
        trial.artifact(f"{made}/model.safetensors")  # kept with the trial, and shown in MLflow
    return evaluate(model, val)


def load_parts() -> tuple[Part, Part]:
    """Return the parts to train on and to judge by: 426 and 143 rows of scikit-learn's breast cancer data."""
    rows, labels = load_breast_cancer(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(rows, labels, test_size=0.25, random_state=0, stratify=labels)
    scale = StandardScaler().fit(x_train).transform
    train = torch.tensor(scale(x_train), dtype=torch.float32), torch.tensor(y_train)
    return train, (torch.tensor(scale(x_val), dtype=torch.float32), torch.tensor(y_val))


def network(*, width: int, depth: int, dropout: float) -> nn.Sequential:
    """Return a multilayer perceptron from 30 features to 2 classes."""
    layers: list[nn.Module] = []
    for fan_in in [30] + [width] * (depth - 1):
        layers += [nn.Linear(fan_in, width), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(width, 2))


def build(params: dict[str, Any]) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a fresh network and its optimizer; `momentum` is a parameter only where that is SGD."""
    model = network(width=params["width"], depth=params["depth"], dropout=params["dropout"])
    if params["optimizer"] == "sgd":
        return model, torch.optim.SGD(model.parameters(), lr=params["lr"], momentum=params["momentum"])
    return model, torch.optim.AdamW(model.parameters(), lr=params["lr"])


def save(folder: Path, epoch: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write all that training needs to go on after `epoch` as if it had never stopped, so chance's state too."""
    state = {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**state, "random": torch.get_rng_state()}, folder / "state.pt")


def load(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Bring model and optimizer to where `save` saw them; return the epoch."""
    state = torch.load(folder / "state.pt")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    return int(state["epoch"])


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, part: Part, *, batch_size: int) -> None:
    """Go through `part` once, in random order."""
    model.train()
    x, y = part
    for rows in torch.randperm(len(x)).split(batch_size):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()


@torch.no_grad()
def evaluate(model: nn.Module, part: Part) -> dict[str, float]:
    """Return loss and accuracy on `part`."""
    model.eval()
    x, y = part
    logits = model(x)
    accuracy = (logits.argmax(dim=1) == y).double().mean()
    return {"val_loss": nn.functional.cross_entropy(logits, y).item(), "val_acc": accuracy.item()}
