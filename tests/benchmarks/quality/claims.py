"""Claims about two methods, as lines of a table: the same tasks and seeds on both sides, pair by pair.

    line = compare(rows, ours, peer, at=50, factor=0.75, kind="below")
    line.cells()

"below" is met when the whole 95 % interval of the difference lies below zero, "on average" when only the mean does;
"not above" is met by such an interval too, and when it contains zero, so that no difference was shown: few runs make
that easy, their number is in the table.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.benchmarks.quality.rows import Cell, Rows
from tests.benchmarks.quality.runs import MARKS
from tests.benchmarks.quality.statistics import Mean, geometric, mean, paired

HEAD = ["claim", "peer", "runs", "ours", "peer's", "difference, 95 % interval", "target", "met"]
SHARES = (0.1, 0.25, 0.5, 1.0)
MEANS = ["method", "workers x budget", "runs", *(f"at {share:.0%}" for share in SHARES)]
SAME = "yes: no difference shown"
NEVER = 1.5
"""What counts, as a share of the budget, for a value that was not reached in it."""


@dataclass(frozen=True, slots=True)
class Side:
    """A method on some tasks, with some seeds: what is compared with another one."""

    method: str
    tasks: Sequence[str]
    seeds: Sequence[int]
    workers: int
    budget: float
    unit: str
    value: str = "regret"

    def cells(self) -> Iterator[Cell]:
        """Yield its runs; a seed after the other, so that any part of them makes a comparison."""
        for seed in self.seeds:
            for task in self.tasks:
                yield Cell(task, self.method, seed, self.workers, self.budget, self.unit)

    def values(self, rows: Rows, *, at: float) -> dict[tuple[str, int], float]:
        """Return the value of each run that there is, `at` trainings or trials, by task and seed."""
        return {
            (cell.task, cell.seed): curve[_place(at, self.budget, len(curve))]
            for cell in self.cells()
            if cell in rows
            for curve in [rows[cell][self.value]]
        }

    def mean(self, rows: Rows, *, at: float) -> float:
        """Return the mean over all runs; without any, infinity."""
        return statistics.fmean(self.values(rows, at=at).values() or [math.inf])


def _place(at: float, budget: float, length: int) -> int:
    place = round(length * at / budget) - 1
    assert 0 <= place < length, f"{at} of {budget}"
    return place


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One claim and what came out."""

    claim: str
    peer: str
    runs: int
    ours: str
    theirs: str
    difference: str
    target: str
    met: str

    def cells(self) -> list[str]:
        """Return the line, a string a column."""
        return [self.claim, self.peer, str(self.runs), self.ours, self.theirs, self.difference, self.target, self.met]


def compare(
    rows: Rows,
    ours: Side,
    theirs: Side,
    *,
    at: float,
    of: float | None = None,
    factor: float = 1.0,
    margin: float = 0.0,
    kind: str,
    title: str = "",
) -> Line:
    """Return what is to be said of "ours is below (or not above) `factor` times theirs plus `margin`"."""
    mine, others = ours.values(rows, at=at), theirs.values(rows, at=at)
    pairs = sorted(mine.keys() & others.keys())
    when = f"at {at / of:.0%}" if of else ""
    claim = ", ".join(filter(None, (title, when)))
    scaled = f"{factor:g} x peer" if factor != 1 else "peer"
    target = f"{'<' if kind == 'below' else '<='} {scaled}{f' + {margin:g}' if margin else ''}"
    if not pairs:
        return Line(
            claim=claim, peer=theirs.method, runs=0, ours="", theirs="", difference="", target=target, met="not run"
        )
    left, right = [mine[pair] for pair in pairs], [others[pair] for pair in pairs]
    difference = paired(left, [factor * value + margin for value in right])
    return Line(
        claim=claim,
        peer=theirs.method,
        runs=len(pairs),
        ours=_with_error(mean(left)),
        theirs=_with_error(mean(right)),
        difference=f"{difference.mean:+.3f} ({difference.low:+.3f} .. {difference.high:+.3f})",
        target=target,
        met=_met(difference, kind),
    )


