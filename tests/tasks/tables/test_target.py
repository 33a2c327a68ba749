"""The column to predict: classes or numbers, the default metric, and columns that nothing can be learnt from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from automl.errors import ConfigError
from automl.tasks.tables.target import Target, examine_target


def target_of(values: Any, metric: str | None = None) -> Target:
    return examine_target(pd.Series(values, name="y"), place=lambda row: f"t.csv:{row + 2}", metric=metric)


@pytest.mark.parametrize(
    ("values", "metric", "classes", "default"),
    [
        (["no", "yes"] * 10, None, ("no", "yes"), "val_acc"),
        ([True, False] * 10, None, (False, True), "val_acc"),
        ([0, 1] * 10, None, (0, 1), "val_acc"),
        ([0, 1, None] * 10, None, (0, 1), "val_acc"),
        ([3, 5, 9] * 10, "val_auc", (3, 5, 9), "val_acc"),
        (["no"] * 91 + ["yes"] * 9, None, ("no", "yes"), "val_balanced_accuracy"),
        (["no"] * 90 + ["yes"] * 10, None, ("no", "yes"), "val_acc"),
        ([3, 5, 9] * 10, "rmse", None, "val_rmse"),
        (range(30), None, None, "val_rmse"),
        (list(range(30)) * 4, "accuracy", tuple(range(30)), "val_balanced_accuracy"),
        ([0.5, 1.5] * 10, None, None, "val_rmse"),
        ([0.5, 1.5] * 10, "acc", (0.5, 1.5), "val_acc"),
        (["1", "2.5", "3"] * 10, None, None, "val_rmse"),
        ([0, 1] * 10, "loss", (0, 1), "val_acc"),
        ([*range(10), *range(10), *range(10)], None, None, "val_rmse"),
    ],
    ids=lambda value: str(value)[:25],
)
def test_classes_or_numbers(values: Any, metric: str | None, classes: tuple[Any, ...] | None, default: str) -> None:
    """Text, booleans and few whole numbers are classes under the names they have, unless the metric says otherwise."""
    target = target_of(values, metric)

    assert target.classes == classes
    assert classes is None or [type(label) for label in target.classes or ()] == [type(label) for label in classes]
    assert target.problem == ("regression" if classes is None else "classification")
    assert target.metric == default
    assert target.metric in target.metrics


@pytest.mark.parametrize(
    ("values", "metric", "said"),
    [
        (["no", "yes"] * 10, "rmse", "holds text, which is taken for classes: 'no', 'yes'; for classes there are acc,"),
        ([True, False] * 10, "val_mae", "holds true and false, which is taken for classes: False, True; for"),
        ([f"n{k}" for k in range(7)] * 4, "r2", "'n0', 'n1', 'n2', 'n3', 'n4' and 2 more; for"),
    ],
)
def test_classes_have_no_metric_of_numbers(values: Any, metric: str, said: str) -> None:
    """What the column holds is named, why, and what can be measured instead."""
    with pytest.raises(ConfigError) as caught:
        target_of(values, metric)

    (problem,) = caught.value.problems
    assert problem.startswith(f"--metric {metric!r} measures numbers, but --target 'y' holds ")
    assert said in problem
    assert problem.endswith(f"and a column of numbers is needed for {metric.removeprefix('val_')}")


def test_rare_whole_numbers_may_be_numbers() -> None:
    """Ratings of which one is too rare for a class are refused with the metric that would take them."""
    with pytest.raises(ConfigError, match=r"'y': of 3 classes 1 have .*; --metric rmse, mae or r2 predicts a number$"):
        target_of([1, 2] * 10 + [3] * 2)


def test_what_could_be_otherwise_is_said() -> None:
    """Whole numbers that are taken for classes name the metric that makes numbers of them."""
    assert target_of([3, 5, 9] * 10).hint == "whole numbers taken for classes; --metric rmse predicts a number"
    assert target_of(["a", "b"] * 10).hint is None
    assert target_of([3, 5, 9] * 10, "rmse").hint is None


def test_values_are_indices_of_classes() -> None:
    """Each row has the place of its class in the list, or NaN."""
    target = target_of(["b", "a", None, "b"] * 4)

    assert target.values[:2].tolist() == [1.0, 0.0]
    assert target.is_there.tolist() == [True, True, False, True] * 4
    assert target.shares == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a"] * 20, "--target 'y': always 'a'; there is nothing to predict"),
        ([3] * 20, "--target 'y': always 3; there is nothing to predict"),
        (["a", None] * 20, "--target 'y' has one class, 'a', in all 20 rows that have any"),
        ([2.5, None] * 20, "--target 'y' is the same in all 20 rows that have it"),
        ([None] * 20, "--target 'y': no values; there is nothing to predict"),
        (
            ["a", "b"] * 9 + ["c"] * 3,
            "of 3 classes 1 have fewer than the 4 rows that three parts need: 'c' (3)",
        ),
        (
            [f"n{k}" for k in range(20)],
            "of 20 classes 20 have fewer than the 4 rows that three parts need: 'n0' (1)",
        ),
        (np.linspace(0, 1, 9), "--target 'y' has 9 rows; a regression needs at least 10"),
        (["2024-01-01", "2024-01-02"] * 9, "--target 'y' holds dates; expected classes or numbers"),
        (["1,5", "2,5"] * 9, "column 'y': 18 of 18 values look like numbers but are not"),
        ([1.0, np.inf] * 9, "column 'y' is infinite in 9 of 18 rows"),
        (
            ["1.5"] * 98 + ["?x", "n/k"],
            "2 values that are no numbers are read as missing, such as '?x' (t.csv:100); correct",
        ),
        ([[1], [2]] * 9, "neither numbers, text nor dates"),
    ],
    ids=lambda value: str(value)[:25],
)
def test_columns_that_cannot_be_predicted(values: Any, said: str) -> None:
    """Each says what was seen, with counts."""
    with pytest.raises(ConfigError) as caught:
        target_of(values)

    assert said in str(caught.value)
    assert len(caught.value.problems) == 1
