"""What another study found, brought into the space of this one: which points come first, and what is alike."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from automl.samplers import Past, make
from automl.samplers.past import FIRST, KEPT, best_points
from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace, carry

OLD = SearchSpace({"lr": "1e-4..1.0 log", "batch": "16|32|64", "layers": "small=[8]|big=[64]", "gone": "1..3"})
NEW = SearchSpace(
    {
        "lr": "1e-4..1e-1 log",
        "batch": "16..48 step 16",
        "layers": "tiny=[8]|huge=[512]",
        "depth": "1..9 default 7",
    }
)


def past(results: list[tuple[dict[str, Any], float]], space: SearchSpace = OLD, study: str = "old") -> Past:
    return Past.of(study, space, results, aim="minimize loss")


def point(lr: float, batch: int = 32, layers: str = "small") -> dict[str, Any]:
    return {"lr": lr, "batch": batch, "layers": layers, "gone": 1}


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        (point(0.01), {"lr": 0.01, "batch": 32, "layers": "tiny", "depth": 7}, set()),
        (point(0.5, 64), {"lr": 0.1, "batch": 48, "layers": "tiny", "depth": 7}, {"lr", "batch"}),
        (point(0.01, 16, "big"), {"lr": 0.01, "batch": 16, "layers": "tiny", "depth": 7}, {"layers"}),
    ],
)
def test_a_point_is_carried_near(old: dict[str, Any], new: dict[str, Any], moved: set[str]) -> None:
    """Values that exist stay, choices are known by what they stand for, numbers move into the range."""
    found = carry(old, old=OLD, new=NEW)

    assert found == (new, moved)
    NEW.validate(found[0])


def test_the_best_of_each_study_come_first() -> None:
    """In turns, none twice, none near a better one of its study, all feasible."""
    space = SearchSpace({**NEW, "require": ["lr * batch <= 1.6"]})
    first = past([(point(0.02), 0.3), (point(0.01), 0.1), (point(0.0101), 0.2), (point(0.0001, 16), 0.9)])
    second = past([(point(0.01), 0.5), (point(0.9, 64), 0.4)], study="other")

    points = best_points([first, second], space, seed=1)

    assert len(points) == FIRST
    assert points[0] == {"lr": 0.01, "batch": 32, "layers": "tiny", "depth": 7}
    assert points[2] == {"lr": 0.0001, "batch": 16, "layers": "tiny", "depth": 7}
    for each in points:
        space.validate(each)


def test_what_is_alike_shares_names_scales_and_values() -> None:
    """Of four parameters one fills its range, one has another kind, one half of its choices, one is not there."""
    assert past([]).shared(NEW) == ["lr", "batch", "layers"]
    assert past([]).likeness(NEW) == pytest.approx((1 + 0.5 + 0.5 + 0) / 4)
    assert past([], NEW).likeness(NEW) == 1
    assert past([]).likeness(SearchSpace({"lr": "2.0..3.0", "batch": "a|b"})) == 0


def test_a_past_survives_json_and_keeps_what_counts() -> None:
    """Of many results the best and the newest, in order."""
    rng = random.Random(1)
    results = [(point(rng.uniform(1e-3, 1)), rng.random()) for _ in range(3 * KEPT)]

    kept = past(results)

    assert Past.from_dict(json.loads(json.dumps(kept.to_dict()))) == kept
    assert len(kept.points) == KEPT
    assert min(kept.losses) == min(loss for _, loss in results)
    assert kept.losses[-1] == results[-1][1]


def bowl(params: dict[str, Any]) -> float:
    return float((params["x"] - 0.23) ** 2 + (params["y"] - 0.81) ** 2 + 0.1 * abs(params["z"] - 0.5))


BOWL = SearchSpace({"x": "0.0..1.0", "y": "0.0..1.0", "z": "0.0..1.0"})


def search(pasts: list[Past], n: int, seed: int) -> list[float]:
    """Return the losses of `n` trials of gp, which is made anew in the middle, as after a resume."""
    records: list[TrialRecord] = []
    sampler = make("gp", space=BOWL, direction="minimize", seed=seed, records=[], pasts=pasts)
    for number in range(n):
        if number == n // 2:
            sampler = make("gp", space=BOWL, direction="minimize", seed=seed, records=records, pasts=pasts)
        proposal = sampler.propose(number)
        assert proposal is not None
        params = dict(proposal.params)
        records.append(TrialRecord(number=number, state=TrialState.COMPLETE, params=params, value=bowl(params)))
        sampler.observe(records[-1])
    return [record.value or 0.0 for record in records]


def test_what_helps_is_believed_and_what_misleads_is_not() -> None:
    """A past on a bowl nearby, without one of its axes, leads to the bottom; its opposite costs next to nothing."""
    rng = random.Random(5)
    space = SearchSpace({"x": "0.0..1.0", "y": "0.0..1.0"})
    points = [space.sample(rng) for _ in range(40)]
    losses = [(each["x"] - 0.3) ** 2 + (each["y"] - 0.75) ** 2 for each in points]
    true = [past(list(zip(points, losses, strict=True)), space)]
    false = [past([(each, -loss) for each, loss in zip(points, losses, strict=True)], space)]

    cold, warm, misled = (
        [search(pasts, n, seed) for seed in range(2)] for pasts, n in (([], 12), (true, 8), (false, 12))
    )

    def best(runs: list[list[float]], n: int) -> float:
        return sum(min(run[:n]) for run in runs) / len(runs)

    assert best(warm, 8) < 0.5 * best(cold, 8)
    assert best(misled, 12) < best(cold, 12) + 0.02
