"""Train the network of a trial epoch by epoch and report each; cut after any epoch, it goes on as if it never was.

    goal = Classification(n_classes=10)
    values = train(trial, network, train=split.train, val=split.val, goal=goal, metric="val_acc")
    values    # {"val_acc": 0.98, ...}, of the epoch whose weights are now the artifact model.safetensors

Examples lie in memory as two tensors, and batches are drawn from them by index: for a small network a DataLoader
costs more than its training. On a CPU the same seed, params and number of threads give the same bits.
"""

from __future__ import annotations

import logging
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from automl.goals import Goal, direction
from automl.training import checkpoint
from automl.training.optim import learning_rate, make_optimizer, matrices, plateau_patience, set_learning_rate
from automl.trial import Trial

MAX_EPOCHS = 30
BATCH_SIZE = 64
EVALUATION_BATCH = 2048  # bounds memory; changes no value
WEIGHTS = "model.safetensors"

logger = logging.getLogger(__name__)


class Examples(NamedTuple):
    """Inputs, and what is to be said of them."""

    inputs: Tensor
    """(n, *input_shape), float32."""
    targets: Tensor
    """(n,): int64, classes from 0, or float32, standardized numbers."""

    def to(self, device: torch.device) -> Examples:
        """Return the examples on `device`."""
        return Examples(self.inputs.to(device), self.targets.to(device))


def train(
    trial: Trial,
    network: Callable[[], nn.Module],
    *,
    train: Examples,
    val: Examples,
    goal: Goal,
    metric: str,
    costs: Sequence[str] = (),
    patience: int | None = None,
    checkpoint_seconds: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, float]:
    """Train a network, keep the weights of its best epoch as an artifact, and return that epoch's metrics.

    Reads of `trial.params`: `batch_size` (default 64), `patience`, `l1` (default 0: weight of the penalty on absolute
    weights, of those of two or more dimensions), `clip_norm` (default none: largest norm of a batch's gradient), and
    what `goal.loss` and `training.optim` read. A step is an epoch, which reports each metric of the goal as
    `val_<name>`, `train_loss` (as minimized: with dropout, smoothing, L1) and its last batch's `lr`.

    Args:
        trial: gives params, seed, budget (`max_epochs`, default 30) and the checkpoint to go on from.
        network: makes the network, (batch, *input_shape) -> (batch, goal.n_outputs); called once, under the trial's
            seed.
        train: what gradients come from.
        val: what epochs are judged by.
        goal: what is minimized and measured.
        metric: one of the goal's, as `val_<name>`: which epoch is best. Equal values are told apart by the loss.
        costs: of `goals.COSTS`, those to report and return too: `n_params`, the network's weights and biases;
            `seconds`, what its epochs have taken so far, in all attempts.
        patience: end after this many epochs without a better one; None never does. The param wins over this.
        checkpoint_seconds: save when the last checkpoint is older, besides at the steps that early stopping decides.
        clock: seconds since any moment.

    Returns:
        Each metric of the goal as `val_<name>`, all NaN if training diverged; and the `costs`.

    Raises:
        TrialPruned: early stopping ended the trial at a report.
    """
    patience = trial.params.get("patience", patience)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.manual_seed(trial.seed)
        training = _Training(trial, network().to(device), train.to(device), goal, metric)
        val = val.to(device)
        if trial.restored:
            training.restore(trial.restored.folder)
        progress, saved = training.progress, clock()
        while progress.epoch < training.max_epochs and not _is_over(progress, patience):
            began = clock()
            train_loss = training.train_epoch()
            values = evaluate(training.model, val, goal=goal, prefix="val")
            progress.seconds += clock() - began
            cost = training.costs(costs)
            if not math.isfinite(train_loss + values["val_loss"]):
                logger.warning("epoch %d: train_loss %s, val_loss %s", progress.epoch, train_loss, values["val_loss"])
                return dict.fromkeys(values, math.nan) | cost
            training.keep_if_best(values)
            if trial.decides_at(progress.epoch) or clock() - saved >= checkpoint_seconds:
                with trial.checkpoint(progress.epoch) as folder:
                    training.save(folder)
                saved = clock()
            trial.report(progress.epoch, **values, **cost, train_loss=train_loss, lr=training.lr)
        training.export()
    return progress.kept_values | training.costs(costs)


def evaluate(model: nn.Module, examples: Examples, *, goal: Goal, prefix: str) -> dict[str, float]:
    """Return the metrics of the goal over all examples, each as `<prefix>_<name>`."""
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        outputs = torch.cat([model(part.to(device)) for part in torch.split(examples.inputs, EVALUATION_BATCH)])
        values = goal.measure(outputs, examples.targets.to(device))
    return {f"{prefix}_{name}": value for name, value in values.items()}


