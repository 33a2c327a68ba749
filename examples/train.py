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
    model = network(width=trial.params["width"], depth=trial.params["depth"], dropout=trial.params["dropout"])
    optimizer = make_optimizer(model, trial.params)

    first = 1
    if trial.restored:  # an earlier attempt was paused or killed: go on from its checkpoint
        saved = torch.load(trial.restored.folder / "state.pt")
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first = trial.restored.step + 1

    for epoch in range(first, (trial.max_epochs or EPOCHS) + 1):
        train_epoch(model, optimizer, train, batch_size=trial.params["batch_size"])
        with trial.checkpoint(epoch) as folder:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, folder / "state.pt")
        trial.report(epoch, **evaluate(model, val))  # may end the trial here: early stopping

    with tempfile.TemporaryDirectory() as made:
        save_file(model.state_dict(), Path(made) / "model.safetensors")
        trial.artifact(Path(made) / "model.safetensors")  # kept with the trial, and shown in MLflow
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


def make_optimizer(model: nn.Module, params: dict[str, Any]) -> torch.optim.Optimizer:
    """Return the optimizer that was chosen; `momentum` is a parameter only where it is SGD."""
    if params["optimizer"] == "sgd":
        return torch.optim.SGD(model.parameters(), lr=params["lr"], momentum=params["momentum"])
    return torch.optim.AdamW(model.parameters(), lr=params["lr"])


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
