"""The figures: each runs what it compares in turns and returns rows of the table.

- `trial`: what a trial costs, everything on, beside bare Tune (the floor) and beside the stock pieces (the glue).
- `growth`: what a trial costs at 5,000 beside one at 200.
- `long`: memory and answers of a study of 5,000 trials.
- `workers`: how busy they are, and how fast beside the same training without a search.
- `ledger`: what the ledger costs beside Optuna's database.
- `start`: what one waits for before anything happens.
- `spaces`: what drawing and checking the points of a search space costs.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import spaces as space_of_30
from tests.benchmarks.measured import WARM, Times, environment, measure, note, start_run
from tests.benchmarks.table import Row
from tests.benchmarks.training import STEPS, idle_share, seconds_a_step, steps
from tests.benchmarks.turns import freeze, killed_at_last, take_turns

OURS, LEDGER, TRAINING = (f"tests.benchmarks.{name}" for name in ("ours", "ledger", "training"))
FLOOR, GLUE, RDB, ALONE = (f"tests.benchmarks.peers.{name}" for name in ("floor", "glue", "rdb", "alone"))
ENDLESS = 1000  # trials, of a run that is ended from outside
AUTOML = Path(sys.executable).with_name("automl")


class Bench:
    """How much is run, and where.

    Args:
        scratch: folder for everything; it should lie on a disk, not in memory.
        pairs: how often each comparison is made.
        scale: of the number of trials; below 1 only to see that all works.
    """

    def __init__(self, scratch: Path, *, pairs: int, scale: float = 1.0) -> None:
        self.pairs = pairs
        self._scratch = scratch
        self._scale = scale
        self._numbers = itertools.count()

    def trials(self, full: int) -> int:
        """Return how many trials to run where a figure asks for `full`."""
        return max(8, round(full * self._scale))

    def in_turns(self, what: str, *sides: Callable[[], Times], most: int | None = None) -> list[list[Times]]:
        """Measure the sides in turns, as often as is asked for or `most` times; return each one's runs."""
        rounds, n = [], min(self.pairs, most or self.pairs)
        for number in range(n):
            note(f"{what}: round {number + 1} of {n}")
            rounds.append([side() for side in sides])
        return [list(runs) for runs in zip(*rounds, strict=True)]

    def search(self, module: str, *, trials: int, **options: Any) -> Callable[[], Times]:
        """Return what measures one run of `module`, in a folder that is removed after it."""

        def run() -> Times:
            with self.folder() as folder:
                times = measure(module, folder=str(folder), trials=trials, **options)
            if times.told:
                note(f"  {module.rpartition('.')[2]}: {times.per_trial * 1e3:.1f} ms a trial")
            return times

        return run

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield a folder with an empty MLflow store, and remove it."""
        folder = self._scratch / f"{next(self._numbers)}"
        folder.mkdir()
        shutil.copyfile(self._store, folder / "mlflow.db")
        yield folder
        shutil.rmtree(folder)

    @functools.cached_property
    def _store(self) -> Path:
        """An empty MLflow store, migrated: nobody's clock pays for that."""
        store = self._scratch / "empty.db"
        make = "import sys, mlflow; mlflow.MlflowClient(sys.argv[1]).search_experiments()"
        command = [sys.executable, "-c", make, f"sqlite:///{store}"]
        subprocess.run(command, env=environment(), check=True, capture_output=True)
        return store


def trial(bench: Bench) -> list[Row]:
    """Cost of a trial, everything on: to the last tell beside the floor, until visible in MLflow beside the glue.

    The glue is so slow that it gets fewer trials; so beside it both sides are counted from when they were warm.
    """
    rows, told, visible = [], "first ask to last tell; bare Tune", "until visible in MLflow; Tune's own glue"
    for reports, glue_trials in ((20, 10), (1, 60)):
        ours, floor, glue = bench.in_turns(
            f"trial, {reports} reports",
            bench.search(OURS, trials=bench.trials(200), reports=reports),
            bench.search(FLOOR, trials=bench.trials(200), reports=reports),
            bench.search(GLUE, trials=bench.trials(glue_trials), reports=reports),
        )
        name, is_one = f"trial, {reports} report{'s' * (reports > 1)}", reports == 1
        a = [[times.per_trial for times in side] for side in (ours, floor)]
        b = [[times.until_visible for times in side] for side in (ours, glue)]
        rows.append(Row(f"{name}, {told}", *a, at_most=0.015 if is_one else 1.5, is_difference=is_one))
        rows.append(Row(f"{name}, {visible}", *b, at_most=2 / 3 if is_one else 1 / 4))
    first = [[times.first_report - times.began for times in side] for side in (ours, glue)]
    return [*rows, Row("process start to first report; Tune's own glue", *first, at_most=1.0)]


