"""The sampler `gp`: what its model is shown, and that what it proposes follows from that alone."""

from __future__ import annotations

import math
import random
import timeit
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from automl.preference import Preference, fronts, hypervolume
from automl.samplers import make
from automl.samplers.acquisition import ExpectedImprovement
from automl.samplers.gp import COMPARED, MODELLED, SURE, GpSampler, nadir, scalars
from automl.samplers.model import LARGEST
from automl.samplers.view import ENOUGH, ENOUGH_EARLY, View
from automl.trial import Reason, TrialRecord, TrialState
from search_spaces import SearchSpace

PLAIN = Preference.of("value", "minimize")
SPACE = SearchSpace(
    {
        "arch": "mlp|cnn",
        "lr": "1e-4..1e-1 log",
        "width": "8..64 log when arch=cnn",
        "batch": "16<32<64<128",
    }
)


def record(number: int, state: TrialState = TrialState.COMPLETE, **fields: Any) -> TrialRecord:
    return TrialRecord(number=number, state=state, **{"params": {"x": number / 100}, **fields})


def loss_of(params: Mapping[str, Any]) -> float:
    """A bowl that only one branch reaches the bottom of."""
    away = (math.log10(params["lr"]) + 2) ** 2 + (params["batch"] == 16)
    return float(away + (0.5 if params["arch"] == "mlp" else abs(math.log2(params["width"] / 32))))


def run(sampler: GpSampler, n: int, records: list[TrialRecord]) -> list[TrialRecord]:
    for number in range(len(records), n):
        proposal = sampler.propose(number)
        assert proposal is not None
        records.append(record(number, params=proposal.params, value=loss_of(proposal.params)))
        sampler.observe(records[-1])
    return records


def paused(numbers: Iterable[int], **reports: float) -> list[TrialRecord]:
    """Return trials that wait, `at_2=0.5` being what they reported at step 2."""
    told = {int(name[3:]): value for name, value in reports.items()}
    return [record(n, TrialState.RUNNING, paused=True, reports=told) for n in numbers]


def test_final_values_are_seen_once_there_are_enough() -> None:
    """Then early ones of trials that were cut are not, where these are few: it is only known that they were tried."""
    records = [record(n, value=float(n)) for n in range(ENOUGH)]
    records += [
        record(20, TrialState.PRUNED, reports={2: -1.0}, reason=Reason.EARLY_STOPPING),
        record(22, TrialState.RUNNING),
        record(23, TrialState.WAITING),
        *paused([21], at_2=-1.0),
    ]

    view = View.of(records, preference=Preference.of("value", "maximize"))

    assert view is not None
    assert view.is_final
    assert view.losses == {n: (-float(n),) for n in range(ENOUGH)}
    assert (view.pending, view.stopped) == ([22, 23], [20, 21])
    assert view.unseen == [20, 21, 22, 23]


def test_where_a_trial_was_stopped_less_is_expected_than_before() -> None:
    """Once final losses are seen, early ones are not: it would be proposed again and again, as if nobody had tried."""
    sampler = GpSampler(SearchSpace({"x": "0.0..1.0"}), seed=0)
    for number in range(SURE):
        sampler.observe(record(number, params={"x": number / SURE}, value=(number / SURE - 0.33) ** 2))
    proposal = sampler.propose(SURE)
    assert proposal is not None
    assert proposal.gain is not None

    cut = {"params": proposal.params, "reports": {1: 1.0}, "reason": Reason.EARLY_STOPPING}
    sampler.observe(record(SURE, TrialState.PRUNED, **cut))

    left = sampler.gain(SURE)
    assert left is not None
    assert left < proposal.gain


def test_before_that_the_highest_step_that_enough_trials_reached_is_seen() -> None:
    """Of those that came further, what they had there."""
    at_2 = paused(range(ENOUGH_EARLY - 2), at_1=9.0, at_2=1.0)
    at_6 = paused([20, 21], at_2=2.0, at_6=0.5)

    few = View.of([*at_2, *at_6[1:]], preference=PLAIN)
    view = View.of([*at_2, *at_6], preference=PLAIN)

    assert few is None
    assert view is not None
    assert not view.is_final
    assert view.losses == dict.fromkeys(range(ENOUGH_EARLY - 2), (1.0,)) | {20: (2.0,), 21: (2.0,)}


