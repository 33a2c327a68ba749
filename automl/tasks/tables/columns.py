"""What kind a column of a table is, and its values as numbers, dates or texts.

    column = examine(frame["joined"], source.place)
    column.kind                             # Kind.DATE
    dates(frame["joined"], column.format)   # the same column as timestamps, NaT where there is none

The kind of a column is what its values are, not what a program called them: a text column whose values are numbers is a
number. What nothing can be learnt from is left out, and why is said. A column that looks as if it held numbers, written
in a way that would have to be guessed, is a problem: a guess that is wrong would be trained on without a word.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Place = Callable[[int], str]
"""Row, from 0 -> where it stands in its file."""

MOST = 0.95
"""Share of the values that have to be numbers, or dates, for the column to be one; the others are read as missing."""

DATE_FORMATS = ("ISO8601", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y", "%b %d, %Y")
"""In the order in which they are tried; of two that read as many values the first is meant."""

SAMPLE = 1000
"""Words of a column that choose the format of its dates."""

_DRESSED = re.compile(
    r"[-+(]?\s*[$€£¥]?\s*[-+]?"  # sign and currency
    r"(\d{1,3}([, '.]\d{3})+([.,]\d+)?|\d+,\d+|\d+(\.\d+)?)"  # groups of thousands, a comma for a point, plain
    r"\s*([%$€£¥]|EUR|USD)?\)?"
)
_DIGIT = re.compile(r"\d")
_ID_NAME = re.compile(
    r"(^|[\W_])(id|uuid|guid|index|idx|key|nr|no|num|rowid|row)$|[a-z]Id$|^Unnamed: \d+$", re.IGNORECASE
)
_SCALARS = (str, bool, int, float, Decimal, np.generic)


class Texts(NamedTuple):
    """A column as texts; each that differs from the others is there once, so that it is read once."""

    codes: npt.NDArray[np.intp]
    """(rows,) which of `words`, -1 where the value is missing."""
    words: list[str]

    def where(self, chosen: Sequence[bool] | Mask) -> Mask:
        """Return which rows hold a chosen word: (words,) -> (rows,)."""
        return np.append(np.asarray(chosen, dtype=bool), False)[self.codes]


class Kind(enum.StrEnum):
    """What the values of a column are."""

    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What was found in a column."""

    name: str
    kind: Kind | None = None
    """None where nothing can be learnt from it."""
    format: str | None = None
    """Of dates that are text."""
    left_out: str | None = None
    """Why, where `kind` is None."""
    note: str | None = None
    """What a user should know of how it is read."""
    problem: str | None = None
    """Why the table cannot be used as it is."""


def examine(series: pd.Series, place: Place) -> Column:
    """Return what a column is."""
    name = str(series.name)
    values = plain(series)
    is_there = values.notna().to_numpy()
    if not is_there.any():
        return Column(name=name, left_out="no values")
    if types.is_datetime64_any_dtype(values.dtype):
        return _without_constants(Column(name=name, kind=Kind.DATE), values)
    if types.is_bool_dtype(values.dtype):
        return _without_constants(Column(name=name, kind=Kind.CATEGORY), values)
    if types.is_numeric_dtype(values.dtype) and not types.is_complex_dtype(values.dtype):
        return _examine_numbers(name, numbers(values), place)
    is_text = isinstance(values.dtype, pd.StringDtype)
    for example in () if is_text else (value for value in values[is_there] if not isinstance(value, _SCALARS)):
        return Column(name=name, left_out=f"neither numbers, text nor dates, such as {str(example)[:40]!r}")
    return _examine_texts(name, values, is_there, place)


def features(frame: pd.DataFrame, target: str, place: Place) -> list[Column]:
    """Return what every column but the target is; those that only tell rows apart, or are the target, are left out."""
    found = []
    for name in frame.columns.drop(target):
        column = examine(frame[name], place)
        if column.kind is not None and (why := _useless(column, frame[name], frame[target])):
            column = Column(name=column.name, left_out=why)
        found.append(column)
    return found


