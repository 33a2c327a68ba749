"""Rules by name: the text that users write, what it means, and what is said of a wrong one."""

from __future__ import annotations

import threading

import optuna
import pytest

from automl import stopping
from automl.config import AUTO, EARLY_STOPPING
from automl.errors import ConfigError
from automl.stopping import (
    Asha,
    Curve,
    EarlyStopping,
    Guarded,
    Hyperband,
    NoStopping,
    Patience,
    Percentile,
    Screen,
    Verdict,
    Wilcoxon,
    rule,
)


class Never(EarlyStopping):
    """A rule of a user's own, with something to remember."""

    def __init__(self) -> None:
        self.seen = 0

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        self.seen += 1
        return Verdict.CONTINUE


def test_every_name_has_a_rule() -> None:
    """The names that users may give are the names that exist, and every rule says what it does."""
    chosen, *names = EARLY_STOPPING

    rules = [rule(name, max_epochs=9) for name in names]

    assert [type(each) for each in rules] == [
        Asha,
        Guarded,
        Hyperband,
        Screen,
        Percentile,
        Percentile,
        Patience,
        Curve,
        Wilcoxon,
        NoStopping,
    ]
    assert [str(each).partition(":")[0] for each in rules] == names
    assert chosen == AUTO, "which a policy turns into one of them"


def test_parameters_are_read() -> None:
    """What is given is used, the rest is as it was."""
    asha = rule("asha eta=4  first=1", max_epochs=64)
    patience = rule("patience steps=7 min_delta=1e-3", max_epochs=None)
    percentile = rule("percentile keep=12.5 startup=1 warmup=0", max_epochs=None)

    assert isinstance(asha, Asha)
    assert asha.rungs == [1, 4, 16]
    assert isinstance(patience, Patience)
    assert (patience.steps, patience.min_delta) == (7, 0.001)
    assert isinstance(percentile, Percentile)
    assert (percentile.keep, percentile.startup, percentile.warmup) == (12.5, 1, 0)
    assert "stops at step 2, 6" in str(rule("asha pause=no", max_epochs=9))
    assert "the first 12 trials pause at step 2, 8" in str(rule("screen eta=4 trials=12", max_epochs=9))


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("ahsa", ["--early-stopping 'ahsa' is unknown; did you mean 'asha'? known: asha, guarded, hyperband"]),
        ("", ["--early-stopping '' is unknown; known: asha"]),
        (
            "asha etaa=4",
            ["--early-stopping asha: parameter 'etaa' is unknown; did you mean 'eta'? known: eta, first, pause"],
        ),
        ("asha eta=1", ["--early-stopping asha: eta must be a whole number >= 2, got '1'"]),
        ("asha pause=maybe", ["--early-stopping asha: pause must be yes or no, got 'maybe'"]),
        ("screen trials=0", ["--early-stopping screen: trials must be a whole number >= 1, got '0'"]),
        ("asha eta", ["--early-stopping asha: eta must be a whole number >= 2, got ''"]),
        ("hyperband eta=2.5", ["--early-stopping hyperband: eta must be a whole number >= 2, got '2.5'"]),
        ("percentile keep=100", ["--early-stopping percentile: keep must be a number from 1 to 99, got '100'"]),
        ("percentile keep=nan", ["keep must be a number from 1 to 99, got 'nan'"]),
        ("median keep=30", ["--early-stopping median: parameter 'keep' is unknown; known: startup, warmup"]),
        ("patience min_delta=inf", ["--early-stopping patience: min_delta must be a number >= 0, got 'inf'"]),
        ("patience steps=5 steps=6", ["--early-stopping patience: steps is given twice"]),
        ("none at=all", ["--early-stopping none has no parameters, got 'at=all'"]),
        (
            "asha first=0 eta=x",
            ["first must be a whole number >= 1, got '0'", "eta must be a whole number >= 2, got 'x'"],
        ),
    ],
)
def test_problems_name_the_parameter_and_the_value(text: str, problems: list[str]) -> None:
    """Each problem has its line, all at once: what was seen and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        rule(text, max_epochs=9)

    assert len(caught.value.problems) == len(problems)
    for line, words in zip(caught.value.problems, problems, strict=True):
        assert words in line
    assert stopping.problems(text) == list(caught.value.problems)


def test_an_object_is_used_as_a_copy() -> None:
    """A rule of a user's own, or a pruner, is left as it was, so that it can be given again."""
    mine = Never()
    judge = stopping.make(mine)

    judge.on_report(0, 1, 0.5, can_pause=False)

    assert mine.seen == 0


def test_an_object_that_cannot_be_copied_is_refused() -> None:
    """A rule that holds a lock says so at once, not when a trial reports."""
    rule = Never()
    rule.seen = threading.Lock()  # type: ignore[assignment]

    with pytest.raises(ConfigError, match=r"Never cannot be copied \(cannot pickle '_thread\.lock' object\)"):
        stopping.make(rule)


def test_an_object_is_called_by_its_class() -> None:
    """The text that a study keeps names it, and is no rule by itself: only Python can give it again."""
    text = stopping.named(optuna.pruners.MedianPruner())

    assert text == "own:MedianPruner"
    assert stopping.named(Never()) == "own:Never"
    assert stopping.problems(text) == []
    assert stopping.explain(text, max_epochs=9) == "your MedianPruner"
    with pytest.raises(ConfigError, match=r"MedianPruner is an object that only Python can hand over"):
        stopping.make(text)


@pytest.mark.parametrize("wrong", [3, None, optuna.pruners.MedianPruner, object()])
def test_what_cannot_stop_trials_is_refused(wrong: object) -> None:
    """Neither a number nor a class will do, and the message says what would."""
    with pytest.raises(ConfigError, match=r"asha, guarded.*optuna\.pruners\.HyperbandPruner\(\).*got"):
        stopping.named(wrong)  # type: ignore[arg-type]
