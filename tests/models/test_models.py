"""Networks: shapes for every param of the ready spaces, and the choice among networks."""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection
from typing import Any

import pytest
import torch
from torch import nn

from automl.models import CNN, MLP, build_model
from automl.models.cnn import NORMS as CNN_NORMS
from automl.models.cnn import PADDINGS, POOLS
from automl.models.embedding import CategoryEmbedding, embedding_size
from automl.models.layers import ACTIVATIONS
from automl.models.mlp import NORMS as MLP_NORMS
from automl.training.optim import OPTIMIZERS, SCHEDULES
from search_spaces import choose, cnn, mlp, optimizers, regularization, schedules


def logits(model: nn.Module, *shape: int) -> torch.Tensor:
    """Return the logits of a batch of four."""
    output: torch.Tensor = model(torch.randn(4, *shape))
    return output


@pytest.mark.parametrize("input_shape", [(7,), (1, 8, 8), (3, 5, 9)])
def test_mlp_takes_any_shape(input_shape: tuple[int, ...]) -> None:
    """Rows and images alike are flattened."""
    assert logits(MLP(input_shape=input_shape, n_outputs=3), *input_shape).shape == (4, 3)


def test_mlp_embeds_categories() -> None:
    """The last columns of a row are looked up in tables of learnt vectors, each as long as its categories need."""
    model = MLP(input_shape=(5,), n_outputs=2, cardinalities=(3, 40))
    rows = torch.tensor([[0.1, 0.2, 0.3, 2.0, 39.0], [0.1, 0.2, 0.3, 0.0, 0.0]])

    model(rows).sum().backward()

    assert isinstance(model.inputs, CategoryEmbedding)
    assert model.inputs.width == 3 + embedding_size(3) + embedding_size(40) == 3 + 3 + 13
    assert torch.equal(model.inputs(rows)[1], torch.tensor([0.1, 0.2, 0.3] + [0.0] * 16))
    for table in model.inputs.tables.parameters():
        assert table.grad is not None
        assert table.grad.abs().sum(dim=1).nonzero().flatten().tolist() == [0, len(table) - 1]


def test_embeddings_grow_slowly() -> None:
    """More categories have longer vectors, never longer than 600 and far shorter than their number."""
    sizes = [embedding_size(n) for n in (2, 10, 100, 1000, 10**6)]

    assert sizes == [2, 6, 21, 77, 600]


@pytest.mark.parametrize("n_layers", [0, 1, 5])
def test_mlp_depth_and_width(n_layers: int) -> None:
    """There are as many hidden layers of the given width as asked for; none at all is a linear model."""
    model = MLP(input_shape=(6,), n_outputs=2, n_layers=n_layers, width=16)

    maps = [module for module in model.modules() if isinstance(module, nn.Linear)]

    assert [each.out_features for each in maps] == [16] * n_layers + [2]


@pytest.mark.parametrize("norm", MLP_NORMS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_mlp_by_name(norm: str, activation: str) -> None:
    """Every norm and activation trains: each weight gets a gradient."""
    model = MLP(input_shape=(6,), n_outputs=2, norm=norm, activation=activation)

    logits(model, 6).square().sum().backward()

    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize("input_shape", [(1, 8, 8), (3, 32, 32), (2, 5, 17), (1, 1, 1), (1, 2, 3)])
@pytest.mark.parametrize("n_blocks", [1, 3, 6])
def test_cnn_takes_any_image(input_shape: tuple[int, ...], n_blocks: int) -> None:
    """Pooling ends before nothing is left, however small the image and deep the network."""
    model = CNN(input_shape=input_shape, n_outputs=3, n_blocks=n_blocks, width=4)

    assert logits(model, *input_shape).shape == (4, 3)


@pytest.mark.parametrize("norm", CNN_NORMS)
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("residual", [False, True])
def test_cnn_by_name(norm: str, pool: str, residual: bool) -> None:
    """Every norm and pooling, with and without shortcuts, trains: each weight gets a gradient."""
    model = CNN(input_shape=(1, 8, 8), n_outputs=2, width=4, norm=norm, pool=pool, residual=residual)

    logits(model, 1, 8, 8).square().sum().backward()

    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


def test_cnn_doubles_channels_where_it_halves_the_image() -> None:
    """On 8x8 pixels two blocks pool; later ones keep size and channels."""
    model = CNN(input_shape=(1, 8, 8), n_outputs=2, n_blocks=4, width=4)

    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]

    assert [each.out_channels for each in convolutions] == [4, 8, 16, 16]
    assert model.blocks(torch.zeros(1, 1, 8, 8)).shape == (1, 16, 2, 2)