def growth(bench: Bench) -> list[Row]:
    """Cost of a trial at 5,000 beside one at 200, without sampler and tracker: of a study that goes on, and a new one.

    They take turns, since a minute later the same machine may be twice as fast.
    """
    trials, block = bench.trials(5000), bench.trials(200)
    rows = []
    for executor, reports in (("ray", 1), ("local", 20)):
        name = f"growth, {executor} executor, {reports} report{'s' * (reports > 1)}"
        options = {"reports": reports, "executor": executor, "sampler": "random", "tracker": "none"}
        warm = block // 2
        with bench.folder() as home:
            note(name)
            after = trials - block - warm
            measure(OURS, folder=str(home), trials=after, **options)
            late, early = bench.in_turns(
                name,
                bench.search(OURS, trials=warm + block, home=str(home), after=after, **options),
                bench.search(OURS, trials=warm + block, **options),
                most=3,
            )
        sides = [[times.stretch(warm, warm + block) for times in side] for side in (late, early)]
        rows.append(Row(f"{name}: trial {trials:,}; trial {block}", *sides, at_most=1.2))
    return rows


def long(bench: Bench) -> list[Row]:
    """What the driver of a long study holds in memory, with TPE, and how soon commands answer about it."""
    trials = bench.trials(5000)
    study = f"{trials:,} trials x 20 reports"
    with bench.folder() as folder:
        note(f"long: {study}")
        options = {"executor": "local", "sampler": "tpe", "tracker": "none"}
        times = measure(OURS, folder=str(folder), trials=trials, reports=20, **options)
        note(f"  ours: {times.per_trial * 1e3:.1f} ms a trial")
        rows = [Row(f"{study}: the driver's memory", [times.memory], [], at_most=700e6, unit="bytes")]
        for verb in ("status", "top", "show"):
            command = (str(AUTOML), verb, "bench", "--home", str(folder))
            rows.append(Row(f"{study}: automl {verb}", [_wall(*command) for _ in range(bench.pairs)], [], at_most=1.0))
    return rows


def workers(bench: Bench) -> list[Row]:
    """How long workers wait, and a step of real training beside the same training without a search."""
    (searches,) = bench.in_turns("workers wait", bench.search(TRAINING, trials=bench.trials(12)), most=3)
    ours, alone = _steps(bench)
    return [
        Row(
            "workers wait, of their time while enough trials remain",
            [*map(idle_share, searches)],
            [],
            at_most=0.03,
            unit="share",
        ),
        Row("a step of training on a worker; the same without a search", ours, alone, at_most=1 / 0.95),
    ]


def _steps(bench: Bench) -> list[list[float]]:
    """Return the seconds that a step takes in a search and without one, in stretches of three seconds in turns."""
    note("workers train")
    programs: list[subprocess.Popen[str]] = []
    with bench.folder() as ours, bench.folder() as alone, killed_at_last(programs):
        sides = {ours: TRAINING, alone: ALONE}
        for folder, module in sides.items():  # one after the other: Ray's workers are nicer than the other side's
            programs.append(start_run(module, folder=str(folder), trials=ENDLESS))
            while len(steps(folder)) < WARM * STEPS:
                if programs[-1].poll() is not None:
                    raise RuntimeError(f"{module} ended before it was measured")
                time.sleep(0.5)
            freeze(programs[-1])
        ran = take_turns(programs, seconds=3.0, turns=2 * bench.pairs)
        return [seconds_a_step(folder, stretches) for folder, stretches in zip(sides, ran, strict=True)]


def ledger(bench: Bench) -> list[Row]:
    """Ask, 20 reports and tell: through our study, and through Optuna's storage on SQLite."""
    sides = [bench.search(module, trials=bench.trials(100), reports=20) for module in (LEDGER, RDB)]
    ours, peer = ([times.per_trial for times in side] for side in bench.in_turns("ledger", *sides))
    return [Row("ledger: ask, 20 reports, tell; Optuna's RDBStorage", ours, peer, at_most=1 / 6)]


def start(bench: Bench) -> list[Row]:
    """The command line's help, and what importing the search spaces adds to Python's own start."""
    note("start")
    shown, loaded, bare = [], [], []
    for _ in range(3 * bench.pairs):
        shown.append(_wall(str(AUTOML), "--help"))
        loaded.append(_wall(sys.executable, "-c", "import search_spaces"))
        bare.append(_wall(sys.executable, "-c", "pass"))
    return [
        Row("automl --help", shown, [], at_most=0.3),
        Row("import search_spaces; bare Python", loaded, bare, at_most=0.05, is_difference=True),
    ]


def spaces(bench: Bench) -> list[Row]:
    """Drawing 10,000 points of a conditional space of 30 parameters, and checking one; in this process, of its time."""
    note("spaces")
    n = bench.trials(10_000)
    drawn = [space_of_30.seconds_to_sample(n, seed=seed) for seed in range(bench.pairs)]
    checked = [space_of_30.seconds_to_validate(n, seed=seed) for seed in range(bench.pairs)]
    name = f"a conditional space of {len(space_of_30.SPACE)} parameters"
    return [
        Row(f"{name}: {n:,} points drawn", drawn, [], at_most=n / 10_000),
        Row(f"{name}: a point checked", checked, [], at_most=50e-6),
    ]


FIGURES: dict[str, Callable[[Bench], list[Row]]] = {
    "start": start,
    "spaces": spaces,
    "ledger": ledger,
    "growth": growth,
    "long": long,
    "workers": workers,
    "trial": trial,
}


def _wall(*command: str) -> float:
    """Return the seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
