"""Proposals that are made once more from the ledger: what comes out the same, and what is found if it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import automl
from automl.cli import main
from automl.errors import ConfigError
from automl.home import Home
from automl.ledger import schema
from automl.ledger.database import connect
from automl.replay import replay
from search_spaces import SearchSpace
from tests.stopping.test_study import Live
from tests.test_study import Bench

SPACE = {"x": "0.0..1.0", "n": "1..64 log", "kind": "a|b|c"}


def curve(params: Mapping[str, Any], seed: int) -> Iterator[tuple[float, dict[str, float]]]:
    for epoch in range(1, 10):
        yield 1 + params["x"], {"loss": (params["x"] - 0.3) ** 2 + params["n"] / 640 + 1 / epoch}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a study of 200 trials on four workers, that pauses, promotes, and runs the best again."""
    home = tmp_path_factory.mktemp("home")
    options = {"sampler": "tpe", "early_stopping": "asha", "confirm": 2, "confirm_seeds": 2, "seed": 1}
    found = automl.simulate(curve, SPACE, metric="loss", n_trials=200, max_epochs=9, home=home, name="s", **options)
    assert len(found.trials) == 204
    return home


def tamper(home: Path, name: str, number: int, **columns: Any) -> None:
    """Change the row of a trial, as a hand in the database does."""
    engine = connect(Home(home).ledger_url(name), create=True)
    with engine.begin() as connection:
        connection.execute(sa.update(schema.trials).where(schema.trials.c.number == number).values(**columns))
    engine.dispose()


def test_a_study_comes_out_as_it_is_recorded(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """200 proposals of a sampler that learns, on four workers, with trials that pause and go on."""
    code = main(["replay", "s", "--home", str(kept), "-f", "json"])

    expected = {"study": "s", "ok": True, "sampler": "tpe", "proposals": 200, "unrecorded": 0, "difference": None}
    assert code == 0
    assert json.loads(capsys.readouterr().out) == expected


def test_the_first_difference_is_named(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Params that were changed are the difference; a result that was changed shows in what was learnt from it."""
    with Home(kept).read("s") as reader:
        records = reader.records()
    params = records[57].params
    done = next(record for record in records if record.value is not None)

    tamper(kept, "s", 57, params={**params, "x": 0.123})
    code = main(["replay", "s", "--home", str(kept)])
    tamper(kept, "s", 57, params=params)
    tamper(kept, "s", done.number, value=-5.0)
    with Home(kept).read("s") as reader:
        of_value = replay(reader).difference
    tamper(kept, "s", done.number, value=done.value)

    shown = capsys.readouterr().out
    assert code == 1
    assert "s: trial 57 comes out otherwise" in shown
    assert shown.splitlines()[2].split()[:2] == ["x", "0.123"]
    assert of_value is not None
    assert of_value.trial > done.number
    assert of_value.recorded == records[of_value.trial].params != of_value.replayed


@pytest.mark.parametrize("sampler", ["qmc", "tpe", "auto", "nsga2"])
def test_kills_and_another_space_change_nothing(tmp_path: Path, sampler: str) -> None:
    """Each driver's sampler is built as it was: from what had happened by then, in the space of then."""
    rule = "auto" if sampler == "auto" else "asha"
    bench = Bench(tmp_path / "s", f"sqlite:///{tmp_path}/s.db", sampler=sampler, n_trials=30, early_stopping=rule)
    live = Live(bench, seed=3)

    for number in range(120):
        live.act()
        if number % 30 == 29:
            if number > 50:
                new = {"type": "int", "low": 1, "high": 9, "default": 3}
                live.opened["space"] = SearchSpace({"x": f"0.0..{1 - number / 1000}", "new": new})
            live.kill()

    with bench.read() as reader:
        found = replay(reader)
        assert found.difference is None
        assert found.proposals == sum(reader.counts().values()) > 15
        assert found.unrecorded == 0


def test_a_sampler_of_the_users_own_cannot_be_replayed(tmp_path: Path) -> None:
    """The ledger has only its name, and the answer says so."""
    import optuna

    own = optuna.samplers.RandomSampler(seed=1)
    automl.simulate(curve, SPACE, metric="loss", n_trials=2, max_epochs=9, sampler=own, home=tmp_path, name="s")

    with Home(tmp_path).read("s") as reader, pytest.raises(ConfigError, match="RandomSampler is a Python object"):
        replay(reader)
