"""What is minimized and measured for classes and for numbers, held against scikit-learn's metrics."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch.nn import functional as F

from automl.goals import ALSO_CALLED, DIRECTIONS, Classification, Regression, direction, find_metric


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("digits", [None, 0])
def test_metrics_of_classes(n_classes: int, digits: int | None) -> None:
    """All four agree with scikit-learn, where scores tie (rounded logits) too."""
    torch.manual_seed(n_classes)
    targets = torch.randint(n_classes, (400,))
    logits = torch.randn(400, n_classes) + F.one_hot(targets, n_classes)
    logits = logits if digits is None else logits.round(decimals=digits)
    shares = logits.double().softmax(dim=1).numpy()

    found = Classification(n_classes=n_classes).measure(logits, targets)

    scores = shares[:, 1] if n_classes == 2 else shares
    assert found == pytest.approx(
        {
            "acc": metrics.accuracy_score(targets, logits.argmax(dim=1)),
            "balanced_accuracy": metrics.balanced_accuracy_score(targets, logits.argmax(dim=1)),
            "auc": metrics.roc_auc_score(targets, scores, multi_class="ovr"),
            "loss": metrics.log_loss(targets, shares),
        }
    )


def test_classes_without_examples_do_not_count() -> None:
    """A part that lacks a class is judged by those it has."""
    logits, targets = torch.tensor([[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [1.0, 0.0, 0.5]]), torch.tensor([0, 1, 1])

    found = Classification(n_classes=3).measure(logits, targets)

    assert found["balanced_accuracy"] == pytest.approx(0.75)
    assert found["auc"] == pytest.approx(0.75)  # 1 for the first class, a half for the second


def test_metrics_of_numbers_are_in_their_units() -> None:
    """Root mean squared error, mean absolute error and R2 agree with scikit-learn on the numbers themselves."""
    rng = np.random.default_rng(0)
    y = rng.normal(1e4, 250.0, size=300)
    predicted = y + rng.normal(0, 100.0, size=300)
    goal = Regression(mean=1e4, scale=250.0)
    targets, outputs = (torch.tensor((values - 1e4) / 250, dtype=torch.float32) for values in (y, predicted))

    found = goal.measure(outputs.unsqueeze(1), targets)

    assert found == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(y, predicted),
            "mae": metrics.mean_absolute_error(y, predicted),
            "r2": metrics.r2_score(y, predicted),
            "loss": metrics.mean_squared_error(y, predicted) / 250**2,
        },
        rel=1e-5,
    )


@pytest.mark.parametrize(("output", "expected"), [(1.0, 1.0), (2.0, 0.0)])
def test_r2_of_equal_numbers(output: float, expected: float) -> None:
    """It is finite where there is no variance to explain, as in scikit-learn."""
    targets = torch.ones(4)

    found = Regression().measure(torch.full((4, 1), output), targets)

    assert found["r2"] == expected == metrics.r2_score(targets, [output] * 4)


def test_loss_is_what_is_measured_but_for_smoothing() -> None:
    """Label smoothing changes what is minimized; without it that is the measured loss."""
    torch.manual_seed(0)
    goal, logits, targets = Classification(n_classes=3), torch.randn(50, 3), torch.randint(3, (50,))

    plain, smooth = (goal.loss(logits, targets, {"label_smoothing": share}).item() for share in (0.0, 0.2))

    assert plain == pytest.approx(goal.measure(logits, targets)["loss"])
    assert smooth != pytest.approx(plain)
    assert Regression().loss(logits[:, :1], logits[:, 1], {"label_smoothing": 0.2}).item() == pytest.approx(
        Regression().measure(logits[:, :1], logits[:, 1])["loss"]
    )


def test_only_what_is_asked_for_is_measured() -> None:
    """A goal may name some of the metrics."""
    goal = Classification(n_classes=2, metrics=("acc", "loss"))

    assert list(goal.measure(torch.zeros(2, 2), torch.tensor([0, 1]))) == ["acc", "loss"]


@pytest.mark.parametrize("goal", [Classification(n_classes=2), Regression()])
def test_numbers_that_are_none_stay_none(goal: Classification | Regression) -> None:
    """A network that diverged is measured without an exception, and its loss says so."""
    targets = torch.tensor([0, 1]) if isinstance(goal, Classification) else torch.tensor([0.0, 1.0])

    found = goal.measure(torch.full((2, goal.n_outputs), math.nan), targets)

    assert math.isnan(found["loss"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("val_auc", "val_auc"),
        ("auc", "val_auc"),
        ("acc", "val_acc"),
        ("accuracy", "val_acc"),
        ("val_accuracy", "val_acc"),
        ("log_loss", "val_loss"),
        ("loss", "val_loss"),
        ("rmse", "rmse"),
        ("value", "value"),
        ("", ""),
    ],
)
def test_metrics_by_the_names_people_use(text: str, found: str) -> None:
    """With or without the part, long or short; what is unknown stays as it was written."""
    known = [f"val_{name}" for name in Classification(n_classes=2).metrics]

    assert find_metric(text, known) == found


def test_a_function_s_own_metric_is_left_alone() -> None:
    """Where nothing is known of a metric, its name is its own."""
    assert find_metric("accuracy", ()) == "accuracy"


def test_every_metric_has_a_direction() -> None:
    """That of its name, on whatever part it is measured."""
    names = {*Classification(n_classes=2).metrics, *Regression().metrics}

    assert names == set(DIRECTIONS)
    assert set(ALSO_CALLED.values()) <= names
    assert (direction("val_auc"), direction("rmse")) == ("maximize", "minimize")


def test_names_cost_nothing() -> None:
    """A command line that only has to know a direction loads no torch."""
    code = "import sys; from automl.goals import direction; direction('val_auc'); print('torch' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
