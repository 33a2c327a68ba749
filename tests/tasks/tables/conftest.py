"""Tables: a small one made by hand with every kind of column, and two real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def credit() -> Path:
    """Credit scoring: 4,454 rows with numbers, categories and missing values; 72 % of `Status` is good."""
    return ROOT / "examples" / "credit.csv.gz"


@pytest.fixture(scope="session")
def abalone() -> Path:
    """Sea snails: 4,177 rows with seven numbers and a category, whose `rings` are a number."""
    return ROOT / "tests" / "data" / "abalone.csv.gz"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A table of 200 rows; `plan`, `age` and `joined` say what `left` and `spent` are."""
    rng = np.random.default_rng(0)
    n = 200
    plan = rng.choice(["free", "plus", "pro"], size=n, p=[0.5, 0.3, 0.2])
    age = rng.integers(18, 80, size=n).astype(float)
    joined = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, size=n), unit="D")
    score = (plan == "free") * 2.0 - age / 40 + rng.normal(0, 0.2, size=n)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(n) * 7 + 1000,
            "plan": plan,
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "joined": joined.astype(str),
            "active": rng.random(n) < 0.5,
            "country": "CH",
            "spent": np.round(100 + 20 * score, 2),
            "left": np.where(score > 0, "yes", "no"),
        }
    )
    frame.loc[[3, 50], "left"] = None
    path = tmp_path / "customers.csv"
    frame.to_csv(path, index=False)
    return path
