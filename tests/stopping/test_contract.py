"""Every rule does what every rule must, the shipped ones and Optuna's pruners alike."""

from __future__ import annotations

import functools
import random
import warnings
from collections.abc import Callable

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.strategies  # noqa: F401  a busy machine is no failure
from automl.stopping import RULES, EarlyStopping, Judge, Verdict, make, rule
from automl.stopping.optuna_pruner import OptunaPruner
from automl.testing import EarlyStoppingContract
from automl.testing.stopping import EPOCHS, MiniatureStudy, NewRule, replay

TEXTS = [
    *RULES,
    "asha eta=4 first=1",
    "asha pause=no",
    "guarded doubt=0",
    "hyperband eta=2 first=1",
    "screen trials=5 eta=2",
    "percentile keep=75 startup=2",
    "patience steps=2",
]


def patient() -> optuna.pruners.BasePruner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(), patience=2)


def wilcoxon() -> optuna.pruners.BasePruner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.pruners.WilcoxonPruner(p_threshold=0.2)


PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "SuccessiveHalvingPruner": optuna.pruners.SuccessiveHalvingPruner,
    "SuccessiveHalvingPruner from 1": functools.partial(optuna.pruners.SuccessiveHalvingPruner, min_resource=1),
    "HyperbandPruner": functools.partial(optuna.pruners.HyperbandPruner, max_resource=EPOCHS),
    "HyperbandPruner auto": optuna.pruners.HyperbandPruner,
    "MedianPruner": optuna.pruners.MedianPruner,
    "PercentilePruner": functools.partial(optuna.pruners.PercentilePruner, 25.0, n_startup_trials=1),
    "ThresholdPruner": functools.partial(optuna.pruners.ThresholdPruner, upper=2.0),
    "PatientPruner": patient,
    "WilcoxonPruner": wilcoxon,
}


class StopLate(EarlyStopping):
    """What a user may write: no more than a verdict."""

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        return Verdict.STOP if step >= 5 and loss > 1.0 else Verdict.CONTINUE


@pytest.mark.parametrize("text", TEXTS)
class TestNamed(EarlyStoppingContract):
    @pytest.fixture
    def new_rule(self, text: str) -> NewRule:
        return lambda max_epochs: rule(text, max_epochs=max_epochs)

    @pytest.fixture(autouse=True)
    def spares_what_it_does_not_judge(self, text: str) -> None:
        self.cuts = text not in ("none", "screen trials=5 eta=2")
        self.is_order_free = text != "guarded"  # who is spared depends on who comes first


@pytest.mark.parametrize("pruner", PRUNERS)
class TestOptunaPruner(EarlyStoppingContract):
    @pytest.fixture
    def new_rule(self, pruner: str) -> NewRule:
        return lambda max_epochs: OptunaPruner(PRUNERS[pruner]())

    @pytest.fixture(autouse=True)
    def remembers_whom_it_asked_first(self, pruner: str) -> None:
        self.is_order_free = not pruner.startswith(("SuccessiveHalving", "Hyperband"))  # they note rungs when asked


class TestStopLate(EarlyStoppingContract):
    @pytest.fixture
    def new_rule(self) -> NewRule:
        return lambda max_epochs: StopLate()


class Wrong(EarlyStopping):
    """Remembers something, and stops every other trial by it."""

    def __init__(self, *, remembers: str) -> None:
        self.remembers = remembers
        self.memory = 0

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        seen = can_pause if self.remembers == "checkpoints" else trial * step
        self.memory = (3 * self.memory + seen) % 1009
        return Verdict.STOP if self.memory % 2 else Verdict.CONTINUE


@pytest.mark.parametrize(("remembers", "is_order_free"), [("checkpoints", False), ("order", True)])
def test_the_suite_finds_what_must_not_be_remembered(remembers: str, is_order_free: bool) -> None:
    """A rule that counts checkpoints forgets on resume; one that mixes in who came first is no function of a set."""
    suite = EarlyStoppingContract()
    suite.is_order_free = is_order_free

    with pytest.raises(AssertionError):
        suite.test_it_takes_reports_in_any_order(lambda _: Judge(Wrong(remembers=remembers), name="wrong"), seed=0)


@pytest.mark.parametrize("name", [*TEXTS, *PRUNERS])
@given(rng=st.randoms(), rounds=st.integers(1, 150), share=st.floats(0, 1))
@settings(max_examples=25)
def test_a_resumed_judge_answers_like_the_one_that_lived(
    name: str, rng: random.Random, rounds: int, share: float
) -> None:
    """Whatever happens, and wherever it is cut: after a replay of what the ledger knows, all answers are the same."""

    def new() -> Judge:
        return make(PRUNERS[name]() if name in PRUNERS else name, max_epochs=9)

    calls = MiniatureStudy(new(), rng, max_epochs=9).run(rounds)
    resumed = new()
    cut = int(share * len(calls))
    replay(calls[:cut], resumed)

    answers = [call.repeat(resumed) for call in calls[cut:]]

    assert answers == [call.answer for call in calls[cut:]]
