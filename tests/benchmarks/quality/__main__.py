"""`python -m tests.benchmarks.quality [FIGURE ...]`: run what has no row yet, and print the tables in Markdown.

Rows are kept in `rows/`: of a peer until its package changes, of ours until the sources that decide change. With
everything of ours to run again it takes about half an hour on two cores; with nothing changed, seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.benchmarks.measured import note
from tests.benchmarks.quality.claims import HEAD, MEANS, means
from tests.benchmarks.quality.figures import FIGURES, REPORT, TUNE, Half
from tests.benchmarks.quality.methods import METHODS
from tests.benchmarks.quality.rows import Cell, Row, Rows, cell_of
from tests.benchmarks.quality.runs import run
from tests.benchmarks.table import conditions

ROWS = Path(__file__).parent / "rows"

NOTES = """\
Learning curves are recorded or predicted, the clock is simulated, proposals and pauses cost no time. Regret is what
the best trial so far is really worth: 0 is the best loss that is known, 1 that of a random configuration in the
middle. The best trial so far is, for everybody, the one with the best value among those that got furthest. Figures
are means with their standard errors over runs, a run is a task and a seed; differences are of pairs of runs, to the
target, with Student's 95 % interval. "<" is met when all of the interval is below zero, and "on average" when only
its middle is; "<=" also when zero lies in it. Ours is `automl.simulate` with its defaults (`gp` is
--sampler gp without early stopping); peers have theirs: `tpe`, `optuna-gp`, `tpe-hyperband` and `nsga2` are Optuna's,
`ray` is Ray Tune's OptunaSearch with its ASHAScheduler, `random-asha` is random search with Ray's ASHA (eta 3, first
rung 2), `listed` goes through a fixed list without stopping."""


def main() -> None:
    options = _options()
    half = TUNE if options.half == "tune" else REPORT
    rows = Rows(options.rows, version_of=lambda method: METHODS[method].version())
    rows.compact()  # a line that a kill has cut would spoil the next one
    began, before = time.monotonic(), conditions()
    wanted = [cell for name in options.figures for cell in FIGURES[name].cells(half)]
    cells = list(dict.fromkeys(wanted)) if options.all else rows.missing(wanted)
    try:
        _run([cell for cell in cells if _is_chosen(cell, half, options)], rows, jobs=options.jobs)
    finally:
        rows.compact()
    note(f"done in {time.monotonic() - began:.0f} s")
    print(f"{before}\n")
    for name in options.figures:
        print(table(name, rows, half))
    if missing := rows.missing(wanted):
        old = sum(cell in rows for cell in missing)
        print(f"Of {len(set(wanted))} runs {len(missing) - old} were not made, and {old} are of an older version.\n")
    print(NOTES)


def table(name: str, rows: Rows, half: Half) -> str:
    """Return a figure as a heading and two tables: what came out, and what is claimed."""
    figure = FIGURES[name]
    claims = [line.cells() for line in figure.lines(rows, half)]
    return f"**{figure.title}**\n\n{_markdown(MEANS, means(rows, figure.cells(half)))}\n\n{_markdown(HEAD, claims)}\n"


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines])


def _run(cells: Sequence[Cell], rows: Rows, *, jobs: int) -> None:
    """Run cells in `jobs` processes; each row is kept as soon as it is there."""
    for number, row in enumerate(_rows(cells, jobs), start=1):
        rows.add(row)
        last = row["regret" if "regret" in row else "volume"][-1]
        note(f"{number} of {len(cells)}: {cell_of(row)}: {last} ({row['took']} s)")


def _rows(cells: Sequence[Cell], jobs: int) -> Iterator[Row]:
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:  # each has one core
        cell_of_run = {pool.submit(run, cell): cell for cell in cells}
        for future in as_completed(cell_of_run):
            if error := future.exception():  # the others go on; the tables say that it is missing
                note(f"{cell_of_run[future]} FAILED: {error!r}")
            else:
                yield future.result()


def _is_chosen(cell: Cell, half: Half, options: argparse.Namespace) -> bool:
    method = METHODS[cell.method]
    if options.methods is not None:
        is_asked_for = cell.method in options.methods.split(",")
    else:
        is_asked_for = method.is_ours or options.peers or options.all
    return is_asked_for and method.version() is not None and cell.seed < half.seeds[0] + options.seeds


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.quality", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"some of {', '.join(FIGURES)}; default: all")
    parser.add_argument("--peers", action="store_true", help="run what is missing of the peers too, for hours")
    parser.add_argument("--all", action="store_true", help="run everything again, the peers too")
    parser.add_argument("--methods", metavar="NAMES", help=f"run only these, with commas: {', '.join(METHODS)}")
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="run only the first N of each figure")
    parser.add_argument("--half", choices=("report", "tune"), default="report", help="which tasks and seeds")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once; default 2")
    parser.add_argument("--rows", type=Path, default=ROWS, help="folder of the rows; default: the project's own")
    options = parser.parse_args()
    options.figures = options.figures or list(FIGURES)
    if unknown := set(options.figures) - set(FIGURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(FIGURES)}")
    if options.methods is not None and (strange := set(options.methods.split(",")) - set(METHODS)):
        parser.error(f"unknown: {', '.join(sorted(strange))}; there is {', '.join(METHODS)}")
    options.rows.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    main()
