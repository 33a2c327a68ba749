"""What a built-in task is: data, split once per study into parts, and a goal that networks are trained for.

    task = Task(name="digits", archs=("mlp", "cnn"), metrics=("val_acc", "val_loss"), metric="val_acc", read=read, ...)
    split = task.load(seed=0)
    split.train.inputs.shape              # (1078, 1, 8, 8)
    network = split.network(params)       # takes such inputs, gives what the goal asks for

To define a task loads nothing: torch and the data come with the first `load`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from automl import goals
from automl.errors import ConfigError
from automl.goals import Goal
from search_spaces import (
    Categorical,
    Constant,
    Distribution,
    Float,
    Int,
    Ordinal,
    SearchSpace,
    choose,
    cnn,
    mlp,
    optimizers,
    regularization,
    schedules,
)
from search_spaces.errors import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor, nn

    from automl.training import Examples

ARCHITECTURES: dict[str, Callable[[], SearchSpace]] = {"mlp": mlp, "cnn": cnn}

PREPARATION = "preparation.json"  # the artifact beside the weights of a network for data of the user's

NARROWED: Mapping[str, str] = MappingProxyType(
    {
        "mlp.activation": "relu|gelu|silu|tanh",
        "cnn.activation": "relu|gelu|silu|tanh",
        "cnn.pool": "max|avg",
        "optimizer": "sgd|adam|adamw",
        "schedule": "constant|cosine|one-cycle",
    }
)
"""Params of which a task searches fewer values than training knows, unless somebody gives a range.