@pytest.mark.parametrize("pads", ["same", "valid"])
@pytest.mark.parametrize(("stride", "kernel"), [(1, 3), (1, 5), (2, 3), (3, 5)])
@pytest.mark.parametrize("pool", POOLS)
def test_cnn_shrinks_as_far_as_it_can(pads: str, stride: int, kernel: int, pool: str) -> None:
    """Whatever shrinks the image, of whatever size, two pixels are left, and shortcuts fit what they go around."""
    for shape in [(1, 8, 8), (2, 5, 17), (1, 1, 1)]:
        model = CNN(
            input_shape=shape,
            n_outputs=3,
            n_blocks=4,
            width=2,
            kernel=kernel,
            stride=stride,
            padding=pads,
            pool=pool,
            residual=True,
        )

        assert logits(model, *shape).shape == (4, 3)
        assert min(model.blocks(torch.zeros(4, *shape)).shape[2:]) >= min(2, *shape[1:])


@pytest.mark.parametrize(
    ("options", "sides", "channels"),
    [
        ({}, [8, 4, 2], [4, 8, 16]),
        ({"pool": "none"}, [16, 16, 16], [4, 4, 4]),
        ({"pool": "none", "stride": 2}, [8, 4, 2], [4, 8, 16]),
        ({"pool": "none", "stride": 2, "kernel": 4, "residual": True}, [8, 4, 2], [4, 8, 16]),
        ({"pool": "max", "stride": 2}, [4, 2, 2], [4, 8, 16]),
        ({"pool": "none", "padding": "valid"}, [14, 12, 10], [4, 4, 4]),
        ({"pool": "avg", "padding": "valid"}, [7, 2, 2], [4, 8, 16]),
    ],
    ids=str,
)
def test_what_shrinks_an_image(options: dict[str, Any], sides: list[int], channels: list[int]) -> None:
    """Stride and pooling halve it and double the channels of the next block; without padding the edge is lost."""
    model = CNN(input_shape=(1, 16, 16), n_outputs=2, n_blocks=3, width=4, norm="none", **options)

    made = list(itertools.accumulate(model.blocks, lambda x, block: block(x), initial=torch.zeros(1, 1, 16, 16)))[1:]

    assert [tuple(each.shape[2:]) for each in made] == [(side, side) for side in sides]
    assert [each.shape[1] for each in made] == channels


def test_shortcut_lies_under_its_block() -> None:
    """Without padding a shortcut passes on the middle of the image, which is what the filters stand on."""
    model = CNN(input_shape=(1, 6, 6), n_outputs=2, n_blocks=1, width=1, padding="valid", pool="none", residual=True)
    (block,) = model.blocks
    nn.init.zeros_(block.conv.weight)
    nn.init.zeros_(block.conv.bias)
    nn.init.ones_(block.shortcut.weight)
    model.eval()
    image = torch.rand(1, 1, 6, 6)

    torch.testing.assert_close(block(image), image[..., 1:-1, 1:-1])


