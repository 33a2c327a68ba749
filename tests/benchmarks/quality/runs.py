"""One run, and how it is judged: by what its best trial so far is really worth, at each moment of its budget.

    row = run(Cell("lcbench/3945", "tpe", seed=0, workers=4, budget=25, unit="trainings"))
    row["regret"][49]       # at 50 % of the budget

The best trial so far is the one with the best loss among those that got furthest, for everybody: a user would take that
one. Its worth is the true loss after a full training. Where nothing was reported yet, it is a random configuration in
the middle.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable, Iterator, Sequence

from tests.benchmarks.peers.clock import Seen
from tests.benchmarks.quality.rows import Cell, Row
from tests.benchmarks.quality.statistics import area
from tests.benchmarks.quality.tasks import Finals, LCBench, Task, named

MARKS = 100
"""Moments of a budget of time at which a run is judged, the last of them its end."""
MIDDLE = 1.0
"""The regret of a random configuration in the middle."""


def run(cell: Cell) -> Row:
    """Run a cell and return its row."""
    from tests.benchmarks.quality.methods import METHODS

    method = METHODS[cell.method]
    task: Task = named(cell.task)
    if cell.unit == "trials":
        task = Finals(task)
    began = time.perf_counter()
    seen = list(method.play(task, cell))
    took = time.perf_counter() - began
    moments = marks(cell, task, seen)
    if method.objectives == 2:
        assert isinstance(task, LCBench)
        result = {"volume": at(moments, volumes(task, seen), before=0.0)}
    else:
        result = {"regret": at(moments, regrets(task, seen), before=MIDDLE)}
    return {
        **dataclasses.asdict(cell),
        "version": method.version(),
        "trials": len({each.trial for each in seen}),
        "full": sum(each.step == task.n_steps for each in seen),
        "took": round(took, 2),
        **result,
    }


def regrets(task: Task, seen: Iterable[Seen]) -> Iterator[tuple[float, float]]:
    """Yield, at each report that changes it, the time and the regret of the best trial so far."""
    best: tuple[int, float] | None = None
    for each in seen:
        rank = -each.step, each.values["loss"]
        if best is None or rank < best:
            best = rank
            yield each.time, task.regret(each.params)


def volumes(task: LCBench, seen: Iterable[Seen]) -> Iterator[tuple[float, float]]:
    """Yield the time and the hypervolume of loss and seconds, at each full training that was seen.

    It is a share of the area between nothing (the best loss in no time) and medians of random configurations.
    """
    points: list[tuple[float, float]] = []
    worst = task.median, task.median_seconds
    whole = (task.median - task.best) * task.median_seconds
    for each in seen:
        if each.step == task.n_steps:
            points.append((each.values["loss"], each.values["seconds"]))
            yield each.time, area(points, worst=worst) / whole


def marks(cell: Cell, task: Task, seen: Sequence[Seen]) -> list[float]:
    """Return the times at which a run is judged: after each of its trials, or at each hundredth of its budget."""
    if cell.unit == "trials":  # a search that found nothing more to try keeps what it has
        times = [each.time for each in seen]
        return times + [math.inf] * (round(cell.budget) - len(times))
    return [seconds(cell, task) * mark / MARKS for mark in range(1, MARKS + 1)]


def at(moments: Iterable[float], changes: Iterable[tuple[float, float]], *, before: float) -> list[float]:
    """Return the value at each of the moments, from the times at which it changes."""
    found, value, values = list(changes), before, []
    place = 0
    for moment in moments:
        while place < len(found) and found[place][0] <= moment:
            value = found[place][1]
            place += 1
        values.append(round(value, 4))
    return values


def seconds(cell: Cell, task: Task) -> float:
    """Return how long the simulated clock of a cell runs."""
    return cell.budget * task.seconds
