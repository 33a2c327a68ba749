"""A space on arrays says what the space itself says of each point."""

from __future__ import annotations

import numpy as np
import pytest

from automl.samplers.cube import Cube
from search_spaces import SearchSpace

SPACE = SearchSpace(
    {
        "arch": "mlp|cnn|rnn",
        "fixed": "=3",
        "lr": "1e-4..1e-1 log",
        "batch": "16<32<128",
        "width": "8..64 log when arch=cnn and fixed=3",
        "kernel": "3|5 when width>=20",
        "depth": "1..6 when arch=mlp|rnn",
        "drop": "0.0..0.5 when lr>=1e-2 or depth>=4",
        "steps": "1..100000",
    }
)


def test_settled_rows_are_points_of_the_space() -> None:
    """Each is what `to_unit` says of the point that `from_unit` makes of it: nothing is left to round."""
    cube = Cube(SPACE)

    rows = cube.settle(np.random.default_rng(0).random((300, len(cube))))

    points = [SPACE.from_unit(row) for row in rows]
    places = [place for place, name in enumerate(SPACE.axes) if name not in ("lr", "drop", "steps")]  # continuous
    again = np.array([SPACE.to_unit(point) for point in points])
    assert again[:, places] == pytest.approx(rows[:, places])
    assert again == pytest.approx(rows, abs=1e-4)
    assert [[name in point for name in SPACE.axes] for point in points] == cube.active(rows).tolist()


def test_choices_that_differ_are_one_apart() -> None:
    """Whichever they are, as nothing is between them; ordered ones are as far as their places."""
    cube = Cube(SPACE)
    points = [SPACE.default() | {"arch": arch} for arch in ("mlp", "rnn")]
    points.append(SPACE.default() | {"batch": 128})

    features = cube.features(np.array([cube.row(point) for point in points]))

    assert np.sum((features[0] - features[1]) ** 2) == pytest.approx(1)
    assert np.sum((features[0] - features[2]) ** 2) == pytest.approx((1 / 3) ** 2)
    assert len(cube.axis) == features.shape[1]


def test_neighbours_differ_in_one_decision() -> None:
    """Every other value of a parameter with few, those nearby of one with many, none of what does not exist."""
    cube = Cube(SPACE)
    row = cube.row({"arch": "mlp", "fixed": 3, "lr": 1e-3, "batch": 32, "depth": 3, "steps": 500})

    points = [SPACE.from_unit(each) for each in cube.beside(row)]

    assert {point["arch"] for point in points} == {"mlp", "cnn", "rnn"}
    assert {point["depth"] for point in points if "depth" in point} == {1, 2, 3, 4, 5, 6}
    assert {point["batch"] for point in points} == {16, 32, 128}
    assert all(point["lr"] == 1e-3 for point in points)
    assert [SPACE.axes[place] for place in cube.smooth(row)] == ["lr", "steps"]