def test_failures_are_told_apart() -> None:
    """What does not fit into memory, what raised or diverged, and what says nothing of the params."""
    records = [record(n, value=1.0) for n in range(ENOUGH)]
    reasons = [Reason.OOM, Reason.NAN, Reason.WORKER_LOST, Reason.RAISED]
    records += [record(50 + n, TrialState.FAIL, reason=reason) for n, reason in enumerate(reasons)]

    view = View.of(records, preference=PLAIN)

    assert view is not None
    assert (view.infeasible, view.failed) == ([50], [51, 53])


def test_it_finds_the_bottom_of_a_bowl_below_a_choice() -> None:
    """In thirty trials, the width that only one branch has included."""
    records = run(GpSampler(SPACE, direction="minimize", seed=1), 30, [])

    best = min(records, key=lambda each: each.value or 0.0)

    assert best.value is not None
    assert best.value < 0.05
    assert best.params["arch"] == "cnn"


def test_more_is_better_when_told_so() -> None:
    """The same bowl upside down gives the same proposals."""
    down = run(GpSampler(SPACE, direction="minimize", seed=1), 14, [])
    up = GpSampler(SPACE, direction="maximize", seed=1)

    for each in down:
        proposal = up.propose(each.number)
        assert proposal is not None
        assert proposal.params == each.params
        up.observe(record(each.number, params=each.params, value=-(each.value or 0.0)))


def test_a_proposal_follows_from_what_was_observed() -> None:
    """A sampler that is rebuilt from records, some of them still running, proposes what the one before would have."""
    live = GpSampler(SPACE, direction="minimize", seed=1)
    records = run(live, 14, [])
    running = [record(n, TrialState.RUNNING, params=live.propose(n).params) for n in (14, 15)]  # type: ignore[union-attr]

    rebuilt = make("gp", space=SPACE, direction="minimize", seed=1, records=[*records, *running])

    assert rebuilt.propose(16) == live.propose(16)


def test_workers_are_sent_to_different_places() -> None:
    """Six proposals before any of them has a value are spread rather than heaped around one point."""
    space = SearchSpace({"x": "0.0..1.0", "y": "0.0..1.0"})
    points_before = [{"x": n / 12, "y": (5 * n % 12) / 12} for n in range(12)]
    records = [record(n, params=p, value=math.sin(9 * p["x"]) + p["y"] ** 2) for n, p in enumerate(points_before)]
    sampler = GpSampler(space, direction="minimize", seed=1, records=records)

    points = [sampler.propose(number).params for number in range(12, 18)]  # type: ignore[union-attr]

    gaps = [math.dist(a.values(), b.values()) for a in points for b in points if a is not b]
    assert min(gaps) > 0.02


@pytest.mark.parametrize("reason", [Reason.OOM, Reason.NAN])
def test_params_that_cannot_be_trained_are_avoided(reason: Reason) -> None:
    """The wider the better, but half of the range does not fit: proposals come close to the limit, few pass it."""
    space = SearchSpace({"width": "0.0..1.0"})
    sampler = GpSampler(space, direction="minimize", seed=3)
    tried = []

    for number in range(40):
        proposal = sampler.propose(number)
        assert proposal is not None
        width = proposal.params["width"]
        told: dict[str, Any] = {"state": TrialState.FAIL, "reason": reason} if width > 0.5 else {"value": 1 - width}
        sampler.observe(record(number, params=proposal.params, **told))
        tried.append(width)

    assert sum(width > 0.6 for width in tried[20:]) <= 4
    assert max(width for width in tried if width <= 0.5) > 0.45


@pytest.mark.parametrize("huge", [1e160, 1.7e308])
def test_a_loss_of_any_size_is_just_very_bad(huge: float) -> None:
    """Half of the range diverges: it is avoided, and what can be told apart in the other half still is."""
    space = SearchSpace({"width": "0.0..1.0"})
    sampler = GpSampler(space, direction="minimize", seed=3)
    tried = []

    for number in range(40):
        proposal = sampler.propose(number)
        assert proposal is not None
        width = proposal.params["width"]
        sampler.observe(record(number, params=proposal.params, value=huge if width > 0.5 else 1 - width))
        tried.append(width)

    assert sum(width > 0.6 for width in tried[20:]) <= 4
    assert max(width for width in tried if width <= 0.5) > 0.45


