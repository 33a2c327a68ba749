"""Built-in tasks: names, spaces, and data that are split by seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from automl import tasks
from automl.errors import ConfigError
from automl.goals import Classification
from automl.models.build import ARCHITECTURES
from automl.tasks.base import NARROWED, UNSEARCHED, Task, standardized
from automl.training import Examples
from search_spaces import SearchSpace, optimizers

DIGITS = tasks.task("digits")


def tiny(targets: list[int], inputs: torch.Tensor) -> Task:
    """Make a task of a few examples."""
    goal = Classification(n_classes=max(targets) + 1)
    return Task(
        name="tiny",
        description="a few rows",
        archs=("mlp",),
        metrics=("val_acc", "val_loss"),
        metric="val_acc",
        read=lambda seed: standardized(inputs, torch.tensor(targets), goal=goal, seed=seed),
    )


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_keeps_its_word(name: str) -> None:
    """Its metrics are those of its goal, and in all three parts stand inputs and targets that its networks can take."""
    task = tasks.task(name)

    split = task.load(seed=0)

    assert task.name == name
    assert [*task.directions] == [f"val_{name}" for name in split.goal.metrics]
    assert task.metric in task.directions
    assert set(task.archs) <= set(ARCHITECTURES)
    for part in split.parts:
        assert len(part.inputs) == len(part.targets)
        assert part.inputs.dtype == torch.float32
        assert part.targets.dtype == torch.int64
        assert set(part.targets.tolist()) == set(range(split.goal.n_outputs))
    for arch in task.archs:
        assert split.network({"arch": arch})(split.val.inputs[:3]).shape == (3, split.goal.n_outputs)


def test_unknown_task_is_told() -> None:
    """The error lists the tasks and names the nearest."""
    with pytest.raises(ConfigError, match=r"no task 'digit'; the tasks are digits; did you mean 'digits'\?"):
        tasks.task("digit")


def test_tasks_are_known_without_loading_anything() -> None:
    """Names, metric and space of a task are there before torch, numpy or scikit-learn are."""
    code = (
        "import pickle, sys; from automl import tasks; from automl.objectives.task import TaskObjective;"
        "tasks.task('digits').space().size();"
        "pickle.dumps(TaskObjective(task=tasks.task('digits'), seed=0, metric='val_acc'));"
        "print(sorted({'torch', 'numpy', 'pandas', 'sklearn', 'scipy', 'safetensors'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]

    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


# --- the data ---


def ids_by_part(task: Task, seed: int) -> list[list[float]]:
    """Return which rows are in which part, of a task whose rows are numbered from 0 and then standardized."""
    split = task.load(seed)
    order = torch.cat([part.inputs for part in split.parts]).flatten().argsort().argsort()  # ranks: the numbers again
    return [part.tolist() for part in order.split([len(part.targets) for part in split.parts])]


def test_every_example_is_in_one_part() -> None:
    """Train, validation and test are all rows, each once: 60, 20 and 20 % of every class."""
    targets = [0] * 50 + [1] * 10
    task = tiny(targets, torch.arange(60.0).unsqueeze(1))

    parts = ids_by_part(task, seed=0)

    assert sorted(n for part in parts for n in part) == list(range(60))
    assert [(sum(n < 50 for n in part), sum(n >= 50 for n in part)) for part in parts] == [(30, 6), (10, 2), (10, 2)]


def test_inputs_keep_their_classes() -> None:
    """Shuffling never parts an input from its class."""
    task = tiny([0] * 50 + [1] * 10, torch.arange(60.0).unsqueeze(1))

    for ids, part in zip(ids_by_part(task, seed=1), task.load(seed=1).parts, strict=True):
        assert [int(n >= 50) for n in ids] == part.targets.tolist()


def test_seed_decides_the_split() -> None:
    """A seed gives the same split whenever it is made, another seed another."""
    rows = torch.arange(60.0).unsqueeze(1)
    one, same, other = (tiny([0] * 60, rows) for _ in range(3))

    assert ids_by_part(one, seed=0) == ids_by_part(same, seed=0)
    assert ids_by_part(one, seed=0) != ids_by_part(other, seed=1)


def test_data_are_read_once_per_process() -> None:
    """The next trial of a worker finds the tensors in memory."""
    assert DIGITS.load(seed=0) is DIGITS.load(seed=0)


def test_standardized_by_the_training_part() -> None:
    """Each feature has mean 0 and deviation 1 over the training part, which alone is measured; a constant one is 0."""
    torch.manual_seed(0)
    inputs = torch.randn(100, 3) * torch.tensor([5.0, 0.1, 0.0]) + 7

    train, _, test = tiny([0] * 100, inputs).load(seed=0).parts

    torch.testing.assert_close(train.inputs.mean(dim=0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(train.inputs[:, :2].std(dim=0), torch.ones(2))
    assert train.inputs[:, 2].abs().max() < 1e-4
    assert test.inputs[:, 0].mean().abs() > 1e-3


def test_images_are_standardized_by_channel() -> None:
    """An image keeps the contrast between its own pixels."""
    train: Examples = DIGITS.load(seed=0).train

    assert train.inputs.mean().abs() < 1e-5
    assert train.inputs.std().item() == pytest.approx(1)
    assert train.inputs[:, :, 0, 0].std() < 0.01  # the corner is white in all of them


# --- the space ---


def test_default_space_has_all_architectures() -> None:
    """Without a choice every architecture of the task is searched, with optimizer and regularization."""
    space = DIGITS.space()

    assert space["arch"].grid(1) == ["mlp", "cnn"]
    assert {"mlp.width", "cnn.width", "optimizer", "lr", "momentum", "dropout", "label_smoothing"} <= set(space)


def test_default_space_of_digits_stays_small() -> None:
    """Twenty trials are enough for it: of what training knows, what seldom matters is left at its default."""
    space = DIGITS.space()

    assert str(space).splitlines() == [
        "arch: mlp|cnn",
        "mlp.n_layers: 1..4 when arch=mlp",
        "mlp.width: 32..512 log when arch=mlp",
        "mlp.activation: relu|gelu|silu|tanh when arch=mlp",
        "mlp.norm: none|batch|layer when arch=mlp",
        "cnn.n_blocks: 1..3 when arch=cnn",
        "cnn.width: 8..64 log when arch=cnn",
        "cnn.kernel: 3|5 when arch=cnn",
        "cnn.activation: relu|gelu|silu|tanh when arch=cnn",
        "cnn.norm: none|batch when arch=cnn",
        "cnn.pool: max|avg when arch=cnn",
        "cnn.residual: true|false when arch=cnn",
        "optimizer: sgd|adam|adamw",
        "momentum: 0.5..0.99 when optimizer=sgd",
        "lr: 0.0001..0.1 log",
        "batch_size: 32|64|128",
        "schedule: constant|cosine|one-cycle",
        "dropout: 0.0..0.5",
        "weight_decay: 1e-06..0.01 log",
        "label_smoothing: 0.0..0.2",
    ]


def test_what_the_user_gives_a_range_may_be_all_that_training_knows() -> None:
    """A param that is given has every value and condition, the others stay as they are."""
    space = DIGITS.space(["mlp"], given={"optimizer", "l1", "x"})

    assert space["optimizer"] == optimizers()["optimizer"]
    assert str(space.conditions["momentum"]) == "optimizer=momentum|nesterov|sgd"
    assert "l1" in space
    assert set(space) == {*DIGITS.space(["mlp"]), "l1"}


def test_what_is_narrowed_is_known() -> None:
    """The narrower space says nothing of params that are not there, and is a part of all that is known."""
    space, known = DIGITS.space(), DIGITS.known()

    assert {*UNSEARCHED, *NARROWED} < set(known)
    assert set(known) - set(space) == set(UNSEARCHED)
    assert all(known[name].contains(value) for name in NARROWED for value in space[name].grid(1))


def test_space_of_one_architecture() -> None:
    """The choice of one leaves the other's params out."""
    space = DIGITS.space(["cnn"])

    assert not any(name.startswith("mlp.") for name in space)
    assert space["arch"].grid(1) == ["cnn"]


