"""Who searches: ours through `automl.simulate`, and the peers, each under the same simulated clock.

    METHODS["tpe"].play(task, cell)     # what is reported, in order
    METHODS["tpe"].version()            # "optuna 5.0.0, edition 1", or None where Optuna is not installed

Rows of an older version do not count: raise the edition when a peer is put together in another way, or a task changes.
Ours have a hash of the sources that decide, for what they say and not for how they are written.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.peers.clock import Peer, Seen, play
from tests.benchmarks.quality.rows import Cell
from tests.benchmarks.quality.tasks import Finals, Recorded, Task, named, related_to

EDITION = 1
"""Of the tasks and of how runs are judged: of all rows."""
ROOT = Path(__file__).parents[3]
DECIDING = (
    "automl/agenda.py",
    "automl/executors/simulated.py",
    "automl/policy.py",
    "automl/preference.py",
    "automl/samplers/**/*.py",
    "automl/stopping/**/*.py",
    *(
        f"search_spaces/{name}.py"
        for name in ("base", "choices", "conditions", "criteria", "distributions", "feasible", "geometry", "points")
    ),
)
"""What the results of our searches hang on: which params are tried, and which trials go on."""
SPARE, SPARE_STOPPED = 4, 20
LOSS_AND_SECONDS = ("loss", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to search."""

    play: Callable[[Task, Cell], Iterable[Seen]]
    version: Callable[[], str | None]
    """Of what decides its results; None where it cannot run."""
    objectives: int = 1
    """Of what it minimizes: the loss, or loss and seconds."""
    is_ours: bool = False


def most_trials(cell: Cell) -> int:
    """Return the trials that a search with a budget of time may ask for: far more than could train to their ends.

    It bounds what minimizes seconds, too: thousands of trainings that take none are for nothing. From a fixed list more
    are taken, since nothing but stopping most of them makes a search of it.
    """
    spare = SPARE_STOPPED if isinstance(named(cell.task), Recorded) else SPARE
    return round(spare * cell.budget * cell.workers)


def _peer(make: Callable[[Task, Cell], Peer], *packages: str, edition: int = 1, objectives: int = 1) -> Method:
    def run(task: Task, cell: Cell) -> Iterable[Seen]:
        budget: dict[str, Any] = {"trials": round(cell.budget)}
        if cell.unit == "trainings":
            budget = {"seconds": cell.budget * task.seconds, "trials": most_trials(cell) if objectives > 1 else None}
        return play(make(task, cell), task, workers=cell.workers, seed=cell.seed, **budget)

    def version() -> str | None:
        try:
            named = [f"{package} {importlib.metadata.version(package)}" for package in packages]
        except importlib.metadata.PackageNotFoundError:
            return None
        return ", ".join([*named, f"edition {EDITION}.{edition}"])

    return Method(play=run, version=version, objectives=objectives)


def _optuna(sampler: str, pruner: str | None = None, *, objectives: int = 1, **options: Any) -> Method:
    """Return a sampler and a pruner of Optuna's, each with its defaults but for `options` of the sampler."""

    def make(task: Task, cell: Cell) -> Peer:
        import optuna

        from tests.benchmarks.peers import searchers

        made = getattr(optuna.samplers, sampler)(seed=cell.seed, **options)
        metrics = LOSS_AND_SECONDS[:objectives]
        pruning = getattr(optuna.pruners, pruner)() if pruner else None
        return searchers.OptunaSearcher(task.space, made, pruning, metrics=metrics)

    return _peer(make, "optuna", objectives=objectives)


def _listed(pruner: str | None) -> Method:
    """Return a fixed list of runs, and what a pruner of Optuna's makes of it."""

    def make(task: Task, cell: Cell) -> Peer:
        import optuna

        from tests.benchmarks.peers import searchers

        assert isinstance(task, Recorded)
        pruning = getattr(optuna.pruners, pruner)() if pruner else None
        return searchers.OptunaSearcher(task.space, searchers.Listed(task.order(cell.seed)), pruning)

    return _peer(make, "optuna")


