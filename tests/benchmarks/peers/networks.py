"""Searches of networks that are really trained, as people put them together: Ray's pairing, and Optuna on its own."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

os.environ |= {"RAY_AIR_NEW_OUTPUT": "0"}

import optuna

from tests.benchmarks.quality.images import MAX_EPOCHS, SPACE, read, train

Winner = tuple[dict[str, Any], int, float]
"""Params, epochs, validation accuracy."""


def ray_pairing(data: Path, folder: Path, *, seconds: float, workers: int, seed: int) -> Winner:
    """Search with Tune, OptunaSearch (TPE) and ASHAScheduler, each with its defaults."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.optuna import OptunaSearch

    def objective(config: dict[str, Any]) -> None:
        for _, accuracy in train(config, read(data), seed=seed):
            tune.report({"val_acc": accuracy})

    fixed = {name: each.value for name, each in SPACE.items() if hasattr(each, "value")}
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    searcher = OptunaSearch(_suggest, metric="val_acc", mode="max", seed=seed)
    results = tune.Tuner(
        lambda config: objective({**fixed, **config}),
        tune_config=tune.TuneConfig(
            search_alg=ConcurrencyLimiter(searcher, max_concurrent=workers),
            scheduler=ASHAScheduler(time_attr="training_iteration", metric="val_acc", mode="max", max_t=MAX_EPOCHS),
            num_samples=-1,
            time_budget_s=seconds,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0),
    ).fit()
    best = results.get_best_result(metric="val_acc", mode="max")
    assert best.config is not None
    assert best.metrics is not None
    return {**fixed, **best.config}, best.metrics["training_iteration"], best.metrics["val_acc"]


def _suggest(trial: Any) -> None:
    SPACE.suggest(trial)


def optuna_sha(data: Path, folder: Path, *, seconds: float, workers: int, seed: int) -> Winner:
    """Search with Optuna's TPE and its successive halving, in as many processes as there are workers."""
    journal = str(folder / "journal")
    optuna.create_study(storage=_storage(journal), study_name="bench", direction="maximize")
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_optuna_worker, args=(journal, data, seconds, seed, number)) for number in range(workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    study = optuna.load_study(storage=_storage(journal), study_name="bench")
    tried = [trial for trial in study.trials if trial.intermediate_values]
    best = max(tried, key=lambda trial: max(trial.intermediate_values.items()))  # of those that got furthest
    return best.user_attrs["params"], *max(best.intermediate_values.items())


def _storage(journal: str) -> optuna.storages.BaseStorage:
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(journal))


def _optuna_worker(journal: str, data: Path, seconds: float, seed: int, number: int) -> None:
    def objective(trial: optuna.Trial) -> float:
        params = SPACE.suggest(trial)
        trial.set_user_attr("params", params)
        accuracy = 0.0
        for epoch, accuracy in train(params, read(data), seed=seed):
            trial.report(accuracy, epoch)
            if trial.should_prune() or time.monotonic() > latest:
                raise optuna.TrialPruned
        return accuracy

    latest = time.monotonic() + seconds
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=1000 * seed + number)  # or both workers would draw the same
    study = optuna.load_study(
        storage=_storage(journal),
        study_name="bench",
        sampler=sampler,
        pruner=optuna.pruners.SuccessiveHalvingPruner(),
    )
    study.optimize(objective, timeout=seconds)