@dataclass(slots=True)
class _Progress:
    epoch: int = 0
    """Epochs done."""
    kept_epoch: int = 0
    """The best of them, 0 before the first."""
    kept_values: dict[str, float] = field(default_factory=dict)
    """Its validation metrics."""
    lr_drops: int = 0
    """How often reduce-on-plateau has dropped the rate."""
    seconds: float = 0.0
    """That the epochs have taken."""
    stale: int = 0
    """Epochs since the best one, or since the rate was dropped."""


def _is_over(progress: _Progress, patience: int | None) -> bool:
    return patience is not None and progress.epoch - progress.kept_epoch >= patience


class _Training:
    """A network in training: the state that moves, and how one epoch moves it."""

    def __init__(self, trial: Trial, model: nn.Module, train: Examples, goal: Goal, metric: str) -> None:
        known = [f"val_{name}" for name in goal.metrics]
        if metric not in known:
            raise ValueError(f"metric must be one of {', '.join(known)}, got {metric!r}")
        self.model = model
        self.max_epochs = trial.max_epochs or MAX_EPOCHS
        self.progress = _Progress()
        self.lr = math.nan
        self._trial = trial
        self._params: Mapping[str, Any] = trial.params
        self._train = train
        self._goal = goal
        self._metric = metric
        self._sign = 1 if direction(metric) == "maximize" else -1
        self._optimizer = make_optimizer(model, trial.params)
        self._kept: dict[str, Tensor] = {}

    def train_epoch(self) -> float:
        """Go through the training examples once, in random order; return their mean loss."""
        inputs, targets = self._train
        order = torch.randperm(len(targets), device=targets.device)
        batches = torch.split(order, int(self._params.get("batch_size", BATCH_SIZE)))
        if len(batches) > 1 and len(batches[-1]) == 1:  # one example has no variance for a batch norm to use
            batches = batches[:-1]
        total = torch.zeros((), device=targets.device)
        self.model.train()
        for number, index in enumerate(batches):
            done = (self.progress.epoch + number / len(batches)) / self.max_epochs
            self.lr = learning_rate(self._params, done, drops=self.progress.lr_drops)
            set_learning_rate(self._optimizer, self.lr)
            self._optimizer.zero_grad()
            loss = self._loss(inputs[index], targets[index])
            loss.backward()  # type: ignore[no-untyped-call]
            if "clip_norm" in self._params:
                nn.utils.clip_grad_norm_(self.model.parameters(), float(self._params["clip_norm"]))
            self._optimizer.step()
            total.add_(loss.detach(), alpha=len(index))  # stays a tensor: reading it would wait for the device
        self.progress.epoch += 1
        return total.item() / sum(map(len, batches))

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = self._goal.loss(self.model(inputs), targets, self._params)
        if l1 := float(self._params.get("l1", 0.0)):
            loss = loss + l1 * torch.stack([weight.abs().sum() for weight in matrices(self.model)]).sum()
        return loss

    def keep_if_best(self, values: dict[str, float]) -> None:
        """Remember the weights if `values`, just measured, are the best so far; drop the rate if that was long ago."""
        progress = self.progress
        if not progress.kept_values or self._rank(values) > self._rank(progress.kept_values):
            progress.kept_epoch, progress.kept_values, progress.stale = progress.epoch, values, 0
            self._kept = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        else:
            progress.stale += 1
        patience = plateau_patience(self._params)
        if patience is not None and progress.stale > patience:
            progress.lr_drops, progress.stale = progress.lr_drops + 1, 0

    def _rank(self, values: Mapping[str, float]) -> tuple[float, float]:
        return self._sign * values[self._metric], -values["val_loss"]

    def costs(self, names: Sequence[str]) -> dict[str, float]:
        """Return what the network costs, of `goals.COSTS` those that are named."""
        known = {"n_params": sum(p.numel() for p in self.model.parameters()), "seconds": self.progress.seconds}
        return {name: float(known[name]) for name in names}

    def save(self, folder: Path) -> None:
        """Write a checkpoint."""
        progress = asdict(self.progress)
        checkpoint.save(folder, model=self.model, optimizer=self._optimizer, kept=self._kept, progress=progress)

    def restore(self, folder: Path) -> None:
        """Go to where `save` was called."""
        progress, self._kept = checkpoint.load(folder, model=self.model, optimizer=self._optimizer)
        self.progress = _Progress(**progress)

    def export(self) -> None:
        """Keep the best epoch's weights with the trial."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / WEIGHTS
            save_file(self._kept, path)
            self._trial.artifact(path, WEIGHTS)
