"""The space of a command line: what the flags make of a task's space, or of nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automl import tasks
from automl.cli.compose import compose, lines
from automl.cli.values import Problems
from search_spaces import SearchSpace, choose, cnn, mlp, optimizers, schedules


def composed(target: str, **flags: Any) -> SearchSpace:
    """Compose without problems."""
    problems = Problems()
    space = attempted(target, problems, **flags)
    problems.check()
    assert space is not None
    return space


def problems_of(target: str, **flags: Any) -> list[str]:
    """Return what is wrong with the flags."""
    problems = Problems()
    attempted(target, problems, **flags)
    return problems.lines


def attempted(
    target: str,
    problems: Problems,
    named: Mapping[str, str | None] | None = None,
    ranges: Sequence[str] = (),
    **flags: Any,
) -> SearchSpace | None:
    """Compose as the command line does."""
    return compose(tasks.find(target), problems, ranges=lines(named or {}, ranges, problems), **flags)


def test_task_alone() -> None:
    """A task has its own space."""
    assert composed("digits") == tasks.task("digits").space()


def test_flags_change_a_task_s_space() -> None:
    """Ranges replace the task's, fixed choices take along what cannot exist any more, new names are added."""
    space = composed("digits", arch="mlp", named={"lr": "1e-3..1e-2 log", "optimizer": "adamw"}, ranges=["patience=3"])

    assert str(space["lr"]) == "0.001..0.01 log"
    assert not any(name.startswith("cnn.") for name in space)
    assert "momentum" not in space
    assert "patience" in space


def test_flags_may_go_beyond_a_task_s_own_choices() -> None:
    """What training knows can be asked for though the task does not search it; the rest stays as narrow as it was."""
    space = composed("digits", arch="mlp", named={"optimizer": "rmsprop|nesterov"}, ranges=["rms_decay=0.9..0.99"])

    assert str(space["optimizer"]) == "rmsprop|nesterov"
    assert str(space.conditions["momentum"]) == "optimizer=nesterov"
    assert "eps" not in space
    assert str(space["schedule"]) == "constant|cosine|one-cycle"
    assert tasks.task("digits").problems(space) == []


def test_a_range_leaves_the_condition_as_it_is() -> None:
    """A parameter of one choice stays one of that choice, whatever becomes of its range, unless the range says when."""
    space = composed("digits", named={"optimizer": "sgd|adam"}, ranges=["momentum=0.9", "cnn.width=8", "mlp.width=9"])
    other = composed("digits", ranges=["cnn.width=8..9 when cnn.residual=true"])
    alone = composed("digits", arch="cnn", ranges=["cnn.width=8", "momentum=0.8..0.9"], named={"optimizer": "nesterov"})

    conditions = {name: str(space.conditions[name]) for name in ("momentum", "cnn.width", "mlp.width")}
    assert conditions == {"momentum": "optimizer=sgd", "cnn.width": "arch=cnn", "mlp.width": "arch=mlp"}
    assert str(other.conditions["cnn.width"]) == "cnn.residual=true"
    assert {"cnn.width", "momentum"} < {*alone} - {*alone.conditions}


def test_a_range_that_another_has_ruled_out_is_refused() -> None:
    """What nothing would read is never searched; with a `when` of its own it is the user's say."""
    momentum, rise = ["momentum=0.5..0.9"], ["schedule=cosine", "lr_rise=0.1..0.3"]

    problems = problems_of("digits", named={"optimizer": "adam"}, ranges=momentum)
    problems += problems_of("digits", ranges=rise)
    own = composed("digits", named={"optimizer": "adam"}, ranges=["momentum=0.5..0.9 when arch=mlp"])

    assert [problem.partition(", which")[0] for problem in problems] == [
        "momentum: exists only when optimizer=momentum|nesterov|sgd",
        "lr_rise: exists only when schedule=one-cycle",
    ]
    assert "momentum" in own


def test_ready_spaces_on_top_of_a_task() -> None:
    """A ready space brings all its parameters and conditions."""
    space = composed("digits", spaces=["optimizers", "schedules"])

    assert {*optimizers(), *schedules()} < set(space)
    assert space.conditions["momentum"] == optimizers().conditions["momentum"]
    assert tasks.task("digits").problems(space) == []


def test_files_and_ready_spaces_are_joined_in_order(tmp_path: Path) -> None:
    """The right one wins, and single parameters win over both."""
    (tmp_path / "a.yaml").write_text("x: 0..1\ny: 0..1\nz: 0..1\n")
    (tmp_path / "b.yaml").write_text("y: 2..3\nz: 2..3\n")

    space = composed("train.py:f", spaces=[str(tmp_path / "a.yaml"), "optimizers", "b.yaml"], ranges=["z=4..5"])

    assert {name: str(space[name]) for name in "xyz"} == {"x": "0..1", "y": "2..3", "z": "4..5"}
    assert set(optimizers()) <= set(space)


def test_arch_of_a_function() -> None:
    """A function may choose among the ready architectures."""
    assert composed("train.py:f", arch="mlp|cnn") == choose("arch", mlp=mlp(), cnn=cnn())


def test_no_arch_leaves_what_is_given_alone() -> None:
    """With `none` beneath, nothing of the task's own space is added."""
    assert composed("digits", arch="none", ranges=["lr=0.1"]) == SearchSpace({"lr": 0.1})


def test_condition_on_a_parameter_of_another_flag() -> None:
    """A range may ask about what another flag brings."""
    space = composed("train.py:f", arch="mlp|cnn", ranges=["k=3|5 when arch=cnn"])

    assert str(space.conditions["k"]) == "arch=cnn"


def test_every_problem_names_its_option() -> None:
    """Each flag is judged by itself, all in one go."""
    found = problems_of(
        "train.py:f",
        spaces=["nothing.yaml", "mpl"],
        arch="mpl|mlp|mlp",
        named={"lr": "1..0", "dropout": None},
        ranges=["x", "=1", "lr=0..1", "a b=0..1"],
    )

    starts = [
        "-p 'x'",
        "-p '=1'",
        "--lr:",
        "-p lr:",
        "--arch 'mpl|mlp|mlp'",
        "--arch 'mpl'",
        "--space: nothing.yaml",
        "--space: 'mpl'",
    ]
    assert [next((start for start in starts if line.startswith(start)), line) for line in found] == starts


def test_name_that_is_none() -> None:
    """A name that a space refuses is said like any other problem."""
    (line,) = problems_of("train.py:f", ranges=["a b=0..1"])

    assert "a b" in line
