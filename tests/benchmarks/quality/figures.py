"""The figures: which runs each needs, and what is claimed of them.

- `full`: full trainings only, 50 of them, one worker.
- `multi`: 4 workers, each with the time of 25 mean trainings.
- `widths`: 1, 16 and 64 workers, and less time.
- `spaces`: categories, ordered choices and conditions, 100 full trainings.
- `curves`: early stopping alone, on lists of recorded curves.
- `reversed`: early ranks that say the opposite of the final ones.
- `past`: with a warm start from a study of a related task, and from one that misleads.
- `two`: loss and seconds at once.

Tasks and seeds were halved before any design was tried: `TUNE` is what may be looked at while designing, `REPORT` what
is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.quality.claims import Line, Side, compare, count_of_tasks, sooner
from tests.benchmarks.quality.rows import Cell, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """Tasks and seeds."""

    seeds: Sequence[int]
    lcbench: Sequence[str]
    unseen: Sequence[str]
    """Those of them that no experiment before this project ever saw."""
    spaces: Mapping[str, Sequence[str]]
    curves: Sequence[str]


def _lcbench(text: str) -> list[str]:
    return [f"lcbench/{instance}" for instance in text.split()]


TUNE = Half(
    seeds=(0, 1),
    lcbench=_lcbench("3945 34539 126026 146212 167149 167168 167181 167185"),
    unseen=(),
    spaces={
        "FCNet, MLP grids": ["fcnet/protein_structure", "mlp/australian", "mlp/vehicle"],
        "conditional": _lcbench("3945+34539 126026+146212 167149+167168 167181+167185"),
    },
    curves=["taskset/patch128_LSTM128_avg", "taskset/patch32_GRU64_avg", "taskset/patch32_IRNN64_relu_avg"],
)
REPORT = Half(
    seeds=(10, 11, 12, 13, 14),
    lcbench=_lcbench("167200 168329 168331 168868 168910 189862 189866 189905 189908"),
    unseen=_lcbench("168329 168868 168910 189905"),
    spaces={
        "NAS-Bench-201": ["nasbench201/cifar10"],
        "FCNet, MLP grids": ["fcnet/parkinsons_telemonitoring", "mlp/blood_transfusion", "mlp/phoneme"],
        "conditional": _lcbench("167200+168329 168331+168868 168910+189862 189866+189905"),
    },
    curves=[
        *(f"taskset/{name}" for name in ("patch32_LSTM128_E128", "patch32_VRNN128_tanh", "patch32_VRNN64_tanh_avg")),
        *(f"deepobs/{name}" for name in ("cifar10_3c3d", "fmnist_2c2d", "mnist_vae", "quadratic_deep")),
    ],
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What is needed, and what is said of it."""

    title: str
    cells: Callable[[Half], Iterable[Cell]]
    lines: Callable[[Rows, Half], Iterable[Line]]


# Full trainings only.

FULL_PEERS = ("optuna-gp", "smac3", "tpe", "random")


def _full_side(method: str, half: Half) -> Side:
    return Side(method, tasks=half.lcbench, seeds=half.seeds, workers=1, budget=50, unit="trials")


def _full_cells(half: Half) -> Iterable[Cell]:
    for method in ("auto", *FULL_PEERS):
        yield from _full_side(method, half).cells()


def _full_lines(rows: Rows, half: Half) -> Iterable[Line]:
    ours, peers = _full_side("auto", half), [_full_side(peer, half) for peer in FULL_PEERS]
    best = min(peers, key=lambda side: side.mean(rows, at=50))
    for peer in peers:
        yield compare(rows, ours, peer, at=50, kind="not above" if peer is best else "below")


# Several fidelities.

TRAININGS = 25.0
SHARES = (0.1, 0.25, 0.5, 1.0)
MULTI_BUDGETS = {
    "auto": TRAININGS,
    "gp": TRAININGS,
    "random": TRAININGS,
    "random-asha": TRAININGS,
    "tpe": TRAININGS,
    "optuna-gp": TRAININGS,
    "ray": TRAININGS / 2,
    "tpe-hyperband": TRAININGS / 2,
}
"""What takes long and is not asked for beyond half of the budget gets no more."""
MULTI_SEEDS = {"optuna-gp": 3, "ray": 3, "tpe-hyperband": 3}
"""Seeds of those that take long; the others have all."""


def _multi_side(method: str, half: Half, tasks: Sequence[str] | None = None) -> Side:
    return Side(
        method,
        tasks=half.lcbench if tasks is None else tasks,
        seeds=half.seeds[: MULTI_SEEDS.get(method)],
        workers=4,
        budget=MULTI_BUDGETS[method],
        unit="trainings",
    )


