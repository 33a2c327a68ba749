"""Random draws, Sobol points and grids: functions of the trial's number."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from automl.samplers import GridSampler, QmcSampler, RandomSampler, Sampler
from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace
from tests.strategies import spaces

SPACE = SearchSpace({"arch": "mlp|cnn", "lr": "1e-4..1e-1 log", "width": "8..64 log when arch=cnn", "n": "1..4"})


def params(sampler: Sampler, number: int) -> dict[str, Any]:
    proposal = sampler.propose(number)
    assert proposal is not None
    return dict(proposal.params)


def asked(points: list[dict[str, Any]]) -> list[TrialRecord]:
    return [TrialRecord(number=n, state=TrialState.RUNNING, params=point) for n, point in enumerate(points)]


def test_random_draws_do_not_depend_on_history() -> None:
    """Trial 5 is the same trial, resumed or not."""
    first, again = RandomSampler(SPACE, seed=7), RandomSampler(SPACE, seed=7)

    drawn = [params(first, number) for number in range(6)]

    assert params(again, 5) == drawn[5]
    assert len({str(each) for each in drawn}) == 6


def test_a_grid_ends_and_goes_on_where_it_was() -> None:
    """Every point once; a resumed grid continues with the next."""
    space = SearchSpace({"a": "x|y", "n": "1..3"})
    sampler = GridSampler(space)

    points = [params(sampler, number) for number in range(6)]

    assert sampler.propose(6) is None
    assert len({str(point) for point in points}) == 6
    assert params(GridSampler(space, records=asked(points[:4])), 4) == points[4]


def test_qmc_fills_the_space_evenly() -> None:
    """Of 64 points every 64th of each range has one, and every choice its share: chance would not do that."""
    space = SearchSpace({"x": "0.0..1.0", "lr": "1e-4..1.0 log", "opt": "a|b|c|d", "n": "1..8", "s": "0..6 step 2"})
    sampler = QmcSampler(space, seed=3)

    drawn = [params(sampler, number) for number in range(64)]

    assert sorted(int(point["x"] * 64) for point in drawn) == list(range(64))
    assert Counter(point["opt"] for point in drawn) == dict.fromkeys("abcd", 16)
    assert Counter(point["n"] for point in drawn) == dict.fromkeys(range(1, 9), 8)
    assert Counter(point["s"] for point in drawn) == dict.fromkeys(range(0, 7, 2), 16)
    assert sum(point["lr"] < 1e-2 for point in drawn) == 32


def test_qmc_is_even_below_a_condition_too() -> None:
    """Half of 64 trials have the parameter, and its values are spread over the whole of its range."""
    space = SearchSpace({"arch": "mlp|cnn", "x": "0.0..1.0 when arch=cnn", "y": "0.0..1.0 when arch=mlp"})
    sampler = QmcSampler(space, seed=3)

    having = [point["x"] for number in range(64) if "x" in (point := params(sampler, number))]

    assert sorted(int(x * 32) for x in having) == list(range(32))


def test_qmc_goes_on_where_it_was() -> None:
    """A resumed study takes the next points of the sequence, not the first ones again."""
    whole = QmcSampler(SPACE, seed=3)
    points = [params(whole, number) for number in range(16)]

    resumed = QmcSampler(SPACE, seed=3, records=asked(points[:9]))
    later = [params(resumed, number) for number in range(9, 16)]

    assert later == points[9:]
    assert points != [params(QmcSampler(SPACE, seed=4), number) for number in range(16)]


@settings(max_examples=30)
@given(space=spaces(min_size=1), seed=st.integers(0, 2**31))
def test_what_is_drawn_is_in_the_space(space: SearchSpace, seed: int) -> None:
    """Of any space, with any conditions, both give points of it, none twice."""
    for sampler in (RandomSampler(space, seed=seed), QmcSampler(space, seed=seed)):
        proposals = [sampler.propose(number) for number in range(4)]

        drawn = [proposal.params for proposal in proposals if proposal is not None]
        for point in drawn:
            space.validate(point)
        size = space.size()
        assert len({repr(point) for point in drawn}) == len(drawn)
        assert len(drawn) == 4 or len(drawn) == size
