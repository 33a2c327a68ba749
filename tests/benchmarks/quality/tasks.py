"""What is searched: tables, recorded curves and a surrogate of real training, behind one interface.

    task = named("lcbench/3945")
    task.curve(params, seed=0)      # [(seconds of the step, {"loss": ..., "seconds": since the start}), ...]
    task.regret(params)             # 0 for the best that is known, 1 for a random configuration in the middle

Names: `lcbench/<data set>`, `lcbench/<data set> reversed` (early ranks turned upside down), `lcbench/<one>+<other>` (a
choice between two, each with parameters of its own), `fcnet/...`, `mlp/...`, `nasbench201/...` (complete grids, one
step), `taskset/...`, `deepobs/...` (a list of recorded curves). All losses are minimized.
"""

from __future__ import annotations

import functools
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from search_spaces import Categorical, Float, Int, Ordinal, SearchSpace, choose
from tests.benchmarks.quality.lcbench import DATA, N_EPOCHS, Surrogate, facts

Params = Mapping[str, Any]
Step = tuple[float, dict[str, float]]
"""Seconds that a step takes, and what is reported after it."""

PARTS = (range(1, 7), range(7, 19), range(19, N_EPOCHS + 1))
"""Epochs that are predicted at once."""
N_TUNING = 8
"""Data sets of the surrogate, the first ones, that designs are tuned on."""
REVERSED_UNTIL = 14
"""The first epoch of a reversed task at which ranks are what they will be."""


class Task(ABC):
    """Something to search. Losses and seconds are recorded or predicted; nothing is trained."""

    name: str
    space: SearchSpace
    n_steps: int
    """Of a full training."""
    seconds: float
    """That a full training takes, on average over random configurations."""
    best: float
    """The smallest loss that is known."""
    median: float
    """The loss of a random configuration in the middle."""

    @abstractmethod
    def curve(self, params: Params, seed: int) -> Iterable[Step]:
        """Return the steps of a training; `seed` chooses among repeated ones, where those were recorded."""

    @abstractmethod
    def true_loss(self, params: Params) -> float:
        """Return the loss after a full training, without noise."""

    def regret(self, params: Params) -> float:
        """Return the normalised regret of the configuration."""
        return (self.true_loss(params) - self.best) / (self.median - self.best)


class LCBench(Task):
    """A data set of the surrogate: 7 parameters, 52 epochs."""

    def __init__(self, instance: str) -> None:
        self.name = f"lcbench/{instance}"
        self._surrogate = Surrogate(instance)
        self.space = lcbench_space()
        self.n_steps = N_EPOCHS
        known = facts()["instances"][instance]
        self.best, self.seconds, self.median_seconds = known["best"], known["mean_seconds"], known["median_seconds"]
        self.medians: Sequence[float] = known["medians"]
        """The median loss of random configurations, at each epoch."""
        self.median = self.medians[-1]

    def curve(self, params: Params, seed: int) -> Iterator[Step]:
        total = 0.0
        for epochs in PARTS:  # most trials are stopped in the first
            (errors,), (times,) = self._surrogate.curves([params], epochs=epochs)
            for error, time in zip(errors.tolist(), times.tolist(), strict=True):
                before, total = total, max(total, time)
                yield total - before, {"loss": error, "seconds": total}

    def true_loss(self, params: Params) -> float:
        return float(self._surrogate.errors([params])[0])


class Reversed(LCBench):
    """The same with early ranks turned upside down: mirrored about the median until epoch 14."""

    def __init__(self, instance: str) -> None:
        super().__init__(instance)
        self.name += " reversed"

    def curve(self, params: Params, seed: int) -> Iterator[Step]:
        for epoch, (after, values) in enumerate(super().curve(params, seed), start=1):
            if epoch < REVERSED_UNTIL:
                values["loss"] = 2 * self.medians[epoch - 1] - values["loss"]
            yield after, values


class Joined(Task):
    """A choice between two data sets of the surrogate, each with its own parameters; losses are their regrets.

    The second is a little worse throughout, so that one of them is the right choice.
    """

    def __init__(self, first: str, second: str) -> None:
        self.name = f"lcbench/{first}+{second}"
        self._tasks = {"a": LCBench(first), "b": LCBench(second)}
        self.space = choose("which", {each: task.space.prefixed(f"{each}.") for each, task in self._tasks.items()})
        self.n_steps = N_EPOCHS
        self.seconds = sum(task.seconds for task in self._tasks.values()) / 2
        self.best, self.median = 0.0, 1.0 + self.HANDICAP / 2

    HANDICAP = 0.1

    def curve(self, params: Params, seed: int) -> Iterator[Step]:
        task, own = self._chosen(params)
        for after, values in task.curve(own, seed):
            yield after, {"loss": self._loss(params, task, values["loss"]), "seconds": values["seconds"]}

    def true_loss(self, params: Params) -> float:
        task, own = self._chosen(params)
        return self._loss(params, task, task.true_loss(own))

    def _chosen(self, params: Params) -> tuple[LCBench, Params]:
        prefix = f"{params['which']}."
        own = {name.removeprefix(prefix): value for name, value in params.items() if name.startswith(prefix)}
        return self._tasks[params["which"]], own

    def _loss(self, params: Params, task: LCBench, loss: float) -> float:
        return (loss - task.best) / (task.median - task.best) + self.HANDICAP * (params["which"] == "b")


