"""Samplers: what they are shown, that they respect the space, and that a resumed study does not repeat itself."""

from __future__ import annotations

import threading
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState as OptunaState

from automl import samplers
from automl.config import SAMPLERS
from automl.errors import ConfigError
from automl.samplers import GridSampler, Proposals, RandomSampler, history, make
from automl.trial import Reason, TrialRecord, TrialState
from search_spaces import SearchSpace

SPACE = SearchSpace(
    {"arch": "mlp|cnn", "lr": "1e-4..1e-1 log", "width": "8..64 log when arch=cnn", "n": "1..4", "fixed": "=3"}
)


def record(number: int, state: TrialState, **fields: Any) -> TrialRecord:
    params = {"arch": "mlp", "lr": 0.01, "n": 2, "fixed": 3}
    return TrialRecord(number=number, state=state, params=params, **fields)


def test_history_tells_each_state_truly() -> None:
    """Only a COMPLETE trial has a value; stopped and paused ones have their reports and no more."""
    reports = {1: 0.9, 2: 0.8}
    records = [
        record(0, TrialState.COMPLETE, value=0.5, reports=reports),
        record(1, TrialState.PRUNED, reports=reports, reason=Reason.EARLY_STOPPING),
        record(2, TrialState.RUNNING, reports=reports, paused=True),
        record(3, TrialState.RUNNING, reports=reports),
        record(4, TrialState.WAITING),
        record(5, TrialState.FAIL, reason=Reason.NAN),
    ]

    shown = history(records, SPACE)

    assert [trial.state for trial in shown] == [
        OptunaState.COMPLETE,
        OptunaState.PRUNED,
        OptunaState.PRUNED,
        OptunaState.RUNNING,
        OptunaState.RUNNING,
        OptunaState.FAIL,
    ]
    assert [trial.value for trial in shown] == [0.5, None, None, None, None, None]
    assert shown[1].intermediate_values == reports
    assert "fixed" not in shown[0].params
    for trial in shown:
        trial._validate()


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_proposal_is_in_the_space(name: str) -> None:
    """Whatever the sampler, and whatever became of earlier trials, params are valid."""
    space = SPACE.fix(lr=0.01) if name == "grid" else SPACE
    sampler = make(name, space=space, direction="minimize", seed=1, records=[])

    for number in range(14):
        params = sampler.propose(number)
        assert params is not None
        space.validate(params)
        state = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL][number % 3]
        value = 0.1 * number if state is TrialState.COMPLETE else None
        told = TrialRecord(number=number, state=state, params=params, value=value, reports={1: 0.2 * number})
        sampler.observe(told)


def test_random_draws_do_not_depend_on_history() -> None:
    """Trial 5 is the same trial, resumed or not."""
    first, again = RandomSampler(SPACE, 7), RandomSampler(SPACE, 7)

    drawn = [first.propose(number) for number in range(6)]

    assert again.propose(5) == drawn[5]
    assert len({str(each) for each in drawn}) == 6


def test_a_grid_ends_and_goes_on_where_it_was() -> None:
    """Every point once; a resumed grid continues with the next."""
    space = SearchSpace({"a": "x|y", "n": "1..3"})
    whole = [GridSampler(space).propose(0)]
    sampler = GridSampler(space)

    points = [sampler.propose(number) for number in range(7)]

    assert points[0] == whole[0]
    assert points[6] is None
    assert len({str(point) for point in points[:6]}) == 6
    assert GridSampler(space).propose(4) == points[4]


@pytest.mark.parametrize("name", ["tpe", "gp"])
def test_a_resumed_sampler_draws_anew(name: str) -> None:
    """With three trials on record the next draw is none of the first ones'."""
    first = make(name, space=SPACE, direction="minimize", seed=1, records=[])
    drawn = [dict(first.propose(number) or {}) for number in range(3)]
    records = [
        TrialRecord(number=n, state=TrialState.COMPLETE, params=params, value=1.0) for n, params in enumerate(drawn)
    ]

    resumed = make(name, space=SPACE, direction="minimize", seed=1, records=records)

    assert resumed.propose(3) not in drawn


def test_tpe_learns_from_what_it_is_told() -> None:
    """After thirty trials of a bowl, proposals gather at its bottom."""
    space = SearchSpace({"x": "0.0..1.0"})
    sampler = make("tpe", space=space, direction="minimize", seed=3, records=[])
    for number in range(40):
        params = dict(sampler.propose(number) or {})
        value = (params["x"] - 0.3) ** 2
        sampler.observe(TrialRecord(number=number, state=TrialState.COMPLETE, params=params, value=value))

    later = [dict(sampler.propose(number) or {})["x"] for number in range(40, 50)]

    assert sum(abs(x - 0.3) < 0.2 for x in later) >= 7


def test_any_optuna_sampler_will_do() -> None:
    """An object of the user's own works on the same history."""
    sampler = make(optuna.samplers.RandomSampler(seed=1), space=SPACE, direction="maximize", seed=0, records=[])

    params = sampler.propose(0)

    assert params is not None
    SPACE.validate(params)


def test_a_promoted_trial_is_running_again() -> None:
    """A paused trial that goes on is pending once more, and COMPLETE in the end."""
    sampler = make("tpe", space=SPACE, direction="minimize", seed=1, records=[])
    assert isinstance(sampler, samplers.OptunaSampler)
    params = sampler.propose(0)
    assert params is not None
    seen = []

    for state, fields in (
        (TrialState.RUNNING, {"paused": True}),
        (TrialState.RUNNING, {}),
        (TrialState.COMPLETE, {"value": 1.0}),
    ):
        sampler.observe(TrialRecord(number=0, state=state, params=params, reports={2: 1.0}, **fields))
        seen.append(sampler._study.trials[0].state)

    assert seen == [OptunaState.PRUNED, OptunaState.RUNNING, OptunaState.COMPLETE]


def test_a_space_without_choices_is_refused_by_models() -> None:
    """A model has nothing to learn where everything is fixed."""
    with pytest.raises(ConfigError, match="every parameter is fixed"):
        samplers.check("tpe", SearchSpace({"x": "=1"}))


class Slow:
    """A sampler that answers when it is let."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[int] = []

    def propose(self, number: int) -> dict[str, int]:
        self.asked.append(number)
        self.go.wait()
        return {"n": number}

    def observe(self, record: TrialRecord) -> None:
        """Nothing to learn."""


def test_the_loop_never_waits_for_a_slow_sampler() -> None:
    """Until the proposal is there the answer is "not yet"; the next one is then computed ahead."""
    slow = Slow()
    times = iter([0.0, 1.0, 1.0, 2.0])
    proposals = Proposals(slow, clock=lambda: next(times, 3.0))

    first = proposals.take(0, wait=False, another=True)
    slow.go.set()
    second = proposals.take(0, wait=True, another=True)
    third = proposals.take(1, wait=True, another=False)
    proposals.close()

    assert first == (False, None)
    assert second == (True, {"n": 0})
    assert third == (True, {"n": 1})
    assert slow.asked == [0, 1]
