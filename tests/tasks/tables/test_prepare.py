"""From rows to tensors: what is learnt from the training part, and that nothing but finite numbers comes out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.pandas import column, data_frames, range_indexes

from automl.tasks.tables.columns import Column, Kind, features
from automl.tasks.tables.prepare import MAX_CATEGORIES, Preparation, Scaling

NUMBER, CATEGORY, DATE = (Column(name=kind.value, kind=kind) for kind in Kind)


def fitted(frame: pd.DataFrame, *columns: Column) -> Preparation:
    return Preparation.fit(frame, columns)


def test_numbers_are_scaled_by_quartiles() -> None:
    """The median becomes 0 and the quartiles lie a unit apart, but for the bend; other rows change nothing."""
    frame = pd.DataFrame({"number": np.arange(101.0)})

    found = fitted(frame, NUMBER).inputs(pd.DataFrame({"number": [50.0, 75.0, 55.0]})).flatten()

    assert found.tolist() == pytest.approx([0, 0.5 / np.sqrt(1 + (0.5 / 3) ** 2), 0.1], abs=1e-3)


def test_heavy_tails_and_infinities_stay_near() -> None:
    """One value that is a typing error neither flattens the others nor gets far; infinity is the end of the scale."""
    usual = np.random.default_rng(0).normal(size=1000)
    frame = pd.DataFrame({"number": [*usual, 1e300]})

    found = fitted(frame, NUMBER).inputs(pd.DataFrame({"number": [*usual, 1e300, np.inf, -np.inf]})).flatten()

    assert found[:1000].std() > 0.5
    assert found[1000:].tolist() == pytest.approx([3, 3, -3])


def test_few_different_numbers_are_scaled_by_their_range() -> None:
    """Where the quartiles are equal, as of a rare flag, the range is two; a constant is 0."""
    rare = Scaling.fit(np.array([0.0] * 99 + [10.0]))
    constant = Scaling.fit(np.full(5, 7.0))

    assert (rare.factor, constant.factor) == (0.2, 0.0)
    assert constant.apply(np.array([7.0, 8.0, np.nan])).tolist() == [0, 0, 0]


def test_missing_numbers_are_told_apart() -> None:
    """They lie at the median, and a feature says so where the training part lacks any; elsewhere there is none."""
    lacking, complete = pd.DataFrame({"number": [1.0, np.nan, 3.0]}), pd.DataFrame({"number": [1.0, 2.0, 3.0]})

    assert fitted(lacking, NUMBER).inputs(lacking).tolist()[1] == [0, 1]
    assert fitted(complete, NUMBER).inputs(lacking).tolist()[1] == [0]


def test_dates_are_days_month_and_weekday() -> None:
    """Each date has three numbers, and one more where some are missing."""
    days = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=200).astype(str)})
    days.loc[3, "date"] = None

    found = fitted(days, DATE).inputs(days)

    assert found.shape == (200, 4)
    assert found[3].tolist() == [0, 0, 0, 1]
    assert (found[5:, 0].diff() > 0).all()
    assert torch.equal(found[10, 2], found[17, 2])
    assert len(found[:, 1].unique()) == 7  # January to July


def test_categories_have_indices_by_frequency() -> None:
    """Those seen twice get one from 1; what is rare, missing or never seen shares 0."""
    frame = pd.DataFrame({"category": [*"bbbaac", None]})
    preparation = fitted(frame, CATEGORY)

    found = preparation.inputs(pd.DataFrame({"category": ["a", "b", "c", None, "z", " b "]}))

    assert found.flatten().tolist() == [2, 1, 0, 0, 0, 1]
    assert preparation.cardinalities == (3,)


def test_cardinality_is_bounded() -> None:
    """However many categories a column has, a network gets no more than so many vectors."""
    frame = pd.DataFrame({"category": [f"c{k}" for k in range(MAX_CATEGORIES + 50)] * 2})

    assert fitted(frame, CATEGORY).cardinalities == (MAX_CATEGORIES + 1,)


def test_categories_come_last() -> None:
    """Whatever the order in the table: a network splits a row at its end."""
    frame = pd.DataFrame({"category": ["a", "a", "b", "b"], "number": [0.0, 1.0, 2.0, 3.0]})
    preparation = fitted(frame, CATEGORY, NUMBER, Column(name="gone", left_out="no values"))

    found = preparation.inputs(frame)

    assert found[:, 1].tolist() == [1, 1, 2, 2]
    assert preparation.names == ["number", "category"]
    assert preparation.n_features == found.shape[1] == 2


def test_round_trip_through_json() -> None:
    """What is kept with the weights prepares rows as it did."""
    frame = pd.DataFrame(
        {
            "number": [1.0, None, 3.0, 1e9],
            "category": ["a", "a", "b", None],
            "date": ["31.01.2024", "01.02.2024", None, "03.02.2024"],
        }
    )
    preparation = fitted(frame, NUMBER, CATEGORY, Column(name="date", kind=Kind.DATE, format="%d.%m.%Y"))

    again = Preparation.from_dict(json.loads(json.dumps(preparation.to_dict(), allow_nan=False)))

    assert again == preparation
    assert torch.equal(again.inputs(frame), preparation.inputs(frame))


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(allow_nan=False),  # pandas itself cannot tell a signalling NaN from a value
    st.complex_numbers(),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.sampled_from(["1,200", "$5", "nan", "inf", "2024-01-01", "0001-01-01", "yes", "?", "1e400"]),
)
FRAMES = data_frames(
    [
        column("f", dtype=float),
        column("i", dtype="int64"),
        column("b", dtype=bool),
        column("d", dtype="datetime64[us]", elements=st.datetimes().map(np.datetime64)),
        column("t", dtype="timedelta64[s]"),
        column("s", elements=st.sampled_from(["a", "b", "", "c"]), dtype=object),
        column("o", elements=ANYTHING, dtype=object),
    ],
    index=range_indexes(min_size=3, max_size=12),
)


@settings(max_examples=30, deadline=None)
@given(train=FRAMES, other=FRAMES, as_object=st.booleans())
def test_whatever_a_frame_holds_tensors_are_finite(train: pd.DataFrame, other: pd.DataFrame, as_object: bool) -> None:
    """Any column of any kind, fitted on one frame and used on another, gives finite numbers and valid indices."""
    train["y"] = range(len(train))
    columns: list[Any] = features(train, "y", str)
    preparation = Preparation.fit(train, columns)

    found = preparation.inputs(other.astype(object) if as_object else other)

    n = len(preparation.categories)
    assert found.shape == (len(other), preparation.n_features)
    assert found.isfinite().all()
    assert (found[:, : preparation.n_features - n].abs() <= 3).all()
    for index, cardinality in zip(found[:, preparation.n_features - n :].T, preparation.cardinalities, strict=True):
        assert ((index >= 0) & (index < cardinality)).all()


@given(kinds=st.lists(st.sampled_from(list(Kind)), min_size=3, max_size=3), frame=FRAMES)
@settings(max_examples=20, deadline=None)
def test_a_column_of_another_kind_than_before_is_prepared_too(kinds: list[Kind], frame: pd.DataFrame) -> None:
    """New rows may hold anything where numbers, dates or categories were: what cannot be read is missing."""
    columns = [Column(name=name, kind=kind) for name, kind in zip(["o", "s", "d"], kinds, strict=True)]

    assert Preparation.fit(frame, columns).inputs(frame).isfinite().all()
