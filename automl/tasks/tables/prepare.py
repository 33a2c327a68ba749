"""Turn rows of a table into rows of numbers for a network, by what the training part shows and nothing else.

    preparation = Preparation.fit(train, columns)
    preparation.inputs(frame)               # float32, (rows, features): numbers, then indices of categories
    preparation.cardinalities               # of these last columns, how many indices each has
    Preparation.from_dict(json.loads(json.dumps(preparation.to_dict()))) == preparation

Whatever a frame holds, what comes out is finite: missing, infinite and unheard-of values included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pandas as pd

from automl.tasks.tables.columns import Column, Kind, Numbers, dates, numbers, texts

if TYPE_CHECKING:
    from torch import Tensor

MAX_CATEGORIES = 1000
"""Of a column, those that the training part has most often; the others share the index of the unknown."""

SEEN = 2
"""Rows of the training part that a category needs to get an index of its own. Those seen once teach the network what to
make of those it will not have seen."""

_SMOOTH = 3.0
_FAR = 1e9  # beyond this nothing changes, and squares still fit


class Scaling(NamedTuple):
    """Brings numbers to a common scale, however heavy their tails: (x - center) * factor, then bent into (-3, 3).

    Centre is the median, the factor one over the range between the quartiles, or where that is nothing two over the
    whole range; then x becomes x / sqrt(1 + (x / 3)^2). This is the "robust scaling and smooth clipping" of Holzmüller,
    Grinsztajn and Steinwart, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data", 2024. A mean
    and a deviation would be made by the one value that is a typing error.
    """

    center: float
    factor: float

    @classmethod
    def fit(cls, values: Numbers) -> Self:
        there = values[np.isfinite(values)]
        if not len(there):
            return cls(0.0, 0.0)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            low, center, high = np.quantile(there, [0.25, 0.5, 0.75])
            factor = 1 / (high - low) if high > low else 2 / (there.max() - there.min())
        is_usable = bool(np.isfinite(center) and np.isfinite(factor))
        return cls(float(center), float(factor)) if is_usable else cls(0.0, 0.0)

    def apply(self, values: Numbers) -> Numbers:
        """Return scaled values; what is missing lies in the centre."""
        if self.factor == 0:
            return np.zeros(len(values))
        with np.errstate(over="ignore"):
            x = np.clip((values - self.center) * self.factor, -_FAR, _FAR)
        x = np.nan_to_num(x, nan=0.0)
        return np.asarray(x / np.sqrt(1 + (x / _SMOOTH) ** 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberColumn:
    """A number, or a date as three of them; and where the training part lacks some, whether it is missing."""

    name: str
    kind: Kind
    format: str | None
    """Of dates that are text."""
    scalings: tuple[Scaling, ...]
    has_missing: bool

    @classmethod
    def fit(cls, column: Column, series: pd.Series) -> Self:
        assert column.kind is not None
        parts = _parts(series, column.kind, column.format)
        return cls(
            name=column.name,
            kind=column.kind,
            format=column.format,
            scalings=tuple(map(Scaling.fit, parts)),
            has_missing=bool(np.isnan(parts[0]).any()),
        )

    def encode(self, series: pd.Series) -> Numbers:
        """Return (rows, features)."""
        parts = _parts(series, self.kind, self.format)
        scaled = [scaling.apply(part) for scaling, part in zip(self.scalings, parts, strict=True)]
        return np.stack([*scaled, *[np.isnan(parts[0])] * self.has_missing], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryColumn:
    """A category as an index from 1; 0 stands for what is missing, rare or unknown."""

    name: str
    categories: tuple[str, ...]

    @classmethod
    def fit(cls, column: Column, series: pd.Series) -> Self:
        codes, words = texts(series)
        counts = np.bincount(codes[codes >= 0], minlength=len(words)).tolist()
        often = sorted((-n, word) for n, word in zip(counts, words, strict=True) if n >= SEEN)
        return cls(name=column.name, categories=tuple(word for _, word in often[:MAX_CATEGORIES]))

    def encode(self, series: pd.Series) -> Numbers:
        """Return (rows, 1)."""
        index = {word: number for number, word in enumerate(self.categories, 1)}
        codes, words = texts(series)
        return np.array([*(index.get(word, 0) for word in words), 0], dtype="float64")[codes, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """All columns that a network gets, as the training part shows them."""

    numbers: tuple[NumberColumn, ...]
    categories: tuple[CategoryColumn, ...]

    @classmethod
    def fit(cls, train: pd.DataFrame, columns: Iterable[Column]) -> Self:
        """Learn from the rows of the training part what `columns` of it need; those without a kind are left out."""
        columns = list(columns)
        return cls(
            numbers=tuple(
                NumberColumn.fit(each, train[each.name]) for each in columns if each.kind in (Kind.NUMBER, Kind.DATE)
            ),
            categories=tuple(
                CategoryColumn.fit(each, train[each.name]) for each in columns if each.kind is Kind.CATEGORY
            ),
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Of the last columns of `inputs`, how many indices each has."""
        return tuple(len(column.categories) + 1 for column in self.categories)

    @property
    def n_features(self) -> int:
        """Columns of `inputs`."""
        return sum(len(each.scalings) + each.has_missing for each in self.numbers) + len(self.categories)

    @property
    def names(self) -> list[str]:
        """The columns that a frame must have."""
        return [column.name for column in self._columns]

    def inputs(self, frame: pd.DataFrame) -> Tensor:
        """Return rows as a network takes them: (rows, features), float32, finite."""
        import torch

        encoded = [column.encode(frame[column.name]) for column in self._columns]
        return torch.from_numpy(np.concatenate([np.empty((len(frame), 0)), *encoded], axis=1).astype("float32"))

    @property
    def _columns(self) -> list[NumberColumn | CategoryColumn]:
        return [*self.numbers, *self.categories]

    def to_dict(self) -> dict[str, Any]:
        """Return the preparation as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Return the preparation that `to_dict` gave."""
        measured = [
            each | {"kind": Kind(each["kind"]), "scalings": tuple(Scaling(*pair) for pair in each["scalings"])}
            for each in row["numbers"]
        ]
        return cls(
            numbers=tuple(NumberColumn(**each) for each in measured),
            categories=tuple(
                CategoryColumn(name=each["name"], categories=tuple(each["categories"])) for each in row["categories"]
            ),
        )


def _parts(series: pd.Series, kind: Kind, format: str | None) -> list[Numbers]:
    """Return the numbers that a column consists of: itself, or of a date days since 1970, month and weekday."""
    if kind is Kind.NUMBER:
        return [numbers(series)]
    found = dates(series, format)
    seconds = found.to_numpy().astype("datetime64[s]")  # a unit that holds any year
    days = np.where(np.isnat(seconds), np.nan, seconds.astype("int64") / 86_400)
    return [days, *(part.to_numpy("float64", na_value=np.nan) for part in (found.dt.month, found.dt.day_of_week))]
