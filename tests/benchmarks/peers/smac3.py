"""SMAC3, asked and told: the facade that it has for hyperparameters, with its random forest."""

from __future__ import annotations

import tempfile

from search_spaces import SearchSpace
from search_spaces.convert import to_configspace, to_params
from tests.benchmarks.peers.clock import Params, Values


class SmacSearcher:
    """SMAC3 with the facade that it recommends for full trainings: `HyperparameterOptimizationFacade`."""

    def __init__(self, space: SearchSpace, *, trials: int, seed: int) -> None:
        from smac import HyperparameterOptimizationFacade, Scenario

        self._space = space
        self._folder = tempfile.TemporaryDirectory(prefix="smac-")
        scenario = Scenario(
            to_configspace(space, seed=seed),
            deterministic=True,
            n_trials=trials,
            seed=seed,
            output_directory=self._folder.name,
        )
        self._smac = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=False
        )
        self._asked: dict[int, object] = {}

    def ask(self, number: int) -> Params:
        self._asked[number] = info = self._smac.ask()
        return to_params(self._space, info.config)

    def report(self, number: int, step: int, values: Values) -> bool:
        return True

    def end(self, number: int, step: int, values: Values, *, is_full: bool) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self._smac.tell(self._asked.pop(number), TrialValue(cost=values["loss"], time=1.0))