@pytest.mark.parametrize("arch", ["mlp", "cnn"])
def test_dropout_drops_in_training_only(arch: str) -> None:
    """Two passes differ while training and agree while evaluating."""
    model = build_model({"arch": arch, "dropout": 0.5}, input_shape=(1, 8, 8), n_outputs=10)
    images = torch.randn(4, 1, 8, 8)

    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))


@pytest.mark.parametrize(
    ("params", "made"),
    [
        ({}, MLP),
        ({"arch": "mlp"}, MLP),
        ({"arch": "cnn"}, CNN),
        ({"cnn.width": 8}, CNN),
        ({"mlp.width": 8, "lr": 0.1}, MLP),
        ({"arch": "cnn", "cnn.width": 8, "mlp.width": 8}, CNN),
    ],
    ids=str,
)
def test_arch_or_the_only_prefix_picks_the_network(params: dict[str, Any], made: type[nn.Module]) -> None:
    """`arch` decides; without it, the network whose params are there."""
    assert type(build_model(params, input_shape=(1, 8, 8), n_outputs=10)) is made


def test_params_reach_the_network() -> None:
    """What follows the prefix is an argument of the network, and `dropout` is everyone's."""
    params = {"arch": "mlp", "mlp.n_layers": 1, "mlp.width": 24, "mlp.activation": "tanh", "dropout": 0.25, "lr": 0.1}

    model = build_model(params, input_shape=(6,), n_outputs=2)

    kinds = {type(module): module for module in model.modules()}
    assert nn.Tanh in kinds
    assert kinds[nn.Dropout].p == 0.25
    assert sum(weight.numel() for weight in model.parameters()) == (6 + 1) * 24 + (24 + 1) * 2


@pytest.mark.parametrize("seed", range(25))
def test_every_point_of_the_ready_spaces_is_a_network(seed: int) -> None:
    """Whatever is sampled, the network has the sampled class and gives one logit a class."""
    space = choose("arch", mlp=mlp(), cnn=cnn()) | regularization()
    params = space.sample(random.Random(seed))

    model = build_model(params, input_shape=(1, 8, 8), n_outputs=10)

    assert type(model) is {"mlp": MLP, "cnn": CNN}[str(params["arch"])]
    assert logits(model, 1, 8, 8).shape == (4, 10)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mlp.activation", ACTIVATIONS),
        ("mlp.norm", MLP_NORMS),
        ("cnn.activation", ACTIVATIONS),
        ("cnn.norm", CNN_NORMS),
        ("cnn.pool", POOLS),
        ("cnn.padding", PADDINGS),
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
    ],
)
def test_ready_spaces_offer_all_that_is_known(name: str, known: Collection[str]) -> None:
    """No choice of a ready space is unknown here, and nothing known here is left out there."""
    space = choose("arch", mlp=mlp(), cnn=cnn()) | optimizers() | schedules()

    assert sorted(map(str, space[name].grid(1))) == sorted(known)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"arch": "rnn"}, "arch must be one of mlp, cnn, got 'rnn'"),
        ({"mlp.activation": "relo"}, "mlp.activation must be one of relu, .* got 'relo'"),
        ({"mlp.norm": "instance"}, "mlp.norm must be one of none, batch, layer, got 'instance'"),
        ({"cnn.pool": "median"}, "cnn.pool must be one of max, avg, none, got 'median'"),
        ({"cnn.norm": "instance"}, "cnn.norm must be one of none, batch, got 'instance'"),
    ],
    ids=str,
)
def test_unknown_values_are_told(params: dict[str, Any], message: str) -> None:
    """A value that is no choice is an error that names the param, the value and the choices."""
    with pytest.raises(ValueError, match=message):
        build_model(params, input_shape=(1, 8, 8), n_outputs=10)


def test_a_cnn_needs_images() -> None:
    """Rows have no neighbours to convolve."""
    with pytest.raises(ValueError, match=r"needs images of \(channels, height, width\), got inputs of shape \(7,\)"):
        build_model({"arch": "cnn"}, input_shape=(7,), n_outputs=10)
