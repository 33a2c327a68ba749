"""The ready spaces are importable, documented, adjustable and join to the main use."""

from __future__ import annotations

import inspect
import random

import pytest

import search_spaces
from search_spaces import READY, Categorical, Constant, Float, Int, SearchSpaceError, catalog, choose, ready
from search_spaces.training.augmentation import RANGES

ARCHITECTURES = [name for name in READY if catalog.group(name) == "architecture"]
SIZES = ("small", "medium", "large")


def check_points(space, n=30):
    """Every point that is drawn is one."""
    rng = random.Random(1)
    for _ in range(n):
        space.validate(space.sample(rng))


@pytest.mark.parametrize("name", READY)
def test_ready_spaces(name):
    """Each is a function of the package with a docstring that explains every argument, and works without any."""
    function = READY[name]

    space = ready(name)

    assert function is getattr(search_spaces, name)
    assert space == function()
    assert all(f"        {argument}: " in function.__doc__ for argument in inspect.signature(function).parameters)
    check_points(space)


def test_all_that_there_should_be():
    """Architectures come first, and each is in the package that its group says."""
    assert ARCHITECTURES == ["autoencoder", "cnn", "gan", "mlp", "rnn", "transformer", "vae"]
    assert [*READY][len(ARCHITECTURES) :] == [
        "augmentation",
        "losses",
        "optimizers",
        "regularization",
        "schedules",
        "transfer",
    ]
    assert {catalog.group(name) for name in READY} == {"architecture", "training"}


@pytest.mark.parametrize("name", READY)
def test_every_range_can_be_given(name):
    """Every argument but size and kind of an example is the range of one parameter, and takes any distribution."""
    kinds = {"augmentation": RANGES, "losses": ("classification", "regression")}.get(name, [None])
    arguments = [each for each in inspect.signature(READY[name]).parameters if each != "size"]
    seen = set()

    for kind in kinds:
        options = {} if kind is None else {"kind": kind}
        for argument in set(arguments) - set(options):
            parameter = f"{name}.{argument}" if name in ARCHITECTURES else argument
            if parameter in READY[name](**options):
                seen.add(argument)
                changed = READY[name](**options, **{argument: Int(77, 99)})
                assert changed[parameter] == Int(77, 99)

    assert seen == set(arguments) - (set() if kinds == [None] else {"kind"})


def test_forms_of_a_range():
    """An argument takes a distribution, a line of the grammar or a value."""
    space = search_spaces.mlp(width="64..1024 log", norm="batch", n_layers=Int(2, 3))

    assert space["mlp.width"] == Int(64, 1024, log=True)
    assert space["mlp.norm"] == Constant("batch")
    assert space["mlp.n_layers"] == Int(2, 3)
    assert space["mlp.activation"] == ready("mlp")["mlp.activation"]


def test_names_of_architectures_are_prefixed_and_those_of_training_are_not():
    """All architectures fit one space, and so do all parts of training: no name has two meanings."""
    spaces = {name: ready(name) for name in READY}

    names = [parameter for space in spaces.values() for parameter in space]

    assert len(names) == len(set(names))
    for name, space in spaces.items():
        assert all(parameter.startswith(f"{name}.") == (name in ARCHITECTURES) for parameter in space)
    assert {"lr", "optimizer", "batch_size"} < set(spaces["optimizers"])
    assert {"weight_decay", "dropout", "label_smoothing"} < set(spaces["regularization"])


# --- architectures ---


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_sizes(name):
    """Each size up is at least as deep and wide, what is not a matter of size is the same, and a given range wins."""
    spaces = [READY[name](size=size) for size in SIZES]
    arguments = inspect.signature(READY[name]).parameters.values()
    sized = [f"{name}.{each.name}" for each in arguments if each.default is None]

    assert spaces[1] == ready(name)
    assert len(sized) >= 2
    for parameter in spaces[0]:
        values = [max(space[parameter].grid(1)) for space in spaces] if parameter in sized else []
        assert values == sorted(values)
        assert (len(set(values)) == 3) == (parameter in sized)
        assert len({space[parameter] for space in spaces}) == (3 if parameter in sized else 1)
    for space in spaces:
        check_points(space)
    given = {parameter.partition(".")[2]: 5 for parameter in sized}
    assert len({READY[name](size=size, **given) for size in SIZES}) == 1


