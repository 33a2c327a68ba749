"""What `auto` becomes: from the space, the budget and the width of a search; once, and the same after a resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import automl
from automl import policy, samplers, stopping
from automl.config import StudyConfig
from automl.home import Home
from automl.policy import Policy, choose
from automl.trial import Trial
from search_spaces import SearchSpace

SPACE = SearchSpace({"lr": "1e-4..1e-1 log", "arch": "mlp|cnn", "width": "8..64 when arch=cnn"})
FEW = SearchSpace({"arch": "mlp|cnn", "depth": "1..4"})
WIDE = SearchSpace({f"x{n}": "0.0..1" for n in range(100)})


def config(**options: Any) -> StudyConfig:
    return StudyConfig(
        **{
            "target": "t",
            "space": SPACE,
            "metrics": ("loss",),
            "directions": ("minimize",),
            "max_epochs": 27,
            **options,
        }
    )


@pytest.mark.parametrize(
    ("options", "parallel", "sampler", "rule", "said"),
    [
        ({"n_trials": 100}, 4, "gp", "screen trials=30", "the first 30 of 100 trials are screened"),
        ({}, None, "gp", "screen trials=25", "gp, a model of all 3 parameters"),
        ({"n_trials": 1000}, 64, "gp", "screen trials=64", "the first 64 of 1000"),
        ({"n_trials": 16}, 64, "gp", "screen trials=8", "the first 8 of 16"),
        ({"n_trials": 5}, 4, "gp", "none", "5 trials are too few to compare"),
        ({"max_epochs": 1}, 4, "gp", "none", "a trial has 1 step at most"),
        ({"max_epochs": None}, 4, "gp", "screen trials=25", "screened"),
        ({"space": FEW}, 4, "random", "guarded", "all 8 points of the space will be tried"),
        ({"space": WIDE}, 4, "tpe", "none", "100 parameters are too many"),
        ({"sampler": "tpe"}, 4, "tpe", "none", "no early stopping: tpe"),
        ({"sampler": "random"}, 4, "random", "guarded", "proposals do not get better"),
        ({"sampler": "own:GridSampler"}, 4, "own:GridSampler", "guarded", "proposals do not get better"),
        ({"early_stopping": "median"}, 4, "gp", "median", "gp, a model"),
    ],
    ids=str,
)
def test_both_are_chosen_together(
    options: dict[str, Any], parallel: int | None, sampler: str, rule: str, said: str
) -> None:
    """What was named stays, what was not fits it; the reason is one line."""
    chosen = choose(config(**options), parallel=parallel)

    assert chosen is not None
    assert (chosen.sampler, chosen.early_stopping) == (sampler, rule)
    assert said in chosen.why
    assert "\n" not in chosen.why
    assert samplers.explain(chosen.of(config(**options)))
    assert stopping.explain(rule, max_epochs=27)


def test_nothing_is_chosen_where_both_are_named() -> None:
    """Such a study has no policy to tell of."""
    assert choose(config(sampler="gp", early_stopping="none")) is None


def objective(trial: Trial) -> float:
    for step in range(1, 10):
        with trial.checkpoint(step) as folder:
            (folder / "state").write_text("")
        trial.report(step, loss=trial.params["lr"] / step)
    return float(trial.params["lr"])


def test_a_study_keeps_what_was_chosen(tmp_path: Path) -> None:
    """Extended to three times as many trials, for which another screen would be chosen today, it has the one it had."""
    options: dict[str, Any] = {"home": tmp_path, "listeners": [], "max_epochs": 9}
    first = automl.search(
        objective, {"lr": "0.0..1"}, name="s", direction="minimize", n_trials=10, seed=1, executor="local", **options
    )

    automl.resume("s", objective, home=tmp_path, listeners=[], n_trials=14)

    with Home(tmp_path).read("s") as reader:
        events = list(reader.events(kind=policy.CHOSEN))
        kept = policy.read(reader)
        settings = reader.study().config
    assert first.best_trial is not None
    assert len(events) == 1
    assert kept == Policy(
        sampler="gp",
        early_stopping="screen trials=5",
        why="gp, a model of 1 parameter; the first 5 of 10 trials are screened, later ones run to their end",
    )
    assert (settings["sampler"], settings["early_stopping"]) == ("auto", "auto")
    assert choose(StudyConfig.from_dict(settings)) != kept