def test_unknown_architecture_is_told() -> None:
    """Each wrong name is a problem of its own."""
    with pytest.raises(ConfigError) as caught:
        DIGITS.space(["cnm", "mlp", "rnn"])

    assert len(caught.value.problems) == 2
    assert caught.value.problems[0] == "--arch 'cnm': task 'digits' has mlp, cnn; did you mean 'cnn'?"


def test_params_that_nothing_reads_are_told() -> None:
    """A misspelt or foreign param is a problem; those of the ready space, and patience, are none."""
    fine = DIGITS.space() | {"patience": "2..5", "mlp.width": "1000..2000", "optimizer": "adam"}
    fine |= {
        "optimizer": "adamw|momentum",
        "l1": 1e-4,
        "beta1": "0.5..0.9",
        "cnn.pool": "none",
        "schedule": "step|warm-up",
    }
    wrong = SearchSpace({"dropuot": "0.0..0.5", "teacher": 3})

    assert DIGITS.problems(fine) == []
    first, second = DIGITS.problems(wrong)
    assert first.startswith("dropuot: task 'digits' has no such param; did you mean 'dropout'?; it reads arch, ")
    assert second.startswith("teacher: task 'digits' has no such param; it reads arch, ")


def test_choices_that_nothing_knows_are_told() -> None:
    """A word that no network or optimizer knows is a problem before a trial fails of it; numbers are free."""
    space = DIGITS.space() | {"optimizer": "sgd|lion", "mlp.norm": "instance", "batch_size": "7|1000", "cnn.kernel": 7}

    assert sorted(DIGITS.problems(space)) == [
        "mlp.norm: task 'digits' knows none|batch|layer, not 'instance'",
        "optimizer: task 'digits' knows sgd|momentum|nesterov|adagrad|rmsprop|adam|adamw, not 'lion'",
    ]
