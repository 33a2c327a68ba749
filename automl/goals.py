"""What a network learns, a class or a number: what is minimized for it, what is measured, and which way is better.

    goal = Classification(n_classes=3)
    goal.loss(logits, targets, params).backward()
    goal.measure(logits, targets)            # {"acc": 0.91, "balanced_accuracy": 0.88, "auc": 0.97, "loss": 0.24}
    find_metric("accuracy", goal.metrics)    # "acc"

A metric has one name wherever it is met: `val_<name>` on the validation part, `test_<name>` on the test part. torch is
imported where something is computed, so a command line knows names and directions for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

DIRECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "acc": "maximize",
        "balanced_accuracy": "maximize",
        "auc": "maximize",
        "rmse": "minimize",
        "mae": "minimize",
        "r2": "maximize",
        "loss": "minimize",
    }
)
"""Every metric, and which way is better."""

COSTS: Mapping[str, str] = MappingProxyType({"n_params": "minimize", "seconds": "minimize"})
"""What a network costs, whatever it learns: its numbers, and the seconds of its training. Measured when asked for."""

ALSO_CALLED = {"accuracy": "acc", "log_loss": "loss"}


class Goal(Protocol):
    """What the training loop needs to know of what is learnt."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of what `measure` returns; `loss`, the mean of what is minimized, is among them."""

    @property
    def n_outputs(self) -> int:
        """Numbers that the network gives for an example."""

    def loss(self, outputs: Tensor, targets: Tensor, params: Mapping[str, Any]) -> Tensor:
        """Return what is minimized, a mean over the batch: (n, n_outputs) and (n,) -> ()."""

    def measure(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the metrics of all examples of a part at once: (n, n_outputs) and (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """One of several classes: outputs are logits, targets indices (int64), cross-entropy is minimized."""

    n_classes: int
    metrics: tuple[str, ...] = ("acc", "balanced_accuracy", "auc", "loss")

    @property
    def n_outputs(self) -> int:
        return self.n_classes

    def loss(self, outputs: Tensor, targets: Tensor, params: Mapping[str, Any]) -> Tensor:
        """Return the cross-entropy in nats, with `label_smoothing` of `params` (default 0; Szegedy et al., 2016)."""
        from torch.nn import functional as F

        return F.cross_entropy(outputs, targets, label_smoothing=float(params.get("label_smoothing", 0.0)))

    def measure(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        return {name: _OF_CLASSES[name](outputs, targets).item() for name in self.metrics}


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """A number: the output and the targets are (y - mean) / scale, their mean squared error is minimized.

    Metrics are in the units of y, but for `loss`, which is what is minimized.
    """

    mean: float = 0.0
    scale: float = 1.0
    metrics: tuple[str, ...] = ("rmse", "mae", "r2", "loss")

    @property
    def n_outputs(self) -> int:
        return 1

    def loss(self, outputs: Tensor, targets: Tensor, params: Mapping[str, Any]) -> Tensor:
        """Return the mean squared error of standardized numbers."""
        from torch.nn import functional as F

        return F.mse_loss(outputs.squeeze(1), targets)

    def measure(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        errors = outputs.squeeze(1).double() - targets
        mse = errors.square().mean().item()
        spread = targets.double().var(correction=0).item()
        values = {
            "rmse": self.scale * mse**0.5,
            "mae": self.scale * errors.abs().mean().item(),
            "r2": 1 - mse / spread if spread else float(mse == 0),  # of equal targets as scikit-learn has it
            "loss": mse,
        }
        return {name: values[name] for name in self.metrics}


def find_metric(text: str, known: Iterable[str]) -> str:
    """Return which of `known` metrics somebody means, or `text` when it is none of them.

    `accuracy`, `acc`, `val_accuracy` and `val_acc` all mean the last, where that is known.
    """
    name = text.removeprefix("val_")
    name = ALSO_CALLED.get(name, name)
    return next((each for each in known if each in (text, name, f"val_{name}")), text)


def direction(metric: str) -> str:
    """Return which way a metric is better, whatever part it was measured on."""
    return COSTS.get(metric) or DIRECTIONS[metric.removeprefix("val_")]


def learnt(metrics: Iterable[str]) -> str | None:
    """Return the first of `metrics` that says how well something is learnt, None if there is none."""
    return next((metric for metric in metrics if metric not in COSTS), None)


def _accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    return (logits.argmax(dim=1) == targets).double().mean()


def _balanced_accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over classes of the share that was recognized, of the classes that there are."""
    n_classes = logits.shape[1]
    counts = targets.bincount(minlength=n_classes)
    right = targets[logits.argmax(dim=1) == targets].bincount(minlength=n_classes)
    return (right / counts)[counts > 0].double().mean()


def _auc(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the area under the ROC curve, the mean over classes of each against the rest.

    The area is the chance that a member of the class is ranked above another example, ties counting half: the
    statistic of Mann and Whitney (Hanley and McNeil, "The meaning and use of the area under a ROC curve", 1982).
    """
    import torch

    areas = []
    for label, scores in enumerate(logits.double().softmax(dim=1).T):
        _, group, sizes = scores.unique(return_inverse=True, return_counts=True)
        ranks = sizes.cumsum(dim=0) - (sizes - 1) / 2  # from 1; equal scores share the middle of their ranks
        is_member = targets == label
        n = is_member.sum()
        above = ranks[group][is_member].sum() - n * (n + 1) / 2
        areas.append(above / (n * (len(targets) - n)))
    return torch.stack(areas).nanmean()  # a class without members, or with nothing else, has no area


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.cross_entropy(logits, targets)


_OF_CLASSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "acc": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "auc": _auc,
    "loss": _cross_entropy,
}
