"""Optuna, Ray Tune and MLflow with the integrations that they ship, as their documentation says: a search to be killed.

    python -m tests.stress.stock FOLDER         # searches; started again, restores what is there and goes on

Trials and studies are kept in Optuna's own SQLite storage, runs in MLflow's, so that nothing is lost for want of a
database. `played` kills it once, starts it again twice, and counts.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.mlflow_template import template

TRIALS, STEPS, SLEEP = 12, 5, 0.2
SECONDS = 240.0
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0"}
MARK = "AUTOML_STRESS"


def search(folder: Path) -> None:
    """Run the search in `folder`, or go on with it."""
    import optuna
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search.optuna import OptunaSearch

    def train(config: dict[str, Any]) -> None:
        with (folder / "history").open("a") as history:
            history.write(f"{config['x']!r}\n")
        for step in range(1, STEPS + 1):
            time.sleep(SLEEP)
            tune.report({"loss": (config["x"] - 0.3) ** 2 + 1 / step})

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    state = str(folder / "results" / "search")
    if tune.Tuner.can_restore(state):
        tuner = tune.Tuner.restore(state, trainable=train, resume_errored=True)
    else:
        storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/optuna.db")
        tuner = tune.Tuner(
            train,
            param_space={"x": tune.uniform(0.0, 1.0)},
            tune_config=tune.TuneConfig(
                metric="loss",
                mode="min",
                num_samples=TRIALS,
                max_concurrent_trials=2,
                search_alg=OptunaSearch(study_name="s", storage=storage),
            ),
            run_config=tune.RunConfig(
                name="search",
                storage_path=str(folder / "results"),
                callbacks=[MLflowLoggerCallback(tracking_uri=_tracking_uri(folder), experiment_name="e")],
            ),
        )
    tuner.fit()


def _tracking_uri(folder: Path) -> str:
    return os.environ.get("STOCK_TRACKING_URI") or f"sqlite:///{folder}/mlflow.db"


def away(seed: int, url: str, outage: Callable[[], None]) -> dict[str, Any]:
    """Search with MLflow's server at `url`, let the `outage` come in the middle, and return how the search ended."""
    with tempfile.TemporaryDirectory(prefix="automl-stress-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            process = _start(folder, STOCK_TRACKING_URI=url)
            while process.poll() is None and len(_lines(folder)) < 4:
                time.sleep(0.05)  # files of another process
            outage()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS)
            code = process.poll()
            with contextlib.closing(sqlite3.connect(folder / "optuna.db")) as store:
                states = Counter(state for (state,) in store.execute("SELECT state FROM trials"))
            return {"seed": seed, "optuna": dict(states), "exit": code, "error": _error(folder)}
        finally:
            for pid in _processes(folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def played(seed: int) -> dict[str, Any]:
    """Kill the driver once, let it go on twice, and return what its stores say."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="automl-stress-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copyfile(template(), folder / "mlflow.db")
        try:
            process = _start(folder)
            while process.poll() is None and len(_lines(folder)) < rng.randrange(6, 9):
                time.sleep(0.05)  # files of another process
            time.sleep(rng.uniform(0.0, 1.0))
            process.kill()
            process.wait()
            ended = [_end(folder) for _ in range(2)]
            return {"seed": seed, **_counted(folder), "exits": [code for code, _ in ended], "error": ended[-1][1]}
        finally:
            for pid in _processes(folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _start(folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.stress.stock", str(folder)],
            env={**os.environ, **_QUIET, **environment, MARK: str(folder)},
            cwd=Path(__file__).parents[2],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _end(folder: Path) -> tuple[int | None, str]:
    """Start the search again, and return how it ended and its last error."""
    process = _start(folder)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS)
    code = process.poll()
    process.kill()
    process.wait()
    return code, _error(folder)


def _error(folder: Path) -> str:
    """Return the last error that it printed."""
    lines = (folder / "log").read_text(errors="replace").splitlines()
    errors = [line for line in lines if "Error: " in line or "Exception: " in line]
    return errors[-1].strip()[:200] if errors else ""


def _counted(folder: Path) -> dict[str, Any]:
    """Return what the stores know of trials, and how often they ran."""
    with contextlib.closing(sqlite3.connect(folder / "optuna.db")) as store:
        optuna = Counter(state for (state,) in store.execute("SELECT state FROM trials"))
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as store:
        mlflow = Counter(status for (status,) in store.execute("SELECT status FROM runs"))
        doubled = store.execute(
            "SELECT COUNT(*) FROM (SELECT value FROM params WHERE key = 'x' GROUP BY value HAVING COUNT(*) > 1)"
        ).fetchone()[0]
    again = sum(times > 1 for times in Counter(_lines(folder)).values())
    return {"optuna": dict(optuna), "mlflow": dict(mlflow), "doubled": doubled, "rerun": again}


def _lines(folder: Path) -> list[str]:
    file = folder / "history"
    return file.read_text().split() if file.exists() else []


def _processes(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={folder}\0".encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


if __name__ == "__main__":
    search(Path(sys.argv[1]))
