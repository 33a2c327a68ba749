"""Optuna's own sampler suites on ours: those built on Optuna as they are made here, the others by an adapter.

The suites ask for values of single distributions and of whole spaces: numerical, categorical and mixed, on a log scale
and in steps. They hold trials with NaN, changing ranges and conditions against a sampler.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import intersection_search_space
from optuna.study import Study
from optuna.testing.pytest_samplers import BasicSamplerTestCase, RelativeSamplerTestCase
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from automl.samplers import make
from automl.samplers.optuna_study import OptunaSampler
from automl.trial import TrialRecord, TrialState
from search_spaces import Categorical, Distribution, Float, Int, SearchSpace

# Optuna's suites build experimental samplers, and NumPy warns in them.
pytestmark = pytest.mark.filterwarnings("default")


def ours(distribution: BaseDistribution) -> Distribution:
    match distribution:
        case FloatDistribution():
            return Float(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
        case IntDistribution():
            return Int(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
        case CategoricalDistribution():
            return Categorical(distribution.choices)
    raise TypeError(distribution)


def told(study: Study, space: SearchSpace) -> list[TrialRecord]:
    """Return the trials of a study that are points of a space, as a sampler of ours is shown them."""
    records = []
    for trial in study.get_trials(deepcopy=False, states=(OptunaState.COMPLETE, OptunaState.RUNNING)):
        params = {name: value for name, value in trial.params.items() if name in space}
        is_told = trial.state is OptunaState.COMPLETE and math.isfinite(trial.values[0])
        if params.keys() == space.keys() and all(space[name].contains(value) for name, value in params.items()):
            state = TrialState.COMPLETE if is_told else TrialState.RUNNING
            value = trial.values[0] if is_told else None
            records.append(TrialRecord(number=trial.number, state=state, params=params, value=value))
    return records


class AsOptuna(BaseSampler):
    """Lets a sampler of ours pass for one of Optuna's: it is made anew for each trial, as a resumed study does."""

    def __init__(self, name: str) -> None:
        self._name = name

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return intersection_search_space(study.get_trials(deepcopy=False))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        space = SearchSpace({name: ours(distribution) for name, distribution in search_space.items()})
        records = told(study, space)
        proposal = make(self._name, space=space, direction="minimize", seed=1, records=records).propose(trial.number)
        if proposal is None:  # all points of a small space were tried; Optuna's samplers go on
            proposal = make(self._name, space=space, direction="minimize", seed=1, records=[]).propose(trial.number)
        assert proposal is not None
        return dict(proposal.params)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.sample_relative(study, trial, {param_name: param_distribution})[param_name]


def built(name: str, *, space: SearchSpace | None = None, starts_at_once: bool = False) -> Callable[[], BaseSampler]:
    """Return what makes the Optuna sampler that `make` works with.

    Args:
        name: of the sampler.
        space: it is made for.
        starts_at_once: leave out the random trials at the start, which have nothing to show to a relative suite.
    """

    def build() -> BaseSampler:
        sampler = make(name, space=space or SearchSpace({"x": "0..1"}), direction="minimize", seed=1, records=[])
        assert isinstance(sampler, OptunaSampler)
        made = sampler._study.sampler
        if starts_at_once:
            vars(made)["_n_startup_trials"] = 0
        return made

    return build


class TestRandom(BasicSamplerTestCase):
    """Independent draws."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: AsOptuna("random")


class TestQmc(BasicSamplerTestCase, RelativeSamplerTestCase):
    """Sobol points."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: AsOptuna("qmc")


class TestTpe(BasicSamplerTestCase):
    """TPE, all parameters together."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return built("tpe")


class TestTpeAtWork(RelativeSamplerTestCase):
    """TPE, when its random start is over."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return built("tpe", starts_at_once=True)


class TestTpeInGroups(BasicSamplerTestCase):
    """TPE as a space with conditions gets it."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return built("tpe", space=SearchSpace({"a": "x|y", "n": "1..3 when a=x"}), starts_at_once=True)


class TestNsga2(BasicSamplerTestCase):
    """Evolution."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return built("nsga2")


class TestGp(BasicSamplerTestCase, RelativeSamplerTestCase):
    """A Gaussian process."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: AsOptuna("gp")
