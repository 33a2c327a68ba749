"""What the column to predict is: classes or a number, and what can be measured then.

    target = examine_target(frame["churn"], place=source.place)
    target.classes                      # ("no", "yes"), None for a number
    target.values                       # of each row the index of its class, or the number; NaN where it is missing
    target.metric                       # "val_acc"

Text and booleans are classes. Whole numbers of few different values are too (ratings, codes), unless a metric of
numbers is asked for; all other numbers are numbers, unless a metric of classes is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pandas.api import types

from automl.errors import ConfigError
from automl.goals import Classification, Regression, find_metric
from automl.tasks.tables.columns import Kind, Mask, Numbers, Place, examine, numbers, plain, texts

Label = str | int | float | bool

MAX_WHOLE_CLASSES = 20
"""Different whole numbers that are still taken for classes, where each could have `MIN_ROWS` rows."""

MIN_ROWS = 4
"""Of a class: of fewer, 60, 20 and 20 % would leave a part without any."""

MIN_NUMBERS = 10
"""Rows of a regression."""

RARE = 0.1
"""Share of the rarest class below which accuracy would praise a network that never names it."""

OF_CLASSES = Classification(n_classes=2).metrics
OF_NUMBERS = Regression().metrics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """The column to predict."""

    name: str
    classes: tuple[Label, ...] | None
    """In their order; None for a number."""
    values: Numbers
    """(rows,) of the table: index of the class, or the number; NaN where it is missing."""
    hint: str | None = None
    """Why it was taken for what it is, where it could be otherwise."""

    @property
    def problem(self) -> str:
        """In the field's words."""
        return "regression" if self.classes is None else "classification"

    @property
    def is_there(self) -> Mask:
        """Which rows of the table have it."""
        return ~np.isnan(self.values)

    @property
    def metrics(self) -> tuple[str, ...]:
        """What can be searched for."""
        return tuple(f"val_{name}" for name in (OF_NUMBERS if self.classes is None else OF_CLASSES))

    @property
    def metric(self) -> str:
        """What is searched for unless the user says otherwise."""
        if self.classes is None:
            return "val_rmse"
        return "val_balanced_accuracy" if self.shares.min() < RARE else "val_acc"

    @property
    def shares(self) -> Numbers:
        """(classes,) share of each class among the rows that have one."""
        assert self.classes is not None
        counts = np.bincount(self.values[self.is_there].astype(int), minlength=len(self.classes))
        return np.asarray(counts / counts.sum())


def examine_target(series: pd.Series, *, place: Place, metric: str | None = None) -> Target:
    """Return what the column to predict is.

    Args:
        series: all its rows.
        place: where a row stands in its file.
        metric: what the user asks for.

    Raises:
        ConfigError: there is nothing in it that could be learnt.
    """
    column = examine(series, place)
    name = str(series.name)
    problem = column.problem
    if column.note:
        problem = f"--target {name!r}: {column.note}; correct these rows or leave them empty"
    elif column.left_out:
        problem = f"--target {name!r}: {column.left_out}; there is nothing to predict"
    elif column.kind is Kind.DATE:
        problem = f"--target {name!r} holds dates; expected classes or numbers"
    if problem:
        raise ConfigError(problem)
    is_number = column.kind is Kind.NUMBER and not _means_classes(numbers(series), metric)
    target = read_target(series, problem="regression" if is_number else "classification")
    could_be_number = column.kind is Kind.NUMBER and not is_number
    too_few, misfit = _too_few(target), _misfit(target, metric)
    if too_few and could_be_number:
        too_few += "; --metric rmse, mae or r2 predicts a number"
    if problems := [each for each in (misfit, too_few) if each]:
        raise ConfigError(problems)
    if could_be_number:
        return replace(target, hint="whole numbers taken for classes; --metric rmse predicts a number")
    return target


def read_target(series: pd.Series, *, problem: str) -> Target:
    """Return the column to predict, of which it is known what it is."""
    name = str(series.name)
    if problem == "regression":
        return Target(name=name, classes=None, values=numbers(series))
    labels = _labels(series)
    classes = tuple(
        sorted({label for label in labels if label is not None}, key=lambda label: (str(type(label)), label))
    )
    index = {label: number for number, label in enumerate(classes)}
    values = np.array([np.nan if label is None else index[label] for label in labels])
    return Target(name=name, classes=classes, values=values)


def _labels(series: pd.Series) -> list[Label | None]:
    """Return the names of classes as the user has them: whole numbers stay whole beside missing values too."""
    values = plain(series)
    if types.is_bool_dtype(values.dtype):
        return [bool(value) for value in values]
    if types.is_numeric_dtype(values.dtype):
        return [None if value != value else int(value) if value % 1 == 0 else float(value) for value in numbers(values)]
    codes, words = texts(values)
    return [words[code] if code >= 0 else None for code in codes]


def _means_classes(values: Numbers, metric: str | None) -> bool:
    asked = _asked(metric)
    if (asked in OF_CLASSES) != (asked in OF_NUMBERS):
        return asked in OF_CLASSES
    there = values[~np.isnan(values)]
    n = len(np.unique(there))
    return bool((there % 1 == 0).all()) and n <= min(MAX_WHOLE_CLASSES, len(there) // MIN_ROWS)


def _misfit(target: Target, metric: str | None) -> str | None:
    """Return why a metric of numbers cannot be had: text and booleans are classes, whatever is asked."""
    asked = _asked(metric)
    if target.classes is None or asked in OF_CLASSES or asked not in OF_NUMBERS:
        return None
    some = ", ".join(repr(label) for label in target.classes[:5])
    more = f" and {len(target.classes) - 5:,} more" if len(target.classes) > 5 else ""
    kind = "true and false" if isinstance(target.classes[0], bool) else "text"
    return (
        f"--metric {metric!r} measures numbers, but --target {target.name!r} holds {kind}, which is taken for classes: "
        f"{some}{more}; for classes there are {', '.join(OF_CLASSES)}, and a column of numbers is needed for {asked}"
    )


def _asked(metric: str | None) -> str:
    return find_metric(metric or "", (*OF_CLASSES, *OF_NUMBERS))


def _too_few(target: Target) -> str | None:
    """Return what is wrong with a target that has too few rows, or too few of a class, for three parts."""
    n = int(target.is_there.sum())
    if target.classes is None:
        if len(np.unique(target.values[target.is_there])) == 1:
            return f"--target {target.name!r} is the same in all {n:,} rows that have it; there is nothing to predict"
        if n < MIN_NUMBERS:
            return f"--target {target.name!r} has {n} rows; a regression needs at least {MIN_NUMBERS}"
        return None
    counts = np.round(target.shares * n).astype(int)
    if len(target.classes) == 1:
        return f"--target {target.name!r} has one class, {target.classes[0]!r}, in all {n:,} rows that have any"
    rare = [f"{label!r} ({count})" for label, count in zip(target.classes, counts, strict=True) if count < MIN_ROWS]
    if not rare:
        return None
    which = ", ".join(rare[:5]) + (f" and {len(rare) - 5:,} more" if len(rare) > 5 else "")
    return (
        f"--target {target.name!r}: of {len(target.classes):,} classes {len(rare):,} have fewer than the {MIN_ROWS} "
        f"rows that three parts need: {which}; leave these rows out, or join them to another class"
    )