def test_what_is_seen_has_squares() -> None:
    """Of objectives and constraints, at both ends; what is unknown is worse still."""
    wish = Preference.of(["loss", "cost"], ["minimize", "maximize"], ["size <= 5"])
    huge = {"loss": 1e200, "cost": 1e308, "size": -1.7e308}
    records = [record(n, value=1.0, values=huge if n else {"loss": -1e154}) for n in range(ENOUGH)]

    view = View.of(records, preference=wish)

    assert view is not None
    assert view.losses[0] == (-LARGEST, math.inf, math.inf)
    assert view.losses[1] == (LARGEST, -LARGEST, -LARGEST)


def test_thousands_of_trials_are_thinned() -> None:
    """The model stays small: the best and the newest of them."""
    sampler = GpSampler(SearchSpace({"x": "0.0..1.0"}), direction="minimize", seed=1)
    for number in range(2000):
        sampler.observe(record(number, params={"x": number / 2000}, value=abs(number / 2000 - 0.3)))
    view = View.of(sampler._records.values(), preference=PLAIN)
    assert view is not None

    task = sampler._task(view, np.random.default_rng(0))

    assert task is not None
    wanted, near, _ = task
    assert isinstance(wanted, ExpectedImprovement)
    assert len(wanted.model.x) == MODELLED
    assert near[0] == pytest.approx([0.3])
    assert wanted.best == pytest.approx(0, abs=0.01)
    assert sampler.propose(2000) is not None


