"""Which result is better: a total order that respects dominance and limits, Pareto sets, exact hypervolumes."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.preference import (
    Constraint,
    Preference,
    Values,
    Vector,
    crowding,
    dominates,
    fronts,
    hypervolume,
    reference,
)
from tests.strategies import loss_points, preferences, results

TWO = Preference.of(["acc", "seconds"], ["maximize", "minimize"], ["latency <= 5"])


def is_better(preference: Preference, one: Values, other: Values) -> bool:
    """Say whether Deb's constrained domination holds: fewer broken limits, or as few and nowhere worse."""
    (mine, *my_losses), (theirs, *their_losses) = preference.vector(one), preference.vector(other)
    return mine < theirs or (mine == theirs and dominates(tuple(my_losses), tuple(their_losses)))


@given(preferences(), st.lists(results, max_size=8))
def test_the_order_is_total_and_respects_dominance_and_limits(preference: Preference, points: list[Values]) -> None:
    """Each rank is given once, and never is one point behind another that it is better than."""
    ranks = preference.order(points)

    assert sorted(ranks) == list(range(len(points)))
    assert all(
        ranks[one] < ranks[other]
        for one, other in itertools.permutations(range(len(points)), 2)
        if is_better(preference, points[one], points[other])
    )


@given(preferences(), st.lists(results, max_size=8), st.randoms())
def test_the_order_does_not_depend_on_how_points_are_listed(
    preference: Preference, points: list[Values], rng: object
) -> None:
    """Shuffled, the same points come out best first; whoever is resumed may list them in another order."""
    shuffled = points[:]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]

    def best_first(listed: list[Values]) -> list[Vector]:
        by_rank = sorted(zip(preference.order(listed), listed, strict=True), key=lambda each: each[0])
        return [preference.vector(point) for _, point in by_rank]

    assert best_first(shuffled) == best_first(points)


@given(preferences(), st.lists(results, max_size=8))
def test_the_pareto_set_is_what_nobody_is_better_than(preference: Preference, points: list[Values]) -> None:
    """Equal points are in it together, and everybody outside has somebody inside who is better."""
    found = preference.pareto(points)

    undominated = [
        at for at, point in enumerate(points) if not any(is_better(preference, each, point) for each in points)
    ]
    assert sorted(found) == undominated
    assert all(preference.order(points)[best] == 0 for best in found if len(found) == 1)


@given(preferences(objectives=1, limits=0), st.lists(results, max_size=8))
def test_one_metric_is_ordered_as_numbers_are(preference: Preference, points: list[Values]) -> None:
    """Without limits the order is that of losses, the earlier of equals first; NaN comes last."""
    losses = [preference.losses(point)[0] for point in points]

    ranks = preference.order(points)

    assert [at for _, at in sorted(zip(ranks, range(len(points)), strict=True))] == sorted(
        range(len(points)), key=lambda at: losses[at]
    )


@given(st.integers(1, 4).flatmap(loss_points))
def test_the_hypervolume_is_what_the_points_leave_behind(points: list[Vector]) -> None:
    """Of points at whole numbers it is the number of unit cells that lie beyond one of them: counted, one by one."""
    axes = len(points[0]) if points else 2
    cells = itertools.product(range(5), repeat=axes)
    covered = sum(any(all(map(float.__le__, point, map(float, cell))) for point in points) for cell in cells)

    assert hypervolume(points, (5.0,) * axes) == covered


def test_what_is_beyond_the_corner_has_no_volume() -> None:
    """Nor has what is infinite, nor nothing at all."""
    assert hypervolume([(0.1, 9.0), (0.2, 3.0)], (1.0, 10.0)) == pytest.approx(5.7)
    assert hypervolume([(2.0, 0.0), (1.0, 0.0), (math.inf, 0.0)], (1.0, 1.0)) == 0.0
    assert hypervolume([], (1.0, 1.0)) == 0.0


def test_the_corner_is_the_worst_that_was_seen() -> None:
    """Diverged trials do not move it."""
    assert reference([(1.0, 5.0), (3.0, math.inf), (2.0, 4.0)]) == (3.0, 5.0)


@given(st.integers(1, 4).flatmap(loss_points))
def test_layers_part_the_points(points: list[Vector]) -> None:
    """Every point is in one layer, nobody dominates within one, and each is dominated by the one before."""
    layers = fronts(points)

    assert sorted(at for layer in layers for at in layer) == list(range(len(points)))
    for layer in layers:
        assert not any(dominates(points[a], points[b]) for a, b in itertools.permutations(layer, 2))
    for above, layer in itertools.pairwise(layers):
        assert all(any(dominates(points[a], points[b]) for a in above) for b in layer)


def test_ends_come_first_then_what_has_room() -> None:
    """Of points that are all as good, those that are alone count for more than those in a crowd."""
    room = crowding([(0.0, 4.0), (1.0, 3.0), (1.5, 2.5), (4.0, 0.0)])

    assert room[0] == room[3] == math.inf
    assert room[2] > room[1] > 0


def test_what_keeps_the_limits_is_before_what_is_better() -> None:
    """A trial that breaks one is behind all that keep them, however good; among those, less is better."""
    points = [
        {"acc": 0.9, "seconds": 1.0, "latency": 6.0},
        {"acc": 0.1, "seconds": 9.0, "latency": 5.0},
        {"acc": 0.9, "seconds": 1.0, "latency": 5.5},
        {"acc": 0.9, "seconds": 1.0},
    ]

    assert TWO.order(points) == [2, 0, 1, 3]
    assert TWO.pareto(points) == [1]
    assert [TWO.violation(point) for point in points] == pytest.approx([0.2, 0.0, 0.1, math.inf])


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("latency_ms <= 5", Constraint("latency_ms", "<=", 5.0)),
        ("val_acc>=0.9", Constraint("val_acc", ">=", 0.9)),
        (" peak memory <= 1e9 ", Constraint("peak memory", "<=", 1e9)),
        ("loss >= -.5", Constraint("loss", ">=", -0.5)),
    ],
)
def test_constraints_are_read(text: str, constraint: Constraint) -> None:
    """Spaces do not matter, names may have some, numbers are written as anywhere."""
    found = Constraint.parse(text)

    assert found == constraint
    assert Constraint.parse(str(found)) == constraint


@pytest.mark.parametrize(
    "text", ["", "latency", "latency < 5", "<= 5", "latency <= fast", "a <= b <= 5", "x <= 1e999", 5]
)
def test_what_is_no_constraint_is_refused(text: str) -> None:
    """The message has what was given and what would do."""
    with pytest.raises(ValueError, match=r'such as "latency_ms <= 5".*got') as caught:
        Constraint.parse(text)

    assert repr(text) in str(caught.value)


def test_a_study_knows_what_it_has_to_hear_of() -> None:
    """Objectives first, then what only limits are about; a single metric without limits compares as numbers do."""
    assert TWO.names == ("acc", "seconds", "latency")
    assert not TWO.is_plain
    assert Preference.of("loss", "minimize").is_plain
    assert not Preference.of("loss", "minimize", ["loss <= 1"]).is_plain