class Grid(Task):
    """A complete grid of configurations, each trained with several seeds to the end; one of them is seen."""

    def __init__(self, family: str, table: str) -> None:
        self.name = f"{family}/{table}"
        grid = json.loads((DATA / f"{family}.json").read_text())
        self._choices: dict[str, list[Any]] = grid["space"]
        with np.load(DATA / f"{family}-{table}.npz") as file:
            self._losses, self._seconds = file["losses"].astype(np.float64), file["seconds"].astype(np.float64)
        self._means = np.nanmean(self._losses, axis=-1)  # a seed that was not run is NaN
        self.space = SearchSpace(
            {
                name: (Categorical if isinstance(choices[0], str) else Ordinal)(choices)
                for name, choices in self._choices.items()
            }
        )
        self.n_steps = 1
        self.seconds = float(self._seconds.mean())
        self.best, self.median = float(self._means.min()), float(np.median(self._means))

    def curve(self, params: Params, seed: int) -> Sequence[Step]:
        place = self._place(params)
        runs = [loss for loss in self._losses[place].tolist() if np.isfinite(loss)]
        seconds = float(self._seconds[place])
        return [(seconds, {"loss": random.Random(seed).choice(runs), "seconds": seconds})]

    def true_loss(self, params: Params) -> float:
        return float(self._means[self._place(params)])

    def _place(self, params: Params) -> tuple[int, ...]:
        return tuple(choices.index(params[name]) for name, choices in self._choices.items())


class Recorded(Task):
    """A list of recorded learning curves: they judge early stopping, not samplers. A step takes a second."""

    def __init__(self, family: str, table: str) -> None:
        self.name = f"{family}/{table}"
        with np.load(DATA / f"{family}.npz") as file:
            self._curves = file[table].astype(np.float64)
        self.space = SearchSpace({"run": Int(0, len(self._curves) - 1)})
        self.n_steps = self._curves.shape[1]
        self.seconds = float(self.n_steps)
        finals = self._curves[:, -1]
        self.best, self.median = float(finals.min()), float(np.median(finals))

    def curve(self, params: Params, seed: int) -> Sequence[Step]:
        losses = self._curves[params["run"]].tolist()
        return [(1.0, {"loss": loss, "seconds": float(step)}) for step, loss in enumerate(losses, start=1)]

    def true_loss(self, params: Params) -> float:
        return float(self._curves[params["run"], -1])

    def order(self, seed: int) -> list[int]:
        """Return the runs in a random order."""
        runs = list(range(len(self._curves)))
        random.Random(seed).shuffle(runs)
        return runs


class Finals(Task):
    """Another task of which only full trainings are seen: one step."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.name, self.space, self.n_steps = task.name, task.space, 1
        self.seconds, self.best, self.median = task.seconds, task.best, task.median

    def curve(self, params: Params, seed: int) -> Sequence[Step]:
        steps = list(self._task.curve(params, seed))
        return [(sum(after for after, _ in steps), steps[-1][1])]

    def true_loss(self, params: Params) -> float:
        return self._task.true_loss(params)


def related_to(name: str) -> str:
    """Return the next data set of the surrogate, in the same half: networks alike, data of another kind."""
    instances, instance = list(facts()["instances"]), name.partition("/")[2]
    half = next(half for half in (instances[:N_TUNING], instances[N_TUNING:]) if instance in half)
    return f"lcbench/{half[(half.index(instance) + 1) % len(half)]}"


@functools.cache
def named(name: str) -> Task:
    """Return the task of this name."""
    family, _, table = name.partition("/")
    if family == "lcbench" and "+" in table:
        return Joined(*table.split("+"))
    if family == "lcbench":
        return Reversed(table.split()[0]) if table.endswith(" reversed") else LCBench(table)
    return (Recorded if family in ("taskset", "deepobs") else Grid)(family, table)


def lcbench_space() -> SearchSpace:
    """Return the 7 parameters of the surrogate."""
    space = facts()["space"]
    return SearchSpace(
        {
            name: (Int if each["type"] == "int" else Float)(each["low"], each["high"], log=each["log"])
            for name, each in space.items()
        }
    )
