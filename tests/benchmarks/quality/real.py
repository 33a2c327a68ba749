"""`python -m tests.benchmarks.quality.real --data PATH`: networks that are really trained, beside what people use
today.

Each search has the same time on the same cores; its winner, by validation accuracy, is trained again and judged by the
test part. Rows are kept as for `tests.benchmarks.quality`, in `rows/real.jsonl`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.measured import environment, note
from tests.benchmarks.quality.__main__ import ROWS
from tests.benchmarks.quality.methods import policy
from tests.benchmarks.quality.statistics import mean, paired
from tests.benchmarks.table import conditions

Search = Callable[..., tuple[Mapping[str, Any], int, float]]
"""Called with the data, a folder, `seconds`, `workers` and a `seed`; returns params, epochs, validation accuracy."""


def ours(data: Path, folder: Path, *, seconds: float, workers: int, seed: int) -> tuple[Mapping[str, Any], int, float]:
    """Search with the defaults of automl."""
    import automl
    from tests.benchmarks.quality.images import MAX_EPOCHS, SPACE

    found = automl.search(
        Objective(data, seed),
        SPACE,
        name="bench",
        metric="val_acc",
        direction="maximize",
        n_trials=10_000,
        timeout=seconds,
        max_epochs=MAX_EPOCHS,
        parallel=workers,
        seed=seed,
        tracker="none",
        home=folder,
        listeners=[],
    )
    best = max((max(trial.reports.items()), trial.number) for trial in found.trials if trial.reports)
    (epochs, accuracy), number = best  # of those that got furthest: full trainings, if the time was long enough
    return found.trials[number].params, epochs, accuracy


class Objective:
    """Trains the network of a trial, and goes on where a paused one was."""

    def __init__(self, data: Path, seed: int) -> None:
        self._data = data
        self._seed = seed

    def __call__(self, trial: Any) -> float:
        from tests.benchmarks.quality.images import MAX_EPOCHS, Training, read

        images = read(self._data)
        training = Training(trial.params, images, seed=self._seed)
        if trial.restored:
            training.restore(trial.restored.folder / "state.pt")
        accuracy = trial.last_values.get("val_acc", 0.0)
        while training.epoch < MAX_EPOCHS:
            training.train_epoch()
            accuracy = training.accuracy(images.val)
            if trial.decides_at(training.epoch):
                with trial.checkpoint(training.epoch) as folder:
                    training.save(folder / "state.pt")
            trial.report(training.epoch, val_acc=accuracy)
        return float(accuracy)


def _ray_pairing(*args: Any, **options: Any) -> tuple[Mapping[str, Any], int, float]:
    from tests.benchmarks.peers.networks import ray_pairing

    return ray_pairing(*args, **options)


def _optuna_sha(*args: Any, **options: Any) -> tuple[Mapping[str, Any], int, float]:
    from tests.benchmarks.peers.networks import optuna_sha

    return optuna_sha(*args, **options)


SEARCHES: Mapping[str, Search] = {"auto": ours, "ray": _ray_pairing, "optuna-sha": _optuna_sha}
PACKAGES = {"ray": ("ray", "optuna", "torch"), "optuna-sha": ("optuna", "torch")}
MARGINS = {"ray": 0.0, "optuna-sha": -0.003}
"""By how much the mean test accuracy of ours must be above each peer's."""


def version(method: str) -> str:
    """Return what tells the results of a method apart."""
    if method == "auto":
        return policy()
    return ", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES[method])


def main() -> None:
    options = _options()
    if options.one:
        _one(options)
        return
    file = options.rows / "real.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    keys = ("method", "seed", "minutes", "cores")
    known = {tuple(row[key] for key in keys): row for row in rows if row["version"] == version(row["method"])}
    for seed in range(10, 10 + options.seeds):
        for method in SEARCHES:
            key = (method, seed, options.minutes, options.cores)
            if key not in known or options.all:
                row = (
                    dict(zip(keys, key, strict=True)) | {"version": version(method)} | _measured(method, seed, options)
                )
                known[key] = row
                with file.open("a") as out:
                    out.write(json.dumps(row) + "\n")
                note(f"{method}, seed {seed}: {row['test']:.4f} on the test part")
    print(f"{conditions()}\n")
    print(_table([row for key, row in known.items() if key[2:] == (options.minutes, options.cores)]))


def _measured(method: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Run a search in a fresh process."""
    given = [f"--{name}={getattr(options, name)}" for name in ("data", "minutes", "cores")]
    command = [sys.executable, "-m", __spec__.name, "--one", method, "--seed", str(seed), *given]
    done = subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE, text=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def _one(options: argparse.Namespace) -> None:
    """Search once and print the row."""
    from tests.benchmarks.quality.images import read, test_accuracy

    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-real-") as folder:
        params, epochs, accuracy = SEARCHES[options.one](
            options.data, Path(folder), seconds=60 * options.minutes, workers=options.cores, seed=options.seed
        )
    took = time.monotonic() - began
    test = test_accuracy(params, read(options.data), epochs=epochs, seed=options.seed)
    row = {"val": accuracy, "test": test, "epochs": epochs, "params": dict(params), "took": round(took, 1)}
    print(f"\n{json.dumps(row)}", flush=True)


def _table(rows: list[dict[str, Any]]) -> str:
    """Return the accuracies as Markdown."""
    by_method = {name: {row["seed"]: row["test"] for row in rows if row["method"] == name} for name in SEARCHES}
    mine = by_method["auto"]
    lines = [
        "| peer | seeds | ours | peer's | difference, 95 % interval | target | met |",
        "|---|---|---|---|---|---|---|",
    ]
    for peer, margin in MARGINS.items():
        seeds = sorted(mine.keys() & by_method[peer].keys())
        left, right = [mine[seed] for seed in seeds], [by_method[peer][seed] for seed in seeds]
        between = paired(left, right)
        lines.append(
            f"| {peer} | {len(seeds)} | {mean(left).mean:.4f} | {mean(right).mean:.4f} "
            f"| {between.mean:+.4f} ({between.low:+.4f} .. {between.high:+.4f}) "
            f"| > {margin:+.3f} | {'yes' if between.mean > margin else '**no**'} |"
        )
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.quality.real", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Fashion-MNIST: an .npz, or a folder of IDX files")
    parser.add_argument("--minutes", type=float, default=20.0, help="of each search; default 20")
    parser.add_argument("--cores", type=int, default=min(2, os.cpu_count() or 1), help="of each search; default 2")
    parser.add_argument("--seeds", type=int, default=3, help="searches of each method; default 3")
    parser.add_argument("--all", action="store_true", help="run everything again")
    parser.add_argument("--rows", type=Path, default=ROWS, help="folder of the rows; default: the project's own")
    parser.add_argument("--one", choices=SEARCHES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.data = options.data.resolve()
    if not options.data.exists():
        parser.error(f"--data: there is no {options.data}")
    return options


if __name__ == "__main__":
    main()