def plain(series: pd.Series) -> pd.Series:
    """Return a column as numbers, booleans, timestamps or strings, or else as objects."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    if isinstance(series.dtype, pd.PeriodDtype):
        series = series.dt.to_timestamp()
    if types.is_timedelta64_dtype(series.dtype):
        return series.dt.total_seconds()
    if types.is_datetime64_any_dtype(series.dtype):
        return pd.to_datetime(series, utc=True).dt.tz_localize(None)
    if types.is_bool_dtype(series.dtype) and series.notna().all():
        return series.astype(bool)
    if isinstance(series.dtype, pd.StringDtype):
        return series
    if types.is_numeric_dtype(series.dtype) and not types.is_bool_dtype(series.dtype):
        return series
    return series.astype(object).map(lambda value: str(value) if hasattr(value, "isoformat") else value)


def numbers(series: pd.Series) -> Numbers:
    """Return a column as numbers, NaN where a value is missing or none."""
    values = plain(series)
    try:
        found = values if values.dtype.kind == "M" else pd.to_numeric(values, errors="coerce")
        if found.dtype.kind in "biuf":
            return np.asarray(found.to_numpy("float64", na_value=np.nan))
    except (TypeError, ValueError, OverflowError):  # lists, integers beyond what 64 bits hold
        pass
    return np.array([_as_number(value) for value in values], dtype="float64")


def texts(series: pd.Series) -> Texts:
    """Return a column as texts; blank ones are missing."""
    values = plain(series)
    if not isinstance(values.dtype, pd.StringDtype):
        missing = values.isna()
        values = pd.Series(
            [None if no else str(value) for value, no in zip(values, missing, strict=True)], dtype=object
        )
    codes, found = pd.factorize(values)
    indices, words = pd.factorize(np.array([word.strip() or None for word in found], dtype=object))
    return Texts(np.append(indices, -1)[codes], list(words))


def dates(series: pd.Series, format: str | None = None) -> pd.Series:
    """Return a column as timestamps without a zone (UTC), NaT where a value is missing or none."""
    values = plain(series)
    if not types.is_datetime64_any_dtype(values.dtype):
        codes, words = texts(values)
        once = pd.Series([*words, None], dtype=object)
        read = pd.to_datetime(once, format=format or DATE_FORMATS[0], errors="coerce", utc=True)
        values = read.iloc[codes].set_axis(values.index)
    return pd.to_datetime(values, utc=True).dt.tz_localize(None)


def _useless(column: Column, series: pd.Series, target: pd.Series) -> str | None:
    """Return why a column that has a kind is of no use to predict the target."""
    if series.equals(target.rename(series.name)):
        return f"the same as {target.name!r}"
    if column.kind is Kind.NUMBER and _is_running_number(column.name, numbers(series)):
        return "all different whole numbers, which only tell rows apart"
    if column.kind is Kind.CATEGORY:
        codes, words = texts(series)
        n = int((codes >= 0).sum())
        return f"all different, such as {words[0][:40]!r}" if len(words) == n > 2 else None
    return None


def _is_running_number(name: str, values: Numbers) -> bool:
    """Say whether numbers are whole, all different, and called an id or with hardly a gap between them.

    Different alone is not enough: the incomes of a hundred people are, too.
    """
    values = values[~np.isnan(values)]
    if len(values) < 3 or (values % 1 != 0).any() or len(np.unique(values)) < len(values):
        return False
    return bool(_ID_NAME.search(name)) or bool(values.max() - values.min() < 2 * len(values))


def _as_number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def _examine_numbers(name: str, values: Numbers, place: Place, note: str | None = None) -> Column:
    infinite = np.isinf(values)
    if infinite.any():
        seen = f"column {name!r} is infinite in {infinite.sum():,} of {len(values):,} rows"
        where = place(int(infinite.argmax()))
        return Column(name=name, problem=f"{seen}, the first at {where}; leave out what is unknown")
    there = values[~np.isnan(values)]
    if len(there) == len(values) and (there == there[0]).all():
        return Column(name=name, left_out=f"always {there[0]:g}")
    return Column(name=name, kind=Kind.NUMBER, note=note)


def _examine_texts(name: str, values: pd.Series, is_there: Mask, place: Place) -> Column:
    found = texts(values)
    if {word.casefold() for word in found.words[:3]} <= {"true", "false"}:
        return _without_constants(Column(name=name, kind=Kind.CATEGORY), values)
    is_there = is_there & (found.codes >= 0)
    n = int(is_there.sum())
    read = numbers(values)
    is_other = is_there & np.isnan(read)
    dressed = found.where([bool(_DRESSED.fullmatch(word)) for word in found.words]) & is_other
    if dressed.any() and (is_other & ~dressed).sum() <= (1 - MOST) * n:
        example = _example(found, dressed, place)
        return Column(
            name=name,
            problem=f"column {name!r}: {dressed.sum():,} of {n:,} values look like numbers but are not, such as "
            f"{example}; write them plainly, such as 1234.5",
        )
    if is_other.sum() <= (1 - MOST) * n:
        return _examine_numbers(name, read, place, _note(found, is_other, "numbers", place))
    if format := _date_format(found.words):
        is_other = is_there & dates(values, format).isna().to_numpy()
        if is_other.sum() <= (1 - MOST) * n:
            note = _note(found, is_other, "dates", place)
            return _without_constants(Column(name=name, kind=Kind.DATE, format=format, note=note), values)
    return _without_constants(Column(name=name, kind=Kind.CATEGORY), values)


def _example(found: Texts, chosen: Mask, place: Place) -> str:
    row = int(chosen.argmax())
    return f"{found.words[found.codes[row]]!r} ({place(row)})"


def _note(found: Texts, is_other: Mask, what: str, place: Place) -> str | None:
    if not is_other.any():
        return None
    return (
        f"{is_other.sum():,} values that are no {what} are read as missing, such as {_example(found, is_other, place)}"
    )


def _without_constants(column: Column, values: pd.Series) -> Column:
    if values.notna().all() and len(values.drop_duplicates()) == 1:
        return Column(name=column.name, left_out=f"always {str(values.iloc[0])[:40]!r}")
    return column


def _date_format(words: Sequence[str]) -> str | None:
    """Return the format that reads the most of the words as dates, None when that is none of them."""
    some = pd.Series([word for word in words if _DIGIT.search(word)][:SAMPLE], dtype=object)
    counts = {
        each: int(pd.to_datetime(some, format=each, errors="coerce", utc=True).notna().sum()) for each in DATE_FORMATS
    }
    best = max(counts, key=lambda each: counts[each])
    return best if counts[best] else None
