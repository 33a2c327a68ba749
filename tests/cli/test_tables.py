"""A table on the command line: what is in it is said, it is searched, resumed, refused when it has changed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from automl.tasks.tables import load_predictor
from tests.cli.conftest import LOCAL, ROOT, Run

CREDIT = str(ROOT / "examples" / "credit.csv.gz")
SMALL = [*LOCAL, "--trials", "3", "--max-epochs", "4", "--seed", "1", "--sampler", "random"]


def test_a_search_on_a_real_table(run: Run, tmp_path: Path) -> None:
    """Categories, missing values and all: the winner beats the majority class, and is there to be used."""
    ran = run("search", CREDIT, "--target", "Status", *SMALL, "--metric", "auc", "-f", "json")

    assert ran.code == 0, ran.err
    found = ran.json
    assert (found["name"], found["metric"], found["directions"]) == ("credit-1", "val_auc", ["maximize"])
    assert found["test"]["test_acc"] > 0.72
    assert found["test"]["test_auc"] > 0.75
    frame = pd.read_csv(CREDIT)
    artifacts = tmp_path / "automl_runs" / "credit-1" / "trials" / str(found["best"]["number"]) / "artifacts"
    assert (load_predictor(artifacts)(frame) == frame["Status"]).mean() > 0.72


def test_what_was_found_is_said(run: Run) -> None:
    """Before the first trial and in `show`: what is predicted, from how many rows, and what each column is."""
    searched = run("search", CREDIT, "--target", "Status", *LOCAL, "--trials", "1", "--max-epochs", "1", "--seed", "1")

    shown = run("show", "credit-1")

    for text in (searched.err, shown.out):
        assert "Status, classification, 2 classes: bad 28.1%, good 71.9%" in text
        assert "4,454 rows, split 60 / 20 / 20 %" in text
        assert "9 numbers: Seniority, Time, Age" in text
        assert "4 categories: Home, Marital, Records, Job" in text
    assert f"{CREDIT}: maximize val_acc" in searched.err


def test_regression_by_its_metric(run: Run, tmp_path: Path) -> None:
    """A metric of numbers makes a number of the target; its direction is known."""
    frame = pd.DataFrame({"a": [1.5, 2.5, 3.5, 4.5] * 20, "b": ["x", "y"] * 40, "stars": [1, 2, 3, 4] * 20})
    frame.to_parquet(tmp_path / "reviews.parquet")

    ran = run("search", "reviews.parquet", "--target", "stars", *SMALL, "--metric", "mae", "-f", "json")

    assert ran.code == 0, ran.err
    assert (ran.json["metric"], ran.json["directions"]) == ("val_mae", ["minimize"])
    assert set(ran.json["test"]) == {"test_rmse", "test_mae", "test_r2", "test_loss"}
    assert ran.json["test"]["test_mae"] < 1.5
    assert run("show", ran.json["name"], "-f", "json").json["test"] == ran.json["test"]


def test_resume_from_elsewhere_unless_the_table_changed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path is absolute, so any folder will do; other rows are another study, exit 3."""
    frame = pd.DataFrame({"a": range(40, 120, 2), "y": ["x", "y"] * 20})
    frame["a"] = frame["a"] // 3 * 1.5
    frame.to_csv(tmp_path / "t.csv", index=False)
    started = run("search", "t.csv", "--target", "y", *SMALL, "-q")
    assert started.code == 0, started.err
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    resumed = run("resume", "t-1", "--trials", "+1", "--home", str(tmp_path / "automl_runs"), "-q")
    frame.iloc[1:].to_csv(tmp_path / "t.csv", index=False)
    refused = run("resume", "t-1", "--trials", "+1", "--home", str(tmp_path / "automl_runs"), "-q")

    assert resumed.code == 0, resumed.err
    assert refused.code == 3
    assert len(refused.errors) == 1
    assert "t.csv has changed since the study was made" in refused.err
