"""The ready spaces are importable, documented, adjustable and join to the main use."""

from __future__ import annotations

import inspect
import random

import pytest

import search_spaces
from search_spaces import READY, Categorical, Constant, Float, Int, SearchSpaceError, choose, ready


@pytest.mark.parametrize("name", READY)
def test_ready_spaces(name):
    """Each is a function of the package with a docstring that explains every argument, and works without any."""
    function = READY[name]

    space = ready(name)

    assert function is getattr(search_spaces, name)
    assert space == function()
    assert all(f"        {argument}: " in function.__doc__ for argument in inspect.signature(function).parameters)
    space.validate(space.sample(random.Random(1)))


def test_names_of_architectures_are_prefixed_and_those_of_training_are_not():
    """Two architectures fit one space; what means the same for all networks has one name."""
    for name in ("cnn", "mlp"):
        assert all(parameter.startswith(f"{name}.") for parameter in ready(name))
    assert set(ready("optimizers")) == {"optimizer", "lr", "momentum", "schedule", "batch_size"}
    assert set(ready("regularization")) == {"dropout", "weight_decay", "label_smoothing"}


def test_every_range_can_be_given():
    """An argument takes a distribution, a line of the grammar or a value."""
    space = search_spaces.mlp(width="64..1024 log", norm="batch", n_layers=Int(2, 3))

    assert space["mlp.width"] == Int(64, 1024, log=True)
    assert space["mlp.norm"] == Constant("batch")
    assert space["mlp.n_layers"] == Int(2, 3)
    assert space["mlp.activation"] == ready("mlp")["mlp.activation"]


@pytest.mark.parametrize(
    ("optimizer", "condition"),
    [("sgd|adamw", "optimizer=sgd"), ("sgd", None), ("adamw", "gone"), ("adam|adamw", "gone")],
)
def test_momentum_exists_only_for_sgd(optimizer, condition):
    """Without SGD there is no momentum; with SGD alone it always exists."""
    space = search_spaces.optimizers(optimizer=optimizer)

    seen = "gone" if "momentum" not in space else space.conditions.get("momentum")
    assert (seen if seen is None else str(seen)) == condition


def test_main_use():
    """Two architectures with everything about training, as the command line composes them."""
    space = (
        choose("arch", mlp=search_spaces.mlp(), cnn=search_spaces.cnn())
        | search_spaces.optimizers()
        | search_spaces.regularization()
    )

    rng = random.Random(3)
    points = [space.sample(rng) for _ in range(50)]

    assert space["arch"] == Categorical(["mlp", "cnn"])
    assert space["lr"] == Float(1e-4, 1e-1, log=True)
    assert {point["arch"] for point in points} == {"mlp", "cnn"}
    for point in points:
        space.validate(point)
        assert ("mlp.width" in point) == (point["arch"] == "mlp")
        assert ("momentum" in point) == (point["optimizer"] == "sgd")


def test_unknown_name():
    """A wrong name is answered with those there are."""
    with pytest.raises(
        SearchSpaceError, match=r"'cn'; there are cnn, mlp, optimizers, regularization; did you mean 'cnn'"
    ):
        ready("cn")