def test_unknown_size_is_told():
    """A size that is none is answered with those there are."""
    with pytest.raises(SearchSpaceError, match="size must be one of small, medium, large, got 'lagre'; did you mean"):
        search_spaces.vae(size="lagre")


def test_cnn_has_what_people_vary():
    """Kernel, padding, stride, pooling or none, skip connections, and eight activations."""
    space = search_spaces.cnn()

    assert set(space["cnn.pool"].choices) == {"max", "avg", "none"}
    assert set(space["cnn.padding"].choices) == {"same", "valid"}
    assert set(space["cnn.stride"].choices) == {1, 2}
    assert set(space["cnn.residual"].choices) == {True, False}
    for activation in ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu"):
        assert space["cnn.activation"].contains(activation)
        assert search_spaces.mlp()["mlp.activation"].contains(activation)


@pytest.mark.parametrize(
    ("kind", "encoder", "decoder"),
    [
        ("encoder", True, False),
        ("decoder", False, True),
        ("encoder-decoder", True, True),
    ],
)
def test_transformer_has_the_parts_of_its_kind(kind, encoder, decoder):
    """A kind brings the depth of its parts, alone or as one of several."""
    alone = search_spaces.transformer(kind=kind)
    several = search_spaces.transformer(kind="encoder|decoder|encoder-decoder").fix({"transformer.kind": kind})

    assert alone == several
    assert ("transformer.n_encoder_layers" in alone) == encoder
    assert ("transformer.n_decoder_layers" in alone) == decoder


@pytest.mark.parametrize("size", SIZES)
def test_heads_divide_the_width(size):
    """The width of a transformer is made of its heads, so PyTorch's layer takes every point."""
    from torch import nn

    rng = random.Random(0)
    for _ in range(3):
        point = search_spaces.transformer(size=size).sample(rng)

        layer = nn.TransformerEncoderLayer(
            d_model=point["transformer.n_heads"] * point["transformer.head_width"],
            nhead=point["transformer.n_heads"],
            dim_feedforward=8,
            batch_first=True,
        )

        assert layer.self_attn.head_dim == point["transformer.head_width"]


@pytest.mark.parametrize("size", SIZES)
def test_codes_are_narrower_than_layers(size):
    """Of each size the longest code fits the narrowest layer: every autoencoder squeezes."""
    for space, code in [(search_spaces.autoencoder(size=size), "code"), (search_spaces.vae(size=size), "latent")]:
        prefix = next(iter(space)).partition(".")[0]

        assert space[f"{prefix}.{code}"].high <= space[f"{prefix}.width"].low


