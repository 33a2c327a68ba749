"""Belief from other studies: its slopes are right, and it is trusted as far as it ranks what is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from automl.samplers.cube import Cube
from automl.samplers.past import Past
from automl.samplers.trends import Shifted, Trends
from search_spaces import SearchSpace

SPACE = SearchSpace({"x": "0.0..1.0", "opt": "a|b|c", "fixed": "0.0..1.0"})
OLD = SearchSpace({"x": "0.0..1.0", "opt": "a|b|c"})
CUBE = Cube(SPACE)


def past(sign: float, n: int = 30) -> Past:
    rng = np.random.default_rng(3)
    points = [{"x": float(rng.random()), "opt": "abc"[rng.integers(3)]} for _ in range(n)]
    losses = [sign * ((each["x"] - 0.4) ** 2 + (each["opt"] == "b")) for each in points]
    return Past(study="old", space=OLD, points=points, losses=losses, aim="minimize loss")


def seen(n: int) -> tuple[np.ndarray, np.ndarray]:
    rows = CUBE.settle(np.random.default_rng(4).random((n, len(CUBE))))
    y = 100 * (rows[:, 0] - 0.4) ** 2 + 100 * (np.abs(rows[:, 1] - 0.5) < 0.1) + rows[:, 2]
    return CUBE.features(rows), y


def test_trust_follows_from_ranks() -> None:
    """Whatever the units: it grows for one that ranks well, is 0 for its opposite, and shared at first."""
    trends = Trends([past(1), past(-1)], SPACE, CUBE)
    x, y = seen(12)

    good, bad = trends.trust(x, y)

    assert good > 0.6
    assert bad == 0
    assert trends.trust(x[:1], y[:1]) == pytest.approx([0.5, 0.5])


def test_losses_of_any_size_are_just_very_bad() -> None:
    """A past study half of which diverged still says where the other half lies."""
    given = past(1)
    middle = float(np.median(given.losses))
    diverged = replace(given, losses=[1e200 if loss > middle else loss for loss in given.losses])

    (trust,) = Trends([diverged], SPACE, CUBE).trust(*seen(12))

    assert trust > 0.6


@pytest.mark.parametrize("pasts", [[], [past(1, n=2)], [past(0)]], ids=["none", "too few", "all alike"])
def test_what_tells_nothing_is_no_trend(pasts: list[Past]) -> None:
    """Then the model is that of the study alone."""
    trends = Trends(pasts, SPACE, CUBE)
    x, y = seen(12)

    assert list(trends.trust(x, y)) == []
    assert not isinstance(trends.fit(x, y, trends.trust(x, y)), Shifted)


def test_a_shifted_model_is_a_model() -> None:
    """Its slope is that of its mean, pending points keep their mean, and where nothing was seen the past speaks."""
    trends = Trends([past(1)], SPACE, CUBE)
    x, y = seen(6)
    model = trends.fit(x, y, trends.trust(x, y))
    at = CUBE.features(CUBE.settle(np.array([[0.2, 0.1, 0.7], [0.9, 0.5, 0.1]])))

    mean, _, slope, _ = model.predict_with_slope(at[0])
    step = np.zeros_like(at[0])
    step[0] = 1e-6
    numeric = (model.predict((at[0] + step)[None])[0] - model.predict((at[0] - step)[None])[0]) / 2e-6
    pending = model.with_pending(at)

    assert isinstance(model, Shifted)
    assert model.predict(at)[0][0] == pytest.approx(mean)
    assert slope[0] == pytest.approx(numeric[0], rel=1e-4)
    assert pending.predict(at)[0] == pytest.approx(model.predict(at)[0], rel=0.05)
    assert (pending.predict(at)[1] < model.predict(at)[1]).all()
    assert model.predict(at)[0][1] > model.predict(at)[0][0]
