"""The same training without a search: as many processes at once as the search has workers, and nothing beside them."""

from __future__ import annotations

import dataclasses
import multiprocessing
from pathlib import Path

from tests.benchmarks.measured import PARALLEL, Times, child
from tests.benchmarks.training import Span, train


def _train(folder: Path) -> Span:
    return train(1e-3, lambda step, loss: None, folder=folder)[1]


def run(folder: Path, *, trials: int) -> Times:
    """Train `trials` networks one after the other in each process."""
    with multiprocessing.get_context("spawn").Pool(PARALLEL) as pool:
        spans = pool.map(_train, [folder] * trials, chunksize=1)
    return Times(spans=[list(dataclasses.astuple(span)) for span in spans])


if __name__ == "__main__":
    child(run)