@pytest.mark.parametrize(
    ("space", "parameter", "condition"),
    [
        (search_spaces.rnn(), "rnn.activation", "rnn.cell=rnn"),
        (search_spaces.autoencoder(), "autoencoder.corruption", "autoencoder.kind=denoising"),
        (search_spaces.autoencoder(), "autoencoder.sparsity", "autoencoder.kind=sparse"),
        (search_spaces.gan(), "gan.weight_clip", "gan.loss=wasserstein"),
        (search_spaces.gan(), "gan.gradient_penalty", "gan.loss=wasserstein-gp"),
        (search_spaces.optimizers(), "momentum", "optimizer=momentum|nesterov"),
        (search_spaces.optimizers(), "accumulator", "optimizer=adagrad"),
        (search_spaces.optimizers(), "rms_decay", "optimizer=rmsprop"),
        (search_spaces.optimizers(), "beta1", "optimizer=adam|adamw"),
        (search_spaces.optimizers(), "beta2", "optimizer=adam|adamw"),
        (search_spaces.optimizers(), "eps", "optimizer=adagrad|adam|adamw|rmsprop"),
        (search_spaces.schedules(), "lr_drops", "schedule=step"),
        (search_spaces.schedules(), "lr_factor", "schedule=reduce-on-plateau|step"),
        (search_spaces.schedules(), "lr_floor", "schedule=cosine"),
        (search_spaces.schedules(), "lr_rise", "schedule=one-cycle"),
        (search_spaces.schedules(), "lr_warm_up", "schedule=warm-up"),
        (search_spaces.schedules(), "lr_patience", "schedule=reduce-on-plateau"),
        (search_spaces.losses(), "focal_gamma", "loss=focal"),
        (search_spaces.losses(), "hinge_margin", "loss=hinge"),
        (search_spaces.losses("regression"), "huber_delta", "loss=huber"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_only_some_choices_have(space, parameter, condition):
    """A parameter of one choice exists only with it."""
    assert str(space.conditions[parameter]) == condition


# --- training ---


@pytest.mark.parametrize(
    ("optimizer", "condition"),
    [("sgd|momentum|adamw", "optimizer=momentum"), ("nesterov", None), ("adamw", "gone"), ("adam|lion", "gone")],
)
def test_momentum_exists_only_where_there_is_some(optimizer, condition):
    """Without an optimizer that has one it is gone; with that alone it always exists; foreign optimizers will do."""
    space = search_spaces.optimizers(optimizer=optimizer)

    seen = "gone" if "momentum" not in space else space.conditions.get("momentum")
    assert (seen if seen is None else str(seen)) == condition
    check_points(space)


def test_losses_suit_the_problem():
    """Classes and numbers have losses of their own, and one that is named needs no kind."""
    assert set(search_spaces.losses("classification")["loss"].choices) == {"cross-entropy", "focal", "hinge"}
    assert set(search_spaces.losses("regression")["loss"].choices) == {"mse", "mae", "huber"}
    assert list(search_spaces.losses(loss="huber")) == ["loss", "huber_delta"]
    with pytest.raises(SearchSpaceError, match="kind must be one of classification, regression, got 'regresion'; did"):
        search_spaces.losses("regresion")


def test_augmentation_of_each_kind():
    """Images, text and sound have their own, and what one kind lacks is refused, all of it at once."""
    assert {"flip", "crop", "rotation", "colour", "noise", "cutout", "mixup"} == set(
        search_spaces.augmentation("image")
    )
    assert {"synonyms", "deletion", "masking", "mixup"} < set(search_spaces.augmentation("text"))
    assert {"speed", "pitch", "noise", "time_mask", "mixup"} < set(search_spaces.augmentation("audio"))
    with pytest.raises(SearchSpaceError) as caught:
        search_spaces.augmentation("text", flip=0.5, noise=0.1, deletion=0.1)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["flip", "noise"]
    with pytest.raises(SearchSpaceError, match="kind must be one of image, text, audio, got 'sound'"):
        search_spaces.augmentation("sound")


def test_main_use():
    """Two architectures with everything about training, as people compose them."""
    space = (
        choose("arch", mlp=search_spaces.mlp(), cnn=search_spaces.cnn(size="small"))
        | search_spaces.optimizers()
        | search_spaces.schedules()
        | search_spaces.regularization()
        | search_spaces.augmentation("image")
    )

    rng = random.Random(3)
    points = [space.sample(rng) for _ in range(50)]

    assert space["arch"] == Categorical(["mlp", "cnn"])
    assert space["lr"] == Float(1e-4, 1e-1, log=True)
    assert {point["arch"] for point in points} == {"mlp", "cnn"}
    for point in points:
        space.validate(point)
        assert ("mlp.width" in point) == (point["arch"] == "mlp")
        assert ("momentum" in point) == (point["optimizer"] in ("momentum", "nesterov"))


def test_unknown_name():
    """A wrong name is answered with those there are."""
    with pytest.raises(SearchSpaceError, match=r"'cn'; there are autoencoder, cnn, .*, transfer; did you mean 'cnn'"):
        ready("cn")
