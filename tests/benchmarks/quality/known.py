"""The best that is known of each data set of the surrogate: found once by trying, kept in `lcbench.json`.

    python -m tests.benchmarks.quality.known

200,000 random points, then from the best 20 of them steps that grow shorter, until 25 rounds in a row, each
shorter than the last, found nothing. All
searches of the benchmarks together see a small part of that, so that none of them will find a better one by much.
"""

from __future__ import annotations

import json
import random

import numpy as np
from numpy.typing import NDArray

from search_spaces import SearchSpace
from tests.benchmarks.measured import note
from tests.benchmarks.quality.lcbench import DATA, Floats, Surrogate, facts
from tests.benchmarks.quality.tasks import lcbench_space

N_RANDOM, BATCH = 200_000, 20_000
N_KEPT, N_BESIDE, N_ROUNDS, PATIENCE = 20, 40, 400, 25
N_TYPICAL = 2_000
"""Random configurations that say what is usual."""


def search(surrogate: Surrogate, rng: np.random.Generator) -> tuple[Floats, float]:
    """Return the best point that was found, as columns of the surrogate, and its loss."""
    units = rng.random((N_RANDOM, len(_parameters())))
    losses = np.concatenate([surrogate.errors_of(columns(part)) for part in np.split(units, N_RANDOM // BATCH)])
    kept = np.argsort(losses)[:N_KEPT]
    points, losses = units[kept], losses[kept]
    size, idle = 0.2, 0
    for _ in range(N_ROUNDS):
        moved = points[:, None] + size * rng.standard_normal((N_KEPT, N_BESIDE, points.shape[1])) * (
            rng.random((N_KEPT, N_BESIDE, points.shape[1])) < 0.5
        )
        moved = np.clip(moved, 0, 1)
        found = surrogate.errors_of(columns(moved.reshape(-1, points.shape[1]))).reshape(N_KEPT, N_BESIDE)
        nearest = found.argmin(axis=1)
        lowest = found[np.arange(N_KEPT), nearest]
        better = lowest < losses
        points[better], losses[better] = moved[better, nearest[better]], lowest[better]
        size, idle = (size, 0) if better.any() else (size * 0.7, idle + 1)
        if idle == PATIENCE:
            break
    winner = losses.argmin()
    return columns(points[[winner]])[0], float(losses[winner])


def columns(units: Floats) -> Floats:
    """Return points of the unit cube as columns of the surrogate: on the scale of each parameter, whole if it is."""
    found = np.empty_like(units)
    for i, each in enumerate(_parameters()):
        low, high = each["low"], each["high"]
        share = units[:, i]
        value = low * (high / low) ** share if each["log"] else low + (high - low) * share
        value = np.clip(value, low, high)
        found[:, i] = np.round(value) if each["type"] == "int" else value
    return found


def _parameters() -> list[dict[str, float | str | bool]]:
    return [facts()["space"][each["name"]] for each in facts()["inputs"][1:]]


def typical(surrogate: Surrogate, space: SearchSpace) -> tuple[list[float], NDArray[np.float64]]:
    """Return the median loss of random configurations at each epoch, and their seconds."""
    rng = random.Random(0)
    errors, seconds = surrogate.curves([space.sample(rng) for _ in range(N_TYPICAL)])
    return np.median(errors, axis=0).tolist(), seconds[:, -1]


def main() -> None:
    found = facts()
    space = lcbench_space()
    for instance, known in found["instances"].items():
        surrogate = Surrogate(instance)
        point, best = search(surrogate, np.random.default_rng(0))
        medians, seconds = typical(surrogate, space)
        known |= {
            "best": best,
            "best_at": dict(zip((each["name"] for each in found["inputs"][1:]), point.tolist(), strict=True)),
            "medians": [round(median, 4) for median in medians],
            "mean_seconds": float(seconds.mean()),
            "median_seconds": float(np.median(seconds)),
        }
        note(f"{instance}: best {best:.4f}, median {medians[-1]:.4f}, {seconds.mean():.0f} s")
    (DATA / "lcbench.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
