"""What a built-in task is: examples with classes, split once per study and standardized.

    task = Task(name="digits", description="...", input_shape=(1, 8, 8), n_classes=10, archs=("mlp", "cnn"), read=read)
    split = task.load(seed=0)
    split.train.inputs.shape    # (1078, 1, 8, 8)

To define a task loads nothing: torch and the data come with the first `load`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from automl.errors import ConfigError
from search_spaces import Categorical, Constant, SearchSpace, choose, cnn, mlp, optimizers, regularization
from search_spaces.errors import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

    from automl.training import Examples

METRICS = {"val_acc": "maximize", "val_loss": "minimize"}
"""What a task can be searched for, and which way is better."""

ARCHITECTURES: dict[str, Callable[[], SearchSpace]] = {"mlp": mlp, "cnn": cnn}

UNSEARCHED = ("patience",)  # params that training reads although no ready space has them

TRAIN, VAL = 0.6, 0.2  # shares of the examples; the rest is for the test


class Split(NamedTuple):
    """Three parts of the examples, without overlap."""

    train: Examples
    val: Examples
    test: Examples
    """For the winner, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A classification problem that comes with automl."""

    name: str
    description: str
    """One line: what the data are, and how many."""
    input_shape: tuple[int, ...]
    """Of one example: (channels, height, width) of an image, (features,) of a row."""
    n_classes: int
    archs: tuple[str, ...]
    """The networks that can take such inputs."""
    read: Callable[[], tuple[Tensor, Tensor]]
    """Return all inputs, (n, *input_shape) float32, and their classes, (n,) int64."""
    metric: str = "val_acc"
    """What is searched for unless the user names another of `METRICS`."""

    @property
    def direction(self) -> str:
        """Which way `metric` is better: minimize or maximize."""
        return METRICS[self.metric]

    def load(self, seed: int) -> Split:
        """Return 60 / 20 / 20 % of the examples of each class, by random choice, standardized by the training part.

        Read once per process and shared: do not change the tensors in place.

        Args:
            seed: of the study, not of a trial, so that all its trials train and are judged on the same examples.
        """
        return _load(self, seed)

    def space(self, arch: Sequence[str] = ()) -> SearchSpace:
        """Return the search space of the task: `arch`, each architecture's own params, optimizer and regularization.

        Args:
            arch: the architectures to choose from; none means all that the task has.

        Raises:
            ConfigError: the task has no such architecture.
        """
        arch = arch or self.archs
        problems = [
            f"--arch {each!r}: task {self.name!r} has {', '.join(self.archs)}{did_you_mean(each, self.archs)}"
            for each in arch
            if each not in self.archs
        ]
        if problems:
            raise ConfigError(problems)
        return choose("arch", **{each: ARCHITECTURES[each]() for each in arch}) | optimizers() | regularization()

    def problems(self, space: SearchSpace) -> list[str]:
        """Return one line for each param of `space`, and each text among its choices, that nothing here understands.

        A param that nothing reads would be searched to the end without a word, and found not to matter.
        """
        ready = self.space()
        known = [*ready, *UNSEARCHED]
        problems = [
            f"{name}: task {self.name!r} has no such param{did_you_mean(name, known)}; it reads {', '.join(known)}"
            for name in space
            if name not in known
        ]
        for name, distribution in space.items():
            values = distribution.grid(1) if isinstance(distribution, Categorical | Constant) else []
            problems += [
                f"{name}: task {self.name!r} knows {ready[name]}, not {value!r}"
                for value in values
                if name in ready and isinstance(value, str) and not ready[name].contains(value)
            ]
        return problems


@functools.lru_cache(maxsize=2)  # a worker serves one study, a notebook perhaps a few
def _load(task: Task, seed: int) -> Split:
    from automl.training import Examples

    inputs, targets = task.read()
    train, val, test = _stratified(targets, seed)
    over = [dim for dim in range(inputs.dim()) if dim != 1]  # of rows each feature, of images each channel on its own
    mean = inputs[train].mean(dim=over, keepdim=True)
    scale = inputs[train].std(dim=over, keepdim=True)
    inputs = (inputs - mean) / scale.where(scale > 0, 1.0)
    return Split(*(Examples(inputs[part], targets[part]) for part in (train, val, test)))


def _stratified(targets: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the indices of the three parts, each with its share of every class."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    parts: tuple[list[Tensor], ...] = ([], [], [])
    for label in range(int(targets.max()) + 1):
        members = (targets == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        ends = round(TRAIN * len(members)), round((TRAIN + VAL) * len(members))
        for part, chosen in zip(parts, members.tensor_split(ends), strict=True):
            part.append(chosen)
    train, val, test = (torch.cat(part) for part in parts)
    return train, val, test
