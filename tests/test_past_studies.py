"""Learning from other studies: what is read, what is refused, and that it stands in the ledger of who has learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import automl
from automl import past_studies
from automl.config import StudyConfig
from automl.errors import ConfigError
from automl.home import Home
from automl.known import Known
from automl.removal import remove
from search_spaces import SearchSpace

SPACE = {"x": "0.0..1.0", "n": "1..9"}
HERE: dict[str, Any] = {"executor": "local", "tracker": "none", "listeners": [], "sampler": "random", "seed": 1}
HERE |= {"early_stopping": "none"}


def loss(trial: automl.Trial) -> dict[str, float]:
    if trial.number == 3:
        raise ValueError
    value = abs(trial.params["x"] - 0.3) + 0.1 * trial.params["n"]
    trial.report(1, loss=value)
    return {"loss": value, "score": -value}


def run(name: str, space: dict[str, Any], *, metric: str = "loss", n_trials: int = 8, **more: Any) -> Any:
    direction = "maximize" if metric == "score" else "minimize"
    return automl.search(loss, space, name=name, metric=metric, direction=direction, n_trials=n_trials, **HERE | more)


def config(space: dict[str, Any], *names: str, **more: Any) -> StudyConfig:
    fields = {"target": "loss", "kind": "callable", "warm_start": names}
    fields |= {"metrics": ("loss",), "directions": ("minimize",)}
    return StudyConfig(space=SearchSpace(space), **fields | more)


def test_the_best_of_another_study_comes_first_and_needs_it_no_more() -> None:
    """Its best is trial 1, after what the user wants tried; the study may go, and nothing changes on resume."""
    first = run("old", SPACE, metric="score")
    started = run("new", {**SPACE, "more": "1..3"}, n_trials=2, warm_start=[first], tries=[{"n": 9}])
    with Home.find().read("new") as reader:
        (before,) = Known.read(reader).pasts
    remove(Home.find(), "old")

    result = automl.resume("new", loss, n_trials=6, listeners=[])

    with Home.find().read("new") as reader:
        assert Known.read(reader).pasts == (before,)
        assert reader.study().config["warm_start"] == ["old"]
    assert before.aim == "minimize loss", "the old study measured it, too, besides what it was after"
    assert len(before.points) == 7
    assert min(before.losses) == pytest.approx(-(first.best_trial.value or 0.0))
    assert started.trials[0].params["n"] == 9
    assert result.trials[1].params == {**first.best_trial.params, "more": 2}
    assert len({str(trial.params) for trial in result.trials}) == 6


def test_auto_takes_those_that_are_alike() -> None:
    """The same aim, most parameters in common, enough results; the most alike first, and nothing where none is."""
    run("half", {"x": "0.0..1.0", "n": "=1"})
    run("same", SPACE)
    run("other-aim", SPACE, metric="score")
    run("few", SPACE, n_trials=2)
    home, asked = Home.find(), config(SPACE, "auto")
    (home.path / "broken").mkdir()
    (home.path / "broken" / "ledger.db").write_text("no ledger")

    found = past_studies.read(home, asked, asked.warm_start)
    named = past_studies.read(home, asked, ["few", "auto"])
    nothing = past_studies.read(home, config({"z": "0.0..1.0"}, "auto"), ["auto"])

    assert [past.study for past in found] == ["same", "half"]
    assert [past.study for past in named] == ["few", "same", "half"]
    assert nothing == []
    assert past_studies.told(asked, nothing).startswith("auto: no study here measures the same")
    assert past_studies.told(asked, found).startswith("same: 7 results; 2 of 2 parameters in common\nhalf: 7 results; ")


def test_what_cannot_be_learnt_from_is_refused() -> None:
    """All of it at once, before anything is created."""
    run("old", {"y": "0.0..1.0", "x": "=0", "n": "=1"})
    home = Home.find()
    home.add(config(SPACE).to_dict(), stem="loss", name="empty")

    with pytest.raises(ConfigError) as caught:
        run("new", SPACE | {"n": "10..20", "x": "2.0..3.0"}, warm_start=["old", "nope", "empty"])

    lines = caught.value.problems
    assert [line.partition(":")[0] for line in lines] == [f"--warm-start {name}" for name in ("old", "nope", "empty")]
    assert "has no parameter in common with this study; it has y, x, n, this one x, n" in lines[0]
    assert "no study 'nope'" in lines[1]
    assert lines[2].endswith("has no trial with a value yet")
    assert not Path("automl_runs/new").exists()


def test_another_aim_is_said_and_serves_all_the_same() -> None:
    """One that the old trials did not measure: their own counts. Of several objectives it is their rank."""
    old = run("old", SPACE, metric="score")
    home, other = Home.find(), config(SPACE, "old", metrics=("mistakes",))
    two = config(SPACE, "old", metrics=("loss", "score"), directions=("minimize", "minimize"))

    (by_own,), (by_rank,) = (past_studies.read(home, each, each.warm_start) for each in (other, two))

    assert past_studies.told(other, [by_own]).startswith("old: 7 results of another aim, maximize score; 2 of 2 ")
    assert by_own.losses == pytest.approx([-trial.value for trial in old.trials if trial.value is not None])
    assert sorted(by_rank.losses) == [float(rank) for rank in range(7)]
    assert by_rank.aim == "minimize loss, minimize score"


def test_a_resume_can_learn_more() -> None:
    """Of another study than before, which it reads once; never of itself."""
    run("first", SPACE)
    run("second", SPACE, seed=2)
    run("new", SPACE, n_trials=1, warm_start=["first"])

    automl.resume("new", loss, n_trials=2, warm_start=["second", "first"], listeners=[])
    with pytest.raises(ConfigError, match="--warm-start new: is this study itself"):
        automl.resume("new", loss, n_trials=3, warm_start=["new"], listeners=[])

    with Home.find().read("new") as reader:
        assert [past.study for past in Known.read(reader).pasts] == ["first", "second"]
        assert reader.study().config["warm_start"] == ["first", "second"]
