"""Importance: which values compare, which trials a param is judged in, and the right answer where it is known."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from automl.report import importance
from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def trial(number: int, state: TrialState, value: float | None = None, **reports: float) -> TrialRecord:
    """Return a trial that reported `s1`, `s2`, ... at steps 1, 2, ..."""
    steps = {int(name[1:]): reported for name, reported in reports.items()}
    return TrialRecord(number=number, state=state, params={}, value=value, reports=steps)


class TestComparable:
    """Values after equal training."""

    def test_final_values_when_most_trials_have_one(self) -> None:
        """COMPLETE trials stand for all when they are at least half."""
        records = [trial(0, COMPLETE, 0.5, s1=0.9), trial(1, COMPLETE, 0.4, s1=0.8), trial(2, PRUNED, s1=0.7)]

        assert importance.comparable(records) == ({0: 0.5, 1: 0.4}, None)

    def test_the_last_common_step_when_few_have_one(self) -> None:
        """Where early stopping has cut most trials, all are compared at the last step that half of them reached."""
        records = [
            trial(0, COMPLETE, 0.1, s1=0.9, s2=0.5, s3=0.1),
            trial(1, PRUNED, s1=0.8, s2=0.6),
            trial(2, PRUNED, s1=0.7),
            trial(3, PRUNED, s1=0.6),
        ]

        assert importance.comparable(records) == ({0: 0.5, 1: 0.6}, 2)

    def test_what_is_no_number_or_failed_is_left_out(self) -> None:
        """NaN, infinities and FAIL say nothing about params."""
        records = [
            trial(0, PRUNED, s1=math.nan),
            trial(1, PRUNED, s1=math.inf),
            trial(2, FAIL, s1=0.2),
            trial(3, PRUNED, s1=0.3),
        ]

        assert importance.comparable(records) == ({3: 0.3}, 1)

    def test_nothing_from_nothing(self) -> None:
        """No trial, no value."""
        assert importance.comparable([]) == ({}, None)


class TestShares:
    """What is found."""

    def test_the_param_that_matters_comes_first(self, records: list[TrialRecord], space: SearchSpace) -> None:
        """On a loss that depends on log lr and a little on the width, lr explains most, as in the data."""
        found = importance.shares(records, "loss", space)

        assert found is not None
        everywhere = found.groups[0]
        assert (everywhere.trials, everywhere.condition) == (10, None)
        assert next(iter(everywhere.shares)) == "lr"
        assert everywhere.shares["lr"] > 0.5 > everywhere.shares["dropout"]
        assert sum(everywhere.shares.values()) <= 1 + 1e-9

    def test_a_conditional_param_is_judged_where_it_exists(
        self, records: list[TrialRecord], space: SearchSpace
    ) -> None:
        """It forms a group that says among how many trials, and under which condition."""
        found = importance.shares(records, "loss", space)

        assert found is not None
        groups = {group.condition: (set(group.shares), group.trials) for group in found.groups}
        cnns = sum(record.params["arch"] == "cnn" for record in records if record.state is COMPLETE)
        assert groups["arch=cnn"] == ({"cnn.width"}, cnns)
        assert groups["arch=mlp"] == ({"mlp.units"}, 10 - cnns)

    def test_a_log_param_is_judged_on_its_scale(self) -> None:
        """A valley in the middle of a log range matters as much as one in a linear range."""
        space = SearchSpace({"log": "1e-6..1 log", "linear": "0.0..1.0"})
        rng = random.Random(5)
        records = []
        for number in range(100):
            params = space.sample(rng)
            value = abs(math.log10(float(params["log"] or 0)) + 5) / 5 + abs(float(params["linear"] or 0) - 1 / 6)
            records.append(TrialRecord(number=number, state=COMPLETE, params=params, value=value))

        found = importance.shares(records, "loss", space)

        assert found is not None
        assert found.groups[0].shares["log"] == pytest.approx(found.groups[0].shares["linear"], abs=0.2)

    def test_a_loss_over_decades_is_judged_by_its_logarithm(self, space: SearchSpace) -> None:
        """Otherwise the one trial that diverged would be all that is explained; the target says so."""
        rng = random.Random(1)
        records = [
            TrialRecord(
                number=n, state=COMPLETE, params=(p := space.sample(rng)), value=10 ** (20 * float(p["dropout"]))
            )
            for n in range(30)
        ]

        found = importance.shares(records, "loss", space)

        assert found is not None
        assert found.target == "log10(loss)"
        assert found.groups[0].shares["dropout"] > 0.7

    def test_the_step_is_named(self, records: list[TrialRecord], space: SearchSpace) -> None:
        """Values before the end say at which step they were measured."""
        cut = [replace(record, state=PRUNED, value=None) for record in records]

        found = importance.shares(cut, "loss", space)

        assert found is not None
        assert found.target == "loss after step 3"

    def test_many_trials_are_thinned_evenly(self, space: SearchSpace, monkeypatch: pytest.MonkeyPatch) -> None:
        """The forest's time grows with the square of the trials, so it is shown a part of them."""
        monkeypatch.setattr(importance, "MAX_TRIALS", 10)
        rng = random.Random(1)
        records = [
            TrialRecord(number=n, state=COMPLETE, params=space.sample(rng), value=rng.random()) for n in range(100)
        ]

        found = importance.shares(records, "loss", space)

        assert found is not None
        assert found.groups[0].trials == 10

    @pytest.mark.parametrize("n", [0, 1, 3])
    def test_too_few_trials_say_nothing(self, records: list[TrialRecord], space: SearchSpace, n: int) -> None:
        """Below four trials there is no answer rather than a wrong one."""
        assert importance.shares(records[:n], "loss", space) is None

    def test_equal_values_say_nothing(self, records: list[TrialRecord], space: SearchSpace) -> None:
        """Without variance there is none to explain."""
        flat = [replace(record, state=COMPLETE, value=1.0) for record in records]

        assert importance.shares(flat, "loss", space) is None

    def test_params_that_never_vary_say_nothing(self, records: list[TrialRecord]) -> None:
        """A space of constants explains nothing."""
        space = SearchSpace({"lr": 0.1, "arch": "mlp"})
        same = [replace(record, params={"lr": 0.1, "arch": "mlp"}) for record in records]

        assert importance.shares(same, "loss", space) is None