def _random(task: Task, cell: Cell) -> Peer:
    from tests.benchmarks.peers.searchers import RandomSearcher

    return RandomSearcher(task.space, cell.seed)


def _random_asha(task: Task, cell: Cell) -> Peer:
    from tests.benchmarks.peers.searchers import Asha, RandomSearcher

    return RandomSearcher(task.space, cell.seed, Asha(steps=task.n_steps, eta=3, first=2))


def _ray(task: Task, cell: Cell) -> Peer:
    from tests.benchmarks.peers.searchers import Asha, RaySearcher

    return RaySearcher(task.space, cell.seed, Asha(steps=task.n_steps, eta=4, first=1))


def _smac(task: Task, cell: Cell) -> Peer:
    from tests.benchmarks.peers.smac3 import SmacSearcher

    return SmacSearcher(task.space, trials=round(cell.budget), seed=cell.seed)


def _ours(
    sampler: str | None = "auto", early_stopping: str = "auto", *, objectives: int = 1, past: str | None = None
) -> Method:
    """Return a search of ours; without a sampler's name it goes through a fixed list.

    Args:
        sampler: its name.
        early_stopping: a rule.
        objectives: how many.
        past: what it is told of: the "related" task, or the "opposite" of that.
    """

    def run(task: Task, cell: Cell) -> Iterable[Seen]:
        from tests.benchmarks.peers.searchers import Listed
        from tests.benchmarks.quality.ours import Opposite, search

        used: Any = sampler
        if sampler is None:
            assert isinstance(task, Recorded)
            used = Listed(task.order(cell.seed))
        related = named(related_to(task.name)) if past else None
        return search(
            task,
            cell,
            sampler=used,
            early_stopping=early_stopping,
            metrics=LOSS_AND_SECONDS[:objectives],
            most_trials=most_trials(cell),
            past=related and (Opposite if past == "opposite" else Finals)(related),
        )

    return Method(play=run, version=policy, objectives=objectives, is_ours=True)


@functools.cache
def policy() -> str:
    """Return what tells our searches apart: a hash of the sources that decide, less their comments and docstrings."""
    digest = hashlib.sha256()
    for pattern in DECIDING:
        for file in sorted(ROOT.glob(pattern)):
            digest.update(f"{file.relative_to(ROOT)}\n{meaning(file.read_text())}\n".encode())
    return f"policy {digest.hexdigest()[:12]}, edition {EDITION}"


def meaning(source: str) -> str:
    """Return a program without what it does not do: comments, docstrings, line breaks."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [
                line for line in node.body if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            ]
    return ast.unparse(tree)  # which, unlike `dump`, is much the same in every Python


METHODS: Mapping[str, Method] = {
    "auto": _ours(),
    "auto-unstopped": _ours(early_stopping="none"),
    "gp": _ours("gp", "none"),
    "auto-listed": _ours(None),
    "auto-two": _ours(objectives=2),
    "auto-told": _ours(past="related"),
    "auto-misled": _ours(past="opposite"),
    "random": _peer(_random),
    "random-asha": _peer(_random_asha, "ray"),
    "tpe": _optuna("TPESampler"),
    "optuna-gp": _optuna("GPSampler", warn_independent_sampling=False),
    "tpe-hyperband": _optuna("TPESampler", "HyperbandPruner"),
    "tpe-sha": _optuna("TPESampler", "SuccessiveHalvingPruner"),
    "ray": _peer(_ray, "ray", "optuna"),
    "smac3": _peer(_smac, "smac"),
    "listed": _listed(None),
    "listed-sha": _listed("SuccessiveHalvingPruner"),
    "listed-hyperband": _listed("HyperbandPruner"),
    "listed-median": _listed("MedianPruner"),
    "nsga2": _optuna("NSGAIISampler", objectives=2),
    "tpe-two": _optuna("TPESampler", objectives=2),
}
