"""What kind a column is: numbers, categories, dates, or nothing to learn from."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from automl.tasks.tables.columns import Kind, dates, examine, features, numbers, texts


def place(row: int) -> str:
    return f"t.csv:{row + 2}"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 2], Kind.NUMBER),
        ([1.5, None, 2.5], Kind.NUMBER),
        (["1", "2", "2.5"], Kind.NUMBER),
        ([Decimal("1.5"), None, Decimal(2)], Kind.NUMBER),
        (pd.to_timedelta([1, 2, 2], unit="s"), Kind.NUMBER),
        (pd.array([1, None, 2], dtype="Int64"), Kind.NUMBER),
        ([True, False, True], Kind.CATEGORY),
        ([True, None, False], Kind.CATEGORY),
        (["true", "FALSE", None], Kind.CATEGORY),
        (["a", "b", "a"], Kind.CATEGORY),
        (["1a", 2, 2], Kind.CATEGORY),
        (pd.Categorical(["a", "b", "a"]), Kind.CATEGORY),
        (pd.Categorical([3, 4, 3]), Kind.NUMBER),
        (["2024-01-31", "2024-02-01", None], Kind.DATE),
        (["2024-01-31T10:00:00+02:00", "2024-02-01T10:00:00Z", None], Kind.DATE),
        (["31.01.2024", "01.02.2024", None], Kind.DATE),
        (["31/01/2024", "01/02/2024", None], Kind.DATE),
        (["01/31/2024", "02/01/2024", None], Kind.DATE),
        (["3 Jan 2024", "4 Feb 2024", None], Kind.DATE),
        ([datetime.date(2024, 1, 31), datetime.date(2024, 2, 1), None], Kind.DATE),
        (pd.to_datetime(["2024-01-31", "2024-02-01", None]), Kind.DATE),
        (pd.to_datetime(["2024-01-31", "2024-02-01", None]).tz_localize("Asia/Tokyo"), Kind.DATE),
        (pd.period_range("2024-01", periods=3, freq="M"), Kind.DATE),
        ([None, None, None], None),
        ([7, 7, 7], None),
        (["x", "x", "x"], None),
        ([[1], [2], [3]], None),
        ([{"a": 1}, None, None], None),
        ([[], [], []], None),
        (np.array([1j, 2j, 3j]), None),
    ],
    ids=str,
)
def test_kind_of_a_column(values: Any, kind: Kind | None) -> None:
    """It is what the values are, whatever the type they came in."""
    column = examine(pd.Series(values, name="c"), place)

    assert column.problem is None
    assert column.kind is kind
    assert (column.left_out is None) == (kind is not None)


def test_why_columns_are_left_out() -> None:
    """Constants, ids, what is neither of the kinds, and the target under another name, each with the reason."""
    n = 12
    y = pd.Series(["yes", "no", "yes"] * (n // 3))
    frame = pd.DataFrame(
        {
            "y": y,
            "copy": y,
            "always": 3,
            "empty": None,
            "id": np.arange(n) * 1000 + 17,
            "running": range(5, 5 + n),
            "Unnamed: 0": range(n),
            "name": [f"person {k}" for k in range(n)],
            "list": [[k] for k in range(n)],
            "income": np.arange(n) ** 3,
            "height": np.linspace(1.5, 2, n),
            "sometimes": [None, 3.0] * (n // 2),
        }
    )

    found = {column.name: column for column in features(frame, "y", place)}

    assert {name: column.left_out for name, column in found.items() if column.left_out} == {
        "copy": "the same as 'y'",
        "always": "always 3",
        "empty": "no values",
        "id": "all different whole numbers, which only tell rows apart",
        "running": "all different whole numbers, which only tell rows apart",
        "Unnamed: 0": "all different whole numbers, which only tell rows apart",
        "name": "all different, such as 'person 0'",
        "list": "neither numbers, text nor dates, such as '[0]'",
    }
    assert {name for name, column in found.items() if column.kind} == {"income", "height", "sometimes"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["1,200", "900", "2,000,000"], "2 of 3 values look like numbers but are not, such as '1,200' (t.csv:2)"),
        (["1,5", "2,25", "0,1"], "3 of 3 values look like numbers but are not, such as '1,5' (t.csv:2)"),
        (["$5", "$ 7.50", "-$3"], "3 of 3 values look like numbers"),
        (["5 %", "7%", "3.5%"], "such as '5 %' (t.csv:2)"),
        (["1.0"] * 50 + ["1 000.5"], "1 of 51 values look like numbers but are not, such as '1 000.5' (t.csv:52)"),
        ([1.0, np.inf, -np.inf], "is infinite in 2 of 3 rows, the first at t.csv:3"),
        (["1", "inf", "2"], "is infinite in 1 of 3 rows, the first at t.csv:3"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_numbers_that_would_have_to_be_guessed(values: list[Any], said: str) -> None:
    """Thousands, currency, decimal commas and infinities are problems, told with count, example and line."""
    column = examine(pd.Series(values, name="price"), place)

    assert column.problem is not None
    assert column.problem.startswith("column 'price'")
    assert said in column.problem


def test_a_few_odd_values_are_missing_and_said() -> None:
    """A column of numbers, or dates, with a word here and there stays one; many words make it a category."""
    odd = pd.Series([*map(str, range(97)), "n/k", "n/k", "?"], name="c")
    day = pd.Series(["2024-01-01"] * 98 + ["2024-02-31", "9999-99-99"], name="c")
    words = pd.Series([*map(str, range(50)), *["a", "b"] * 25], name="c")

    assert examine(odd, place).note == "3 values that are no numbers are read as missing, such as 'n/k' (t.csv:99)"
    assert (
        examine(day, place).note == "2 values that are no dates are read as missing, such as '2024-02-31' (t.csv:100)"
    )
    assert (examine(words, place).kind, examine(words, place).note) == (Kind.CATEGORY, None)


def test_values_as_numbers_texts_and_dates() -> None:
    """What cannot be read so is missing, never an exception."""
    series = pd.Series([1, "2", None, "x", [3], 10**400, " pad ", True, ""], dtype=object)

    assert numbers(series).tolist()[:2] == [1.0, 2.0]
    assert np.isnan(numbers(series)[[2, 3, 4, 5, 6, 8]]).all()
    codes, words = texts(series)
    assert [words[code] if code >= 0 else None for code in codes] == [
        "1",
        "2",
        None,
        "x",
        "[3]",
        str(10**400),
        "pad",
        "True",
        None,
    ]
    assert dates(series, None).isna().all()


def test_dates_of_other_zones_become_utc() -> None:
    """Timestamps with zones can be compared with those without."""
    series = pd.Series(["2024-01-01T01:00:00+02:00", "2023-12-31T23:00:00", "never"])

    assert dates(series, "ISO8601").tolist()[:2] == [pd.Timestamp("2023-12-31 23:00")] * 2