def _met(difference: Mean, kind: str) -> str:
    if difference.high < 0 or (difference.high <= 0 and kind == "not above"):
        return "yes"
    if kind == "not above":
        return SAME if difference.low <= 0 else "**no**"
    return "on average" if difference.mean < 0 else "**no**"


def sooner(rows: Rows, ours: Side, theirs: Side, *, at_most: float | None, title: str = "") -> Line:
    """Return in what share of a peer's time ours has its final value: of each task's means, their geometric mean."""
    shares, pairs = [], 0
    for task in ours.tasks:
        seeds = [seed for seed in ours.seeds if all(_cell(side, task, seed) in rows for side in (ours, theirs))]
        if not seeds:
            continue
        pairs += len(seeds)
        mine, others = (
            [
                statistics.fmean(moment)
                for moment in zip(*(rows[_cell(side, task, s)][side.value] for s in seeds), strict=True)
            ]
            for side in (ours, theirs)
        )
        reached = next((mark for mark, value in enumerate(mine, start=1) if value <= others[-1]), None)
        shares.append(reached / MARKS if reached else NEVER)
    claim = ", ".join(filter(None, (title, "share of its time until its final value")))
    return Line(
        claim=claim,
        peer=theirs.method,
        runs=pairs,
        ours=f"{geometric(shares):.3f}" if shares else "",
        theirs="1",
        difference=f"{min(shares):.2f} .. {max(shares):.2f}" if shares else "",
        target=f"<= {at_most:.3f}" if at_most else "",
        met=("yes" if geometric(shares) <= at_most else "**no**") if at_most and shares else "",
    )


def count_of_tasks(rows: Rows, ours: Side, theirs: Side, *, at: float, at_least: float) -> Line:
    """Return on how many tasks the mean of ours is larger."""
    mine, others = ours.values(rows, at=at), theirs.values(rows, at=at)
    pairs = sorted(mine.keys() & others.keys())
    by_task: dict[str, list[float]] = defaultdict(list)
    for task, seed in pairs:
        by_task[task].append(mine[task, seed] - others[task, seed])
    won, least = sum(statistics.fmean(each) > 0 for each in by_task.values()), math.ceil(at_least * len(ours.tasks))
    target = f"larger on >= {least} of {len(ours.tasks)}"
    if not pairs:
        return Line(
            claim="", peer=theirs.method, runs=0, ours="", theirs="", difference="", target=target, met="not run"
        )
    left, right = [mine[pair] for pair in pairs], [others[pair] for pair in pairs]
    difference = paired(left, right)
    return Line(
        claim=f"larger on {won} of {len(by_task)}",
        peer=theirs.method,
        runs=len(pairs),
        ours=_with_error(mean(left)),
        theirs=_with_error(mean(right)),
        difference=f"{difference.mean:+.3f} ({difference.low:+.3f} .. {difference.high:+.3f})",
        target=target,
        met="yes" if won >= least else "**no**",
    )


def means(rows: Rows, cells: Iterable[Cell]) -> list[list[str]]:
    """Return the lines of a table of all methods: what came out at some shares of their budgets."""
    found: dict[tuple[str, ...], list[Sequence[float]]] = defaultdict(list)
    for cell in dict.fromkeys(cells):
        if cell in rows:
            row = rows[cell]
            kind = cell.method, f"{cell.workers} x {cell.budget:g} {cell.unit}"
            found[kind].append(row["regret"] if "regret" in row else row["volume"])
    return [
        [
            *kind,
            str(len(curves)),
            *(_with_error(mean([curve[_place(share, 1.0, len(curve))] for curve in curves])) for share in SHARES),
        ]
        for kind, curves in found.items()
    ]


def _cell(side: Side, task: str, seed: int) -> Cell:
    return Cell(task, side.method, seed, side.workers, side.budget, side.unit)


def _with_error(value: Mean) -> str:
    return f"{value.mean:.3f} ± {value.error:.3f}"
