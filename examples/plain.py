"""Search spaces alone, without the rest of automl: under plain Optuna, and under plain Ray Tune.

python examples/plain.py
"""

from __future__ import annotations

from typing import Any

import optuna
from ray import tune

from search_spaces import choose, cnn, mlp, optimizers
from search_spaces.convert import to_params, to_ray

space = choose("arch", mlp=mlp(size="small"), cnn=cnn(size="small")) | optimizers(lr="1e-4..1e-2 log")


def loss(params: dict[str, Any]) -> float:
    """Return something to minimize: a stand-in for training that wants little weight and a rate near 1e-3."""
    width = params["mlp.width"] if params["arch"] == "mlp" else params["cnn.width"]
    return abs(params["lr"] - 1e-3) * 100 + width / 100


def with_optuna() -> dict[str, Any]:
    """Each trial is asked only for what exists at it."""
    study = optuna.create_study()
    study.optimize(lambda trial: loss(space.suggest(trial)), n_trials=30)
    return study.best_params


def with_ray() -> dict[str, Any]:
    """What does not exist at a point is None in Ray's config; `to_params` leaves it out and checks the rest."""

    def train(config: dict[str, Any]) -> dict[str, float]:
        return {"loss": loss(to_params(space, config))}

    tuner = tune.Tuner(train, param_space=to_ray(space), tune_config=tune.TuneConfig(num_samples=10))
    return to_params(space, tuner.fit().get_best_result("loss", "min").config)


if __name__ == "__main__":
    print(with_optuna())
    print(with_ray())
