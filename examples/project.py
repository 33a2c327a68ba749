"""A project of its own: ready spaces joined with a param and a rule of its own, for training code of its own.

python examples/project.py
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_diabetes

import automl
from automl.models import build_model
from automl.training.optim import make_optimizer
from search_spaces import mlp, optimizers

LOSSES = {"mae": torch.nn.L1Loss(), "mse": torch.nn.MSELoss(), "huber": torch.nn.HuberLoss()}
space = mlp(size="small").fix({"mlp.norm": "none"}) | optimizers(lr="1e-3..1e-1 log").without("batch_size")
space |= {"loss": "|".join(LOSSES), "require": "mlp.n_layers * mlp.width <= 128"}

inputs, targets = (torch.tensor(part).float() for part in load_diabetes(return_X_y=True))  # 442 patients
targets = (targets - targets.mean()) / targets.std()
train, val = torch.arange(442).split([300, 142])


def objective(trial: automl.Trial) -> None:
    network = build_model({"arch": "mlp", **trial.params}, input_shape=(10,), n_outputs=1)
    optimizer = make_optimizer(network, trial.params)
    for epoch in range(1, 21):
        optimizer.zero_grad()
        LOSSES[trial.params["loss"]](network(inputs[train])[:, 0], targets[train]).backward()
        optimizer.step()
        trial.report(epoch, val_mae=(network(inputs[val])[:, 0] - targets[val]).abs().mean().item())


if __name__ == "__main__":
    print(automl.search(objective, space, metric="val_mae", direction="minimize", n_trials=30).best_trial.params)