def test_of_thousands_the_best_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the next trial has to better does not hang on those that are far from it, whose cost would grow."""
    sampler = GpSampler(SearchSpace({"x": "0.0..1.0"}), direction="minimize", seed=1)
    for number in range(2 * COMPARED):
        sampler.observe(record(number, params={"x": number / 2 / COMPARED}, value=abs(number / 2 / COMPARED - 0.3)))
    view = View.of(sampler._records.values(), preference=PLAIN)
    assert view is not None
    asked: list[int] = []
    features = sampler._features

    def counted(numbers: Sequence[int]) -> np.ndarray:
        asked.append(len(numbers))
        return features(numbers)

    monkeypatch.setattr(sampler, "_features", counted)

    task = sampler._task(view, np.random.default_rng(0))

    assert task is not None
    assert isinstance(task[0], ExpectedImprovement)
    assert task[0].best == pytest.approx(0, abs=0.01)
    assert asked == [MODELLED, COMPARED]


def test_a_proposal_says_what_it_is_expected_to_gain() -> None:
    """In units of the metric, over the best final value, once enough are there; a model beside a sampler does too."""
    few = run(GpSampler(SPACE, direction="minimize", seed=3), ENOUGH - 1, [])
    many = run(GpSampler(SPACE, direction="minimize", seed=3), 30, [])
    larger = [record(each.number, params=each.params, value=(each.value or 0.0) * 100) for each in many]

    def gain(records: list[TrialRecord]) -> float | None:
        proposal = GpSampler(SPACE, direction="minimize", seed=3, records=records).propose(len(records))
        assert proposal is not None
        return proposal.gain

    found = gain(many)
    assert gain(few) is None
    assert found is not None
    assert 0 < found < min(loss_of(each.params) for each in many) + 1
    assert gain(larger) == pytest.approx(100 * found, rel=0.02)
    gauged = make("random", space=SPACE, direction="minimize", seed=3, records=many, is_gauged=True).propose(30)
    assert gauged is not None
    assert gauged.gain == found


def test_a_model_beside_a_sampler_knows_what_runs() -> None:
    """It says of the next trial what one that is made anew says, who finds the one before running."""
    many = run(GpSampler(SPACE, direction="minimize", seed=3), 20, [])
    gauged = make("random", space=SPACE, direction="minimize", seed=3, records=many, is_gauged=True)

    first, second = gauged.propose(20), gauged.propose(21)

    assert first is not None
    assert second is not None
    running = record(20, TrialState.RUNNING, params=first.params)
    anew, unaware = (GpSampler(SPACE, seed=3, records=[*many, *more]).gain(21) for more in ([running], []))
    assert second.gain == anew != unaware


TWO = Preference.of(["loss", "cost"], ["minimize", "minimize"])
PLANE = SearchSpace({"x": "0.0..1.0", "y": "0.0..1.0"})


def measured(preference: Preference, seed: int, n: int) -> list[dict[str, float]]:
    """Run `n` trials of a plane whose loss falls where its cost rises; y is better left at 0.3."""
    sampler = make("gp", space=PLANE, preference=preference, seed=seed, records=[])
    found = []
    for number in range(n):
        proposal = sampler.propose(number)
        assert proposal is not None
        x, y = proposal.params["x"], proposal.params["y"]
        values = {"loss": (1 - x) ** 2 + (y - 0.3) ** 2, "cost": x**2 + (y - 0.3) ** 2, "size": 10 * x}
        told = record(number, params=proposal.params, value=values["loss"], values=values, points={1: values})
        sampler.observe(replace(told, reports={1: values["loss"]}))
        found.append(values)
    return found


def test_several_objectives_spread_over_their_pareto_set() -> None:
    """In 40 trials they leave behind them more than random ones do, and both ends of the set are reached."""
    found = measured(TWO, 1, 40)
    rng = random.Random(1)
    chance = [
        ((1 - x) ** 2 + (y - 0.3) ** 2, x**2 + (y - 0.3) ** 2)
        for x, y in ((rng.random(), rng.random()) for _ in range(40))
    ]

    volume = hypervolume([TWO.losses(each) for each in found], (1.5, 1.5))

    assert volume > hypervolume(chance, (1.5, 1.5))
    assert min(each["loss"] for each in found) < 0.05
    assert min(each["cost"] for each in found) < 0.05


def test_objectives_of_very_different_sizes_become_one() -> None:
    """One number a trial with a square, more for what is worse in both, and +inf for what is not known."""
    losses = np.array([[1e-160, 0.5], [2e-160, 0.2], [1.0, LARGEST], [math.inf, 0.1]])

    found = scalars(losses, np.random.default_rng(0))

    assert found[3] == math.inf
    assert max(found[:2]) < found[2] <= LARGEST


def _corner(losses: np.ndarray) -> np.ndarray:
    """Return what `nadir` does, by the layers of all points."""
    return np.asarray(losses[fronts([tuple(row) for row in losses])[0]].max(axis=0))


@pytest.mark.parametrize("n_objectives", [1, 2, 3, 5])
def test_the_nadir_is_that_of_the_first_layer(n_objectives: int) -> None:
    """Of scattered points, of points on a front, and of many that are equal in one objective or in all."""
    rng = np.random.default_rng(n_objectives)
    for n in (1, 2, 30, 90):
        cloud = rng.random((n, n_objectives))
        for losses in (cloud, cloud / cloud.sum(axis=1, keepdims=True), np.round(3 * cloud)):
            assert list(nadir(losses)) == list(_corner(losses))


def test_the_nadir_of_a_large_front_costs_little() -> None:
    """Beside finding the front itself, which takes the square of its points."""
    losses = np.random.default_rng(0).exponential(size=(1000, 3))
    losses /= losses.sum(axis=1, keepdims=True)

    def seconds(work: Callable[[np.ndarray], np.ndarray], repeats: int) -> float:
        return min(timeit.repeat(lambda: work(losses), number=1, repeat=repeats))

    assert seconds(nadir, 5) < seconds(_corner, 1) / 5


def test_constraints_are_kept_once_they_are_known() -> None:
    """The best loss lies beyond the limit: trials come close to it, and few break it."""
    limited = Preference.of("loss", "minimize", ["size <= 4"])

    found = measured(limited, 1, 30)

    assert sum(each["size"] > 4.4 for each in found[12:]) <= 4
    assert min(each["loss"] for each in found if each["size"] <= 4) == pytest.approx(0.36, abs=0.03)