Many searches have some twenty trials. What is left out seldom wins, or something that is there comes close to it:
sigmoid saturates, adam has the parts of momentum and rmsprop, one-cycle a warm-up, and cosine falls as step does.
"""

UNSEARCHED = (
    *("cnn.stride", "cnn.padding"),  # on small images there is nothing to lose by strides and edges
    *("accumulator", "rms_decay", "beta1", "beta2", "eps"),  # their defaults suit nearly all networks
    *("lr_drops", "lr_factor", "lr_floor", "lr_rise", "lr_warm_up", "lr_patience"),  # so do these beside `lr`
    *(
        "l1",
        "clip_norm",
        "patience",
    ),  # weight decay does for the first, the schedules and early stopping for the others
)
"""Params that training reads, but that a task leaves at their defaults, unless somebody gives a range."""

TRAIN, VAL = 0.6, 0.2  # shares of the examples; the rest is for the test


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The data of a task in three parts without overlap, and what is to be learnt from them."""

    train: Examples
    val: Examples
    test: Examples
    """For the winner, once."""
    goal: Goal
    cardinalities: tuple[int, ...] = ()
    """Of inputs whose last columns are indices of categories, how many each has."""
    preparation: Mapping[str, Any] | None = None
    """JSON: what new rows need before a network can take them; kept with a network's weights."""

    @property
    def parts(self) -> tuple[Examples, Examples, Examples]:
        """Train, validation and test."""
        return self.train, self.val, self.test

    def network(self, params: Mapping[str, Any]) -> nn.Module:
        """Return the network that `params` describe, with fresh weights, for such inputs and this goal."""
        from automl.models import build_model

        return build_model(
            params,
            input_shape=tuple(self.train.inputs.shape[1:]),
            n_outputs=self.goal.n_outputs,
            cardinalities=self.cardinalities,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A problem that automl can train networks for without a line of the user's code."""

    name: str
    description: str
    """One line: what the data are, and how many."""
    archs: tuple[str, ...]
    """The networks that can take such inputs."""
    metrics: tuple[str, ...]
    """What it can be searched for: the metrics of its goal, on the validation part."""
    metric: str
    """What is searched for unless the user names another of `metrics`."""
    read: Callable[[int], Split]
    """Return the parts, chosen by a seed. Picklable, and equal where it reads the same."""
    without: tuple[str, ...] = ()
    """Params of the ready spaces that mean nothing to it."""
    facts: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """JSON: what was found in the user's data, to be said and kept with the study."""

    @property
    def directions(self) -> dict[str, str]:
        """Each metric, and which way it is better: minimize or maximize."""
        return {metric: goals.direction(metric) for metric in self.metrics}

    def load(self, seed: int) -> Split:
        """Return the data: 60 / 20 / 20 % by random choice, prepared by what the training part shows.

        Read once per process and shared: do not change the tensors in place.

        Args:
            seed: of the study, not of a trial, so that all its trials train and are judged on the same examples.
        """
        return _load(self, seed)

    def space(self, arch: Sequence[str] = (), *, given: Collection[str] = ()) -> SearchSpace:
        """Return the search space of the task: `arch`, each architecture's own params, optimizer and regularization.

        Args:
            arch: the architectures to choose from; none means all that the task has.
            given: params whose ranges the user gives, to be laid on top of this space: they have every value that
                training knows, so that any of them will do.

        Raises:
            ConfigError: the task has no such architecture.
        """
        known = self.known(arch)
        narrowed = known.override({name: range_ for name, range_ in NARROWED.items() if name in {*known} - {*given}})
        return narrowed.without(*(name for name in UNSEARCHED if name in {*narrowed} - {*given}))

    def known(self, arch: Sequence[str] = ()) -> SearchSpace:
        """Return the space of all that training and the networks `arch` read, with every choice that they know.

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
        networks = choose("arch", **{each: ARCHITECTURES[each]() for each in arch})
        training = optimizers() | schedules() | regularization().without("stochastic_depth")  # no network here has it
        momentum = f"{training['momentum']} when optimizer=sgd|momentum|nesterov"  # sgd may have some here, too
        return (networks | training | {"momentum": momentum}).without(*self.without)

    def problems(self, space: Mapping[str, Distribution]) -> list[str]:
        """Return one line for each param of `space`, and each text among its choices, that nothing here understands.

        A param that nothing reads would be searched to the end without a word, and found not to matter.
        """
        known = self.known()
        problems = [
            f"{name}: task {self.name!r} has no such param{did_you_mean(name, known)}; it reads {', '.join(known)}"
            for name in space
            if name not in known
        ]
        for name, distribution in space.items():
            listed = distribution.grid(1) if isinstance(distribution, Categorical | Ordinal | Constant) else []
            values = [distribution.value_of(choice) for choice in listed]
            problems += [
                f"{name}: task {self.name!r} knows {known[name]}, not {value!r}{_advice(name, known[name], value)}"
                for value in values
                if name in known and isinstance(value, str) and not known[name].contains(value)
            ]
        return problems


def _advice(name: str, known: Distribution, value: str) -> str:
    """Return what to write for a param instead of the text `value`."""
    if isinstance(known, Float | Int):
        return f'; give a number or a range, such as -p {name}="{known}"'
    return did_you_mean(value, map(str, known.grid(1)))


@functools.lru_cache(maxsize=2)  # a worker serves one study, a notebook perhaps a few
def _load(task: Task, seed: int) -> Split:
    return task.read(seed)


def standardized(inputs: Tensor, targets: Tensor, *, goal: Goal, seed: int) -> Split:
    """Return examples with classes in three parts, each channel standardized by the training part.

    Args:
        inputs: (n, channels, height, width), or (n, features) with each feature its own channel; float32.
        targets: (n,) int64.
        goal: a classification.
        seed: chooses the parts.
    """
    from automl.training import Examples

    chosen = stratified(targets, seed=seed)
    shown = inputs[chosen[0]]
    over = [dim for dim in range(inputs.dim()) if dim != 1]
    mean, scale = shown.mean(dim=over, keepdim=True), shown.std(dim=over, keepdim=True)
    inputs = (inputs - mean) / scale.where(scale > 0, 1.0)
    train, val, test = (Examples(inputs[part], targets[part]) for part in chosen)
    return Split(train=train, val=val, test=test, goal=goal)


def stratified(targets: Tensor, *, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the indices of the three parts, each with its share of every class.

    Args:
        targets: (n,) int64; all alike where there are no classes.
        seed: chooses.
    """
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
