"""The order of trials at a rung: of numbers and of vectors alike."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.preference import Vector, order
from automl.stopping.ranking import Loss, Ranking
from tests.strategies import loss_points, small_losses

some = st.sets(st.integers(0, 7))


@given(st.lists(small_losses | st.just(float("inf")), max_size=8) | loss_points(3), some, some)
def test_the_order_is_that_of_who_is_there(losses: list[Loss], left_out: set[int], gone_on: set[int]) -> None:
    """Whoever comes and goes, places are those of the rest; of equals the older trial is first.

    Who has gone on keeps the place, but is not among those that stand there.
    """
    ranking = Ranking()
    for trial, loss in reversed([*enumerate(losses)]):
        ranking.add(trial, loss)
    for trial in gone_on & {*range(len(losses))}:
        ranking.leave(trial)
    for trial in left_out:
        ranking.discard(trial)

    there = [trial for trial in range(len(losses)) if trial not in left_out]
    vectors: list[Vector] = [loss if isinstance(loss, tuple) else (0.0, loss) for loss in (losses[t] for t in there)]
    places = dict(zip(there, order(vectors), strict=True))
    assert list(ranking) == sorted(there, key=places.__getitem__)
    assert [ranking.place(trial) for trial in ranking] == list(range(len(there)))
    assert list(ranking.standing()) == [trial for trial in ranking if trial not in gone_on]
    assert len(ranking) == len(there)


@given(loss_points(3), st.lists(st.integers(0, 7), max_size=8))
def test_the_order_is_that_of_who_has_come_so_far(points: list[Vector], asked: list[int]) -> None:
    """Who comes moves those that were in order already; asking for places in between changes nothing."""
    ranking = Ranking()
    for trial, point in enumerate(points):
        ranking.add(trial, point)
        for other in asked[: trial + 1]:
            if other in ranking:
                assert ranking.place(other) == order(points[: trial + 1])[other]

    assert [ranking.place(trial) for trial in range(len(points))] == order(points)


class Counted(float):
    """A number that counts how often any is compared."""

    compared = 0

    def __lt__(self, other: float) -> bool:
        Counted.compared += 1
        return super().__lt__(other)

    def __le__(self, other: float) -> bool:
        Counted.compared += 1
        return super().__le__(other)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_one_more_vector_does_not_sort_all_again(axes: int) -> None:
    """For each of the last 100 of 1,100, numbers are compared at most a few times as often as there are others."""
    rng = random.Random(0)
    ranking = Ranking()
    for trial in range(1100):
        if trial == 1000:
            Counted.compared = 0
        ranking.add(trial, (0.0, *(Counted(rng.random()) for _ in range(axes))))
        ranking.place(trial)

    assert 0 < Counted.compared < 100 * 3000


INF = float("inf")


@pytest.mark.parametrize(
    ("loss", "is_valued"),
    [
        (3.0, True),
        (INF, False),
        ((0.0, 9.0), True),
        ((INF, INF), False),
        ((INF, 9.0, INF), True),
        ((INF, INF, INF), False),
    ],
)
def test_who_has_diverged_has_no_value(loss: Loss, is_valued: bool) -> None:
    """Who will say only in the end what it costs, or whether it keeps the constraints, has a value all the same."""
    ranking = Ranking()
    ranking.add(0, loss)

    assert ranking.is_valued(0) is is_valued
