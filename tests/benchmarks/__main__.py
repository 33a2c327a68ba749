"""`python -m tests.benchmarks [FIGURE ...] [--pairs N] [--quick]`: measure, and print a table in Markdown."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.benchmarks.figures import FIGURES, Bench
from tests.benchmarks.measured import note
from tests.benchmarks.table import conditions, table

NOTES = """\
Each run is a fresh process, and those compared took turns: medians, with the smallest and largest of the pairs in
parentheses. The objective does nothing but report; 12 parameters, 2 workers, early stopping off. Bare Tune stores and
logs nothing and asks Optuna's TPE in memory. Tune's own glue is OptunaSearch (TPE) with MLflowLoggerCallback; it gets
10 trials with 20 reports and 60 with 1, not 200, so beside it both are counted per trial from when every worker was
warm. MLflow's files were made before the clocks, and workers are reused on every side. Trial 5,000 is of a study of
4,700 that goes on, trial 200 of a new one. Workers train a small network, 10 steps a trial; for the figure of a step
the search and the same training in two processes run side by side, each frozen for three seconds while the other goes
on. Points of a search space are drawn and checked in one process, whose own time on the processor counts."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"some of {', '.join(FIGURES)}; default: all")
    parser.add_argument("--pairs", type=int, default=5, help="how often each comparison is made; default 5")
    parser.add_argument("--quick", action="store_true", help="few trials, one pair: only to see that it works")
    parser.add_argument("--scratch", type=Path, help="existing folder to work in; default: the temporary one")
    options = parser.parse_args()
    if unknown := set(options.figures) - set(FIGURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(FIGURES)}")

    began, before = time.monotonic(), conditions()
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.scratch) as scratch:
        pairs, scale = (1, 0.05) if options.quick else (options.pairs, 1.0)
        bench = Bench(Path(scratch), pairs=pairs, scale=scale)
        for name in options.figures or FIGURES:
            found = FIGURES[name](bench)
            note(f"\n{table(found)}")  # what comes after may fail
            rows += found
    note(f"done in {time.monotonic() - began:.0f} s")
    warning = "**Quick: too few trials to mean anything.** " if options.quick else ""
    print(f"{warning}{before}\n\n{table(rows)}\n\n{NOTES}")


main()
