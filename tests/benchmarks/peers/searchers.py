"""The peers of our searches, as their users put them together: a sampler, and what stops trials.

    peer = OptunaSearcher(space, optuna.samplers.TPESampler(seed=1), optuna.pruners.HyperbandPruner())
    peer.ask(0)

Everything has its default where nothing else is said. `RaySearcher` is what Ray Tune's users get from `OptunaSearch`
with `ASHAScheduler`: trials that were stopped are told to Optuna as if they were complete, with their last value.
Ordinals are asked for by their index, which Optuna's users do for want of them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import optuna

from search_spaces import Int, Ordinal, SearchSpace
from tests.benchmarks.peers.clock import Params, Values

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Encoded:
    """A space with the index of each ordinal in place of its value."""

    def __init__(self, space: SearchSpace) -> None:
        self._choices = {name: each.choices for name, each in space.items() if isinstance(each, Ordinal)}
        self.space = space.override({name: Int(0, len(choices) - 1) for name, choices in self._choices.items()})

    def decoded(self, params: Params) -> Params:
        """Return params with the values of ordinals."""
        return {name: self._choices[name][value] if name in self._choices else value for name, value in params.items()}


class OptunaSearcher:
    """A study of Optuna's: its sampler, and its pruner; trials that it prunes are told PRUNED."""

    def __init__(
        self,
        space: SearchSpace,
        sampler: optuna.samplers.BaseSampler,
        pruner: optuna.pruners.BasePruner | None = None,
        *,
        metrics: Sequence[str] = ("loss",),
    ) -> None:
        self._encoded = Encoded(space)
        self._metrics = metrics
        self._has_pruner = pruner is not None
        self._study = optuna.create_study(
            sampler=sampler, pruner=pruner or optuna.pruners.NopPruner(), directions=["minimize"] * len(metrics)
        )
        self._trials: dict[int, optuna.Trial] = {}

    def ask(self, number: int) -> Params:
        trial = self._trials[number] = self._study.ask()
        return self._encoded.decoded(self._encoded.space.suggest(trial))

    def report(self, number: int, step: int, values: Values) -> bool:
        if not self._has_pruner:
            return True
        self._trials[number].report(values[self._metrics[0]], step)
        return not self._trials[number].should_prune()

    def end(self, number: int, step: int, values: Values, *, is_full: bool) -> None:
        trial = self._trials.pop(number)
        if is_full:
            self._study.tell(trial, [values[name] for name in self._metrics])
        else:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)


class Asha:
    """Ray's own bracket of rungs, which stops a trial that is worse than the best 1/eta of those before it there."""

    def __init__(self, *, steps: int, eta: int, first: int) -> None:
        from ray.tune.schedulers.async_hyperband import _Bracket

        self._bracket = _Bracket(first, steps, eta, 0)

    def goes_on(self, number: int, step: int, loss: float) -> bool:
        """Judge a report."""
        return bool(self._bracket.on_result(SimpleNamespace(trial_id=number), step, -loss) != "STOP")


class RandomSearcher:
    """Random points, stopped by Ray's ASHA if `asha` is given."""

    def __init__(self, space: SearchSpace, seed: int, asha: Asha | None = None) -> None:
        self._space = space
        self._rng = random.Random(seed)
        self._asha = asha

    def ask(self, number: int) -> Params:
        return self._space.sample(self._rng)

    def report(self, number: int, step: int, values: Values) -> bool:
        return self._asha is None or self._asha.goes_on(number, step, values["loss"])

    def end(self, number: int, step: int, values: Values, *, is_full: bool) -> None:
        pass


class RaySearcher:
    """Ray Tune's OptunaSearch beside its ASHAScheduler, each with its defaults."""

    def __init__(self, space: SearchSpace, seed: int, asha: Asha) -> None:
        from ray.tune.search.optuna import OptunaSearch

        self._encoded = Encoded(space)
        self._params: dict[int, Params] = {}
        self._asha = asha
        self._search = OptunaSearch(self._suggest, metric="loss", mode="min", seed=seed)

    def _suggest(self, trial: Any) -> None:
        self._encoded.space.suggest(trial)

    def ask(self, number: int) -> Params:
        suggested = self._search.suggest(str(number))
        assert suggested is not None
        return self._encoded.decoded(suggested)

    def report(self, number: int, step: int, values: Values) -> bool:
        self._search.on_trial_result(str(number), {"loss": values["loss"], "training_iteration": step})
        return self._asha.goes_on(number, step, values["loss"])

    def end(self, number: int, step: int, values: Values, *, is_full: bool) -> None:
        self._search.on_trial_complete(str(number), {"loss": values["loss"], "training_iteration": step})


class Listed(optuna.samplers.BaseSampler):
    """Goes through a list of values of the one parameter that there is."""

    def __init__(self, values: Sequence[int]) -> None:
        self._values = values

    def infer_relative_search_space(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, search_space: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, param_name: str, param_distribution: Any
    ) -> int:
        return self._values[trial.number % len(self._values)]


def gp(seed: int) -> optuna.samplers.BaseSampler:
    """Return Optuna's Gaussian process, without its warnings."""
    return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)
