"""Samplers of studies with several objectives and constraints: what Optuna's are told, and that it helps."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

import automl
from automl.errors import ConfigError
from automl.preference import Preference, hypervolume
from automl.result import SearchResult
from automl.samplers import make
from automl.samplers.optuna_study import OptunaSampler, distributions, history
from automl.trial import Trial, TrialRecord, TrialState
from search_spaces import SearchSpace

SPACE = SearchSpace({"x": "0.0..1.0", "y": "0.0..1.0"})
WISH = Preference.of(["up", "down"], ["maximize", "minimize"], ["size <= 0.5"])


def values(params: Any) -> dict[str, float]:
    """Return results whose best are at y = 0, where more of one objective costs the other, and at x <= 0.5 allowed."""
    x, y = params["x"], params["y"]
    return {"up": x - y, "down": x**2 + y, "size": x}


def record(number: int, state: TrialState, *, x: float = 0.75, **fields: Any) -> TrialRecord:
    params = {"x": x, "y": 0.0}
    return TrialRecord(number=number, state=state, params=params, **fields)


def test_optuna_is_told_all_that_counts() -> None:
    """Values of COMPLETE trials, and how far every trial that has ended is beyond each limit; no reports."""
    complete = record(0, TrialState.COMPLETE, value=0.75, values=values({"x": 0.75, "y": 0.0}))
    pruned = record(1, TrialState.PRUNED, reports={1: 0.1}, points={1: {"up": 0.1, "size": 0.25}, 2: {"down": 0.5}})
    unknown = record(2, TrialState.PRUNED, reports={1: 0.1}, points={1: {"up": 0.1, "down": 0.5}})
    running = record(3, TrialState.RUNNING, reports={1: 0.1}, points={1: values({"x": 0.1, "y": 0.0})})

    shown = history([complete, pruned, unknown, running], distributions(SPACE), WISH)

    assert [trial.values for trial in shown] == [[0.75, 0.5625], None, None, None]
    assert [trial.constraints for trial in shown] == [{"size <= 0.5": 0.5}, {"size <= 0.5": -0.5}, {}, {}]
    assert [trial.intermediate_values for trial in shown] == [{}] * 4


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_a_sampler_learns_of_all_objectives(name: str) -> None:
    """After sixty trials more of the plane lies behind the allowed ones than random trials leave; a resume goes on."""

    def reached(sampler: Any) -> float:
        records: list[TrialRecord] = []
        for number in range(60):
            proposal = sampler.propose(number)
            assert proposal is not None
            found = values(proposal.params)
            ended = {"state": TrialState.COMPLETE, "value": found["up"], "values": found, "ended": float(number)}
            records.append(TrialRecord(number=number, params=proposal.params, **ended))
            sampler.observe(records[-1])
            if number == 40:
                sampler = make(sampler_name, space=SPACE, preference=WISH, seed=1, records=records)
        allowed = [WISH.losses(each.values) for each in records if WISH.violation(each.values) == 0]
        return hypervolume(allowed, (1.0, 1.0))

    sampler_name = "random"
    by_chance = reached(make("random", space=SPACE, preference=WISH, seed=1, records=[]))
    sampler_name = name
    learnt = reached(make(name, space=SPACE, preference=WISH, seed=1, records=[]))

    assert learnt > by_chance


def test_what_it_knows_of_limits_outlives_the_end_of_a_trial() -> None:
    """The trial that takes the place of the running one brings its own constraints."""
    sampler = OptunaSampler(optuna.samplers.TPESampler(seed=1), space=SPACE, preference=WISH)
    proposal = sampler.propose(0)
    assert proposal is not None
    found = values(proposal.params)

    sampler.observe(
        TrialRecord(number=0, state=TrialState.COMPLETE, params=proposal.params, value=found["up"], values=found)
    )

    (trial,) = sampler._study.trials
    assert trial.values == [found["up"], found["down"]]
    assert trial.constraints == {"size <= 0.5": WISH.constraints[0].excess(found)}


def objective(trial: Trial) -> dict[str, float]:
    return values(trial.params)


ABOUT: dict[str, Any] = {"executor": "local", "tracker": "none", "listeners": (), "seed": 1, "n_trials": 12}
ABOUT |= {"metric": ["up", "down"], "direction": ["maximize", "minimize"], "constraints": "size<=0.5"}


def test_in_python_the_result_is_a_set() -> None:
    """`best_trials` keep the limits, the best by the first metric first; a table has every metric that counts."""
    found: SearchResult = automl.search(objective, SPACE, sampler="random", **ABOUT)

    best = found.best_trials
    ups = [trial.values["up"] for trial in best]
    assert ups == sorted(ups, reverse=True)
    assert all(trial.values["size"] <= 0.5 for trial in best)
    assert found.best_trial == best[0]
    table = found.to_pandas()
    assert {"values_up", "values_down", "values_size", "feasible"} <= {*table.columns}
    assert list(table["feasible"]) == [trial.values["size"] <= 0.5 for trial in found.trials]


class _Single(optuna.samplers.RandomSampler):
    """One that knows a single objective."""

    def sample_independent(self, study: optuna.Study, *args: Any) -> Any:
        if len(study.directions) > 1:
            raise ValueError("this sampler knows one objective")
        return super().sample_independent(study, *args)


def test_a_sampler_that_cannot_do_it_is_refused() -> None:
    """One that knows a single objective says so at its first proposal, before anything is made."""
    with pytest.raises(ConfigError, match="one objective"):
        automl.search(objective, SPACE, sampler=_Single(), **ABOUT)


def test_a_model_goes_on_where_nothing_keeps_the_limits() -> None:
    """With no trial to be better than, and none that runs, it looks for what breaks them least."""
    found = automl.search(objective, SPACE, sampler="gp", **ABOUT | {"constraints": "size <= -0.5"})

    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE] * 12
    assert found.best_trial.values["size"] < 0.1