def _multi_cells(half: Half) -> Iterable[Cell]:
    for method in MULTI_BUDGETS:
        yield from _multi_side(method, half).cells()


MULTI_CLAIMS: Sequence[tuple[float, str, float, str]] = (
    (0.25, "tpe", 0.75, "below"),
    (0.25, "random-asha", 0.75, "below"),
    (0.25, "ray", 1.0, "below"),
    (0.5, "tpe", 0.5, "below"),
    (0.5, "random-asha", 0.4, "below"),
    (0.5, "ray", 1.0, "below"),
    (0.5, "tpe-hyperband", 1.0, "below"),
    *(
        claim
        for gp in ("gp", "optuna-gp")
        for claim in ((0.1, gp, 1.0, "below"), (0.5, gp, 1.0, "not above"), (1.0, gp, 1.0, "not above"))
    ),
    (1.0, "random", 1.0, "below"),
)
"""Share of the budget, peer, factor of its regret, what is claimed."""


def _multi_lines(rows: Rows, half: Half) -> Iterable[Line]:
    for title, tasks in (("", half.lcbench), ("unseen before", half.unseen)):
        if not tasks:
            continue
        ours = _multi_side("auto", half, tasks)
        for share, peer, factor, kind in MULTI_CLAIMS:
            theirs = _multi_side(peer, half, tasks)
            yield compare(rows, ours, theirs, at=share * TRAININGS, of=TRAININGS, factor=factor, kind=kind, title=title)
        for peer, at_most in (("random", 1 / 6), ("tpe", None)):
            yield sooner(rows, ours, _multi_side(peer, half, tasks), at_most=at_most, title=title)


# Other numbers of workers, other budgets.

WIDTHS: Sequence[tuple[int, float, int]] = ((4, 5.0, 5), (4, 10.0, 5), (1, 25.0, 5), (16, 25.0, 3), (64, 25.0, 1))
"""Workers, mean trainings of each, seeds."""
WIDTH_PEERS = ("tpe", "random-asha")


def _width_side(method: str, half: Half, workers: int, budget: float, n_seeds: int) -> Side:
    return Side(
        method, tasks=half.lcbench, seeds=half.seeds[:n_seeds], workers=workers, budget=budget, unit="trainings"
    )


def _width_cells(half: Half) -> Iterable[Cell]:
    for width in WIDTHS:
        for method in ("auto", *WIDTH_PEERS):
            yield from _width_side(method, half, *width).cells()


def _width_lines(rows: Rows, half: Half) -> Iterable[Line]:
    for width in WIDTHS:
        workers, budget, _ = width
        ours, peers = _width_side("auto", half, *width), [_width_side(peer, half, *width) for peer in WIDTH_PEERS]
        for share in SHARES[1:]:
            best = min(peers, key=lambda side: side.mean(rows, at=share * budget))
            title = f"{workers} worker{'s' * (workers > 1)}, {budget:g} trainings"
            yield compare(rows, ours, best, at=share * budget, of=budget, margin=0.02, kind="not above", title=title)


# Categories, ordered choices, conditions.

SPACE_PEERS = ("tpe", "optuna-gp")


def _space_side(method: str, half: Half, tasks: Sequence[str]) -> Side:
    return Side(method, tasks=tasks, seeds=half.seeds, workers=1, budget=100, unit="trials")


def _space_cells(half: Half) -> Iterable[Cell]:
    for method in ("auto", *SPACE_PEERS, "random"):
        for tasks in half.spaces.values():
            yield from _space_side(method, half, tasks).cells()


def _space_lines(rows: Rows, half: Half) -> Iterable[Line]:
    every = {"all": [task for tasks in half.spaces.values() for task in tasks], **half.spaces}
    for title, tasks in every.items():
        peers = [_space_side(peer, half, tasks) for peer in SPACE_PEERS]
        best = min(peers, key=lambda side: side.mean(rows, at=100))
        yield compare(rows, _space_side("auto", half, tasks), best, at=100, kind="not above", title=title)


# Early stopping alone.

CURVE_SEEDS = 10
CURVE_PEERS = ("listed-sha", "listed-hyperband", "listed-median")
CURVE_TRAININGS = 30.0


def _curve_side(method: str, half: Half, tasks: Sequence[str]) -> Side:
    seeds = range(half.seeds[0], half.seeds[0] + CURVE_SEEDS)
    return Side(method, tasks=tasks, seeds=seeds, workers=1, budget=CURVE_TRAININGS, unit="trainings")


def _curve_cells(half: Half) -> Iterable[Cell]:
    for method in ("auto-listed", "listed", *CURVE_PEERS):
        yield from _curve_side(method, half, half.curves).cells()


def _curve_lines(rows: Rows, half: Half) -> Iterable[Line]:
    ours = _curve_side("auto-listed", half, half.curves)
    for peer in (*CURVE_PEERS, "listed"):
        yield compare(rows, ours, _curve_side(peer, half, half.curves), at=CURVE_TRAININGS, kind="below")
    for task in half.curves:
        sides = [_curve_side(method, half, [task]) for method in ("auto-listed", "listed")]
        yield compare(rows, *sides, at=CURVE_TRAININGS, margin=0.02, kind="not above", title=task)


# Early ranks reversed.

REVERSED_SEEDS = 3


def _reversed_side(method: str, half: Half) -> Side:
    tasks = [f"{task} reversed" for task in half.lcbench]
    seeds = half.seeds[:REVERSED_SEEDS]
    return Side(method, tasks=tasks, seeds=seeds, workers=4, budget=TRAININGS, unit="trainings")


def _reversed_cells(half: Half) -> Iterable[Cell]:
    for method in ("auto", "auto-unstopped", "random", "random-asha"):
        yield from _reversed_side(method, half).cells()


def _reversed_lines(rows: Rows, half: Half) -> Iterable[Line]:
    ours = _reversed_side("auto", half)
    yield compare(rows, ours, _reversed_side("auto-unstopped", half), at=TRAININGS, margin=0.05, kind="not above")
    for peer in ("random", "random-asha"):
        yield compare(rows, ours, _reversed_side(peer, half), at=TRAININGS, kind="below")


# Two objectives.

TWO_PEERS = ("nsga2", "tpe-two")
TWO_SEEDS = 3


def _two_side(method: str, half: Half) -> Side:
    seeds = half.seeds[:TWO_SEEDS]
    return Side(method, tasks=half.lcbench, seeds=seeds, workers=4, budget=TRAININGS, unit="trainings", value="volume")


def _two_cells(half: Half) -> Iterable[Cell]:
    for method in ("auto-two", *TWO_PEERS):
        yield from _two_side(method, half).cells()


def _two_lines(rows: Rows, half: Half) -> Iterable[Line]:
    for peer in TWO_PEERS:
        yield count_of_tasks(rows, _two_side("auto-two", half), _two_side(peer, half), at=TRAININGS, at_least=7 / 9)


# What another study has found.

PAST_SEEDS = 3
PAST_TRAININGS = 10.0


def _past_side(method: str, half: Half) -> Side:
    seeds = half.seeds[:PAST_SEEDS]
    return Side(method, tasks=half.lcbench, seeds=seeds, workers=4, budget=PAST_TRAININGS, unit="trainings")


def _past_cells(half: Half) -> Iterable[Cell]:
    for method in ("auto", "auto-told", "auto-misled"):
        yield from _past_side(method, half).cells()


def _past_lines(rows: Rows, half: Half) -> Iterable[Line]:
    alone = _past_side("auto", half)
    for share in SHARES:
        options = {"at": share * PAST_TRAININGS, "of": PAST_TRAININGS}
        kind = "below" if share < 0.5 else "not above"
        yield compare(rows, _past_side("auto-told", half), alone, kind=kind, title="related", **options)
    for share in SHARES:
        options = {"at": share * PAST_TRAININGS, "of": PAST_TRAININGS}
        title = "its opposite"
        yield compare(
            rows, _past_side("auto-misled", half), alone, margin=0.02, kind="not above", title=title, **options
        )


FIGURES: Mapping[str, Figure] = {
    "full": Figure("50 full trainings, one worker: regret", _full_cells, _full_lines),
    "multi": Figure("4 workers, the time of 25 mean trainings each: regret", _multi_cells, _multi_lines),
    "widths": Figure("Other numbers of workers, less time: regret", _width_cells, _width_lines),
    "spaces": Figure("100 full trainings in spaces of choices and conditions: regret", _space_cells, _space_lines),
    "curves": Figure("Early stopping alone, 30 full budgets: regret", _curve_cells, _curve_lines),
    "reversed": Figure("Early ranks reversed, 4 workers, 25 mean trainings: regret", _reversed_cells, _reversed_lines),
    "past": Figure(
        "After 50 full trainings of another task, 4 workers, 10 mean trainings: regret", _past_cells, _past_lines
    ),
    "two": Figure("Loss and seconds, 4 workers, 25 mean trainings: hypervolume", _two_cells, _two_lines),
}
